"""Effect and Risk: what a call would do, and how bad that could get.

An `Assessment` is made by a kind (or declared with `@gate.tool(effects=…)`) from the frozen arguments of one call.  Rules match on it,
the decision's default depends on its risk, and an approver reads its reasons.  Effects are words of a closed list, so that a rule that
names an effect nobody can have is refused when it is loaded.

>>> a = Assessment(frozenset({"reads"}), Risk.LOW, ("reads /data/a.txt",))
>>> b = Assessment(frozenset({"egress"}), Risk.HIGH, ("opens a tunnel",), frozenset({"T1572"}))
>>> join([a, b]).risk.word, sorted(join([a, b]).effects)
('high', ['egress', 'reads'])
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

EFFECTS: Final = frozenset({"reads", "writes", "egress", "executes", "spends", "delegates", "irreversible"})


class Risk(IntEnum):
    """The tier of a call; ordered, so that the worst of several parts is `max`."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """The tier as people write it in rules and read it in reasons."""
        return self.name.lower()


class Assessment(NamedTuple):
    """What one call would do: its effects, its risk tier, why, and the ATT&CK technique ids that fit."""

    effects: frozenset[str]
    risk: Risk
    reasons: tuple[str, ...] = ()
    techniques: frozenset[str] = frozenset()

    @property
    def pure_read(self) -> bool:
        """True when the call changes nothing and sends nothing: the only calls that need not be durable first."""
        return self.effects == _READS


_READS: Final = frozenset({"reads"})
UNDECLARED: Final = Assessment(frozenset(), Risk.MEDIUM, ("nothing is declared about what this tool does",))


def join(parts: Iterable[Assessment]) -> Assessment:
    """The assessment of a call made of several parts: all effects, the worst risk, every reason once."""
    effects: frozenset[str] = frozenset()
    techniques: frozenset[str] = frozenset()
    risk, reasons = Risk.LOW, dict[str, None]()
    for part in parts:
        if not part.effects <= effects:
            effects |= part.effects
        if part.techniques:
            techniques |= part.techniques
        if part.risk > risk:
            risk = part.risk
        for reason in part.reasons:
            reasons[reason] = None
    return Assessment(effects, risk, tuple(reasons), techniques)


def declared(effects: Iterable[str] | str, risk: Risk | str | None = None, techniques: Iterable[str] = ()) -> Assessment:
    """An assessment from words, as `@gate.tool(effects="reads")` takes them; ValueError names a word that is not an effect."""
    words = frozenset([effects] if isinstance(effects, str) else effects)
    if unknown := words - EFFECTS:
        raise ValueError(f"unknown effect {', '.join(sorted(unknown))}; the effects are {', '.join(sorted(EFFECTS))}")
    tier = parse_risk(risk) if risk is not None else (Risk.LOW if words == _READS else Risk.MEDIUM)
    if risk is None and "irreversible" in words:
        tier = Risk.HIGH
    said = ", ".join(sorted(words)) or ("no effects" if risk is None else f"{tier.word} risk")
    return Assessment(words, tier, (f"declared: {said}",), frozenset(techniques))


def parse_risk(value: Risk | str) -> Risk:
    """The tier a word names; ValueError for any other word."""
    if isinstance(value, Risk):
        return value
    try:
        return Risk[value.upper()]
    except KeyError:
        raise ValueError(f"unknown risk {value!r}; the tiers are low, medium, high, critical") from None
