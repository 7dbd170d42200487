"""Errors on the command line: one line that says what to do, and an exit code."""

from __future__ import annotations

from typing import Final

import click

from gate.errors import ConfigError, GateError, Unavailable
from gate.shown import visible

REFUSED: Final = 1
UNUSABLE: Final = 2


def explain(error: Exception) -> tuple[str, str, int]:
    """Who says it, what it says in one line, and the exit code."""
    if isinstance(error, click.ClickException):
        ctx = error.ctx if isinstance(error, click.UsageError) else None
        path = ctx.command_path if ctx else "gate"
        return path, f"{_line(_lower(error.format_message()))}; see: {path} --help", UNUSABLE
    if isinstance(error, Unavailable):  # on the command line it is about no call
        return "gate", _line("; ".join([*error.reasons, *filter(None, [error.remedy])])), UNUSABLE
    if isinstance(error, GateError):
        return "gate", _line(str(error)), UNUSABLE if isinstance(error, ConfigError) else REFUSED
    if isinstance(error, ValueError):
        return "gate", _line(str(error)), UNUSABLE
    if isinstance(error, OSError):
        place = f"'{error.filename}': " if error.filename else ""
        return "gate", _line(f"{place}{(error.strerror or str(error)).lower()}"), UNUSABLE
    return "gate", _line(f"this is a fault of the gate itself ({type(error).__name__}: {error}); set GATE_TRACEBACK=1 to see where"), UNUSABLE


def _lower(text: str) -> str:
    text = text.rstrip(".")
    return text[:1].lower() + text[1:]


def _line(text: str) -> str:
    return visible(" ".join(text.split("\n")))
