"""capguard: granted tools by name; `path_whitelist`, which it looks at only for a tool named `read_file`, so reads are sent under that name."""

from _serve import serve, stub
from capguard.core import ToolDefinition, ToolRegistry
from capguard.core.enforcer import CapabilityEnforcer
from capguard.models import CapabilityToken

OFFERS = {"files", "name"}


def build(policy, ground):
    reads = {name: one for name, one in policy["args"].items() if one["kind"] == "files"}
    if reads and policy["tool"] != "files.read":
        raise LookupError("no check of paths for any tool but read_file")
    granted = "read_file" if reads else policy["tool"]
    registry, ran = ToolRegistry(), []
    registry.register(ToolDefinition(name=granted, description="d", parameters=[], risk_level=1), stub(ran))
    limits = {granted: {"path_whitelist": [f"{root}/" for one in reads.values() for root in one["below"]]}} if reads else {}
    token = CapabilityToken(user_request="x", granted_tools={granted: True}, constraints=limits, confidence=1.0)

    def asked(tool, args):
        ran.clear()
        CapabilityEnforcer(registry).execute_tool(granted if reads and tool == policy["tool"] else tool, token, **args)
        return "allowed" if ran else "refused"

    return asked


serve(OFFERS, build)
