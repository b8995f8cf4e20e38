"""Secrets by Argon2id, as RFC 9106 writes their hashes down."""

from __future__ import annotations

import argon2
import pytest

from headrace.access.tokens.hashing import hash_of, hash_of_nobody, is_right
from headrace.errors import Unavailable


def test_only_the_secret_is_right() -> None:
    kept = hash_of("secret")
    assert is_right(kept, b"secret")
    assert not is_right(kept, b"Secret")
    assert not is_right(kept, b"")
    assert not is_right(hash_of_nobody(), b"secret")
    assert hash_of("secret") != kept


def test_it_is_argon2id_with_the_parameters_that_are_told() -> None:
    kept = hash_of("secret")
    assert "secret" not in kept
    said = argon2.extract_parameters(kept)
    assert (said.type, said.version) == (argon2.Type.ID, 19)
    assert (said.memory_cost, said.time_cost, said.parallelism) == (19 * 1024, 2, 1)
    assert (said.salt_len, said.hash_len) == (16, 32)


def test_what_cannot_be_checked_is_not_called_wrong() -> None:
    for kept in ("", "x", "$argon2id$v=19$m=999999999999,t=2,p=1$c2FsdHNhbHQ$aGFzaA"):
        with pytest.raises(Unavailable, match="a token cannot be checked"):
            is_right(kept, b"secret")
