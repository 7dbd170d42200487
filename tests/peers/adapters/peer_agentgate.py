"""agentgate-firewall: rules on Read, Write and Bash with a pattern (the careful ones), its network list, `when` for numbers.

Its README shows globs for files, whose `*` crosses `..`; its engine takes `file_regex` as well, which is used. Its list of domains knows no ports
and no paths, and there is no check for private addresses beyond a list of denied domains. Only the policy engine runs, not the proxy.
"""

import json

from _serve import reached, serve
from agentgate.network import evaluate_network
from agentgate.policy import load_policy

OFFERS = {"files", "http", "shell", "number", "choice", "name"}
NAMES = {"shell.run": "Bash", "files.read": "Read", "files.write": "Write"}


def rule(policy):
    """The allow rule of the tool."""
    match, when = {"tool": NAMES.get(policy["tool"], policy["tool"])}, []
    for name, one in reached(policy, OFFERS).items():
        if one["kind"] == "files":
            match["file_regex"] = one["pattern"]
        elif one["kind"] == "shell":
            match["command_regex"] = one["pattern"]
        elif one["kind"] == "number":
            when += [f"event.{name} >= {one['min']}", f"event.{name} <= {one['max']}"]
        elif one["kind"] == "choice":
            when.append(f"event.{name} in {json.dumps(one['values'])}")
    return {"id": "granted", "match": match, "when": " and ".join(when), "action": "allow"}


def build(policy, ground):
    engine = load_policy(ground.write(json.dumps({"version": 1, "default": "deny", "rules": [rule(policy)]})))
    urls = {name: one for name, one in policy["args"].items() if one["kind"] == "http"}
    said = {"allow": "allowed", "log": "allowed", "ask": "asked"}

    def asked(tool, args):
        event = {**args, "tool": NAMES.get(tool, tool), "session_id": "s", "cwd": ground.workspace}
        event["file"] = event["file_path"] = args.get("path", "")
        event["content"] = args.get("text", "x")  # it asks about a Write that has none
        answers = [said.get(engine.evaluate(event)[0].value, "refused")]
        for name, one in urls.items():
            listed = {"allowed_domains": one["hosts"], "require_https": one["schemes"] == ["https"]}
            answers.append(said.get(evaluate_network(args[name], listed, "deny").action, "refused"))
        return next((answer for answer in answers if answer != "allowed"), "allowed")

    return asked


serve(OFFERS, build)
