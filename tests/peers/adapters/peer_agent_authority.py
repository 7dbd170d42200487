"""agent-authority: capabilities `read:file/below` and `use:cpu<=60`, asked for as its README's map of tools does.

A resource is matched by its prefix in whole parts; there is one comparison per capability, so a number has no lower bound. No hosts, no commands.
"""

from _serve import reached, serve
from agent_authority import create_behalf

OFFERS = {"files", "number", "name"}


def build(policy, ground):
    args, tool = reached(policy, OFFERS), policy["tool"]
    can = [f"call:{tool}"]
    for name, one in args.items():
        can += [f"use:{name}<={one['max']}"] if one["kind"] == "number" else [f"read:file{root}" for root in one["below"]]
    mandate = create_behalf().grant(principal="me", agent="x", can=can, expires_in="1h")

    def asked(tool, given):
        mandate.authorize(f"call:{tool}")
        for name, one in args.items():
            mandate.authorize(f"use:{name}={given[name]}" if one["kind"] == "number" else f"read:file{given[name]}")
        return "allowed"

    return asked


serve(OFFERS, build)
