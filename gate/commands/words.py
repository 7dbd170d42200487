"""A capability in words: grants written the way `--tool` takes them, limits, and times.

>>> from gate.capability import Grant
>>> from gate.constraint import Range, optional
>>> tool_words("search", Grant.of("search", {"query": "a b", "site": ["eu", "us"], "limit": optional(Range(max=100))}).arguments)
'search query="a b" site=eu|us limit?=..100'
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gate.capability import NONE
from gate.constraint import Constraint, Entry, Exact, OneOf, Range, Wildcard
from gate.frozen import Frozen, thaw
from gate.shown import visible

if TYPE_CHECKING:
    from gate.limits import Limits

_BARE: Final = re.compile(r"[A-Za-z_./@:+][A-Za-z0-9_./@:+-]*\Z")
_WORDS: Final = frozenset({"true", "false", "null", "NaN", "Infinity"})


def tool_words(tool: str, arguments: Mapping[str, Entry]) -> str:
    """One tool and what each of its arguments may be."""
    if set(arguments) == {"*"} or arguments == NONE:
        return f"{visible(tool)} {'()' if arguments == NONE else '*'}"
    parts = [f"{visible(name)}{'?' if entry.optional else ''}={constraint_words(entry.constraint)}" for name, entry in arguments.items()]
    return " ".join([visible(tool), *parts])


def constraint_words(constraint: Constraint) -> str:
    """A constraint as it is typed; one that has no short form, as JSON."""
    if isinstance(constraint, Wildcard):
        return "*"
    if isinstance(constraint, Exact):
        return value_words(constraint.value)
    if isinstance(constraint, OneOf) and len(constraint.values) > 1 and not any(isinstance(value, (tuple, Mapping)) for value in constraint.values):
        return "|".join([value_words(value) for value in constraint.values])
    if isinstance(constraint, Range) and set(constraint.to_json()) <= {"constraint_type", "min", "max"}:
        low, high = ("" if bound is None else f"{bound:g}" if bound == int(bound) else repr(bound) for bound in (constraint.min, constraint.max))
        if (low or high) and "e" not in low + high:
            return f"{low}..{high}"
    return _json(constraint.to_json())


def limit_words(limits: Limits) -> str:
    """Limits as they are typed, "" when nothing is limited."""
    parts = [f"calls={limits.calls}"] if limits.calls is not None else []
    parts += [f"rate={limits.rate[0]}/{limits.rate[1]}"] if limits.rate else []
    parts += [f"wall={limits.wall:g}"] if limits.wall is not None else []
    parts += [f"cost.{visible(unit)}={total:f}" for unit, total in limits.cost.items()]
    return " ".join([*parts, *(visible(str(quota)) for quota in limits.quota)])


def value_words(value: Frozen) -> str:
    """A value as it is typed: a bare word where that is the same, else JSON."""
    if isinstance(value, str) and _BARE.match(value) and value not in _WORDS and not value.startswith(".."):
        return value
    return _json(thaw(value))


def _json(value: object) -> str:
    """JSON that a person can read: only what they could not see is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join([c if c.isprintable() else json.dumps(c)[1:-1] for c in text])
