"""What the commands share: their common options, opening the gate of a folder, and saying a result to a person or to a program."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from gate.errors import ConfigError
from gate.shown import visible

if TYPE_CHECKING:
    from gate.gate import Gate
    from gate.keys import KeyRing

F = TypeVar("F", bound=Callable[..., object])
_SPAN: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_INPUT: Final = 16 * 1024 * 1024


def json_option(command: F) -> F:
    """`--json`: the result as data."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def home_option(command: F) -> F:
    """`--home`: which gate."""
    return click.option("--home", default=".gate", show_default=True, envvar="GATE_HOME", metavar="DIR", help="The gate's folder.")(command)


def reason_options(command: F) -> F:
    """`--by` and `--reason`, for what is written down about an intervention."""
    command = click.option("--reason", default="", metavar="TEXT", help="Why, for the log.")(command)
    return click.option("--by", default="", metavar="NAME", help="Who does it, for the log; your login name by default.")(command)


def existing(home: str) -> Path:
    """The folder of a gate that is there; ConfigError otherwise, because a new gate would have other keys than the one meant."""
    path = Path(home)
    if not (path / "origin").exists():
        where = "" if path == Path(".gate") else f" {path.parent}" if path.name == ".gate" else ""
        raise ConfigError(f"there is no gate in '{home}'; make one with: gate init{where}, or name its folder with --home")
    return path


def opened(home: str) -> Gate:
    """The gate of a folder that is there."""
    from gate.gate import Gate

    return Gate(existing(home))


def key_ring(home: str) -> KeyRing:
    """The keys of the gate of a folder that is there."""
    from gate.keys import KeyRing

    return KeyRing(existing(home) / "keys")


def put(data: object, lines: Iterable[str], *, as_json: bool) -> None:
    """The result: data for a program, or lines for a person. What others wrote must have gone through `plain` before."""
    if as_json:
        click.echo(json.dumps(data, indent=2))
    else:
        for line in lines:
            click.echo(line)


def plain(text: object) -> str:
    """What others wrote, safe to print: whatever a reader cannot see, or that would steer the terminal, is escaped."""
    return visible(str(text))


def bold(text: str) -> str:
    """Text that stands out, on a terminal."""
    return click.style(text, bold=True)


def dim(text: str) -> str:
    """Text that stands back, on a terminal."""
    return click.style(text, dim=True)


VERDICTS: Final = {"allow": "green", "deny": "red", "ask": "yellow"}


def verdict(word: str, width: int = 0) -> str:
    """A decision in its colour, on a terminal."""
    return click.style(word.ljust(width), fg=VERDICTS.get(word))


def read_text(source: str, what: str) -> str:
    """The text of a file, or of standard input for "-"; ConfigError when there is no such file or it is no text."""
    raw = sys.stdin.buffer.read(_MAX_INPUT + 1) if source == "-" else _bytes(Path(source), what)
    if len(raw) > _MAX_INPUT:
        raise ConfigError(f"{what} '{source}' is larger than {_MAX_INPUT} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{what} '{source}' is no UTF-8 text") from None


def _bytes(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_INPUT + 1)
    except OSError as error:
        raise ConfigError(f"{what} '{path}' cannot be read: {(error.strerror or str(error)).lower()}") from None


def token_text(source: str) -> str:
    """The token that TOKEN means: the text itself, a file that holds it, or "-" for standard input."""
    text = source.strip()
    if text.startswith("{") or (text.count(".") == 2 and not Path(text).exists()):
        return text
    return read_text(source, "the token").strip()


def span(text: str) -> float:
    """The seconds of "90s", "10m", "2h" or "1d"; ValueError for any other text."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no span of time such as 90s, 10m, 2h or 1d")
    return float(found[1]) * _SECONDS[found[2]]


def moment(text: str, now: float, *, before: bool = False) -> float:
    """Seconds since the epoch of an RFC 3339 time, or of a span after (or before) now; ValueError for any other text."""
    if _SPAN.fullmatch(text):
        return now - span(text) if before else now + span(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no time such as 2026-11-24T22:30:00Z and no span such as 10m or 2h") from None
    if parsed.tzinfo is None:
        raise ValueError(f"'{text}' needs an offset, such as {text}Z")
    return parsed.timestamp()


def count(number: int, what: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def login() -> str:
    """The login name of whoever runs the command, as far as it can be told."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
