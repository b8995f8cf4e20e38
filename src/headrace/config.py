"""Every setting, in one table, and how flags, environment and file become one frozen Settings.

The table is the class Settings: flags, `headrace check-config` and the test of docs/operations.md are made from it.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from headrace import limits
from headrace.errors import Misconfigured
from headrace.settings.jwt_issuers import JwtIssuers
from headrace.settings.listeners import Listeners, ListenerSettings, of_ports, reached_by_others
from headrace.settings.one_line import in_json, to_toml
from headrace.settings.principals import TOKENS_FILE, ApolloTokens, AwsSecrets, Principals, check_apart
from headrace.settings.quantities import Bytes, Seconds, parse_duration_ms

ENVIRONMENT_PREFIX = "HEADRACE_"

OTHER_VARIABLES = ("HEADRACE_CONFIG", "HEADRACE_CACHE_DIR", "HEADRACE_TOKEN")
"""Variables of ours that are no setting's."""

RETENTION_DEFAULT = "default"
"""In the setting retention: the metrics that no pattern matches."""

ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")

SECRETS = frozenset(("principals", "apollo_tokens", "datazone_credentials"))
"""Settings whose values are never shown, and which no flag sets: other users of the machine see command lines."""

PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
"""What an endpoint URL may have behind host and port: segments that no client escapes."""

Port = Annotated[int, Field(ge=0, le=65535)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]

OpenTSDBTimes = Literal["seconds", "as-written", "milliseconds"]
"""In which unit the OpenTSDB room tells times to who does not ask for one (docs/decisions/times.md)."""


