"""Constraints: what an argument's value may be.

The nine core types of draft-niyikiza-oauth-attenuating-agent-tokens-02, section 3.4, and a registry to which kinds add theirs
(`subpath`, `url`, …).  On the wire a constraint is an object, in Python a class:

| wire | Python | admits |
|---|---|---|
| `{"constraint_type": "exact", "value": 1}` | `Exact(1)` | this value; numbers by value, `true` is not `1` |
| `{"constraint_type": "range", "max": 100}` | `Range(max=100)` | numbers in bounds; `min_inclusive`/`max_inclusive` false exclude the bound |
| `{"constraint_type": "one_of", "values": ["a"]}` | `OneOf(["a"])` | a value of the list |
| `{"constraint_type": "not_one_of", "excluded": ["a"]}` | `NotOneOf(["a"])` | a value that is not in the list |
| `{"constraint_type": "contains", "required": ["a"]}` | `Contains(["a"])` | an array that holds all of these |
| `{"constraint_type": "subset", "allowed": ["a"]}` | `Subset(["a"])` | an array that holds only these |
| `{"constraint_type": "wildcard"}` | `ANY` | anything |
| `{"constraint_type": "all", "constraints": […]}` | `AllOf([…])` | what every clause admits |
| `{"constraint_type": "any", "constraints": […]}` | `AnyOf([…])` | what some clause admits |

>>> parse({"constraint_type": "range", "max": 100}).subsumes(Range(min=1, max=50))
True
>>> limit = Range(max=100)
>>> limit.check(100), limit.check(True), limit.check(float("inf"))
(True, False, False)
>>> limit.explain(500)
'500 is over the maximum 100'

A type that nobody here implements admits nothing.
"""

from gate.constraints.arrays import Contains, Subset
from gate.constraints.base import MAX_DEPTH, Check, Constraint, depth, members
from gate.constraints.logic import AllOf, AnyOf, Unknown, by_parts
from gate.constraints.registry import ANY, Entry, coerce, coerce_entry, optional, parse, parse_entry, register, unknown_types
from gate.constraints.scalars import Exact, NotOneOf, OneOf, Range, Wildcard
from gate.constraints.value import identity, show, show_some

__all__ = [
    "ANY",
    "MAX_DEPTH",
    "AllOf",
    "AnyOf",
    "Check",
    "Constraint",
    "Contains",
    "Entry",
    "Exact",
    "NotOneOf",
    "OneOf",
    "Range",
    "Subset",
    "Unknown",
    "Wildcard",
    "by_parts",
    "coerce",
    "coerce_entry",
    "depth",
    "identity",
    "members",
    "optional",
    "parse",
    "parse_entry",
    "register",
    "show",
    "show_some",
    "unknown_types",
]
