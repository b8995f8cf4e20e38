"""Secrets of tokens as they lie on the disk: by Argon2id (RFC 9106), salted, so that nobody gets a token from a copy of
the file. argon2-cffi does it, outside of the interpreter's lock."""

from __future__ import annotations

import functools

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError

from headrace import limits
from headrace.access.tokens.text import new_secret
from headrace.errors import Unavailable

_HASHER = PasswordHasher(time_cost=limits.ARGON2_PASSES, memory_cost=limits.ARGON2_KIB, parallelism=1)


def hash_of(secret: str) -> str:
    """With its salt and parameters, as Argon2 writes it."""
    return _HASHER.hash(secret)


@functools.cache
def hash_of_nobody() -> str:
    """One that nobody knows the secret of: who asks for an unknown id waits as long as who has a wrong secret."""
    return hash_of(new_secret())


def is_right(kept: str, secret: bytes) -> bool:
    """Whether it is the secret of this hash. Takes limits.ARGON2_KIB of memory and some 20 ms. Raises Unavailable when
    there is no memory for it, or the hash is none."""
    try:
        return _HASHER.verify(kept, secret)
    except VerifyMismatchError:
        return False
    except (VerificationError, ValueError) as failure:
        raise Unavailable(f"a token cannot be checked: {failure}") from failure
