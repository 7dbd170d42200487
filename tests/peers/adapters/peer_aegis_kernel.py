"""aegis-kernel: tools allowed by name; `prefix` for a path as its README shows, with `forbid_matches` against `..`; `matches` for URLs and commands.

Values are compared as text, so a number is `matches` whole digits and `max_value`. Arguments nobody named are refused, named ones required.
"""

import json

from _serve import serve, stub
from aegis import ToolRegistry, build_kernel, load_policy

OFFERS = {"files", "http", "ports", "paths", "shell", "number", "choice", "unnamed", "name"}


def limit(one):
    """The constraint of one argument."""
    if one["kind"] == "files":
        return {"prefix": one["below"][0] + "/", "forbid_matches": r"(^|/)\.\.(/|$)"}
    if one["kind"] == "number":
        return {"matches": "[1-9][0-9]*", "max_value": one["max"]}
    if one["kind"] == "choice":
        return {"one_of": one["values"]}
    return {"matches": one["pattern"]} if one["kind"] in OFFERS else {"max_len": 1_000_000}


def build(policy, ground):
    tool = {
        "name": policy["tool"],
        "args": {name: limit(one) for name, one in policy["args"].items()},
        "require_args": sorted(policy["args"]),
        "deny_extra_args": True,
    }
    budget = {"usd": 100000, "tokens": 100000000, "wall_clock_s": 100000, "tool_calls": 100000000}
    rules = {"name": "p", "version": 1, "effects": ["compute"], "budget": budget, "tools": {"allow": [tool]}}
    registry, ran = ToolRegistry(), []
    registry.tool(policy["tool"], effects={"compute"}, classification="public")(stub(ran))
    kernel, root = build_kernel(load_policy(ground.write(json.dumps(rules))), registry)

    def asked(tool, args):
        ran.clear()
        kernel.invoke(root, tool, **args)
        return "allowed" if ran else "refused"

    return asked


serve(OFFERS, build)
