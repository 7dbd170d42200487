"""Scopes: what a yes may cover, the narrowest first.

0   exactly this call, once
1   exactly these arguments, a few times in this session, for a short time; not at critical risk
2…  one argument wider, or each that can be; only at low and medium risk, and never beyond the capability's own grant

An argument is wider only by a constraint that the type of its grant names itself (`Constraint.around`: the file's own folder, the same host,
at most this amount), that admits the value, and that the grant provably contains (`Constraint.subsumes`).  Where a type cannot prove that for
the value alone, such as a path that may become a link, the value is intersected with the grant, so that both are looked at again.  Texts are
equal or are not; nothing compares beginnings.  A command with more than one part stays as it is.

What a scope admits is asked again of every later call, by `refusals`: the same tool, agent, session, task, capability and rules, no argument
that was not shown, no more risk, effects or techniques than were shown, no rule that did not ask then: a folder of harmless files may hold one
that is not.  The capability is decided on as for any call; a scope adds nothing to it.

>>> from gate.capability import Grant
>>> from gate.constraint import Range
>>> [words for words, _ in wider(Grant.of("pay", {"eur": Range(max=100), "to": ["ann", "bob"]}), {"eur": 5, "to": "ann"}, frozenset())]
['eur is at least 0 and at most 5, everything else is as shown']
>>> limits(5, 1800)
'up to 5 times in this session, within 30 minutes'
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from gate.ask import ONCE, Scope
from gate.constraint import AllOf, Check, Constraint, Exact, OneOf, Wildcard, parse, unknown_types
from gate.constraints.value import is_array, is_object
from gate.effect import Risk
from gate.frozen import Frozen
from gate.shown import visible

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.call import Call
    from gate.capability import Capability, Grant
    from gate.decide import Ask

USES: Final = 5
SECONDS: Final = 1800.0
MOST_SCOPES: Final = 6
MOST_BYTES: Final = 16_384
"""Of the canonical call: a larger one is written down once, in the question, and can be approved once."""

_EXACT: Final = "exactly these arguments"
Pattern: TypeAlias = "Mapping[str, Constraint]"
"""Every argument of a call by name, each with what it may be."""


def scopes(call: Call, capability: Capability | None, decision: Ask) -> tuple[Scope, ...]:
    """What a yes to this call may cover. Never raises: what cannot be proved is not offered."""
    grant = capability.grants.get(call.tool) if capability else None
    risk = max(decision.risk, call.assessment.risk)
    if grant is None or risk >= Risk.CRITICAL or not call.acting.session or not grant.covers(call.arguments, call.defaulted):
        return (ONCE,)
    try:
        return (ONCE, *_lasting(call, grant, wide=risk <= Risk.MEDIUM and decision.quorum == 1))
    except Exception:  # a constraint that breaks its promises is one about which nothing more is known
        return (ONCE,)


def _lasting(call: Call, grant: Grant, *, wide: bool) -> Iterator[Scope]:
    if len(call.canonical()) > MOST_BYTES:
        return
    patterns = [(_EXACT, _exact(grant, call.arguments)), *(wider(grant, call.arguments, call.defaulted) if wide else ())]
    for words, pattern in patterns[: MOST_SCOPES - 1]:
        arguments = {name: constraint.to_json() for name, constraint in pattern.items()}
        if admits(arguments, call.arguments):
            yield Scope(f"{words}, {limits(USES, SECONDS)}", arguments, USES, SECONDS)


def wider(grant: Grant, arguments: Mapping[str, Frozen], defaulted: frozenset[str]) -> list[tuple[str, Pattern]]:
    """Patterns around the arguments of a call that the grant covers, each with its words: every argument alone, then all that can be."""
    exact = _exact(grant, arguments)
    around = {name: found for name, value in arguments.items() if name not in defaulted and (found := _around(grant, name, value))}
    made = [_named(exact, {name: constraint}) for name, found in around.items() for constraint in found]
    return [*made, _named(exact, {name: found[0] for name, found in around.items()})] if len(around) > 1 else made


def _named(exact: Pattern, changed: Pattern) -> tuple[str, Pattern]:
    words = [f"{_name(name)} is {visible(constraint.words())}" for name, constraint in changed.items()]
    rest = [] if len(changed) == len(exact) else ["everything else is as shown"]
    return ", ".join([*words, *rest]), {**exact, **changed}


def _name(name: str) -> str:
    """An argument's name; one that could be read as words of the sentence is quoted."""
    return name if name.isidentifier() and name.isascii() else visible(json.dumps(name, ensure_ascii=False))


def _exact(grant: Grant, arguments: Mapping[str, Frozen]) -> dict[str, Constraint]:
    """These values and no others, within the grant."""
    return {name: _within(_granted(grant, name), literal(value)) for name, value in arguments.items()}


def literal(value: Frozen) -> Constraint:
    """The constraint that admits this value only."""
    return Exact(value) if value is None or isinstance(value, (bool, int, float, str)) else OneOf([value])


def _within(parent: Constraint | None, child: Constraint) -> Constraint:
    """The child, where the parent provably contains it, else both together."""
    return child if parent is None or parent.subsumes(child) else AllOf([child, parent])


