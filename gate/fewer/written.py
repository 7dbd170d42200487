"""Written: one proposed rule as TOML, with examples of calls that it covers and of calls that it must not.

A rule names exact values only.  What was null is an argument that was left out, and has to stay so; a rules file has no null.

>>> sayable({"to": "ann", "cc": None}), sayable({"to": ["ann", None]}), plain("agent-7"), plain("agent-*")
(True, False, True, False)
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from gate.call import Acting, b64url, canonical
from gate.constraints.value import identity, is_array, is_object
from gate.frozen import Frozen, thaw
from gate.policy.catalogue import Catalogue
from gate.propose.toml import call_text, key_text, toml_text, toml_value
from gate.regex import regex
from gate.shown import visible

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.call import Call

MOST_BYTES: Final = 2_000
EXAMPLES: Final = 5
NO: Final = frozenset({"denied", "edited", "withdrawn"})
_NEVER: Final = {"constraint_type": "range", "min": 0, "max": 0, "max_inclusive": False, "optional": True}
"""Admits no value, so that the argument has to be left out."""


class Known(Catalogue, Protocol):
    """What describes calls, and names the arguments of each tool; `gate.policy.catalogue.KindCatalogue` is one."""

    def names(self) -> Mapping[str, frozenset[str] | None]:
        """Tool → its arguments; None where they may have any name."""
        ...


class Line(NamedTuple):
    """Approved cases whose arguments differ in nothing but `name`, "" for in nothing at all."""

    name: str
    cases: tuple[Case, ...]


def plain(agent: str) -> bool:
    """Whether a rule can name an agent and no other."""
    return bool(agent) and "*" not in agent and agent.isprintable() and visible(agent) == agent and len(agent) <= 500


def sayable(arguments: Mapping[str, Frozen]) -> bool:
    """Whether a rules file and its examples can say these arguments exactly: TOML has no null inside a value, and an example no odd names."""
    if len(canonical(thaw(arguments))) > MOST_BYTES or any(not _NAME.fullmatch(name) for name in arguments):
        return False
    return not any(map(_has_null, _given(arguments).values()))


_NAME: Final = regex(r"[^\s=\"'\[\]{},@\\]{1,100}")


def _has_null(value: object) -> bool:
    if is_object(value):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if is_array(value) else value is None


def value_of(case: Case, name: str) -> Hashable:
    """What the values of one argument are compared by."""
    return identity(case.question.arguments.get(name))


class Writer:
    """Writes one rule: of the cases of a line; `every` case there is gives the examples."""

    def __init__(self, line: Line, every: Sequence[Case], known: Known) -> None:
        self.line, self.every, self.known = line, every, known
        self.asked = line.cases[0].question
        self.values = list({value_of(case, line.name): thaw(case.question.arguments.get(line.name)) for case in line.cases}.values())

    def write(self) -> tuple[str, str]:
        """Its id and its text."""
        asked = self.asked
        risk = max(case.question.risk for case in self.line.cases)
        entries = self._entries()
        arguments = ", ".join([f"{key_text(name)} = {toml_value(entry)}" for name, entry in entries.items()])
        left = [name for name, entry in entries.items() if entry is _NEVER]
        said = [
            f"tool = {toml_text(asked.tool)}",
            f"agent = {toml_text(asked.agent)}",
            f"risk = {toml_text(risk.word)}",
            *([f"arguments = {{ {arguments} }}"] if arguments else []),
        ]
        match = list(dict.fromkeys([_example(case) for case in self.line.cases]))[:EXAMPLES]
        note = f"# it matches only where these are left out: {', '.join(map(key_text, left))}\n" if left else ""
        rule = [f"{note}[[rule]]", "", f"allow = {{ {', '.join(said)} }}"]
        rule += [f"spares = {toml_value(list(asked.rules))}"] if asked.rules else []
        rule += [f"reason = {toml_text('people approved it every time they were asked')}"]
        rule += [f"match = [{_listed(match)}]", f"not_match = [{_listed(self._others())}]"]
        name = _slug(asked.tool, rule)
        rule[1] = f"id = {toml_text(name)}"
        return name, "\n".join(rule) + "\n"

    def _entries(self) -> dict[str, object]:
        entries: dict[str, object] = {name: _among([thaw(value)]) for name, value in self.asked.arguments.items() if name != self.line.name}
        if self.line.name:
            entries[self.line.name] = _among(self.values)
        absent = (self.known.names().get(self.asked.tool) or frozenset()) - self.asked.arguments.keys()
        entries |= dict.fromkeys(sorted(absent), _NEVER)
        return dict(sorted(entries.items(), key=lambda one: one[1] is _NEVER))

    def _others(self) -> list[str]:
        """Calls that it must not cover: what was denied, another agent's, near values, other tools."""
        asked, example = self.asked, _example(self.line.cases[0])
        refused = [_example(case) for case in self.every if case.state in NO and case.question.tool == asked.tool and self._describes(case)]
        other = call_text(asked.tool, _given(asked.arguments))
        near = [f"@agent={json.dumps(_another(asked.agent))} {other}", *self._neighbours()]
        tools = [_example(case) for case in self.every if case.question.tool != asked.tool and self._describes(case)]
        found = [*dict.fromkeys(refused)][:EXAMPLES] + near + [*dict.fromkeys(tools)][:1]
        return [text for text in dict.fromkeys(found) if text != example]

    def _describes(self, case: Case) -> bool:
        return sayable(case.question.arguments) and plain(case.question.agent) and again(self.known, case) is not None

    def _neighbours(self) -> Iterator[str]:
        """The first call with one value a little different, for each argument whose kind takes that."""
        arguments = _given(self.asked.arguments)
        for name in arguments:
            taken = {identity(value) for value in self.values} if name == self.line.name else {identity(self.asked.arguments[name])}
            for value in _near(arguments[name]):
                changed = arguments | {name: value}
                made = _described(self.known, self.asked.tool, changed, self.asked.agent)
                if made is not None and identity(made.arguments.get(name)) not in taken:
                    yield f"@agent={json.dumps(self.asked.agent)} {call_text(self.asked.tool, changed)}"
                    break


