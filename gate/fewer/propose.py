"""Propose: a rule, when people have said yes to the same thing often enough, as text that a person reads and merges by hand.

The same is: one agent, one tool, the same rules that asked, and arguments that differ in at most one name.  A proposal names the values of that
argument that were approved, never a range or a pattern around them, so it covers what was approved and nothing else; but for whom, in which
session and for which task, a rule does not say.  No proposal is made for high or critical risk, where something could not be inspected, where
a passkey or several people were wanted, or where anybody ever said no to a call that it would cover; nor for what a rules file cannot say
exactly, such as an agent only when another one has sent it.

The text is one `[[rule]]` that allows, `spares` the rules that asked, and carries examples: approved calls under `match`, and under `not_match`
what was denied, another agent's call, other values and other tools.  Before it is proposed, the real loader reads it at the end of the file in
force and checks the examples, and every case is put to it once more.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gate.constraints.value import identity
from gate.effect import Risk
from gate.errors import GateError
from gate.fewer.history import was_approved
from gate.fewer.written import NO, Known, Line, Writer, again, plain, sayable, value_of
from gate.policy.rule import Zone, fixed_zone
from gate.rules import parse
from gate.shown import visible

if TYPE_CHECKING:
    from gate.answer import Case

ENOUGH: Final = 5
MOST_VALUES: Final = 20
_BY_PEOPLE: Final = frozenset({"page", "page+passkey", "terminal", "slack", "webhook", "api"})
"""How people answer; a callback is a program, and what is not known is taken for one."""


class Proposal(NamedTuple):
    """One rule. text: TOML to put at the end of the rules file.  approvals: how many it would have spared, by whom, of which agent and tool."""

    id: str
    text: str
    agent: str
    tool: str
    approvals: int
    people: tuple[str, ...]


def propose(
    cases: Iterable[Case], known: Known, *, source: bytes = b"", enough: int = ENOUGH, zone: Callable[[str], Zone] = fixed_zone
) -> list[Proposal]:
    """The rules that these cases speak for, the one that spares most first. source: the rules file in force, of which they become the end.

    Nothing is proposed about a tool that `known` does not know.  RulesError when the file itself cannot be read, also because one of its
    examples is of such a tool.
    """
    every, rules = list(cases), parse(source, catalogue=known, zone=zone)
    asking, names = frozenset([rule.id for rule in rules.rules if rule.verdict == "ask"]), known.names()
    groups: dict[Hashable, list[Case]] = {}
    for case in every:
        groups.setdefault(_same(case), []).append(case)
    found = [
        _proposal(group, [case for case in group if _counts(case, names, asking)], every, enough, (known, source, zone)) for group in groups.values()
    ]
    return sorted([one for one in found if one], key=lambda one: (-one.approvals, one.id))


def _same(case: Case) -> Hashable:
    asked = case.question
    return asked.agent, asked.chain, asked.tool, asked.rules


_World: TypeAlias = "tuple[Known, bytes, Callable[[str], Zone]]"


def _proposal(group: list[Case], counted: list[Case], every: list[Case], enough: int, world: _World) -> Proposal | None:
    if any(case.state in NO or any(answer.verdict in {"deny", "edit"} for answer in case.answers) for case in group):
        return None
    line = _line(counted)
    if len(line.cases) < enough or len({value_of(case, line.name) for case in line.cases}) > MOST_VALUES:
        return None
    asked = line.cases[0].question
    people = tuple(sorted({who for case in line.cases for who in case.approved_by}))
    name, text = Writer(line, every, world[0]).write()
    if not _holds(name, text, line, every, world):
        return None
    head = f"# {len(line.cases)} calls of {asked.agent} to {asked.tool} were approved, and none denied, by: {', '.join(people)}"
    return Proposal(name, f"{visible(head)}\n{text}", asked.agent, asked.tool, len(line.cases), people)


def _counts(case: Case, tools: Mapping[str, frozenset[str] | None], asking: frozenset[str]) -> bool:
    """Whether a case is an approval by people that a rule could stand for."""
    asked = case.question
    if not was_approved(case) or asked.risk >= Risk.HIGH or asked.uninspected or asked.passkey or asked.quorum > 1:
        return False
    if not case.approved_by or any(answer.method not in _BY_PEOPLE for answer in case.answers if answer.verdict == "approve"):
        return False
    names = tools.get(asked.tool)
    if names is None or not names >= asked.arguments.keys() or not asking >= set(asked.rules):
        return False
    return sayable(asked.arguments) and plain(asked.agent) and not asked.chain


def _line(cases: list[Case]) -> Line:
    """The most cases that differ in one argument at most; of as many, those that differ in none."""
    found: dict[tuple[str, Hashable], list[Case]] = {}
    for case in cases:
        arguments = case.question.arguments
        for name in ("", *arguments):
            rest = identity({other: value for other, value in arguments.items() if other != name})
            found.setdefault((name, rest), []).append(case)
    if not found:
        return Line("", ())
    (name, _), most = max(found.items(), key=lambda one: (len(one[1]), not one[0][0]))
    return Line(name, tuple(most))


def _holds(name: str, text: str, line: Line, every: Sequence[Case], world: _World) -> bool:
    """Whether the file with the rule can be read, the rule covers every case of the line, and none that was not approved."""
    known, source, zone = world
    try:
        whole = source.rstrip() + b"\n\n" + text.encode()
        rule = next(rule for rule in parse(whole, catalogue=known, zone=zone).rules if rule.id == name)
    except (GateError, ValueError, StopIteration):
        return False
    inside = {case.question.id for case in line.cases}
    approved = {identity(case.question.arguments) for case in line.cases}
    for case in every:
        asked = case.question
        call = again(known, case)
        if call is None:
            if case.state in NO and asked.tool == line.cases[0].question.tool:
                return False  # what cannot be looked at again may be what it covers
            continue
        covered = rule.matches(call, 0.0)
        if covered is not (asked.id in inside) and (asked.id in inside or case.state in NO or identity(asked.arguments) not in approved):
            return False
    return True
