"""Ruling: what the rules say of one call; and Candidates, which find it without looking at every rule.

All calls of one sort (tool, effects, risk, techniques) share one `Candidates`: the rules that may speak about them, those without further
conditions already put together to a ruling.  Of the others, a rule that names exact agents or an exact argument value is found by
that value, so a thousand rules that differ only there cost no more than one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from gate.constraint import identity
from gate.policy.decision import Allow, Durability, Verdict
from gate.policy.judge import TYPES, literals, types_like
from gate.policy.rule import MISSING, Rule, Sight, names_of

if TYPE_CHECKING:
    from gate.call import Call
    from gate.effect import Risk

Default: TypeAlias = "Callable[[Risk], tuple[Verdict, bool]]"
"""What happens to a call of this risk that no rule speaks about, and whether somebody wrote that down."""

Numbered: TypeAlias = "tuple[int, Rule]"
_READS: Final = frozenset({"reads"})
_KEPT: Final = 256
_AGENT: Final = ""


class Ruling:
    """What the rules say of a call. `rules` are those that match and decide; `stated` is False when only a built-in default decides.

    A rule that asks does not when one that allows, and matches too, names it under `spares`.

    `allow` is the decision of a call that its capability covers, made once; None unless the verdict is "allow".  When rules ask, `quorum`
    is the largest, and `approvers` are those whom every rule that names people names; None when none does.
    """

    __slots__ = ("allow", "approvers", "matched", "quorum", "rules", "stated", "verdict")

    def __init__(self, matched: tuple[Rule, ...], sight: Sight, default: Default) -> None:
        self.matched = matched
        counted = _unspared(matched)
        self.verdict, self.stated = _strongest(counted, sight, default)
        self.rules = tuple([rule for rule in counted if rule.verdict == self.verdict])
        self.quorum = max([rule.quorum for rule in self.rules], default=1)
        self.approvers = _approvers(self.rules)
        self.allow = _allow(self, sight) if self.verdict == "allow" else None


class Candidates:
    """The rules that may speak about calls of one sort. `base` is the ruling when none of those with further conditions applies."""

    __slots__ = ("_agents", "_always", "_arguments", "_default", "_made", "_scan", "_sight", "base", "plain")

    def __init__(self, rules: Iterable[Rule], sight: Sight, default: Default) -> None:
        seen = [(number, rule) for number, rule in enumerate(rules) if rule.sees(sight)]
        self._always = [one for one in seen if not one[1].dynamic]
        self._sight, self._default = sight, default
        self._made = dict[tuple[int, ...], Ruling]()
        self._scan, self._agents, self._arguments = _index([one for one in seen if one[1].dynamic])
        self.plain = len(self._always) == len(seen)
        self.base = Ruling(tuple([rule for _, rule in self._always]), sight, default)

    def match(self, call: Call, now: float) -> Ruling:
        """The ruling about this call."""
        found: list[Numbered] = []
        for near in self._near(call) if self._arguments or self._agents else (self._scan,):
            found += [one for one in near if one[1].applies(call, now) and one not in found]
        return self._with(found) if found else self.base

    def _near(self, call: Call) -> list[Sequence[Numbered]]:
        """The rules with further conditions that this call may meet."""
        near: list[Sequence[Numbered]] = [self._scan] if self._scan else []
        if self._agents:
            near += [named for name in names_of(call) if (named := self._agents.get(name))]
        arguments = call.arguments
        for name, by_value, strange, others in self._arguments:
            value = arguments.get(name, MISSING)
            if value is MISSING:
                continue
            if exact := by_value.get(value if isinstance(value, str) else identity(value)):
                near.append(exact)
            if odd := strange.get(type(value), others):
                near.append(odd)
        return near

    def _with(self, found: list[Numbered]) -> Ruling:
        key = tuple([number for number, _ in found])
        made = self._made.get(key)
        if made is None:
            together = sorted([*self._always, *found], key=lambda one: one[0])
            made = Ruling(tuple([rule for _, rule in together]), self._sight, self._default)
            if len(self._made) < _KEPT:
                self._made[key] = made
        return made


_Buckets: TypeAlias = "dict[Hashable, list[Numbered]]"
_ByArgument: TypeAlias = "tuple[str, _Buckets, dict[type, list[Numbered]], list[Numbered]]"
"""An argument, the rules by the value they name, those that cannot compare values of a type, and those for a type nobody has heard of."""


def _index(rules: Sequence[Numbered]) -> tuple[list[Numbered], _Buckets, list[_ByArgument]]:
    """The rules to look at for every call, those to find by agent, and those to find by the value of an argument."""
    scan: list[Numbered] = []
    spread: dict[str, list[tuple[Numbered, frozenset[Hashable]]]] = {}
    crowd = Counter((field, value) for _, rule in rules for field, values in _exact(rule) for value in values)
    for one in rules:
        choices = list(_exact(one[1]))
        if choices:
            field, values = min(choices, key=lambda choice: max(crowd[choice[0], value] for value in choice[1]))
            spread.setdefault(field, []).append((one, values))
        else:
            scan.append(one)
    agents = _buckets(spread.pop(_AGENT, []))
    return scan, agents, [_by_argument(field[1:], found) for field, found in spread.items()]


def _by_argument(name: str, found: list[tuple[Numbered, frozenset[Hashable]]]) -> _ByArgument:
    strict = [one for one, _ in found if one[1].verdict != "allow"]
    known = {one[0]: types_like(literals(one[1].selector.arguments[name].constraint)) for one in strict}
    strange = {kind: [one for one in strict if kind not in known[one[0]]] for kind in TYPES}
    return name, _buckets(found), strange, strict


def _buckets(found: list[tuple[Numbered, frozenset[Hashable]]]) -> _Buckets:
    buckets: _Buckets = {}
    for one, values in found:
        for value in values:
            buckets.setdefault(value, []).append(one)
    return buckets


def _exact(rule: Rule) -> Iterator[tuple[str, frozenset[Hashable]]]:
    """Where the rule names exact values: the agent, or "=" and an argument, with the values."""
    said = rule.selector
    if said.agents and not any("*" in pattern for pattern in said.agents):
        yield _AGENT, frozenset(said.agents)
    for name, entry in said.arguments.items():
        if not entry.optional and (values := literals(entry.constraint)):
            yield f"={name}", frozenset([identity(value) for value in values])


def _unspared(matched: tuple[Rule, ...]) -> tuple[Rule, ...]:
    spared = {other for rule in matched if rule.verdict == "allow" for other in rule.spares}
    return tuple([rule for rule in matched if rule.verdict != "ask" or rule.id not in spared]) if spared else matched


def _strongest(matched: tuple[Rule, ...], sight: Sight, default: Default) -> tuple[Verdict, bool]:
    said = {rule.verdict for rule in matched}
    for verdict in _STRONGEST_FIRST:
        if verdict in said:
            return verdict, True
    return default(sight[2])


def _approvers(rules: tuple[Rule, ...]) -> tuple[str, ...] | None:
    named = [rule.approvers for rule in rules if rule.approvers]
    return tuple([one for one in named[0] if all(one in others for others in named)]) if named else None


_STRONGEST_FIRST: Final[tuple[Verdict, ...]] = ("deny", "ask", "allow")
_STRICTEST_FIRST: Final[tuple[Durability, ...]] = ("durable", "buffered", "off")


def _allow(ruling: Ruling, sight: Sight) -> Allow:
    tool, effects, risk, _ = sight
    reasons = tuple([f"rule '{rule.id}' allows it{f': {rule.reason}' if rule.reason else ''}" for rule in ruling.rules])
    return Allow(
        reasons or (f"{risk.word} risk is allowed by default",),
        tuple([rule.id for rule in ruling.rules]),
        (tool,),
        risk,
        _durability(ruling, effects),
    )


def _durability(ruling: Ruling, effects: frozenset[str]) -> Durability:
    """The strictest that a matching rule asks for; without one, only a pure read may be recorded after its effect."""
    asked = {rule.audit for rule in ruling.rules}
    for durability in _STRICTEST_FIRST:
        if durability in asked:
            return durability
    return "buffered" if effects == _READS else "durable"