class Settings(BaseSettings):
    """What an operator may set. Made directly it takes what it is given; `load` asks environment and file too."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_ignore_empty=True)

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on. Any but loopback needs `principals`, tokens, or `insecure`.",
    )
    # NoDecode: the environment says 4242,4243 rather than JSON.
    port: Annotated[tuple[Port, ...], NoDecode] = Field(
        default=(4242,), description="Ports to listen on, each for HTTP and telnet; 0 takes a free one."
    )
    data_dir: Path = Field(default=Path("data"), description="Directory of the database; made when absent.")
    insecure: bool = Field(default=False, description="Serve other hosts although nobody is asked who they are.")
    # NoDecode: the environment says one or several with commas rather than JSON.
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Web origins whose pages may call, such as https://grafana.example.net; `*` is every."
    )
    # NoDecode: as cors_origins.
    host_names: Annotated[tuple[HostName, ...], NoDecode] = Field(
        default=(),
        description="Names by which browsers reach this server, besides the machine's own, localhost and addresses.",
    )
    telnet: Literal["opentsdb", "kairosdb"] = Field(default="opentsdb", description="Whose law holds for telnet lines.")
    listeners: Listeners = Field(
        default=(),
        description="In place of host, port and telnet: where to listen, each with rooms, telnet and TLS of its own.",
    )
    opentsdb_times: OpenTSDBTimes = Field(
        default="seconds",
        description="Unit of times in answers of OpenTSDB's `/api/query` and `query/last`: that of OpenTSDB, that of "
        "Alibaba TSDB, or `milliseconds` throughout.",
    )
    opentsdb_delete: bool = Field(
        default=False, description="Let OpenTSDB's `/api/query` delete what it finds, as DELETE or with `delete`."
    )
    body_bytes_max: Bytes = Field(
        default=limits.BODY_BYTES_MAX,
        ge=1,
        description="Largest body of a request, in bytes after decompression; more is a 413. A question may have 4 "
        "MiB at most.",
    )
    header_timeout_s: Seconds = Field(
        default=limits.HEADER_TIMEOUT_S,
        description="Seconds from the first byte of a request to the end of its headers.",
    )
    request_timeout_s: Seconds = Field(
        default=limits.REQUEST_TIMEOUT_S,
        description="Seconds within which a body must end or bring at least 1 KiB more.",
    )
    idle_timeout_s: Seconds = Field(
        default=limits.IDLE_TIMEOUT_S, description="Seconds that an HTTP connection may be silent between requests."
    )
    query_timeout_s: Seconds = Field(
        default=limits.QUERY_TIMEOUT_S, description="Seconds after which a query is given up and answered as too large."
    )
    query_memory_bytes: Bytes = Field(
        default=limits.QUERY_MEMORY_BYTES,
        ge=1,
        description="Memory that the points of all queries under way may take; one that needs more is refused.",
    )
    seal_points: int = Field(
        default=limits.SEAL_POINTS, ge=1, description="Recent points at which they are sealed into Parquet segments."
    )
    seal_age_s: Seconds = Field(
        default=limits.SEAL_AGE_S, description="Seconds after which recent points are sealed, however few they are."
    )
    # NoDecode: the environment says default=90d,sys.*=30d rather than JSON.
    retention: Annotated[dict[str, str], NoDecode] = Field(
        default={RETENTION_DEFAULT: "0"},
        description="How long points are kept, by pattern of the metric's name; 0 is for ever.",
    )
    # NoDecode: the environment says 15s,10m,1d rather than JSON.
    kairosdb_rollups_after: Annotated[tuple[str, ...], NoDecode] = Field(
        default=limits.ROLLUPS_AFTER,
        min_length=1,
        description="How long after its end a range of a roll-up is computed, and computed again for points come late.",
    )
    retention_grace: str = Field(
        default=limits.RETENTION_GRACE,
        description="How long what was dropped for its age can be brought back; 0: not at all, it goes at once.",
    )
    retention_grace_bytes_max: Bytes = Field(
        default=limits.RETENTION_GRACE_BYTES_MAX,
        ge=0,
        description="Bytes of dropped points that are kept at most; the oldest go first.",
    )
    disk_reserve_bytes: Bytes = Field(
        default=limits.DISK_RESERVE_BYTES,
        ge=0,
        description="Bytes of the disk that only sealing and merging may use; with less free, points get a 503.",
    )
    scrub_bytes_per_s: Bytes = Field(
        default=limits.SCRUB_BYTES_PER_S,
        ge=0,
        description="How fast old files are read again in the background, to find damage early; 0: not at all.",
    )
    # NoDecode: read by json, so that a mistake is worded as others are.
    kairosdb_types: Annotated[
        dict[str, dict[str, Literal["double", "long", "string"]]],
        NoDecode,
        in_json('{"position": {"latitude": "double"}}'),
    ] = Field(
        default={},
        description="Custom types of KairosDB: name, then the fields of its objects, each double, long or string.",
    )
    apollo_org_id: str = Field(
        default="headrace",
        min_length=1,
        description="The tenant that Apollo's definitions of time series name (orgId).",
    )
    principals: Principals = Field(
        default={},
        description="Who may do what, by name; as soon as there is one, everybody is asked who they are.",
    )
    apollo_tokens: ApolloTokens = Field(
        default={},
        description="Access tokens of Apollo's room alone, by a name of yours: principals as Apollo's pages have them.",
    )
    jwt_issuers: JwtIssuers = Field(
        default={},
        description="Whose signed tokens (JWT) are credentials, by a name of yours: where their keys are, what they "
        "grant.",
    )
    datazone_prefix: str = Field(
        default="", description="Path before DataZone's own, for clients whose endpoint URL has one, such as /base."
    )
    datazone_credentials: AwsSecrets = Field(
        default={},
        description="Who may call DataZone, and nothing else: secret access key by access key id.",
    )
    datazone_region: str = Field(
        default="", description="Region that DataZone's requests must be signed for; none: any."
    )
    datazone_points: bool = Field(
        default=True, description="Make points of the numbers in DataZone's forms, for the other rooms."
    )
    series_max: int = Field(
        default=limits.SERIES_MAX,
        ge=1,
        le=limits.SERIES_MAX_MAX,
        description="Series of the database; points of more are refused, and say which tags make them.",
    )
    series_per_hour_max: int = Field(
        default=limits.SERIES_PER_HOUR_MAX,
        ge=0,
        description="New series within an hour; points of more are refused likewise. 0: as many as come.",
    )
    series_bytes_max: Bytes = Field(
        default=limits.SERIES_BYTES_MAX,
        ge=1,
        description="Bytes of the names of all series; points of series that need more are refused likewise.",
    )
    series_bytes_per_hour_max: Bytes = Field(
        default=limits.SERIES_BYTES_PER_HOUR_MAX,
        ge=0,
        description="Bytes of the names of new series within an hour; refused likewise. 0: as many as come.",
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="How log lines look on standard error."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe level that is logged."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the constructor is given: `load` lays the sources over one another, to name the one at fault."""
        return (init_settings,)

    @field_validator("port", mode="before")
    @classmethod
    def _ports(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(","))
        return (value,) if isinstance(value, int) else value

    @field_validator("port")
    @classmethod
    def _ports_differ(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value:
            raise ValueError("at least one port is needed")
        chosen = [port for port in value if port]
        if len(set(chosen)) < len(chosen):
            raise ValueError("the same port is given twice")
        return value

    @field_validator("cors_origins", "host_names", mode="before")
    @classmethod
    def _with_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_as_browsers_send_them(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f'"{origin}" is no origin: write *, or scheme, host and port as browsers send them, '
                    "such as https://grafana.example.net or http://localhost:3000"
                )
        return value

    @field_validator("kairosdb_types")
    @classmethod
    def _types_are_new(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for name, fields in value.items():
            if not fields:
                raise ValueError(f'type "{name}" has no fields')
            if not name or "\0" in name or name in ("long", "double", "string", "complex-number"):
                raise ValueError(f'"{name}" is there already, or no name for a type')
        return value

    @field_validator("datazone_prefix")
    @classmethod
    def _prefix_is_a_path(cls, value: str) -> str:
        if not PREFIX.fullmatch(value):
            raise ValueError("write a path without a slash at its end, such as /base")
        return value

    @field_validator("retention", mode="before")
    @classmethod
    def _retention_in_one_line(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",")]
        if len(parts) == 1 and "=" not in value:
            return {RETENTION_DEFAULT: value.strip()}
        pairs = [part.rpartition("=") for part in parts]
        rules = {pattern.strip(): duration.strip() for pattern, _, duration in pairs}
        if "" in rules or len(rules) < len(pairs):
            raise ValueError("write it as a duration, or as default=90d,sys.*=30d with each pattern once")
        return rules

    @field_validator("retention")
    @classmethod
    def _retention_is_durations(cls, value: dict[str, str]) -> dict[str, str]:
        for duration in value.values():
            parse_duration_ms(duration)
        return value

    @field_validator("kairosdb_rollups_after", mode="before")
    @classmethod
    def _times_in_one_line(cls, value: object) -> object:
        # The flag may be given several times, each with one or several.
        told = (value,) if isinstance(value, str) else value
        if not isinstance(told, (tuple, list)) or not all(isinstance(part, str) for part in told):
            return value
        return tuple(part.strip() for parts in told for part in parts.split(","))

    @field_validator("kairosdb_rollups_after")
    @classmethod
    def _times_ascend(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        times = [parse_duration_ms(duration) for duration in value]
        if any(after <= before for before, after in pairwise(times)):
            raise ValueError("write times one longer than the other, such as 15s,10m,1d")
        return value

    @field_validator("retention_grace")
    @classmethod
    def _grace_is_a_duration(cls, value: str) -> str:
        parse_duration_ms(value)
        return value

    @model_validator(mode="after")
    def _nobody_is_known_by_the_same(self) -> Settings:
        check_apart(self.principals, self.apollo_tokens, self.datazone_credentials)
        return self

    @model_validator(mode="after")
    def _listeners_stand_in_for_ports(self) -> Settings:
        also = [name for name in ("host", "port", "telnet") if name in self.model_fields_set]
        if self.listeners and also:
            raise ValueError(f"listeners stand in for {' and '.join(also)}: give one or the other")
        return self

    @model_validator(mode="after")
    def _only_loopback_is_open(self) -> Settings:
        if found := self.open_to_others(self.asks_for_credentials):
            raise ValueError(found)
        return self

    def open_to_others(self, asking: bool) -> str | None:
        """Why a listener may not be open, in a sentence; None where all may. asking: see reached_by_others."""
        if self.insecure:
            return None
        return next(filter(None, (reached_by_others(one, asking) for one in self.listening)), None)

    @property
    def listening(self) -> tuple[ListenerSettings, ...]:
        """The setting listeners, or what host, port and telnet mean."""
        return self.listeners or of_ports(self.host, self.port, self.telnet)

    @property
    def asks_for_credentials(self) -> bool:
        """Whether there is any principal, an issuer of some, or was one made with `headrace token`. A file of tokens
        that cannot be read ends the start later."""
        set_here = self.principals or self.apollo_tokens or self.datazone_credentials or self.jwt_issuers
        return bool(set_here) or os.path.lexists(self.data_dir / TOKENS_FILE)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where each came from: its flag, its environment variable, the file's name, or "default"."""

    settings: Settings
    sources: Mapping[str, str]


def load(flags: Mapping[str, object], file: Path | None = None, only: Collection[str] = ()) -> Loaded:
    """Lay `flags` (by setting name, only those given) over HEADRACE_* variables over the TOML `file` over the defaults.

    only: settings that are needed; of others neither the values nor the mistakes count. None: all are.
    Raises Misconfigured with one sentence for each mistake.
    """
    layers: list[tuple[Mapping[str, Any], dict[str, str]]] = [
        (flags, {name: flag_of(name) for name in Settings.model_fields}),
        (EnvSettingsSource(Settings)(), {name: variable_of(name) for name in Settings.model_fields}),
        (_read_file(file) if file else {}, {name: str(file) for name in Settings.model_fields}),
    ]
    values: dict[str, Any] = {}
    sources = dict.fromkeys(Settings.model_fields, "default")
    for layer, origin in reversed(layers):
        for name, value in layer.items():
            if only and name not in only:
                continue
            values[name] = value
            sources[name] = origin[name]
    try:
        return Loaded(Settings(**values), sources)
    except ValidationError as mistake:
        raise Misconfigured(tuple(_sentence(error, values, sources) for error in mistake.errors())) from None


def flag_of(name: str) -> str:
    """The command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return ENVIRONMENT_PREFIX + name.upper()


def unknown_variables() -> list[str]:
    """A sentence for each variable of the environment that looks like one of ours and is none."""
    known = {*(variable_of(name) for name in Settings.model_fields), *OTHER_VARIABLES}
    unknown = sorted(name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX))
    return [
        f"the variable {name} is not looked at: {_unknown(name.upper().removeprefix(ENVIRONMENT_PREFIX).lower())}"
        for name in unknown
        if name.upper() not in known
    ]


def _read_file(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise Misconfigured((f"The configuration file {file} does not exist.",))
    try:
        found = TomlConfigSettingsSource(Settings, toml_file=file).toml_data
    except (OSError, ValueError) as mistake:
        raise Misconfigured((f"The configuration file {file} can not be read: {mistake}.",)) from None
    unknown = [key for key in found if key not in Settings.model_fields]
    if unknown:
        raise Misconfigured(tuple(f"{file}: {_unknown(key)}" for key in unknown))
    return found


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, Settings.model_fields, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(Settings.model_fields)}."
    return f'"{key}" is not a setting; {hint}'


def _sentence(error: Mapping[str, Any], values: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    why = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    why = why[:1].lower() + why[1:]
    if not error["loc"]:  # settings that do not go together: the sentence names them itself
        return f"{why[:1].upper()}{why[1:]}."
    name = str(error["loc"][0])
    if name in {*SECRETS, "jwt_issuers", "listeners"} and len(error["loc"]) > 1:
        why = f"{'.'.join(map(str, error['loc'][1:]))}: {why}"
    value = '"**********"' if name in SECRETS else to_toml(values[name])
    return f"{name} = {value} (from {sources[name]}) is not allowed: {why}."
