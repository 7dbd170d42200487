"""invariant-ai: rules that raise where an argument does not match the careful pattern or is out of range. One message per call: no history.

It is a language of what must not happen; a tool nobody wrote a rule for runs, so names are not offered.
"""

from _serve import reached, serve
from invariant.analyzer import LocalPolicy

OFFERS = {"files", "http", "ports", "paths", "shell", "number", "choice"}


def plain(tool):
    """The tool's name without the dots that its rules cannot hold."""
    return tool.replace(".", "_")


def rules(policy):
    """One rule per way to break the policy."""
    for name, one in reached(policy, OFFERS).items():
        head = f'raise "not granted" if:\n    (c: ToolCall)\n    c is tool:{plain(policy["tool"])}\n'
        value = f"c.function.arguments.{name}"
        if one["kind"] == "number":
            yield f"{head}    {value} < {one['min']}\n"
            yield f"{head}    {value} > {one['max']}\n"
        elif one["kind"] == "choice":
            yield f"{head}    not ({value} in {one['values']})\n"
        else:
            yield head + '    not match(r"' + one["pattern"] + f'", {value})\n'


def build(policy, ground):
    made = LocalPolicy.from_string("\n".join(rules(policy)))

    def asked(tool, args):
        call = {"id": "1", "type": "function", "function": {"name": plain(tool), "arguments": args}}
        return "refused" if made.analyze([{"role": "assistant", "content": None, "tool_calls": [call]}]).errors else "allowed"

    return asked


serve(OFFERS, build)
