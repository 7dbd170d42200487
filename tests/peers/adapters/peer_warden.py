"""warden-security: `path_args` in a workspace, `url_args` under an egress list with its guard against private addresses, JSON Schema for the rest.

It has no shell tool by design, so commands are not offered. Its egress list names hosts, without ports or paths, and cannot say "any public
host". Its schema subset has no patterns. A path runs as its check rewrote it, and a tool under the name that it was folded to: a look-alike is
the granted tool.
"""

import json

from _serve import reached, resolve, serve
from warden.core.request import Request
from warden.policy.engine import PolicyEngine

OFFERS = {"files", "http", "number", "choice", "unnamed", "name"}


def schema(one):
    if one["kind"] == "number":
        return {"type": "integer", "minimum": one["min"], "maximum": one["max"]}
    if one["kind"] == "choice":
        return {"enum": one["values"]}
    return {"type": "string"} if one["kind"] in {"files", "http"} else {}


def build(policy, ground):
    args = reached(policy, OFFERS)
    tool = {
        "tier": "auto",
        "args_schema": {
            "type": "object",
            "required": sorted(policy["args"]),
            "additionalProperties": False,
            "properties": {name: schema(one) for name, one in policy["args"].items()},
        },
    }
    urls = [name for name, one in args.items() if one["kind"] == "http"]
    paths = [name for name, one in args.items() if one["kind"] == "files"]
    tool |= {"url_args": urls} if urls else {}
    tool |= {"path_args": paths} if paths else {}
    hosts = [host for name in urls for host in args[name]["hosts"]]
    rules = {
        "workspace_root": ground.workspace,
        "tools": {policy["tool"]: tool},
        "egress": {"enabled": bool(urls), "allowed_hosts": hosts},
        "network": {"ssrf": {"enabled": True}},
    }
    engine = PolicyEngine(ground.write(json.dumps(rules)), resolver=resolve)
    said = {"ALLOW": "allowed", "REDACT": "allowed", "ESCALATE": "asked"}

    def asked(tool, args):
        request = Request.normalize(tool, args)
        decision = engine.decide(request)
        answer = said.get(decision.verdict.value.upper(), "refused")
        return {"answer": answer, "tool": request.tool, "args": {**args, **(decision.path_rewrites or {})}}

    return asked


serve(OFFERS, build)
