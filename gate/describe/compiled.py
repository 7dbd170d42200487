"""Compiled: the two functions of a schema that every call goes through, written out for the tool's own parameters.

For `def pay(to: str, amount: int)` they are

    def bind(to=MISSING, amount=MISSING):
        if to is MISSING or amount is MISSING: raise KeyError
        d = {"to": to if type(to) is str and to.isascii() else coerce_0(to), "amount": …}
        return d

    def invoke(function, arguments):
        return function(arguments["to"], arguments["amount"])

so that Python's own argument binding does the work that `inspect.Signature.bind` takes ten times as long for.  They handle what is ordinary;
whatever they raise sends the call down the slow way of `gate.describe.schema`, which decides alone.  The text is made of parameter names, which are
identifiers of the tool's source, and of names chosen here; nothing an agent sends is ever compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gate.describe.parameter import MISSING, Parameter
from gate.frozen import MAX_INT, Frozen

Bind = Callable[..., dict[str, Frozen]]
Invoke = Callable[..., Any]
"""(function, arguments) -> what the function returns"""

_IN_PLACE: Mapping[object, str] = {
    str: "{x} if {m}type({x}) is {m}str and {x}.isascii() else {coerce}({x})",
    int: f"{{x}} if {{m}}type({{x}}) is {{m}}int and {-MAX_INT} <= {{x}} <= {MAX_INT} else {{coerce}}({{x}})",
    float: "{x} if {m}type({x}) is {m}float and {x} - {x} == 0.0 else {coerce}({x})",
    bool: "{x} if {x} is True or {x} is False else {coerce}({x})",
}
_BUILT_IN: Mapping[str, object] = {"type": type, "str": str, "int": int, "float": float, "KeyError": KeyError}  # parameters may be called so, too


def compile_bind(parameters: Mapping[str, Parameter], positional: tuple[str, ...]) -> Bind:
    """The function that binds and coerces the arguments that are given; any exception means: look closer."""
    mark = _mark(parameters)
    scope: dict[str, object] = {f"{mark}M": _Missing(), **{f"{mark}{name}": value for name, value in _BUILT_IN.items()}}
    required, optional = list[str](), list[str]()
    for number, (name, parameter) in enumerate(parameters.items()):
        scope[f"{mark}{number}"] = parameter.coerce
        value = _IN_PLACE.get(parameter.scalar, "{coerce}({x})").format(x=name, m=mark, coerce=f"{mark}{number}")
        if parameter.default is MISSING:
            required.append(f"{name!r}: {value}")
        else:
            optional.append(f" if {name} is not {mark}M: {mark}d[{name!r}] = {value}")
    given = ", ".join(f"{name}={mark}M" for name in positional)
    if named := ", ".join(f"{name}={mark}M" for name in parameters if name not in positional):
        given = f"{given}, *, {named}" if given else f"*, {named}"
    missing = " or ".join(f"{name} is {mark}M" for name, parameter in parameters.items() if parameter.default is MISSING) or "False"
    lines = [f"def {mark}f({given}):", f" if {missing}: raise {mark}KeyError", f" {mark}d = {{{', '.join(required)}}}", *optional, f" return {mark}d"]
    return _compile("\n".join(lines), scope, mark)


def compile_invoke(parameters: Mapping[str, Parameter], positional: tuple[str, ...]) -> Invoke:
    """The function that calls the tool with the values of the frozen arguments."""
    mark = _mark(parameters)
    scope: dict[str, object] = {}
    parts: list[str] = []
    for number, (name, parameter) in enumerate(parameters.items()):
        value = f"{mark}a[{name!r}]"
        if parameter.load:
            scope[f"{mark}{number}"] = parameter.load
            value = f"{mark}{number}({value})"
        parts.append(value if name in positional else f"{name}={value}")
    return _compile(f"def {mark}f({mark}t, {mark}a):\n return {mark}t({', '.join(parts)})", scope, mark)


class _Missing:
    """Stands for an argument that was not given; no caller can have it."""


def _mark(parameters: Mapping[str, Parameter]) -> str:
    """A beginning of names that no parameter has."""
    mark = "_"
    while any(name.startswith(mark) for name in parameters):
        mark += "_"
    return mark


def _compile(text: str, scope: dict[str, object], mark: str) -> Callable[..., Any]:
    made: dict[str, Callable[..., Any]] = {}
    exec(compile(text, "<gate: a tool's parameters>", "exec"), scope, made)  # noqa: S102  # names of the tool's own source, see above
    return made[f"{mark}f"]
