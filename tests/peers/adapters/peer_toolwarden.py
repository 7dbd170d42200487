"""toolwarden: a normalizer makes typed facts, a policy compares them. The parsing is the user's own, so paths, URLs and commands are not offered;
a number is a fact only when it is a whole one, a choice only when it is text, as its README's example does it.
"""

from _serve import reached, serve
from toolwarden import Allow, Deny, Gate, policy
from toolwarden.facts import FactKey, Unavailable
from toolwarden.normalize import normalizer

OFFERS = {"number", "choice", "name"}


def build(told, ground):
    args, tool = reached(told, OFFERS), told["tool"]
    keys = {name: FactKey(f"arg_{name}") for name in args}
    types = {"number": int, "choice": str}

    def facts(call):
        found = {}
        for name, key in keys.items():
            value = call.args.get(name)
            found[key] = value if type(value) is types[args[name]["kind"]] else Unavailable(key.name, "of another type")
        return found

    read = [normalizer("facts", tools=(tool,), provides=tuple(keys.values()))(facts)] if keys else []

    @policy("granted", tools=(tool,), needs=tuple(keys.values()))
    def granted(found):
        for name, key in keys.items():
            one, value = args[name], found[key]
            if not (value in one["values"] if one["kind"] == "choice" else one["min"] <= value <= one["max"]):
                return Deny(name)
        return Allow()

    gate = Gate(policies=[granted], normalizers=read, tools=(tool,))
    return lambda tool, args: "allowed" if gate.decide(tool=tool, args=args, principal={"agent": "x"}).allowed else "refused"


serve(OFFERS, build)
