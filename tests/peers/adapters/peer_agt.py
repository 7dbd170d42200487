"""agent-governance-toolkit-core: `govern()` with default deny and one allow rule, `EgressPolicy` for hosts and ports.

Its README's own style (allow by default, deny rules) is laxer. Its conditions are a small language of comparisons; it has no text patterns that
a path or a command could be checked with. `EgressPolicy` judges host and port; for any public host it denies the well-known private ranges by glob.
"""

from _serve import reached, serve
from agent_os.egress_policy import EgressPolicy
from agentmesh.governance import govern

OFFERS = {"http", "ports", "public http", "number", "choice", "name"}
PRIVATE = "127.* localhost *.localhost 10.* 192.168.* 169.254.* 0.0.0.0 ::1 *.internal *.local"
USUAL = {"https": 443, "http": 80}


def egress(one):
    """The egress rules of one URL argument."""
    ports = one["ports"] or [USUAL[scheme] for scheme in one["schemes"]]
    if one["kind"] == "http":
        rules = EgressPolicy()
        for host in one["hosts"]:
            rules.add_rule(host, ports)
        return rules
    rules = EgressPolicy("allow")
    for host in [*PRIVATE.split(), *(f"172.{n}.*" for n in range(16, 32))]:
        rules.add_rule(host, ports, action="deny")
    return rules


def conditions(tool, args):
    """What must hold, as the conditions of an allow rule."""
    yield f"action.type == '{tool}'"
    for name, one in args.items():
        if one["kind"] == "number":
            yield f"{name}.value >= {one['min']}"
            yield f"{name}.value <= {one['max']}"
        elif one["kind"] == "choice":
            yield f"{name}.value in {one['values']}"


def build(policy, ground):
    args, ran = reached(policy, OFFERS), []
    urls = {name: egress(one) for name, one in args.items() if "http" in one["kind"]}
    condition = " and ".join(conditions(policy["tool"], args))

    def tool(action, **rest):
        ran.append(rest)

    rule = f'  - name: granted\n    condition: "{condition}"\n    action: allow\n'
    rules = f"apiVersion: governance.toolkit/v1\nname: p\ndefault_action: deny\nrules:\n{rule}"
    governed = govern(tool, policy=rules, audit=False)

    def asked(tool, args):
        ran.clear()
        if not all(rules.check_url(args[name]).allowed for name, rules in urls.items()):
            return "refused"
        governed(action=tool, **args)
        return "allowed" if ran else "refused"

    return asked


serve(OFFERS, build)
