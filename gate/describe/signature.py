"""Signature: what a function says about its own parameters and about how it runs."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal, TypeAlias

from gate.describe.parameter import MISSING, Parameter, parameter
from gate.describe.schema import Schema
from gate.effect import Assessment
from gate.errors import ConfigError
from gate.kind import Kind

Flavour: TypeAlias = Literal["plain", "async", "stream", "astream"]
Function: TypeAlias = Callable[..., Any]


def flavour_of(function: Function) -> Flavour:
    """How a function runs, seen from outside; objects are judged by their `__call__`."""
    target = function if inspect.isroutine(function) or not hasattr(function, "__call__") else getattr(type(function), "__call__")  # noqa: B009
    for one in (function, target):
        if inspect.iscoroutinefunction(one):
            return "async"
        if inspect.isasyncgenfunction(one):
            return "astream"
        if inspect.isgeneratorfunction(one):
            return "stream"
    return "plain"


def has_receiver(function: Function) -> bool:
    """True for a function written in a class body, whose first parameter is bound to the instance by Python, not by the agent."""
    outer, _, _ = getattr(function, "__qualname__", "").rpartition(".")
    if not outer or outer.endswith("<locals>") or not inspect.isfunction(function):
        return False
    return next(iter(inspect.signature(function).parameters), "") in ("self", "cls")


def schema_of(
    function: Function,
    *,
    kinds: Mapping[str, Kind] = MappingProxyType({}),
    inject: frozenset[str] = frozenset(),
    assessment: Assessment | None = None,
) -> Schema:
    """The schema of a function's parameters; ConfigError when one of them cannot be described."""
    signature = inspect.signature(function)
    names = list(signature.parameters)[1 if has_receiver(function) else 0 :]
    if unknown := (kinds.keys() | inject) - set(names):
        raise ConfigError(f"there is no argument {', '.join(sorted(unknown))}")
    hints = _hints(function, frozenset(names) - inject)
    _check_injected([signature.parameters[name] for name in names], inject)
    parameters, positional, rest, extra = dict[str, Parameter](), list[str](), "", None
    by_position_only, ahead = list[str](), list[str]()
    for at, name in enumerate(names):
        declared = signature.parameters[name]
        if name in inject:
            continue
        hint = hints.get(name, Any)
        if declared.kind is declared.VAR_KEYWORD:
            extra = parameter(name, hint)
            continue
        if declared.kind is declared.VAR_POSITIONAL:
            rest = name
            parameters[name] = parameter(name, list[hint], [], kinds.get(name))  # type: ignore[valid-type]  # a type made at run time
            continue
        default = MISSING if declared.default is declared.empty else declared.default
        parameters[name] = parameter(name, hint, default, kinds.get(name))
        if declared.kind is not declared.KEYWORD_ONLY:
            positional.append(name)
            ahead += [] if inject.intersection(names[:at]) else [name]
        if declared.kind is declared.POSITIONAL_ONLY:
            by_position_only.append(name)
    return Schema(
        MappingProxyType(parameters),
        positional=tuple(positional),
        ahead=tuple(ahead),
        spread=tuple(positional if rest else by_position_only),
        rest=rest,
        extra=extra,
        assessment=assessment,
    )


def _check_injected(declared: list[inspect.Parameter], inject: frozenset[str]) -> None:
    """ConfigError for an argument that the program cannot supply by name, or in whose place the agent's values would come."""
    spread = any(one.kind is one.VAR_POSITIONAL for one in declared)
    for one in declared:
        if one.name in inject and not (one.kind is one.KEYWORD_ONLY or (one.kind is one.POSITIONAL_OR_KEYWORD and not spread)):
            raise ConfigError(f"argument '{one.name}' cannot be supplied by the program, which does that by name; make it keyword-only")


def _hints(function: Function, wanted: frozenset[str]) -> dict[str, object]:
    """The wanted annotations with their extras, resolved; ConfigError when one names something that cannot be found."""
    target: Any = getattr(function, "func", function)  # functools.partial
    if not inspect.isroutine(target):
        target = getattr(target, "__call__", target)
    written = {name: hint for name, hint in getattr(target, "__annotations__", {}).items() if name in wanted}
    try:
        return typing.get_type_hints(
            SimpleNamespace(__annotations__=written),
            globalns=getattr(inspect.unwrap(target), "__globals__", {}),
            localns=_names_where_defined(),
            include_extras=True,
        )
    except (NameError, TypeError) as error:
        raise ConfigError(f"an annotation of '{getattr(function, '__name__', 'the tool')}' cannot be resolved: {error}") from error


def _names_where_defined() -> dict[str, object]:
    """Local names of the code that registers the tool, for annotations that are text and name a class made there."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("gate."):
        frame = frame.f_back
    return dict(frame.f_locals) if frame is not None else {}
