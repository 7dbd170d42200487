"""tollgate: a manifest with `params_schema` (patterns are its own: the careful ones), `allowed_url_patterns` for hosts, NetworkGuard's block-list.

Globs for URLs are what its README shows: `https://host/*`, one for each host and scheme. For any public host the guard allows by default and blocks
the well-known spellings of loopback, private and metadata addresses, which is all that a glob can say.
"""

import asyncio
import json

from _serve import reached, serve
from tollgate import AgentContext, ControlTower, Effect, Intent, ToolRequest
from tollgate.approvals import AutoApprover
from tollgate.network_guard import NetworkGuard
from tollgate.policy import YamlPolicyEvaluator
from tollgate.registry import ToolRegistry

OFFERS = {"files", "http", "ports", "paths", "public http", "shell", "number", "choice", "name"}
PRIVATE = "127.* localhost 10.* 192.168.* 172.16.* 172.17.* 172.18.* 172.19.* 172.2?.* 172.30.* 172.31.* 169.254.* 0.0.0.0 [[]::1] *.internal *.local"


def schema(one):
    """The schema of one argument."""
    if one["kind"] in {"files", "shell"}:
        return {"type": "string", "pattern": one["pattern"]}
    if one["kind"] == "number":
        return {"type": "integer", "minimum": one["min"], "maximum": one["max"]}
    return {"enum": one["values"]} if one["kind"] == "choice" else {"type": "string"}


def globs(one):
    """The URL globs of one argument: a port only where it was named."""
    paths = one["paths"] or ["/*"]
    return [f"{scheme}://{host}{path}" for scheme in one["schemes"] for host in one["hosts"] for path in paths]


def guard(args):
    """The global guard, for a policy that speaks of any public host."""
    if not any(one["kind"] == "public http" for one in args.values()):
        return None
    blocked = [f"{scheme}://{host}{end}" for scheme in ("http", "https") for host in PRIVATE.split() for end in ("/*", ":*", "")]
    return NetworkGuard(default="allow", blocklist=[{"pattern": pattern} for pattern in blocked])


def build(policy, ground):
    args = reached(policy, OFFERS)
    tool = {
        "effect": "read",
        "resource_type": "r",
        "params_schema": {"type": "object", "required": sorted(args), "properties": {name: schema(one) for name, one in args.items()}},
    }
    urls = [glob for one in args.values() if one["kind"] == "http" for glob in globs(one)]
    if urls:
        tool["constraints"] = {"allowed_url_patterns": urls}
    registry = ToolRegistry(ground.write(json.dumps({"version": "1", "tools": {policy["tool"]: tool}})))
    rules = {"version": "1", "rules": [{"id": "r", "tool": policy["tool"], "effect": "read", "decision": "ALLOW", "reason": "granted"}]}

    class Sink:
        def emit(self, event):
            """Nowhere."""

    evaluator = YamlPolicyEvaluator(ground.write(json.dumps(rules)))
    tower = ControlTower(evaluator, AutoApprover(), Sink(), registry=registry, network_guard=guard(args))
    loop = asyncio.new_event_loop()

    def asked(tool, args):
        ran = []

        async def run():
            ran.append(tool)

        effect, resource, version = registry.resolve_tool(tool)
        request = ToolRequest(tool, tool, resource, effect or Effect.READ, args, manifest_version=version)
        loop.run_until_complete(tower.execute_async(AgentContext("x", "1", "me"), Intent("a", "r"), request, run))
        return "allowed" if ran else "refused"

    return asked


serve(OFFERS, build)
