"""Tool: what the gate knows of a function, without the function.

The function itself is kept in `gate.run` and only a permit reaches it, so nothing that a wrapped function exposes (its closure, its
attributes, `__wrapped__`) leads back to the bare one.
"""

from __future__ import annotations

import inspect
import re
import typing
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from gate.call import Acting, Call, next_id
from gate.effect import Assessment
from gate.errors import ConfigError
from gate.kind import Kind
from gate.parameter import MISSING, Parameter, parameter
from gate.schema import Schema, shown

Flavour: TypeAlias = Literal["plain", "async", "stream", "astream"]
Function: TypeAlias = Callable[..., Any]
Cost: TypeAlias = Mapping[str, "str | float | Decimal | Callable[[Mapping[str, object]], float | Decimal]"]

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}", re.ASCII)
OUTPUT_LIMIT: Final = 16 * 1024 * 1024
_NO_LABELS: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})
_make_call = tuple.__new__


class Tool:
    """One registered tool: name, schema and the limits of running it.

    timeout: seconds a run may take, None for no limit.  retries: further attempts inside the one permit, only for idempotent tools.
    output_limit, chunk_limit: bytes in total and per chunk of a stream; text and bytes are always measured, other results only when a
    limit is given here (by their size as JSON), because measuring costs as much as sending.  cost: unit → a number, an argument's name, or a function of
    the arguments; it is reserved before the run and replaced by the actual cost afterwards.
    """

    __slots__ = ("__weakref__", "chunk_limit", "cost", "flavour", "inject", "measured", "name", "output_limit", "retries", "schema", "timeout")

    def __init__(
        self,
        name: str,
        schema: Schema,
        flavour: Flavour,
        *,
        timeout: float | None = None,
        retries: int = 0,
        output_limit: int | None = None,
        chunk_limit: int | None = None,
        cost: Cost = MappingProxyType({}),
        inject: frozenset[str] = frozenset(),
    ) -> None:
        self.name = check_name(name)
        self.schema = schema
        self.flavour = flavour
        self.timeout = timeout
        self.retries = retries
        self.measured = output_limit is not None or chunk_limit is not None
        self.output_limit = OUTPUT_LIMIT if output_limit is None else output_limit
        self.chunk_limit = self.output_limit if chunk_limit is None else chunk_limit
        self.cost = cost
        self.inject = inject

    def describe(self, args: tuple[object, ...], kwargs: Mapping[str, object], acting: Acting) -> Call:
        """The call for what was sent; BadCall when it is none."""
        schema = self.schema
        bound = schema.bind(args, kwargs)
        assessment = schema.assessment or schema.assess(bound.arguments)
        fields = (self.name, MappingProxyType(bound.arguments), bound.defaulted, acting, assessment, next_id(), _NO_LABELS)
        return _make_call(Call, fields)  # the tuple as is: a keyword call of a NamedTuple costs three times as much


def check_name(name: str) -> str:
    """The name, if it is one that cannot be mistaken for another; ConfigError names what is wrong with it."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(f"{shown(name)} is no tool name{_odd(name)}; use ASCII letters, digits and _ . : / -, at most 128")
    return name


def _odd(name: object) -> str:
    odd = [c for c in name if not c.isascii()] if isinstance(name, str) else []
    return f" (it holds {', '.join(unicodedata.name(c, f'U+{ord(c):04X}') for c in odd[:3])})" if odd else ""


def unknown_name(name: object, known: Iterable[str]) -> str:
    """Why `name` is refused, naming look-alike and invisible characters, so that a person sees what a machine compared."""
    odd = _odd(name)
    if not odd and isinstance(name, str):
        near = [other for other in known if other.casefold() == name.strip().casefold()]
        odd = f" ('{near[0]}' is another name)" if near else ""
    return f"there is no tool {shown(name)}{odd}"


def flavour_of(function: Function) -> Flavour:
    """How a function runs, seen from outside; objects are judged by their `__call__`."""
    target = function if inspect.isroutine(function) or not hasattr(function, "__call__") else getattr(type(function), "__call__")  # noqa: B004, B009
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
    hints = _hints(function)
    names = list(signature.parameters)[1 if has_receiver(function) else 0 :]
    if unknown := (kinds.keys() | inject) - set(names):
        raise ConfigError(f"there is no argument {', '.join(sorted(unknown))}")
    parameters, positional, rest, extra = dict[str, Parameter](), list[str](), "", None
    by_position_only = list[str]()
    for name in names:
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
        if declared.kind is declared.POSITIONAL_ONLY:
            by_position_only.append(name)
    return Schema(
        MappingProxyType(parameters),
        positional=tuple(positional),
        spread=tuple(positional if rest else by_position_only),
        rest=rest,
        extra=extra,
        assessment=assessment,
    )


def _hints(function: Function) -> dict[str, object]:
    """Annotations with their extras, resolved; ConfigError when one names something that cannot be found."""
    target = function if inspect.isroutine(function) or inspect.isclass(function) else getattr(type(function), "__call__", function)
    target = getattr(function, "func", target)  # functools.partial
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise ConfigError(f"an annotation of {getattr(function, '__name__', 'the tool')} cannot be resolved: {error}") from error
    except TypeError:
        return {}
