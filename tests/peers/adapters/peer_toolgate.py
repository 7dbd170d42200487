"""toolgate-io: the policy core's allow rule with `matches` (the careful patterns), `gte` and `lte`, `in`; everything else is denied by default.

Its server, tokens and approvals are not run: they take no part in judging an argument.
"""

from _serve import reached, serve
from toolgate.core.policy import ToolCallContext, decide
from toolgate.core.types import AuthorizationDetail, Policy

OFFERS = {"files", "http", "ports", "paths", "shell", "number", "choice", "name"}


def where(name, one):
    """The conditions of one argument."""
    if one["kind"] == "number":
        return [{"path": name, "op": "gte", "value": one["min"]}, {"path": name, "op": "lte", "value": one["max"]}]
    if one["kind"] == "choice":
        return [{"path": name, "op": "in", "value": one["values"]}]
    return [{"path": name, "op": "matches", "value": one["pattern"]}]


def build(policy, ground):
    match = {"tool": policy["tool"]}
    conditions = [condition for name, one in reached(policy, OFFERS).items() for condition in where(name, one)]
    if conditions:
        match["where"] = conditions
    made = Policy.model_validate(
        {
            "id": "p",
            "tenantId": "t",
            "name": "n",
            "version": 1,
            "createdAt": "2026-01-01T00:00:00Z",
            "rules": [{"effect": "allow", "match": match}],
        }
    )
    details = [AuthorizationDetail.model_validate({"type": "toolgate:tool_call", "upstream": "u", "tools": ["*"]})]
    said = {"allow": "allowed", "require_approval": "asked"}
    return lambda tool, args: said.get(decide(made, ToolCallContext("u", tool, args, 1), details).effect, "refused")


serve(OFFERS, build)
