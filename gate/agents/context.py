"""Context: who acts, as the context object says that a framework hands to every tool: its attributes (or entries) `capability` and `session`.

A tool in which another agent runs hands its context on, so that agent comes with the capability of the whole run.  It acts as the call that it is
inside of all the same, which may have less; only a context with another capability says something new.

>>> from types import SimpleNamespace
>>> run = SimpleNamespace(capability="eyJ…", session="s-1")
>>> who(run)
('eyJ…', 's-1')
>>> with inside(run):
...     who(run), who({"capability": "eyK…"})
((None, 's-1'), ('eyK…', ''))
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from gate.constraints.value import is_object

if TYPE_CHECKING:
    from gate.capability import Capability

_handed_on: Final[ContextVar[object]] = ContextVar("gate_handed_on", default=None)


def who(context: object) -> tuple[Capability | str | None, str]:
    """The capability and the session that a context names; None and "" where it names none."""
    capability, session = _of(context, "capability"), _of(context, "session")
    handed_on = capability is not None and capability == _handed_on.get()
    return None if handed_on else capability, session if isinstance(session, str) else ""


@contextmanager
def inside(context: object) -> Generator[None]:
    """A tool that was called under this context runs inside."""
    token = _handed_on.set(_of(context, "capability"))
    try:
        yield
    finally:
        _handed_on.reset(token)


def _of(context: object, name: str) -> Any:
    return context.get(name) if is_object(context) else getattr(context, name, None)
