"""How the server on this machine is, asked by whoever watches it: the health check of an image, a script."""

from __future__ import annotations

import http.client
import ssl
from typing import Final, NamedTuple

import click

from headrace.commands.settings_flags import takes_settings
from headrace.config import Settings
from headrace.loading import Loaded
from headrace.settings.listeners import ListenerSettings

HEALTH_PATH: Final = "/health"

PATIENCE_S: Final = 4.0
"""Less than the 5 s that a health check usually has in all."""

ITSELF: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""How a server that listens everywhere is reached from its own machine."""


class Health(NamedTuple):
    """is_well: whether it takes points.   told: what it says of itself, or why nobody says anything."""

    is_well: bool
    told: str


@click.command()
@takes_settings
def health(loaded: Loaded) -> None:
    """Ask the server that runs here with these settings how it is. Exit code 0: it takes points; 1: it refuses them, or
    does not answer."""
    found = Health(False, "\n".join(loaded.problems)) if loaded.problems else ask_health(loaded.settings)
    click.echo(found.told, err=not found.is_well)
    raise SystemExit(0 if found.is_well else 1)


def ask_health(settings: Settings) -> Health:
    """What the server with these settings answers to GET /health."""
    listener = _asked(settings)
    if listener is None:
        return Health(False, "no listener answers /health: one needs HTTP, the room headrace, no tls_client_ca, a port")
    host = ITSELF.get(listener.host, listener.host)
    connection: http.client.HTTPConnection
    if listener.tls is None:
        connection = http.client.HTTPConnection(host, listener.port, timeout=PATIENCE_S)
    else:
        connection = http.client.HTTPSConnection(host, listener.port, timeout=PATIENCE_S, context=_whoever_it_is())
    try:
        connection.request("GET", HEALTH_PATH)
        answer = connection.getresponse()
        return Health(answer.status == http.client.OK, answer.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as failure:
        return Health(False, f"{listener.address} does not answer: {failure}")
    finally:
        connection.close()


def _asked(settings: Settings) -> ListenerSettings | None:
    """Plain HTTP before TLS."""
    able = [
        listener
        for listener in settings.listening
        if listener.http
        and listener.port
        and listener.tls_client_ca is None
        and (listener.rooms is None or "headrace" in listener.rooms)
    ]
    return min(able, key=lambda listener: listener.tls is not None, default=None)


def _whoever_it_is() -> ssl.SSLContext:
    """Its certificate has a name that is not the one by which this machine reaches itself; no secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
