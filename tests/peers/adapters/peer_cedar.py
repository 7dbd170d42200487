"""cedarpy: a permit with `like` (its only text pattern is `*`) and comparisons, under a schema whose context is closed, so types are checked.

A path is like `/below/*` and not like `*/../*` or `*/..`; a URL is like `https://host/*` for each host; a command is a program or
`program *`, and not like `*;*` and its kind.
"""

import json

import cedarpy
from _serve import reached, serve

OFFERS = {"files", "http", "ports", "paths", "shell", "number", "choice", "unnamed", "name"}
TYPES = {"number": "Long", "argv": "Set<String>"}


def text(value):
    """A Cedar string."""
    return json.dumps(value)


def hosts(one):
    """What a URL may be like."""
    paths = one["paths"] or ["/*"]
    return [f"{scheme}://{host}{path}" for scheme in one["schemes"] for host in one["hosts"] for path in paths]


def condition(name, one):
    """What must hold of one argument."""
    value = f"context.{name}"
    if one["kind"] == "number":
        return f"{value} >= {one['min']} && {value} <= {one['max']}"
    if one["kind"] == "choice":
        return f"[{', '.join(text(known) for known in one['values'])}].contains({value})"
    if one["kind"] == "files":
        below = " || ".join(f"{value} like {text(root)}" for root in (f"{root}/*" for root in one["below"]))
        return f'({below}) && !({value} like "*/../*") && !({value} like "*/..")'
    if one["kind"] == "http":
        return "(" + " || ".join(f"{value} like {text(pattern)}" for pattern in hosts(one)) + ")"
    programs = [" ".join(program) for program in one["programs"]]
    begun = " || ".join(f"{value} == {text(program)} || {value} like {text(program + ' *')}" for program in programs)
    without = " && ".join(f"!({value} like {text('*' + character + '*')})" for character in ";&|`$<>(){}\n\r")
    return f"({begun}) && {without}"


def build(policy, ground):
    args = reached(policy, OFFERS)
    when = " && ".join(condition(name, one) for name, one in args.items()) or "true"
    name = text(policy["tool"])
    rules = f"permit(principal, action == Action::{name}, resource) when {{ {when} }};"
    context = fields(policy["args"])
    schema = f"entity Agent; entity Tool; action {name} appliesTo {{ principal: [Agent], resource: [Tool], context: {{ {context} }} }};"

    def asked(tool, given):
        request = {"principal": 'Agent::"x"', "action": f"Action::{text(tool)}", "resource": 'Tool::"t"', "context": given}
        decision = cedarpy.is_authorized(request, rules, [], schema).decision
        return "allowed" if decision == cedarpy.Decision.Allow else "refused"

    return asked


def fields(args):
    """The closed record of the arguments."""
    return ", ".join(f"{text(name)}: {TYPES.get(one['kind'], 'String')}" for name, one in args.items())


serve(OFFERS, build)
