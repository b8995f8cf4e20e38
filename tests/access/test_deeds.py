"""What a table of routes says of a request."""

from __future__ import annotations

import pytest

from headrace.access.deeds import Deed, Deeds, declared, deed_of_method

TABLE: Deeds = {
    "put": "write",
    "health": "open",
    "note": {"GET": "read", "POST": "write", "DELETE": "delete"},
    "uid/": {"GET": "read", "POST": "admin"},
    "uid/assign": "read",
}


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("put", "GET", "write"),
        ("health", "DELETE", "open"),
        ("note", "HEAD", "read"),
        ("note", "DELETE", "delete"),
        ("note", "PUT", "write"),
        ("uid/assign", "POST", "read"),
        ("uid/other", "POST", "admin"),
        ("uid/other/still", "HEAD", "read"),
        ("uid", "POST", "admin"),
        ("put/below", "GET", "read"),
        ("unknown", "POST", "write"),
        ("", "DELETE", "delete"),
    ],
)
def test_what_a_table_declares(path: str, method: str, expected: Deed) -> None:
    assert declared(TABLE, path, method) == expected


def test_where_only_the_method_says_it() -> None:
    methods = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
    deeds = ["read", "read", "read", "write", "write", "write", "delete", "write"]
    assert [deed_of_method(method) for method in methods] == deeds
