"""Schema: turns what an agent sent into the frozen arguments of a call, by the signature of the tool.

Binding happens before anything is decided, so a positional argument is judged like a named one.  Each parameter has a `Parameter` that
coerces and freezes; a value whose type cannot be described, or that would reach the tool as something else than what was checked,
is refused.  `load` gives the tool fresh values made from the frozen ones only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from keyword import iskeyword
from types import MappingProxyType
from typing import Any, Final, TypeAlias, cast

from gate.describe.compiled import compile_bind, compile_invoke
from gate.describe.parameter import MISSING, Parameter, of_kind
from gate.effect import UNDECLARED, Assessment, join
from gate.errors import BadCall
from gate.frozen import Frozen
from gate.kind import KindTool

_NONE: Final[frozenset[str]] = frozenset()
ALL_SENT: Final = _NONE
_NOTHING: Final[Mapping[str, object]] = {}
SHOWN: Final = 120


Bound: TypeAlias = "tuple[dict[str, Frozen], frozenset[str]]"
"""The arguments of one call: values by name, and the names whose value is the tool author's default."""


class Schema:
    """The parameters of one tool. `positional` are the names positional arguments bind to, in order.

    ahead: of these, the ones before any argument that the program supplies; only they keep their place when the tool is called, because
    the next value would come in that argument's place.  None for all of them.
    """

    __slots__ = (
        "_declared",
        "_defaults",
        "_kinds",
        "_load",
        "_required",
        "assessment",
        "count",
        "extra",
        "invoke",
        "parameters",
        "positional",
        "quick",
        "rest",
        "spread",
    )

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        *,
        positional: tuple[str, ...] = (),
        ahead: tuple[str, ...] | None = None,
        spread: tuple[str, ...] = (),
        rest: str = "",
        extra: Parameter | None = None,
        assessment: Assessment | None = None,
    ) -> None:
        self.parameters = parameters
        self.positional = positional
        self.spread = spread  # the names the function takes by position only
        self.rest = rest  # the name of *args, "" when there is none
        self.extra = extra  # how a value of **kwargs is coerced, None when there are none
        self._required = tuple(name for name, p in parameters.items() if p.default is MISSING)
        self._defaults = {name: p.default for name, p in parameters.items() if p.default is not MISSING}
        self._load = tuple((name, p.load) for name, p in parameters.items() if p.load)
        self._kinds = tuple((name, p.kind) for name, p in parameters.items() if p.kind)
        self._declared = assessment
        # of every call; None when it depends on the arguments, whatever else is declared
        self.assessment = None if self._kinds else assessment or UNDECLARED
        plain = not rest and extra is None and (*positional, *parameters)[: len(positional)] == tuple(parameters)[: len(positional)]
        self.quick = compile_bind(parameters, positional) if plain and _identifiers(parameters) else None
        self.count = len(parameters)
        self.invoke = compile_invoke(parameters, positional if ahead is None else ahead) if self.quick else None  # None: call with what `load` gives

    def bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Bound:
        """The frozen arguments; BadCall with every reason when something is missing, unknown, doubled or cannot be carried."""
        if self.quick is None:
            return self._bind_slowly(args, kwargs)
        try:
            values = self.quick(*args, **kwargs)
        except Exception:  # whatever it was, the slow way finds it again and says it, or refuses
            return self._bind_slowly(args, kwargs)
        return (values, _NONE) if len(values) == self.count else self._complete(values, [])

    def _complete(self, values: dict[str, Frozen], reasons: list[str], given: Mapping[str, object] = _NOTHING) -> Bound:
        reasons += [f"argument '{name}' is missing" for name in self._required if name not in values and name not in given]
        if reasons:
            raise BadCall(*reasons)
        defaulted = frozenset(self._defaults.keys() - values.keys())
        values.update((name, self._defaults[name]) for name in self._defaults if name in defaulted)
        return values, defaulted

    def _bind_slowly(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Bound:
        """The same, collecting every reason; the only way that handles *args and **kwargs of a tool."""
        reasons: list[str] = []
        given: dict[str, object] = dict(zip(self.positional, args, strict=False))
        if surplus := args[len(self.positional) :]:
            if self.rest:
                given[self.rest] = surplus
            else:
                reasons.append(f"{len(args)} positional arguments, where at most {len(self.positional)} are taken")
        for name, value in kwargs.items():
            if name in given:
                reasons.append(f"argument '{name}' is given twice")
            given[name] = value
        values: dict[str, Frozen] = {}
        for name, value in given.items():
            self._one(name, value, values, reasons)
        if self.extra:  # a stable set of names, so that nothing is "missing" because of an unknown one
            reasons += [f"unknown argument {shown(name)}" for name in values if not name.isidentifier()]
        return self._complete(values, reasons, given)

    def _one(self, name: object, value: object, values: dict[str, Frozen], reasons: list[str]) -> None:
        """Freezes one argument, or says why not."""
        parameter = self.parameters.get(name) or self.extra if type(name) is str else None
        if type(name) is not str or parameter is None:
            reasons.append(f"unknown argument {shown(name)}")
            return
        try:
            values[name] = parameter.coerce(value)
        except Exception as error:  # a parser that crashes refuses
            reasons.append(f"argument '{name}': {_why(error)}")

    def assess(self, arguments: Mapping[str, Frozen]) -> Assessment:
        """What the call would do: what the tool declares, joined with what each argument's kind says."""
        if not self._kinds:
            return self._declared or UNDECLARED
        parts = [kind.assess(arguments[name]) for name, kind in self._kinds if name in arguments]
        return join([self._declared, *parts] if self._declared else parts)

    def load(self, arguments: Mapping[str, Frozen]) -> tuple[tuple[object, ...], dict[str, object]]:
        """What the tool is called with: fresh values made from the frozen ones."""
        kwargs = self.values(arguments)
        if not self.spread:
            return (), kwargs
        args = [kwargs.pop(name) for name in self.spread]
        if self.rest:
            args += cast("list[object]", kwargs.pop(self.rest))
        return tuple(args), kwargs

    def values(self, arguments: Mapping[str, Frozen]) -> dict[str, object]:
        """Fresh values by name; for *args, a list under its name."""
        values: dict[str, object] = dict(arguments)
        for name, load in self._load:
            if name in values:
                values[name] = load(arguments[name])
        if self.extra and self.extra.load:
            values.update((name, self.extra.load(value)) for name, value in arguments.items() if name not in self.parameters)
        return values


def _identifiers(names: Iterable[str]) -> bool:
    return all(name.isidentifier() and not iskeyword(name) for name in names)


def of_kind_tool(tool: KindTool) -> Schema:
    """The schema of a tool that only its kinds describe, for checking calls without having the tool."""
    parameters = {name: of_kind(name, kind, optional=name in tool.optional) for name, kind in tool.arguments.items()}
    return Schema(MappingProxyType(parameters), assessment=tool.assessment)


def shown(value: object) -> str:
    """A value for a message: escaped, so that it cannot forge text, and cut."""
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def _why(error: Exception) -> str:
    """One line for the agent about why a value was refused."""
    if isinstance(error, ValueError) and type(error).__module__.startswith("pydantic"):
        described: Any = error  # pydantic is not imported here, because most tools do without
        details: list[Any] = described.errors(include_url=False, include_input=False, include_context=False)
        places = ("".join(f"[{part!r}]" for part in d["loc"]) + (": " if d["loc"] else "") + str(d["msg"]).lower() for d in details[:3])
        return "; ".join(places)
    return str(error) if isinstance(error, ValueError) else f"could not be parsed ({type(error).__name__})"
