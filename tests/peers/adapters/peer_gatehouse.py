"""gatehouse-ai: one allow rule with `params`: `pattern` (the careful ones, matched in full), `min` and `max`, `allowed`."""

import json

from _serve import reached, serve
from gatehouse import AuditLog, Gate, PolicyEngine, Registry

OFFERS = {"files", "http", "ports", "paths", "shell", "number", "choice", "name"}


def limit(one):
    """The constraint of one parameter."""
    if one["kind"] == "number":
        return {"min": one["min"], "max": one["max"]}
    return {"allowed": one["values"]} if one["kind"] == "choice" else {"pattern": one["pattern"]}


def build(policy, ground):
    params = {name: limit(one) for name, one in reached(policy, OFFERS).items()}
    rule = {"id": "r", "agents": ["x"], "tools": [policy["tool"]], "disposition": "allow", "params": params}
    agents = {"agents": [{"id": "x", "owner": "me@example.test", "tier": "governed", "allowed_tools": [policy["tool"]]}]}
    gate = Gate(
        Registry.from_file(ground.write(json.dumps(agents))),
        PolicyEngine.from_file(ground.write(json.dumps({"version": 1, "rules": [rule]}))),
        AuditLog(ground.write("", ".jsonl")),
    )
    said = {"allow": "allowed", "allow_with_flag": "allowed", "require_approval": "asked"}
    return lambda tool, args: said.get(gate.evaluate("x", tool, args).disposition.value, "refused")


serve(OFFERS, build)
