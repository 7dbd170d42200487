r"""Lint: what is written correctly in a rules file and still cannot be meant. Nothing here changes a decision.

- never-matches: no call can meet the conditions of a rule, because no tool has that name or argument, or no value satisfies the constraint;
- never-excepts: `unless` names an argument that no tool has;
- never-decides: a stronger rule speaks about every call that this one does;
- unreachable-tool: a name that no tool has, or a tool that nobody is granted and no rule names;
- nobody-can-approve: two rules that ask, which no person may answer both; a call that meets both is denied;
- allows-every-risk: a rule that lets every tool run at every risk without a person;
- no-examples: a rule that nothing tests.

>>> from gate.rules import parse
>>> rules = parse('[[rule]]\nid = "typo"\ndeny = { tool = "shel.run" }')
>>> for finding in lint(rules, {"shell.run": {"command"}}): print(finding)
gate.toml:2: rule 'typo': no tool is called 'shel.run'; did you mean 'shell.run'? (never-matches)
gate.toml:2: rule 'typo': it has no examples (no-examples)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from gate.constraint import AllOf, AnyOf, Constraint, Contains, Range, Subset, identity, show, show_some
from gate.effect import Risk
from gate.policy.judge import literals
from gate.policy.rule import Rule, Selector, any_of, glob

if TYPE_CHECKING:
    from gate.capability import Grant
    from gate.rules import Rules

Problem: TypeAlias = Literal[
    "never-matches", "never-excepts", "never-decides", "unreachable-tool", "nobody-can-approve", "allows-every-risk", "no-examples"
]
Tools: TypeAlias = "Mapping[str, Collection[str] | None]"
"""Tool → the names of its arguments, or None when they are not known."""

_STRENGTH: Final = {"allow": 0, "ask": 1, "deny": 2}


class Finding(NamedTuple):
    """One thing that is probably a mistake. `rule` and `line` are empty for one that is about no rule."""

    problem: Problem
    text: str
    rule: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: rule '{self.rule}': " if self.rule else ""
        return f"{place}{self.text} ({self.problem})"


def lint(rules: Rules, tools: Tools, grants: Iterable[Grant] = (), *, whole: bool = True) -> list[Finding]:
    """What is probably a mistake, in the order of the file. tools: those that exist; grants: those of the capabilities in use, if known.

    whole=False: there are more tools than these, so of the names that none of them has only those are reported that look mistyped.
    """
    granted = {grant.tool for grant in grants}
    known: Tools = dict.fromkeys(granted) | dict(tools)
    found = list(_about_tools(rules, tools, granted))
    for rule in rules.rules:
        found += [Finding(problem, text, rule.id, rules.file, rule.line) for problem, text in _about(rule, rules.rules, known, whole=whole)]
    return found


def _about(rule: Rule, rules: tuple[Rule, ...], tools: Tools, *, whole: bool) -> Iterator[tuple[Problem, str]]:
    yield from _names(rule, tools, whole=whole)
    for name, entry in rule.selector.arguments.items():
        if _impossible(entry.constraint) and not (entry.optional and rule.verdict == "allow"):  # which says that it must be left out
            yield "never-matches", f"no value of argument {show(name)} is {entry.constraint}"
    for other in rules:
        if (
            _STRENGTH[other.verdict] > _STRENGTH[rule.verdict]
            and other.id not in rule.spares
            and _covers(other.selector, rule.selector, weaker_asks=rule.verdict == "ask")
        ):
            yield "never-decides", f"rule '{other.id}', which is stronger, matches every call that it does"
    for other in rules[: rules.index(rule)]:
        if _disjoint(other, rule) and _meet(other, rule, tools):
            yield "nobody-can-approve", f"a call that rule '{other.id}' matches too is denied, because too few people may answer both"
    if rule.verdict == "allow" and rule.selector.risk is None and _everywhere(rule.selector):
        yield "allows-every-risk", "it lets every tool run without a person, at critical risk too; add risk, or name the tools"
    if not (rule.match or rule.not_match):
        yield "no-examples", "it has no examples"


def _names(rule: Rule, tools: Tools, *, whole: bool) -> Iterator[tuple[Problem, str]]:
    """Tools and arguments that are not there."""
    said = rule.selector
    missing = [pattern for pattern in said.tools if not any(map(glob(pattern), tools)) and (whole or _mistyped(pattern, tools))] if tools else []
    problem: Problem = "never-matches" if len(missing) == len(said.tools) else "unreachable-tool"
    for pattern in missing:
        yield problem, f"no tool is called {show(pattern)}{_near(pattern, tools)}"
    of = "no tool" if not said.tools else f"no {show_some(said.tools)}"
    reached = [names for tool, names in tools.items() if any_of(said.tools)(tool)]
    for name, entry in [*said.arguments.items(), *said.unless.items()]:
        if not reached or any(names is None or name in names for names in reached):
            continue
        if not (whole or (said.tools and all(tool in tools for tool in said.tools))):
            continue  # a tool that is not among these may have it
        if name in said.unless:
            yield "never-excepts", f"{of} has an argument {show(name)}, so 'unless' never holds"
        elif not (entry.optional and rule.verdict == "allow"):
            yield "never-matches", f"{of} has an argument {show(name)}"


def _about_tools(rules: Rules, tools: Tools, granted: set[str]) -> Iterator[Finding]:
    for tool in sorted(granted - tools.keys()) if tools else ():
        yield Finding("unreachable-tool", f"a capability grants {show(tool)}, and no tool has that name{_near(tool, tools)}")
    named = any_of(tuple([pattern for rule in rules.rules for pattern in rule.selector.tools]) or ("",))
    for tool in sorted(tools.keys() - granted) if granted else ():
        if not named(tool):
            yield Finding("unreachable-tool", f"no capability grants the tool {show(tool)}, and no rule names it")


def _mistyped(pattern: str, tools: Tools) -> bool:
    """Whether a name that no known tool has is nearly one of theirs, or claims to be of the same family, such as `files.`."""
    family = f"{pattern.rpartition('.')[0]}."
    return bool(get_close_matches(pattern, list(tools), 1, 0.85)) or (len(family) > 1 and any(tool.startswith(family) for tool in tools))


def _near(name: str, tools: Iterable[str]) -> str:
    near = get_close_matches(name, list(tools), 1)
    return f"; did you mean {show(near[0])}?" if near else ""


def _everywhere(said: Selector) -> bool:
    return not (said.agents or said.effects or said.techniques or said.arguments or said.hours) and (not said.tools or "*" in said.tools)


def _disjoint(one: Rule, other: Rule) -> bool:
    """Whether fewer people than needed may answer both."""
    if one.verdict != "ask" or other.verdict != "ask" or not (one.approvers or other.approvers):
        return False
    both = [name for name in one.approvers or other.approvers if name in (other.approvers or one.approvers)]
    return len(both) < max(one.quorum, other.quorum) and not any(name.startswith("@") for name in both)


def _meet(one: Rule, other: Rule, tools: Tools) -> bool:
    """Whether there is a tool that both rules speak about."""
    mine, theirs = any_of(one.selector.tools), any_of(other.selector.tools)
    return any(mine(tool) and theirs(tool) for tool in tools) or not (one.selector.tools and other.selector.tools)


def _covers(strong: Selector, weak: Selector, *, weaker_asks: bool) -> bool:
    """True only if every call that `weak` selects is one that `strong`, of a rule that denies or asks, selects."""
    return (
        _patterns_within(weak.tools, strong.tools)
        and _patterns_within(weak.agents, strong.agents)
        and (not strong.effects or (bool(weak.effects) and set(weak.effects) <= set(strong.effects)))
        and (strong.risk in (None, Risk.LOW) or (weaker_asks and weak.risk is not None and weak.risk >= strong.risk))
        and (not strong.techniques or (bool(weak.techniques) and all(_technique_within(one, strong.techniques) for one in weak.techniques)))
        and all(not entry.optional and weak.arguments.get(name) == entry for name, entry in strong.arguments.items())
        and (not strong.unless or strong.unless == weak.unless)
        and (strong.hours is None or (weak.hours is not None and weak.hours.text == strong.hours.text))
    )


def _patterns_within(weak: tuple[str, ...], strong: tuple[str, ...]) -> bool:
    """Whether every text that a weak pattern stands for is one of a strong pattern; a `*` in the weak one can only be met by a `*`."""
    return not strong or "*" in strong or (bool(weak) and all(any(glob(wide)(one) for wide in strong) for one in weak))


def _technique_within(one: str, techniques: tuple[str, ...]) -> bool:
    return any(one == wide or one.startswith(f"{wide}.") for wide in techniques)


def _impossible(constraint: Constraint) -> bool:
    """True only if the constraint admits no value at all."""
    if isinstance(constraint, Range):
        return constraint.min is not None and constraint.min == constraint.max and not (constraint.min_inclusive and constraint.max_inclusive)
    if isinstance(constraint, AnyOf):
        return all(map(_impossible, constraint.constraints))
    if not isinstance(constraint, AllOf):
        return False
    parts = constraint.constraints
    values = next((literals(part) for part in parts if literals(part)), None)
    if values is not None:
        return not any(constraint.check(value) for value in values)
    return any(map(_impossible, parts)) or any(_exclusive(*pair) or _exclusive(*pair[::-1]) for pair in combinations(parts, 2))


def _exclusive(one: Constraint, other: Constraint) -> bool:
    """Whether two constraints plainly admit no common value."""
    if isinstance(one, Range) and isinstance(other, Range):
        return one.max is not None and other.min is not None and one.max < other.min
    if isinstance(one, Range):
        return isinstance(other, (Contains, Subset))
    if isinstance(one, Contains) and isinstance(other, Subset):
        return not {identity(value) for value in one.required} <= {identity(value) for value in other.allowed}
    return False
