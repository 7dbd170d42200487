"""Told: what a caller is told about a work that the store refused."""

from __future__ import annotations

from typing import Final

from gate.errors import AlreadyUsed, Denied, Exhausted, GateError, Unavailable, Void
from gate.store import RAN_BEFORE, Burned, Late, Short
from gate.store.questions import Barred, DeniedBefore, NotCounted


def denied(error: Exception) -> Exception:
    """What a caller sees."""
    if isinstance(error, Short):
        reasons = [f"{_in_words(key)}{_held(key, error)}" for key in error.keys]
        denied = Exhausted(*reasons, remedy="ask for a capability with a larger budget")
        denied.keys = error.keys
        return denied
    if isinstance(error, Burned):
        return AlreadyUsed(
            str(error), remedy="make it again under another id" if str(error) == RAN_BEFORE else "every approval is good for one call, once"
        )
    if isinstance(error, Late):
        return Denied(str(error), remedy="ask again; an approval is good for a few minutes")
    if isinstance(error, NotCounted):
        return Void(str(error))
    if isinstance(error, Barred):
        return Denied(str(error), remedy="ask again")
    if isinstance(error, (GateError, DeniedBefore)):
        return error
    return Unavailable(f"the ledger failed: {error}")


def _in_words(key: str) -> str:
    """What a budget that has nothing left limited; the keys are made by `gate.charges`."""
    scope, _, rest = key.partition("/")[2].partition("/")
    name, rest = (scope.removeprefix("tool:").replace("%", "/"), rest) if scope.startswith("tool:") else ("", f"{scope}/{rest}")
    sort, _, tail = rest.partition("/")
    tool = f" for {name}" if name else ""
    if sort == "quota" and len(parts := tail.split("/")) == 4:
        unit, seconds, whose, _ = parts
        by = f" for this '{whose.partition('=')[0]}'" if "=" in whose else ""
        return f"too little is left of the {unit} per {seconds} s that the capability allows{tool}{by} (budget '{key}')"
    if words := _SORTS.get(sort):
        return f"nothing is left of the {words}{tail if sort == 'cost' else ''} that the capability allows{tool} (budget '{key}')"
    return f"nothing is left of the budget '{key}'"


_SORTS: Final = {"calls": "calls", "wall": "tool time", "rate": "calls for now", "cost": "cost in "}


def _held(key: str, short: Short) -> str:
    return "; what is not spent is held by another process" if key in short.held else ""
