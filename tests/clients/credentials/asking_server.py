"""A server that asks who is there, with a port for each kind of sender, for the tests of clients with credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from certified import Authority
from serverprocess import ServerProcess, free_port

USER: Final = "agent"
PASSWORD: Final = "right-password-0123456789"
WRONG: Final = "wrong-password-0123456789"
TOKEN: Final = "token-of-agent-0123456789"
READ_TOKEN: Final = "token-of-reader-0123456789"
KEY_ID: Final = "AKIDEXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
READER_KEY_ID: Final = "AKIDREADER"
READER_SECRET: Final = "reader/K7MDENG+bPxRfiCYEXAMPLEKEY"
HIDDEN: Final = (PASSWORD, WRONG, TOKEN, READ_TOKEN, SECRET, READER_SECRET)
"""What may be in no log."""

PRINCIPALS: Final[dict[str, Any]] = {
    USER: {
        "token": TOKEN,
        "password": PASSWORD,
        "aws_access_key_id": KEY_ID,
        "aws_secret_access_key": SECRET,
        "grants": [{"may": ["read", "write"]}],
    },
    "reader": {
        "token": READ_TOKEN,
        "password": PASSWORD,
        "aws_access_key_id": READER_KEY_ID,
        "aws_secret_access_key": READER_SECRET,
        "grants": [{"may": ["read"]}],
    },
}


@dataclass
class Asking:
    """`server` is asked by its internal port, which trusts whoever reaches it.   public, secure: ports that ask,
    without TLS and with it.   lines: of telnet alone, which trusts, too."""

    server: ServerProcess
    authority: Authority
    public: int = field(default_factory=free_port)
    secure: int = field(default_factory=free_port)
    lines: int = field(default_factory=free_port)

    def url(self, scheme: str = "http", user: str = "") -> str:
        """user: with its password, as URLs have them."""
        port = {"http": self.public, "https": self.secure}[scheme]
        return f"{scheme}://{user}{'@' * bool(user)}127.0.0.1:{port}"

    def points(self, metric: str) -> int:
        """How many there are."""
        status, body = self.server.get(f"/api/query?start=1&m=none:{metric}")
        return 0 if status == 400 else sum(len(series["dps"]) for series in json.loads(body))

    def denied(self, room: str, reason: str) -> float:
        """How many requests were."""
        line = f'headrace_requests_denied_total{{reason="{reason}",room="{room}"}} '
        found = [text for text in self.server.get("/metrics")[1].decode().splitlines() if text.startswith(line)]
        return float(found[0].rpartition(" ")[2]) if found else 0


@contextmanager
def asking(folder: Path) -> Iterator[Asking]:
    authority = Authority(folder)
    files = authority.issue()
    house = Asking(ServerProcess(folder / "data"), authority)
    secure = {"tls_certificate": str(files.certificate), "tls_key": str(files.key)}
    listeners = [
        {"address": f"127.0.0.1:{house.server.port}", "trusted": True},
        {"address": f"127.0.0.1:{house.public}"},
        {"address": f"127.0.0.1:{house.secure}", **secure},
        {"address": f"127.0.0.1:{house.lines}", "trusted": True, "http": False},
    ]
    file = folder / "headrace.toml"
    file.write_text(f"principals = {json.dumps(json.dumps(PRINCIPALS))}\n")
    house.server.flags = ("--config", str(file), "--listeners", json.dumps(listeners))
    house.server.start()
    try:
        yield house
        for secret in HIDDEN:
            assert secret not in house.server.log.read_text()
    finally:
        if house.server.process is not None and house.server.process.poll() is None:
            house.server.kill()
