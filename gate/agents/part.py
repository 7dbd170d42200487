"""Part: what a sub-agent has of its caller's capability, the same in every process.

A question is about the capability a call was made under, and so are its budgets.  A part that every process made anew would have its approvals lost
and its budgets filled up again by a restart; so it is kept in the gate's folder, for one parent, session and wording, as long as it is good.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gate.errors import TokenError
from gate.hooks.kept import Kept

if TYPE_CHECKING:
    from gate.capability import Capability
    from gate.gate import Gate


def part(gate: Gate, whole: Capability | str, session: str, said: Mapping[str, Any]) -> Capability:
    """The part of a capability that `said` tells, as `gate.attenuate` takes it. TokenError when it would be wider, or is over."""
    parent = gate.verify(whole)
    about = ["adapter", parent.jti, session, sorted((name, repr(value)) for name, value in said.items())]
    kept = gate.verify(Kept(gate.home.path).once("part", about, lambda: gate.attenuate(parent, **said).presentation))
    if kept.agent != said["agent"] or kept.ancestors[:-1] != parent.ancestors:
        raise TokenError("the part that is kept in the gate's folder is another's")
    return kept
