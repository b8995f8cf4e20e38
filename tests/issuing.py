"""An issuer of signed tokens, and where its keys are: for tests of JWTs."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey

ISSUER = "https://login.example.net/realms/plant"
AUDIENCE = "headrace"

SigningKey = RSAKey | ECKey | OKPKey


def new_key(kind: str = "EC", size: str | int = "P-256", **members: Any) -> SigningKey:
    """A private key. members: such as kid, use, alg."""
    made = JWKRegistry.generate_key(kind, size, members)  # type: ignore[arg-type]
    assert not isinstance(made, OctKey)
    return made


def claims(**said: Any) -> dict[str, Any]:
    """Of a token that is right for a while; None takes one out."""
    now = int(time.time())
    found = {"iss": ISSUER, "aud": AUDIENCE, "sub": "meter-7", "iat": now, "exp": now + 600, "scope": "apollo_write"}
    return {name: value for name, value in {**found, **said}.items() if value is not None}


def token(key: SigningKey, said: dict[str, Any] | None = None, algorithm: str = "ES256", **header: Any) -> str:
    """header: more of it; None takes one out."""
    whole = {"alg": algorithm, "kid": key.kid, **header}
    whole = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(whole, said if said is not None else claims(), key, algorithms=[algorithm])


def jwks(*keys: SigningKey) -> bytes:
    """The set of their public parts."""
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def setting(jwks_at: str = "https://login.example.net/jwks", **said: Any) -> dict[str, Any]:
    """An issuer as it stands in a configuration file."""
    return {"issuer": ISSUER, "jwks": jwks_at, "audience": AUDIENCE, **said}


Answers = Callable[[http.server.BaseHTTPRequestHandler], None]


class JwksServer:
    """Answers every GET with `body` and `status`, or as `answers` does."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answers: Answers | None = None
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                if outer.answers is not None:
                    outer.answers(self)
                    return
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/jwks"


@contextmanager
def jwks_server(*keys: SigningKey) -> Iterator[JwksServer]:
    server = JwksServer()
    server.body = jwks(*keys)
    thread = threading.Thread(target=server.http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()
