"""Certificates at the end of their time."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from certified import Authority

from headrace.loading import load
from headrace.preflight.certificates import EARLY_S, certificates
from headrace.settings.pem import expires_s


def test_one_that_ends_soon_or_has_ended_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Authority(tmp_path).issue()
    certificate, key = files.certificate, files.key
    listener = {"address": "127.0.0.1:0", "tls_certificate": str(certificate), "tls_key": str(key)}
    loaded = load({"listeners": (json.dumps([{"address": "127.0.0.1:0"}, listener]),)})
    ends_s = expires_s(certificate)
    day = time.strftime("%Y-%m-%d", time.gmtime(ends_s))
    for now_s, said in (
        (ends_s - EARLY_S - 1, None),
        (ends_s - EARLY_S + 1, "expires"),
        (ends_s + 1, "expired"),
    ):
        monkeypatch.setattr(time, "time", lambda now_s=now_s: now_s)
        told = [(found.what, found.is_error) for found in certificates(loaded)]
        words = f"listeners: the certificate {certificate} of 127.0.0.1:0 {said} on {day}; renew it"
        assert told == ([] if said is None else [(words, False)])
