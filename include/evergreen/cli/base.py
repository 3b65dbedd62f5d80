"""What all commands share: the application, how errors are told, what arguments mean."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from importlib.metadata import version as version_of
from typing import Annotated, ParamSpec

import typer

from evergreen import console, room
from evergreen import records as recording
from evergreen.catalog import Catalog
from evergreen.catalog import load as load_catalog
from evergreen.errors import (
    DataRefused,
    DeclarationError,
    EvergreenError,
    UnknownUseCase,
    Unreachable,
)
from evergreen.records import Records
from evergreen.records.errors import DatabaseAway
from evergreen.settings import Settings
from evergreen.settings import get as get_settings

REFUSED = 3
SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST_SPAN = timedelta(days=31)
P = ParamSpec("P")
_opened: list[Records] = []
"""The records of the command that runs, once it has asked for them."""

app = typer.Typer(
    help="Keep tabular models fresh, and tell why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="Tables to try Evergreen on.", no_args_is_help=True)
app.add_typer(db, name="db")
keys = typer.Typer(help="Keys of the prediction service.", no_args_is_help=True)
app.add_typer(keys, name="keys")

Name = Annotated[str, typer.Argument(help="The use case.", metavar="NAME")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")]
Vault = Annotated[
    str, typer.Argument(help="A folder, or a URL as s3://bucket/prefix.", metavar="VAULT")
]
Limit = Annotated[
    int, typer.Option("--limit", min=1, max=1_000_000, help="How many, newest first.")
]
Force = Annotated[bool, typer.Option("--force", help="Train again what was trained before.")]


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"evergreen {version_of('evergreen')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version."),
    ] = False,
) -> None:
    """Take what stands before a command."""


def told(command: Callable[P, None]) -> Callable[P, None]:
    """Tell an error of ours in one line (or as JSON), with the right exit code.

    So are those of files. What nobody expected is told as JSON, too, and keeps its traceback.
    """

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("as_json"))
        try:
            command(*args, **kwargs)
        except EvergreenError as error:
            console.error(error, as_json=as_json)
            raise typer.Exit(_code(error)) from None
        except DatabaseAway as error:
            away = Unreachable("PostgreSQL", "EVERGREEN_DATABASE_URL", error)
            console.error(room.ran_out(error) or away, as_json=as_json)
            raise typer.Exit(1) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            full = room.ran_out(error)
            if full or as_json or isinstance(error, OSError):
                console.error(full or error, as_json=as_json)
            if full or isinstance(error, OSError):
                raise typer.Exit(1) from None
            raise
        finally:
            while _opened:
                _opened.pop().close()

    return wrapper


def _code(error: EvergreenError) -> int:
    if isinstance(error, UnknownUseCase | DeclarationError):
        return 2
    return REFUSED if isinstance(error, DataRefused) else 1


def settings() -> Settings:
    """Return the settings of this process."""
    return get_settings()


def catalog() -> Catalog:
    """Return the use cases of the settings' folder."""
    return load_catalog(settings().use_cases_dir)


def known(name: str) -> str:
    """Return the name of a use case that is declared, or on record: its file may be gone."""
    kept = records()
    return name if name in kept.promotions.use_cases() else catalog().find(name).name


def known_of_old(name: str) -> str:
    """Return the name of a use case that is declared, or that anything at all is on record of."""
    return name if name in records().prunings.use_cases() else known(name)


def records() -> Records:
    """Return the records of this command, which closes them when it ends."""
    if not _opened:
        _opened.append(recording.open(settings()))
    return _opened[0]


def today() -> datetime:
    """Return the start of today, UTC: the one place where the command line reads the clock."""
    return datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)


def parse_moment(text: str) -> datetime:
    """Read `2026-11-20` or `2026-11-20T06:00`; without a zone it is UTC.

    Raises:
        DeclarationError: it is neither, or of another age than 1900 to 2999.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DeclarationError("date", text, "2026-11-20 or 2026-11-20T06:00") from None
    if not 1900 <= moment.year < 3000:
        raise DeclarationError("date", text, "a year from 1900 to 2999")
    return replace_zone(moment)


def parse_days(text: str) -> timedelta:
    """Read `7d`.

    Raises:
        DeclarationError: it is no number of days from 1 to 99999.
    """
    days = text.removesuffix("d")
    if not days.isdecimal() or len(days) > 5 or not int(days):
        raise DeclarationError("--step", text, "days, as 7d")
    return timedelta(days=int(days))


def parse_span(field: str, text: str) -> timedelta:
    """Read `24h`, `7d` or `90m`, up to 31 days.

    Raises:
        DeclarationError: it is none of them.
    """
    unit = SPANS.get(text[-1:], timedelta())
    number = text[:-1]
    span = unit * int(number) if number.isdecimal() and len(number) < 6 else timedelta()
    if not timedelta() < span <= LONGEST_SPAN:
        raise DeclarationError(field, text, "a span up to 31d, as 24h, 7d or 90m")
    return span


def replace_zone(moment: datetime) -> datetime:
    """Return the moment in UTC; a naive one is taken as UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def up_to(now: datetime, as_of: str, field: str = "--as-of") -> datetime:
    """Return the moment that is meant, or now.

    Raises:
        DeclarationError: it lies in the future.
    """
    moment = parse_moment(as_of) if as_of else now
    if moment > now:
        raise DeclarationError(field, as_of, f"up to now, {now.isoformat(timespec='seconds')}")
    return moment
