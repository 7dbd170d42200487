"""Bound: the AuthZEN request that a question's binding hash covers, so that whoever signs can compute the hash of what they were shown.

{"subject": …, "resource": …, "action": …, "context": {"arguments", "capability", "rules", "session", "task"}}
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gate.call import b64url, canonical
from gate.constraints.value import is_object
from gate.frozen import thaw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.ask import Question

CONTEXT: Final = ("arguments", "capability", "rules", "session", "task")


def bound(question: Question) -> dict[str, dict[str, object]]:
    """Subject, resource, action and context of the call that is asked about: what `gate.ask.binding` made of the call."""
    return {
        "subject": {"type": "agent", "id": question.agent, "principal": question.principal},
        "resource": {"type": "tool", "id": question.tool},
        "action": {"name": "tools/call"},
        "context": {
            "arguments": thaw(question.arguments),
            "capability": question.capability,
            "session": question.session,
            "task": question.task,
            "rules": question.rules_version,
        },
    }


def hash_of(data: Mapping[str, object]) -> str:
    """The binding hash of a request: of the members of its context that count, whatever else it holds. "" when it has none."""
    context = data.get("context")
    counts = {name: context[name] for name in CONTEXT if name in context} if is_object(context) else {}
    request = {name: data.get(name) for name in ("subject", "resource", "action")} | {"context": counts}
    try:
        return b64url(sha256(canonical(request)).digest())
    except ValueError:
        return ""
