"""example: the smallest complete kind. Copy this file, and tests/capabilities/test_example.py, to add one (docs/how-to/add-a-kind.md).

    ticket.comment  ticket="ops-42"  text="…"        →  ticket is "OPS-42"

>>> TICKET.parse("ops-42")
'OPS-42'
>>> project("OPS").check("OPS-42"), project("OPS").check("HR-1")
(True, False)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Self, TypeAlias

from gate.constraint import Check, Constraint, Exact, members, register, show
from gate.effect import Assessment, Risk
from gate.frozen import Frozen
from gate.kind import KindTool

_FORM: Final = re.compile(r"([A-Z]{2,10})-([1-9][0-9]{0,8})")


class TicketKind:
    """The name of a ticket. `parse` gives the one value that is checked, shown, digested and run; `assess` what a call would do."""

    name = "ticket"

    def parse(self, value: object) -> str:
        """The name in upper case; ValueError, and never anything else, for what is no such name."""
        if not isinstance(value, str) or len(value) > 20 or not _FORM.fullmatch(value.upper()):
            raise ValueError(f"{show(value) if isinstance(value, str) else 'this'} is no ticket such as 'OPS-42'")
        return value.upper()

    def assess(self, value: object) -> Assessment:
        """What a call with this ticket would do: its effects, its risk, and why."""
        return Assessment(frozenset(["writes"]), Risk.MEDIUM, (f"changes the ticket {value if isinstance(value, str) else ''}"[:60],))


@register
@dataclass(frozen=True, slots=True, eq=False)
class Project(Constraint):
    """Tickets of one project."""

    type: ClassVar[str] = "example_project"
    project: str

    def compile(self) -> Check:
        """A fast check of frozen values; it never raises."""
        return lambda value: isinstance(value, str) and _FORM.fullmatch(value) is not None and value.startswith(f"{self.project}-")

    def explain(self, value: Frozen) -> str:
        """Why a value is not admitted."""
        return f"{show(value) if isinstance(value, str) else 'this'} is no ticket of {self.project}"

    def subsumes(self, other: Constraint) -> bool:
        """True only when every value that `other` admits is admitted here."""
        return self == other or (isinstance(other, Exact) and self.check(other.value))

    def to_json(self) -> dict[str, object]:
        """The constraint on the wire."""
        return {"constraint_type": self.type, "project": self.project}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """The constraint of its wire form; ValueError for what is missing, unknown or malformed."""
        (name,) = members(data, cls.type, ("project",))
        if not isinstance(name, str) or not re.fullmatch("[A-Z]{2,10}", name):
            raise ValueError("'project' must be 2 to 10 capital letters")
        return cls(name)


TICKET: Final = TicketKind()
Ticket: TypeAlias = Annotated[str, TICKET]
project: Final = Project
TOOLS: Final[dict[str, KindTool]] = {"ticket.comment": KindTool("ticket.comment", {"ticket": TICKET})}
