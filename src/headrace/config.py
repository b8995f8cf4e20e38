"""Every setting, in one table: flags, `headrace check-config` and the test of docs/operations.md are made from it.
headrace.loading makes one Settings of flags, environment and file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from headrace import limits
from headrace.settings.allowed import Takes
from headrace.settings.jwt_issuers import JwtIssuers
from headrace.settings.listeners import Listeners, ListenerSettings, of_ports, reached_by_others
from headrace.settings.one_line import in_json
from headrace.settings.principals import TOKENS_FILE, ApolloTokens, AwsSecrets, Principals, check_apart
from headrace.settings.quantities import Bytes, Duration, Seconds, parse_duration_ms

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


def _path(value: object) -> object:
    # Path itself takes nothing for the working directory, as of a variable of the shell that is not set.
    if isinstance(value, str) and (not value or "\0" in value):
        raise ValueError("write a path")
    return value


class Settings(BaseSettings):
    """What an operator may set. Made directly it takes what it is given; see headrace.loading."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_ignore_empty=True)

    host: Annotated[str, Takes("address, or name")] = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on. Any but loopback needs `principals`, tokens, or `insecure`.",
    )
    # NoDecode: the environment says 4242,4243 rather than JSON.
    port: Annotated[tuple[Port, ...], NoDecode, Takes("0 to 65535, one or several")] = Field(
        default=(4242,), description="Ports to listen on, each for HTTP and telnet; 0 takes a free one."
    )
    data_dir: Annotated[Path, BeforeValidator(_path), Takes("path")] = Field(
        default=Path("data"), description="Directory of the database; made when absent."
    )
    insecure: bool = Field(default=False, description="Serve other hosts although nobody is asked who they are.")
    # NoDecode: the environment says one or several with commas rather than JSON.
    cors_origins: Annotated[tuple[str, ...], NoDecode, Takes("`*`, or scheme, host and port; several")] = Field(
        default=(), description="Web origins whose pages may call, such as https://grafana.example.net; `*` is every."
    )
    # NoDecode: as cors_origins.
    host_names: Annotated[tuple[HostName, ...], NoDecode, Takes("names; several")] = Field(
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
    cache_bytes: Bytes = Field(
        default=limits.CACHE_BYTES,
        ge=0,
        description="Memory for what questions read of segments, so that the next need not decode it again; 0: none.",
    )
    seal_points: int = Field(
        default=limits.SEAL_POINTS, ge=1, description="Recent points at which they are sealed into Parquet segments."
    )
    seal_age_s: Seconds = Field(
        default=limits.SEAL_AGE_S, description="Seconds after which recent points are sealed, however few they are."
    )
    # NoDecode: the environment says default=90d,sys.*=30d rather than JSON.
    retention: Annotated[dict[str, str], NoDecode, Takes("a duration, or durations by pattern")] = Field(
        default={RETENTION_DEFAULT: "0"},
        description="How long points are kept, by pattern of the metric's name; 0 is for ever.",
    )
    # NoDecode: the environment says 15s,10m,1d rather than JSON.
    kairosdb_rollups_after: Annotated[
        tuple[str, ...], NoDecode, Takes("durations, each longer than the one before")
    ] = Field(
        default=limits.ROLLUPS_AFTER,
        min_length=1,
        description="How long after its end a range of a roll-up is computed, and computed again for points come late.",
    )
    retention_grace: Duration = Field(
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
        Takes("table, or JSON"),
    ] = Field(
        default={},
        description="Custom types of KairosDB: name, then the fields of its objects, each double, long or string.",
    )
    apollo_org_id: Annotated[str, Takes("text, not empty")] = Field(
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
    datazone_prefix: Annotated[str, Takes("empty, or a path without `/` at its end")] = Field(
        default="", description="Path before DataZone's own, for clients whose endpoint URL has one, such as /base."
    )
    datazone_credentials: AwsSecrets = Field(
        default={},
        description="Who may call DataZone, and nothing else: secret access key by access key id.",
    )
    datazone_region: Annotated[str, Takes("empty, or a region's name")] = Field(
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
        """Only what the constructor is given: headrace.loading lays the others over it, to name the one at fault."""
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

    @model_validator(mode="after")
    def _go_together(self) -> Settings:
        # All of them at once: after the first that raises, no other validator would be asked.
        if problems := list(self._contradictions()):
            raise ValueError("\n".join(problems))
        return self

    def _contradictions(self) -> Iterator[str]:
        try:
            check_apart(self.principals, self.apollo_tokens, self.datazone_credentials)
        except ValueError as same:
            yield str(same)
        also = [name for name in ("host", "port", "telnet") if name in self.model_fields_set]
        if self.listeners and also:
            yield f"listeners stand in for {' and '.join(also)}: give one or the other"
        if found := self.open_to_others(self.asks_for_credentials):
            yield found

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


def flag_of(name: str) -> str:
    """The command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return ENVIRONMENT_PREFIX + name.upper()
