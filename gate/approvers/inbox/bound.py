"""Bound: the binding hash of an AuthZEN request that somebody sends, of exactly the members that `gate.ask.binding` makes.

{"subject": …, "resource": …, "action": …, "context": {"arguments", "capability", "rules", "session", "task"}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gate.ask import hashed
from gate.constraints.value import is_object

if TYPE_CHECKING:
    from collections.abc import Mapping


CONTEXT: Final = ("arguments", "capability", "rules", "session", "task")


def hash_of(data: Mapping[str, object]) -> str:
    """The binding hash of a request: of the members of its context that count, whatever else it holds. "" when it has none."""
    context = data.get("context")
    counts = {name: context[name] for name in CONTEXT if name in context} if is_object(context) else {}
    request = {name: data.get(name) for name in ("subject", "resource", "action")} | {"context": counts}
    try:
        return hashed(request)
    except ValueError:
        return ""