def _near(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield from (value + 1, value - 1, value * 2)
    elif isinstance(value, str):
        yield from (f"{value}x", f"{value}1", f"{value} x", f"x{value}")
    elif is_array(value):
        yield [*value, *value[:1]]


def _among(values: list[object]) -> object:
    """Exactly these values, as a rules file says it: null is an argument left out, and lists and objects cannot be written short."""
    some = [value for value in values if value is not None]
    if not some:
        return _NEVER
    if len(some) == len(values) and not any(is_array(value) or is_object(value) for value in some):
        return some
    return {"constraint_type": "one_of", "values": some, **({"optional": True} if len(some) < len(values) else {})}


def _given(arguments: Mapping[str, Frozen]) -> dict[str, object]:
    """The arguments as somebody gives them: what is null is left out."""
    return {name: thaw(value) for name, value in arguments.items() if value is not None}


def _example(case: Case) -> str:
    asked = case.question
    return f"@agent={json.dumps(asked.agent, ensure_ascii=False)} {call_text(asked.tool, _given(asked.arguments))}"


def _another(agent: str) -> str:
    return f"{agent}-2" if len(agent) < 400 else "another"


def _listed(texts: list[str]) -> str:
    return "".join([f"\n    {toml_text(text)}," for text in texts]) + ("\n" if texts else "")


def _slug(tool: str, rule: list[str]) -> str:
    """An id of the rule's own: the tool, and eight letters that another rule does not have."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", tool).strip("-._")[:40] or "tool"
    return f"approved-{name}-{b64url(sha256(chr(10).join(rule).encode()).digest())[:8].replace('_', '-')}"


def _described(known: Catalogue, tool: str, arguments: Mapping[str, object], agent: str) -> Call | None:
    try:
        return known.describe(tool, arguments, Acting(agent))
    except Exception:  # whatever it is, it is no call that can be an example
        return None


def again(known: Catalogue, case: Case) -> Call | None:
    """The call of a case, described once more; None where it is not the same any more."""
    asked = case.question
    call = _described(known, asked.tool, _given(asked.arguments), asked.agent)
    return call if call is not None and identity(call.arguments) == identity(asked.arguments) else None
