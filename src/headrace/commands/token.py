"""`headrace token`: principals that are made, revoked and renewed while the server runs, or before it starts."""

from __future__ import annotations

import functools
import json
import os
import pwd
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from headrace import config, loading
from headrace.errors import HeadraceError, Misconfigured
from headrace.model.time import DAY_MS, wall_clock
from headrace.settings.principals import TOKENS_FILE, Granted, check_name
from headrace.settings.quantities import parse_duration_ms

if TYPE_CHECKING:
    from headrace.access.tokens.changing import TokenChanger
    from headrace.store.embedded.tokens.rows import TokenRow

EXIT_FAILED = 1
EXIT_MISUSED = 2

LASTS_MS_MAX = 36_525 * DAY_MS
"""A hundred years."""


@click.group()
def token() -> None:
    """Make, list, revoke and rotate tokens. A running server knows within a second."""


def _takes_data_dir(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --config and --data-dir, and call it with the path of the file of tokens."""

    @functools.wraps(command)
    def load_and_run(config_file: Path | None, data_dir: str | None, **given: Any) -> None:
        flags = {} if data_dir is None else {"data_dir": data_dir}
        try:
            # Nothing else counts: a server that is open to others needs a token before it may start.
            loaded = loading.load(flags, config_file, only=("data_dir",))
        except Misconfigured as mistake:
            raise _misused(*mistake.problems) from None
        try:
            command(loaded.settings.data_dir / TOKENS_FILE, **given)
        except HeadraceError as failure:
            click.echo(f"headrace: {failure}", err=True)
            raise SystemExit(EXIT_FAILED) from None

    decorated: Callable[..., None] = load_and_run
    described = config.Settings.model_fields["data_dir"].description
    variable = config.variable_of("data_dir")
    decorated = click.option("--data-dir", metavar="DIR", help=f"{described} [{variable}]")(decorated)
    variable = config.variable_of("config")
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        envvar=variable,
        metavar="FILE",
        help=f"TOML file of settings, of which data_dir counts. [{variable}]",
    )(decorated)


@token.command()
@click.argument("name")
@click.option("--may", multiple=True, metavar="DEED", help="What it may do: read, write, delete or admin. Repeat it.")
@click.option("--room", "rooms", multiple=True, metavar="ROOM", help="Where it may do that; without it, in all rooms.")
@click.option("--metric", "metrics", multiple=True, metavar="PATTERN", help="With which metrics; without it, with all.")
@click.option(
    "--domain", "domains", multiple=True, metavar="ID", help="In which of DataZone's domains; without it, in all."
)
@click.option("--grant", "grants", multiple=True, metavar="JSON", help="A grant as principals have them in the file.")
@click.option("--collection", "collections", multiple=True, metavar="NAME=PERMISSION", help="Of Apollo: where it may.")
@click.option("--default-collection", metavar="NAME", help="Of Apollo: where it is when a request names none.")
@click.option("--expires", metavar="DURATION", default="0", help="How long it holds, such as 90d. [default: for ever]")
@_takes_data_dir
def create(
    path: Path,
    name: str,
    may: Sequence[str],
    rooms: Sequence[str],
    metrics: Sequence[str],
    domains: Sequence[str],
    grants: Sequence[str],
    collections: Sequence[str],
    default_collection: str | None,
    expires: str,
) -> None:
    """Make a token for NAME, and print it: it is shown this once.

    From the first token on everybody is asked who they are, at all addresses that are not trusted.
    """
    lasts_ms = _lasts(expires, "--expires")
    given = [_json(text) for text in grants]
    if may or rooms or metrics or domains:
        given.append({"may": may, "rooms": rooms, "metrics": metrics, "domains": domains})
    owned = dict(_pair(text) for text in collections)
    try:
        check_name(name)
        granted = Granted.model_validate(
            {"grants": given, "collections": owned, "default_collection": default_collection}
        )
    except ValidationError as mistakes:
        raise _misused(*(_sentence(error) for error in mistakes.errors())) from None
    except ValueError as mistake:
        raise _misused(str(mistake)) from None
    with _changer(path, begins=True) as changer:
        made = changer.create(name, granted, lasts_ms)
    _tell(f"made {_shown(made.row)}, in {path.absolute()}; it is shown this once")
    click.echo(made.text)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead of a table.")
@_takes_data_dir
def list_tokens(path: Path, as_json: bool) -> None:
    """Show all tokens, without their secrets: also those that have expired or were revoked."""
    from headrace.access.tokens.listing import as_json_array, as_table  # noqa: PLC0415 - it loads the kernels
    from headrace.store.embedded.tokens.file import Content, TokenFile, is_there  # noqa: PLC0415

    if not is_there(path):
        content = Content([], {}, {})
    else:
        with closing(TokenFile(path)) as file:
            content = file.read()
    now_ms = wall_clock()
    click.echo(as_json_array(content, now_ms) if as_json else as_table(content, now_ms, path))


@token.command()
@click.argument("name_or_id", metavar="NAME|ID")
@_takes_data_dir
def revoke(path: Path, name_or_id: str) -> None:
    """End all tokens of NAME, or the one with this ID: they let nobody in any more."""
    with _changer(path) as changer:
        ended = changer.revoke(name_or_id)
    for row in ended:
        _tell(f"revoked {_shown(row)}")


@token.command()
@click.argument("name")
@click.option("--overlap", metavar="DURATION", default="0", help="How long the old one holds beside it. [default: 0]")
@click.option("--expires", metavar="DURATION", help="How long the new one holds. [default: as long as the old one did]")
@_takes_data_dir
def rotate(path: Path, name: str, overlap: str, expires: str | None) -> None:
    """Make a new token for NAME, with the grants of the old one, and print it: it is shown this once."""
    overlap_ms = _lasts(overlap, "--overlap")
    lasts_ms = None if expires is None else _lasts(expires, "--expires")
    with _changer(path) as changer:
        made = changer.rotate(name, overlap_ms, lasts_ms)
    _tell(f"made {_shown(made.row)}; the old one holds " + (f"{overlap} longer" if overlap_ms else "no longer"))
    click.echo(made.text)


@contextmanager
def _changer(path: Path, begins: bool = False) -> Iterator[TokenChanger]:
    """begins: make the file where there is none."""
    from headrace.access.tokens.changing import CannotChange, TokenChanger  # noqa: PLC0415 - it loads the kernels
    from headrace.store.embedded.tokens.file import TokenFile, begin_token_file, is_there  # noqa: PLC0415

    if begins:
        begin_token_file(path)
    elif not is_there(path):
        raise CannotChange(f"there are no tokens in {path.parent.absolute()}")
    with closing(TokenFile(path)) as file:
        yield TokenChanger(file, wall_clock(), _user())


def _user() -> str:
    """Who runs the command, as far as the system tells."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _lasts(text: str, flag: str) -> int:
    try:
        lasts_ms = parse_duration_ms(text)
    except ValueError as mistake:
        raise _misused(f"{flag}: {mistake}") from None
    if lasts_ms > LASTS_MS_MAX:
        raise _misused(f"{flag}: {text} is more than a hundred years; 0 is for ever")
    return lasts_ms


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise _misused('--grant: write it as JSON, such as {"may": ["read"], "rooms": ["opentsdb"]}') from None


def _pair(text: str) -> tuple[str, str]:
    name, _, permission = text.rpartition("=")
    if not name:
        raise _misused("--collection: write a name and a permission, such as plant=readwrite")
    return name, permission


def _sentence(error: Any) -> str:
    if error["loc"] == ("grants",):
        return "it is granted nothing: give --may, as in --may read, or --grant"
    why = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    return ": ".join(filter(None, (".".join(map(str, error["loc"])), why[:1].lower() + why[1:])))


def _shown(row: TokenRow) -> str:
    from headrace.access.tokens.stored import moment  # noqa: PLC0415 - it loads the kernels

    ends = f"until {moment(row.expires, '')}" if row.expires else "for ever"
    return f'the token "{row.name}" ({row.id}, {ends})'


def _tell(words: str) -> None:
    """Beside standard output, on which there is nothing but the token."""
    click.echo(f"headrace: {words}", err=True)


def _misused(*problems: str) -> SystemExit:
    for problem in problems:
        _tell(problem)
    return SystemExit(EXIT_MISUSED)