def _around(grant: Grant, name: str, value: Frozen) -> list[Constraint]:
    """What the type of the grant's constraint offers around a value, as far as it proves it."""
    parent = _granted(grant, name)
    if parent is None:
        return []
    found = [each for each in parent.around(value) if parent.subsumes(each) and each.check(value) and parse(each.to_json()) == each]
    return [each for each in dict.fromkeys(found) if not isinstance(each, (Exact, OneOf, Wildcard))]


def _granted(grant: Grant, name: str) -> Constraint | None:
    """What the grant says of an argument; None where it says nothing, and the tool's default stands in for it."""
    entry = grant.arguments.get(name) or grant.arguments.get("*")
    return entry.constraint if entry else None


# ---- of a scope that was approved ---------------------------------------------------------------------------------------------------


def compiled(arguments: Mapping[str, object]) -> Callable[[Mapping[str, Frozen]], bool]:
    """A check of whole arguments: all of these names and no other, each as its constraint says. It never raises.

    ValueError for a constraint that is malformed, of a type that nothing here knows, or that constrains nothing.
    """
    checks = {name: _check(name, data) for name, data in arguments.items()}

    def check(given: Mapping[str, Frozen]) -> bool:
        try:
            return given.keys() == checks.keys() and all([admits(given[name]) is True for name, admits in checks.items()])
        except Exception:  # a constraint that breaks its promise not to raise admits nothing
            return False

    return check


def _check(name: str, data: object) -> Check:
    constraint = parse(data)
    if name == "*" or isinstance(constraint, Wildcard) or unknown_types(constraint):
        raise ValueError(f"argument {visible(name)!r} is not bounded by {constraint}")
    return constraint.compile()


def admits(arguments: object, given: Mapping[str, Frozen]) -> bool:
    """Whether a scope's arguments, as JSON, admit those of a call. Never raises; False for whatever cannot be read, and for no scope."""
    if not is_object(arguments):
        return False
    try:
        return compiled(arguments)(given)
    except Exception:  # what cannot be read admits nothing
        return False


def covered(question: Question, scope: Scope) -> dict[str, object]:
    """What a yes to a scope of a question covers, as plain data for the approval: who, which calls, and how grave they may be."""
    return {
        **_circumstances(question),
        "risk": question.risk.word,
        **{name: sorted(said) for name, said in _bounds(question).items()},
        "arguments": dict(scope.arguments or {}),
    }


def refusals(scope: Mapping[str, object], asked: Question) -> tuple[str, ...]:
    """Why what was `covered` does not hold for the call that is asked about now; empty when it does. Never raises.

    How often it was used and how old it is, is for the ledger to say.
    """
    reasons = [f"it is for another {what}" for what, now in _circumstances(asked).items() if scope.get(what) != now]
    tiers = {risk.word: risk for risk in Risk}
    if asked.risk > tiers.get(str(scope.get("risk")), 0):
        reasons.append(f"what was shown was not of {asked.risk.word} risk")
    for what, now in _bounds(asked).items():
        then = scope.get(what)
        more = sorted(now - {str(one) for one in then}) if is_array(then) else [f"{what} were"]
        reasons += [f"{visible(one)} was not among the {what} that were shown" for one in more]
    if not asked.session or not asked.capability:
        reasons.append("without a session and a capability an approval is for one call")
    return tuple(reasons) if admits(scope.get("arguments"), asked.arguments) else (*reasons, "it does not cover these arguments")


def _circumstances(question: Question) -> dict[str, object]:
    """What has to be the same."""
    return {
        "agent": question.agent,
        "chain": list(question.chain),
        "principal": question.principal,
        "session": question.session,
        "task": question.task,
        "capability": question.capability,
        "tool": question.tool,
        "rules": question.rules_version,
        "approvers": list(question.approvers),
        "quorum": question.quorum,
    }


def _bounds(question: Question) -> dict[str, set[str]]:
    """What there may be less of, and not more."""
    return {
        "effects": set(question.effects),
        "techniques": set(question.techniques),
        "asked": set(question.rules),
        "requires": set(question.requires),
    }


def limits(uses: int, seconds: float) -> str:
    """How often and for how long, in words."""
    minutes = seconds / 60
    span = f"{minutes:g} minute{'' if minutes == 1 else 's'}" if minutes >= 1 and minutes == int(minutes) else f"{seconds:g} seconds"
    return f"up to {uses} times in this session, within {span}" if uses > 1 else f"once in this session, within {span}"


def lowered(scope: Scope, uses: int | None = None, seconds: float | None = None) -> Scope:
    """The scope with fewer uses or less time, and a label that says so; ValueError for more than it offers, or for nothing."""
    fewer, sooner = scope.uses if uses is None else uses, scope.seconds if seconds is None else float(seconds)
    if isinstance(fewer, bool) or not 1 <= fewer <= scope.uses or fewer != int(fewer):
        raise ValueError(f"it may be used 1 to {scope.uses} times")
    if not 1 <= sooner <= scope.seconds:
        raise ValueError(f"it may last 1 to {scope.seconds:g} seconds")
    if scope.arguments is None:
        return scope._replace(seconds=sooner)
    words = scope.label.removesuffix(limits(scope.uses, scope.seconds))
    return scope._replace(label=f"{words}{limits(int(fewer), sooner)}", uses=int(fewer), seconds=sooner)
