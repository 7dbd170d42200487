"""aegisguard: `@guard(file_read=…)`, `@guard(network=…)`, `@guard(shell=…)` as in its README.

Its checks look at parameters named `path`, `url` and `cmd`, so the stub's parameter is named like that. Sub-commands cannot be named: a program
that was granted only with one (git status) is left out. Subdomains are written with a leading dot. It has no check for numbers or private addresses.
"""

from _serve import serve
from aegis import Aegis

OFFERS = {"files", "http", "shell"}


def needs(policy):
    """The keyword of the decorator, its value, and the policy's and the stub's name of the argument."""
    for name, one in policy["args"].items():
        if one["kind"] == "files":
            # a tool that writes is guarded by its own capability
            return ("file_write" if "read" not in policy["tool"] and "list" not in policy["tool"] else "file_read"), one["below"][0], name, "path"
        if one["kind"] == "http":
            return "network", [host.removeprefix("*") for host in one["hosts"]], name, "url"
        if one["kind"] == "shell":
            return "shell", [program[0] for program in one["programs"] if len(program) == 1], name, "cmd"
    raise LookupError("no such check")


def build(policy, ground):
    keyword, value, named, stub_named = needs(policy)
    ran = []

    def path_tool(path):
        ran.append(path)

    def url_tool(url):
        ran.append(url)

    def cmd_tool(cmd):
        ran.append(cmd)

    tool = {"path": path_tool, "url": url_tool, "cmd": cmd_tool}[stub_named]
    guarded = Aegis().guard(risk="low", **{keyword: value})(tool)

    def asked(tool, args):
        ran.clear()
        guarded(**{stub_named: args[named]})
        return "allowed" if ran else "refused"

    return asked


serve(OFFERS, build)
