"""Whether the addresses of all listeners can be had: each is bound for a moment, and nobody can reach it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

from headrace.loading import Loaded
from headrace.preflight.findings import Finding
from headrace.settings.listeners import ListenerSettings


def addresses(loaded: Loaded, may_be_ours: bool) -> Iterator[Finding]:
    """may_be_ours: a server of this configuration may run already; then taken addresses are none of a finding."""
    setting = "listeners" if loaded.settings.listeners else "port"
    told = f"listeners (from {loaded.sources[setting]})" if setting == "listeners" else loaded.told(setting)
    for listener in loaded.settings.listening:
        fault = _fault(listener)
        if fault is not None and not (may_be_ours and fault.errno == errno.EADDRINUSE):
            why = cannot_listen(listener.address, fault)
            yield Finding(setting, f"{told} cannot be used: {why}; {_remedy(fault)}")


def cannot_listen(address: str, fault: OSError) -> str:
    """The words for it."""
    # What the event loop raises has words of its own before the system's.
    reason = os.strerror(fault.errno) if fault.errno and fault.errno > 0 else fault.strerror or str(fault)
    return f"cannot listen on {address}: {reason}"


def _remedy(fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return "stop what listens there, or choose another port"
    if fault.errno == errno.EACCES:
        return "choose a port of 1024 or more, or let this user have the port (CAP_NET_BIND_SERVICE)"
    return "name an address of this machine"


def _fault(listener: ListenerSettings) -> OSError | None:
    """Of a name that leads to several addresses, those need not all be this machine's."""
    try:
        found = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as fault:
        return fault
    except UnicodeError:  # Python's codec for names, before anybody is asked
        return socket.gaierror(socket.EAI_NONAME, "no name of a host is spelled so")
    faults = [_tried(family, kind, protocol, address) for family, kind, protocol, _, address in found]
    for tried in faults:
        if tried is not None and (tried.errno in (errno.EADDRINUSE, errno.EACCES) or None not in faults):
            return tried
    return None


def _tried(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> OSError | None:
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError as fault:
        return fault
    return None
