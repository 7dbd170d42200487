"""Tasks: work that goes on after its request was answered. A task belongs to the capability that started it, and nobody else hears of it.

Legacy servers answer `{"task": {"taskId": …}}`, those with the modern extension `{"resultType": "task", "taskId": …}`.  The call's ticket stays open
until the task has ended, by what `tasks/get`, `tasks/result` or a notification says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_object
from gate.mcp.verdict import Settled

if TYPE_CHECKING:
    from gate.mcp.wire import Id

ENDED: Final = frozenset({"completed", "failed", "cancelled"})
MOST: Final = 1000


@dataclass(slots=True, eq=False)
class Task:
    """One task. key: of the capability that started it; token: its progress token, which lives as long."""

    key: str
    tickets: tuple[object, ...]
    token: Id | None = None


class Tasks:
    """The tasks of one session."""

    def __init__(self) -> None:
        self.known: OrderedDict[str, Task] = OrderedDict()

    def owned(self, ident: object, key: str) -> bool:
        """Whether this capability started it."""
        return isinstance(ident, str) and ident in self.known and self.known[ident].key == key

    def started(self, ident: str, task: Task) -> tuple[Settled, ...]:
        """A call became a task. An id that is known already is nobody's: what is told about it could be about the other."""
        if ident in self.known:
            return tuple([Settled(ticket, "error", None, "the server named two tasks alike") for ticket in task.tickets])
        self.known[ident] = task
        if len(self.known) > MOST:
            return self._settled(self.known.popitem(last=False)[1], "lost", None)
        return ()

    def told(self, ident: object, said: Mapping[str, object]) -> tuple[Settled, ...]:
        """What the server says of a task."""
        task = self.known.get(ident) if isinstance(ident, str) else None
        if task is None or said.get("status") not in ENDED:
            return ()
        return self._settled(task, "ok" if said["status"] == "completed" else "error", said)

    def result(self, ident: str, value: Mapping[str, object]) -> tuple[Settled, ...]:
        """Its result."""
        task = self.known.get(ident)
        return self._settled(task, "ok", value) if task else ()

    def lost(self) -> tuple[Settled, ...]:
        """The server is gone."""
        return tuple([one for task in self.known.values() for one in self._settled(task, "lost", None)])

    def _settled(self, task: Task, how: str, value: object) -> tuple[Settled, ...]:
        tickets, task.tickets = task.tickets, ()
        text = "" if how == "ok" else f"the task ended: {value.get('statusMessage', how) if is_object(value) else how}"
        return tuple([Settled(ticket, how, value, text) for ticket in tickets])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # one of three words


def begun(result: Mapping[str, object]) -> str:
    """The id of the task that a result hands out, "" for none."""
    inner = result.get("task")
    ident = inner.get("taskId") if is_object(inner) else result.get("taskId") if result.get("resultType") == "task" else None
    return ident if isinstance(ident, str) else ""


def asks(said: Mapping[str, object]) -> bool:
    """Whether what a server says, of a task or as a result, has requests of the client in it."""
    inner = said.get("task")
    return "inputRequests" in said or (is_object(inner) and "inputRequests" in inner)
