"""How flags, environment and file become one frozen Settings, and the words for every mistake in them."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from headrace.config import ENVIRONMENT_PREFIX, OTHER_VARIABLES, SECRETS, Settings, flag_of, variable_of
from headrace.errors import Misconfigured
from headrace.settings.one_line import to_toml

WHO_ASKS = frozenset(("principals", "apollo_tokens", "datazone_credentials", "jwt_issuers", "insecure"))
"""Settings that say whether everybody is asked who they are: while one of them is mistaken, nobody knows."""

DEFAULT = "default"
"""Where a setting comes from that nobody gives."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where each came from: its flag, its environment variable, the file's name, or DEFAULT.

    problems: what is not allowed, a sentence each; the server may not start with any.   unsure: settings that are not
    as the operator means them, since what was given is none; a default stands in `settings` instead.
    """

    settings: Settings
    sources: Mapping[str, str]
    problems: tuple[str, ...] = ()
    unsure: frozenset[str] = frozenset()

    def told(self, name: str) -> str:
        """A setting, its value and where that came from, to begin a sentence with."""
        return _told(name, getattr(self.settings, name), self.sources)


def load(flags: Mapping[str, object], file: Path | None = None, only: Collection[str] = ()) -> Loaded:
    """As `load_what_holds`. Raises Misconfigured where anything does not."""
    loaded = load_what_holds(flags, file, only)
    if loaded.problems:
        raise Misconfigured(loaded.problems)
    return loaded


def load_what_holds(flags: Mapping[str, object], file: Path | None = None, only: Collection[str] = ()) -> Loaded:
    """Lay `flags` (by setting name, only those given) over HEADRACE_* variables over the TOML `file` over the defaults.

    only: settings that are needed; of others neither the values nor the mistakes count. None: all are.
    """
    read = _read_file(file) if file else _File({})
    layers: list[tuple[Mapping[str, Any], dict[str, str]]] = [
        (flags, {name: flag_of(name) for name in Settings.model_fields}),
        (EnvSettingsSource(Settings)(), {name: variable_of(name) for name in Settings.model_fields}),
        (read.values, {name: str(file) for name in Settings.model_fields}),
    ]
    values: dict[str, Any] = {}
    sources = dict.fromkeys(Settings.model_fields, DEFAULT)
    for layer, origin in reversed(layers):
        for name, value in layer.items():
            if only and name not in only:
                continue
            values[name] = value
            sources[name] = origin[name]
    unsure = {name for name in read.meant if sources[name] == DEFAULT}
    settings, problems, mistaken = _settings(values, sources)
    return Loaded(settings, sources, (*read.problems, *problems), frozenset(unsure | mistaken))


def unknown_variables() -> list[str]:
    """A sentence for each variable of the environment that looks like one of ours and is none."""
    known = {*(variable_of(name) for name in Settings.model_fields), *OTHER_VARIABLES}
    unknown = sorted(name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX))
    return [
        f"the variable {name} is not looked at: {_unknown(name.upper().removeprefix(ENVIRONMENT_PREFIX).lower())}"
        for name in unknown
        if name.upper() not in known
    ]


@dataclass(frozen=True, slots=True)
class _File:
    """What a file sets, what is wrong with it, and which settings it may have meant to set."""

    values: Mapping[str, Any]
    problems: tuple[str, ...] = ()
    meant: Collection[str] = ()


def _read_file(file: Path) -> _File:
    try:
        with file.open("rb") as opened:
            found = tomllib.load(opened)
    except FileNotFoundError:
        return _File({}, (f"The configuration file {file} does not exist.",), Settings.model_fields)
    except (OSError, ValueError) as mistake:
        why = mistake.strerror if isinstance(mistake, OSError) else mistake
        return _File({}, (f"The configuration file {file} can not be read: {why}.",), Settings.model_fields)
    unknown = [key for key in found if key not in Settings.model_fields]
    return _File(
        {key: value for key, value in found.items() if key in Settings.model_fields},
        tuple(f"{file}: {_unknown(key)}" for key in unknown),
        [name for key in unknown for name in _near(key)],
    )


def _near(key: str) -> list[str]:
    return difflib.get_close_matches(key, Settings.model_fields, n=1)


def _unknown(key: str) -> str:
    near = _near(key)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(Settings.model_fields)}."
    return f'"{key}" is not a setting; {hint}'


def _settings(values: Mapping[str, Any], sources: Mapping[str, str]) -> tuple[Settings, list[str], set[str]]:
    """Settings of those values that hold, sentences about the others, and the names of these."""
    problems: list[str] = []
    mistaken: set[str] = set()
    while True:
        held = {name: value for name, value in values.items() if name not in mistaken}
        if mistaken & WHO_ASKS:
            held["insecure"] = True  # whether an address is open to others is not known, and not told
        try:
            return Settings(**held), problems, mistaken
        except ValidationError as mistake:
            for error in mistake.errors():
                problems += _sentences(error, values, sources)
                # Without a place it is about settings that do not go together: none of those holds then.
                mistaken |= {str(error["loc"][0])} if error["loc"] else {*_PLACES, *WHO_ASKS}


_PLACES = ("host", "port", "telnet", "listeners")


def _sentences(error: Mapping[str, Any], values: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[str]:
    why = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    if not error["loc"]:  # the sentences name the settings themselves
        yield from (f"{line[:1].upper()}{line[1:]}." for line in why.splitlines())
        return
    why = why[:1].lower() + why[1:]
    name = str(error["loc"][0])
    if name in {*SECRETS, "jwt_issuers", "listeners"} and len(error["loc"]) > 1:
        why = f"{'.'.join(map(str, error['loc'][1:]))}: {why}"
    yield f"{_told(name, values[name], sources)} is not allowed: {why}."


def _told(name: str, value: object, sources: Mapping[str, str]) -> str:
    shown = '"**********"' if name in SECRETS else to_toml(value)
    return f"{name} = {shown} (from {sources[name]})"
