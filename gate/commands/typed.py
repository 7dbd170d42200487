"""Grants as people type them: a tool, and what each of its arguments may be.

    TOOL NAME=CONSTRAINT …        only these arguments, each as its constraint says; NAME?= may be left out
    TOOL *                        any arguments at all
    TOOL ()                       no arguments

    *                             any value
    out/notes.md                  this text; a word that reads as a JSON number, true, false or null is that value
    "two words"                   JSON text, for anything a bare word cannot hold
    GET|HEAD                      one of these
    1..100    1..    ..100        a number from, to
    files.below(out)              what an installed kind offers, as in Python: values, and NAME=VALUE
    {"constraint_type": "range"}  any constraint as it stands in a token

Limits of one tool are typed in the same way: `save calls=10 rate=5/60 wall=30 cost.usd=1.50`.

>>> parse_tool('search query=* limit?=1..100 site=eu|us')[1]["site"]
Entry(constraint=OneOf(values=('eu', 'us')), optional=False)
>>> parse_tool('save')
Traceback (most recent call last):
ValueError: say which arguments 'save' may have: 'save path=out/notes.md text=*', 'save ()' for none, or 'save *' for any arguments at all
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from gate.commands.strict import JSON
from gate.constraint import ANY, Constraint, Entry, OneOf, Range, coerce, parse, show
from gate.constraints.value import is_object

if TYPE_CHECKING:
    from gate.limits import Limits
    from gate.quota import Quota

_TOOL: Final = re.compile(r"[^\s=\"'()]+")
_NAME: Final = re.compile(r"([^\s=?\"'()|]+)(\??)=")
_WORD: Final = re.compile(r"[^\s\"'()|]+")
_ARGUMENT: Final = re.compile(r"[^\s\"'(),=]+")
_KEYWORD: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_CALL: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.([A-Za-z_][A-Za-z0-9_]*)\(")
_NUMBER: Final = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE: Final = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?(?=[\s]|$)")
_RATE: Final = re.compile(r"([0-9]+)/([0-9]+)")


def parse_tools(typed: Iterable[str]) -> dict[str, object]:
    """The tools of a grant; ValueError says what is wrong, and for a tool that is typed twice."""
    tools: dict[str, object] = {}
    for text in typed:
        name, arguments = parse_tool(text)
        if name in tools:
            raise ValueError(f"the tool {show(name)} is typed twice; put all its arguments into one --tool")
        tools[name] = arguments
    return tools


def parse_tool(text: str) -> tuple[str, Mapping[str, Entry] | Constraint | tuple[()]]:
    """One tool and the constraints of its arguments, () where it has none; ValueError says what is wrong."""
    found = _TOOL.match(text.strip())
    if not found:
        raise ValueError(f"{show(text)} does not begin with the name of a tool")
    tool, reader = found[0], _Reader(text.strip(), found.end())
    arguments: dict[str, Entry] = {}
    if reader.rest() in ("*", "()"):
        return tool, ANY if reader.rest() == "*" else ()
    while reader.rest():
        name, optional, constraint = reader.argument()
        if name in arguments:
            raise ValueError(f"the argument {show(name)} is typed twice")
        arguments[name] = Entry(constraint, optional)
    if not arguments:
        some = f"'{tool} path=out/notes.md text=*', '{tool} ()' for none"
        raise ValueError(f"say which arguments {show(tool)} may have: {some}, or '{tool} *' for any arguments at all")
    return tool, arguments


def parse_limits(typed: Iterable[str]) -> dict[str, Limits]:
    """Limits of single tools, "save calls=10 cost.usd=1.50"; ValueError says what is wrong."""
    made: dict[str, Limits] = {}
    for text in typed:
        tool, *parts = text.split()
        if tool in made:
            raise ValueError(f"the limits of {show(tool)} are typed twice")
        made[tool] = _limits(tool, parts)
    return made


def parse_rate(text: str) -> tuple[int, int]:
    """Calls and seconds of "10/60"; ValueError for any other text."""
    found = _RATE.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no rate; write calls/seconds, such as 10/60")
    return int(found[1]), int(found[2])


def parse_costs(typed: Iterable[str]) -> dict[str, str]:
    """Totals by unit of "usd=1.50"; ValueError for any other text."""
    costs: dict[str, str] = {}
    for text in typed:
        unit, separator, total = text.partition("=")
        if not separator or unit in costs:
            raise ValueError(f"'{text}' is no cost; write each unit once, such as usd=1.50")
        costs[unit] = total
    return costs


def parse_quota(text: str) -> Quota:
    """The quota of "quota.EUR=200/2592000/to", the argument left out for all calls together; ValueError for any other text."""
    from gate.quota import Quota

    name, _, value = text.partition("=")
    total, seconds, *by = value.split("/")[:4] if value.count("/") else ("", "")
    if not seconds.isascii() or not seconds.isdigit() or len(by) > 1 or by == [""]:
        raise ValueError(f"{show(text)} is no quota; write quota.UNIT=TOTAL/SECONDS, and /ARGUMENT for one per value, such as quota.EUR=200/86400/to")
    return Quota.of(unit=name.removeprefix("quota."), total=total, seconds=int(seconds), by=by[0] if by else None)


def _limits(tool: str, parts: list[str]) -> Limits:
    from gate.limits import Limits

    given: dict[str, str] = {}
    quotas = [parse_quota(part) for part in parts if part.startswith("quota.")]
    for part in [part for part in parts if not part.startswith("quota.")]:
        name, _, value = part.partition("=")
        if not value or name in given or not (name in ("calls", "rate", "wall") or name.startswith("cost.")):
            forms = "calls=N, rate=N/SECONDS, wall=SECONDS, cost.UNIT=TOTAL and quota.UNIT=TOTAL/SECONDS/ARGUMENT"
            raise ValueError(f"the limits of {show(tool)} are {forms}, each once, not {show(part)}")
        given[name] = value
    if not given and not quotas:
        raise ValueError(f"say what limits {show(tool)}: '{tool} calls=10 rate=5/60 wall=30 cost.usd=1.50'")
    try:
        return Limits.of(
            calls=int(given["calls"]) if "calls" in given else None,
            rate=parse_rate(given["rate"]) if "rate" in given else None,
            wall=float(given["wall"]) if "wall" in given else None,
            cost={name[5:]: total for name, total in given.items() if name.startswith("cost.")},
            quota=quotas,
        )
    except ValueError as error:
        raise ValueError(f"the limits of {show(tool)}: {error}") from None


class _Reader:
    """Reads the arguments of one tool from left to right."""

    def __init__(self, text: str, at: int) -> None:
        self._text, self._at = text, at

    def rest(self) -> str:
        """What is still to be read."""
        return self._text[self._at :].strip()

    def argument(self) -> tuple[str, bool, Constraint]:
        """The next NAME=CONSTRAINT, and whether the argument may be left out."""
        gap = len(self._text[self._at :]) - len(self._text[self._at :].lstrip())
        found = _NAME.match(self._text, self._at + gap)
        if not found or not gap:
            raise ValueError(f"an argument such as path=out/notes.md is expected at {show(self.rest()[:40])}")
        self._at = found.end()
        try:
            return found[1], bool(found[2]), self._constraint()
        except ValueError as error:
            raise ValueError(f"argument {show(found[1])}: {error}") from None

    def _constraint(self) -> Constraint:
        if found := _CALL.match(self._text, self._at):
            self._at = found.end()
            return self._called(found[1], found[2])
        found = _RANGE.match(self._text, self._at)
        if found and found[0] != "..":
            self._at = found.end()
            return Range(min=_number(found[1]), max=_number(found[2]))
        quoted = self._text.startswith('"', self._at)
        values = [self._value(_WORD)]
        while self._take("|"):
            values.append(self._value(_WORD))
        if len(values) > 1:
            return OneOf(values)
        if is_object(values[0]):
            return parse(values[0])
        return ANY if values == ["*"] and not quoted else coerce(values[0])

    def _called(self, module: str, name: str) -> Constraint:
        from gate.commands.kinds import constraint_maker

        make = constraint_maker(module, name)
        args, kwargs = list[object](), dict[str, object]()
        while not self._take(")"):
            if found := _KEYWORD.match(self._text, self._at):
                self._at = found.end()
                kwargs[found[1]] = self._value(_ARGUMENT)
            else:
                args.append(self._value(_ARGUMENT))
            while self._text[self._at : self._at + 1] in (",", " "):
                self._at += 1
        return _made(make, args, kwargs, f"{module}.{name}")

    def _take(self, mark: str) -> bool:
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True

    def _value(self, word: re.Pattern[str]) -> object:
        """A JSON text, list or object, or a bare word."""
        if self._text[self._at : self._at + 1] in ('"', "[", "{"):
            try:
                value, self._at = JSON.raw_decode(self._text, self._at)
            except ValueError as error:
                raise ValueError(f"{show(self._text[self._at : self._at + 40])} is no JSON value: {str(error).split(':')[0].lower()}") from None
            return value
        found = word.match(self._text, self._at)
        if not found:
            raise ValueError(f"a value is expected at {show(self._text[self._at : self._at + 40])}; put what is no plain word in double quotes")
        self._at = found.end()
        return _bare(found[0])


def _made(make: Callable[..., object], args: list[object], kwargs: dict[str, object], name: str) -> Constraint:
    try:
        made = make(*args, **kwargs)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None
    if not isinstance(made, Constraint):
        raise ValueError(f"{name} makes no constraint")
    return made


def _bare(word: str) -> object:
    try:
        value: object = JSON.decode(word)
    except ValueError:
        return word
    return word if isinstance(value, (list, dict)) else value


def _number(text: str | None) -> float | int | None:
    return None if text is None else float(text) if "." in text else int(text)
