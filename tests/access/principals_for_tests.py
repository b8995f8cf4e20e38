"""Principals that tests let in."""

from __future__ import annotations

from typing import Any

from headrace.access.authority import Authority
from headrace.access.principals import of_settings
from headrace.config import Settings
from headrace.model.time import Clock

TOKEN = "0123456789abcdef"


def bearer(token: str = TOKEN) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {token}".encode()


def principal(*grants: dict[str, Any], **said: Any) -> dict[str, Any]:
    """As it stands in a configuration file; may read everything unless grants are given, and is known by TOKEN unless
    something else is said."""
    known = said if {"token", "password", "aws_access_key_id"} & set(said) else {"token": TOKEN, **said}
    return {**known, "grants": list(grants) or [{"may": ["read"]}]}


def settings_of(**said: Any) -> Settings:
    """Settings as they stand in a file."""
    return Settings(**said)


def authority(clock: Clock = lambda: 0, **settings: Any) -> Authority:
    """Of these settings."""
    return Authority(of_settings(settings_of(**settings)), clock)
