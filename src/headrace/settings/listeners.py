"""The setting `listeners`: where the server listens, and what is there."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_settings import NoDecode

from headrace.settings.allowed import Takes
from headrace.settings.loopback import is_loopback
from headrace.settings.one_line import from_json
from headrace.settings.pem import PemFiles, context_of
from headrace.settings.principals import RoomName

Telnet = Literal["opentsdb", "kairosdb"]

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%[^\]\s]+)?\]|[^\[\]:\s]+):(\d{1,5})")

EXAMPLE = '{"address": "127.0.0.1:4242"}'


class ListenerSettings(BaseModel):
    """One listener, as an operator writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    telnet: Literal["opentsdb", "kairosdb", "off"] | None = None
    """None: OpenTSDB's where its room is there, else off."""
    http: bool = True
    rooms: tuple[RoomName, ...] | None = None
    """None: all."""
    read_only: bool = False
    trusted: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _keys_are_known(cls, value: object) -> object:
        if isinstance(value, dict):
            unknown = next((str(key) for key in value if key not in cls.model_fields), None)
            if unknown is not None:
                near = difflib.get_close_matches(unknown, cls.model_fields, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(cls.model_fields)}"
                raise ValueError(f'it has no "{unknown}"; {hint}')
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> ListenerSettings:
        found = _ADDRESS.fullmatch(self.address)
        if found is None or int(found[1]) > 65535:
            raise ValueError(
                f'"{self.address}" is no address: write host and port, such as 127.0.0.1:4242 or [::1]:4242'
            )
        if self.rooms == ():
            raise ValueError("rooms is empty: name those that are there, or leave it out for all")
        if self.telnet is not None and self.telnet != "off" and not self._has(self.telnet):
            raise ValueError(f'telnet = "{self.telnet}" needs that room: add it to rooms, or write telnet = "off"')
        if self.telnet_room is None and not self.http:
            raise ValueError(
                f"{self.address} speaks neither HTTP nor telnet: leave http out, or name a dialect of telnet"
            )
        files = self.tls
        if files is None and (self.tls_certificate or self.tls_key):
            raise ValueError("tls_certificate and tls_key go together: give both, or none of them")
        if files is None and self.tls_client_ca:
            raise ValueError("tls_client_ca needs TLS: give tls_certificate and tls_key too")
        if files is not None:
            context_of(files)
        return self

    @property
    def host(self) -> str:
        """Without the brackets of IPv6."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """0: a free one."""
        return int(self.address.rpartition(":")[2])

    @property
    def telnet_room(self) -> Telnet | None:
        """Whose law holds for telnet lines; None: there is no telnet."""
        if self.telnet is None:
            return "opentsdb" if self._has("opentsdb") else None
        return None if self.telnet == "off" else self.telnet

    @property
    def tls(self) -> PemFiles | None:
        """None: it speaks without TLS."""
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return PemFiles(self.tls_certificate, self.tls_key, self.tls_client_ca)

    def _has(self, room: RoomName) -> bool:
        return self.rooms is None or room in self.rooms


def of_ports(host: str, ports: Sequence[int], telnet: Telnet) -> tuple[ListenerSettings, ...]:
    """The listeners that the settings host, port and telnet mean."""
    bracketed = f"[{host}]" if ":" in host else host
    # Not validated: as the setting host says, a name may be anything that the system can make an address of.
    return tuple(ListenerSettings.model_construct(address=f"{bracketed}:{port}", telnet=telnet) for port in ports)


def reached_by_others(listener: ListenerSettings, asking: bool) -> str | None:
    """Why a listener may not be open to who asks, in one sentence; None where it may be. asking: whether there is any
    principal."""
    if is_loopback(listener.host) or (asking and not listener.trusted):
        return None
    instead = "take trusted out" if asking else "set principals, make a token (headrace token create)"
    return (
        f"host {listener.host} can be reached by others, and nobody would be asked who they are: {instead}, "
        "listen on 127.0.0.1 or ::1, or set insecure (--insecure) where the network itself is guarded"
    )


def _in_one_line(value: object) -> object:
    """A flag that may be repeated, or a variable: each an object or a list of them."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, tuple | list):
        return value
    parsed = [from_json(text, EXAMPLE) for text in texts]
    return [one for each in parsed for one in (each if isinstance(each, list) else [each])]


def _differ(value: tuple[ListenerSettings, ...]) -> tuple[ListenerSettings, ...]:
    chosen = [listener.address for listener in value if listener.port]
    twice = next((address for address in chosen if chosen.count(address) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is there twice: one listener has an address")
    for everywhere, one in permutations((listener for listener in value if listener.port), 2):
        if everywhere.port == one.port and _EVERYWHERE.get(everywhere.host, 0) == _kind(one.host):
            raise ValueError(f"{everywhere.address} is {one.address}, too: give it another port, or leave one out")
    return value


_EVERYWHERE = {"0.0.0.0": 4, "::": 6}
"""Hosts that are all addresses of a version of IP."""


def _kind(host: str) -> int | None:
    """The version of IP of an address; None of a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).version
    except ValueError:
        return None


# NoDecode: read by json, so that a mistake is worded as others are.
Listeners = Annotated[
    tuple[ListenerSettings, ...],
    NoDecode,
    BeforeValidator(_in_one_line),
    AfterValidator(_differ),
    Takes("tables, or JSON; several"),
]
"""The type of the setting."""
