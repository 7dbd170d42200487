"""Tool: what the gate knows of a function, without the function.

The function itself is kept in `gate.run` and only a permit reaches it, so nothing that a wrapped function exposes (its closure, its
attributes, `__wrapped__`) leads back to the bare one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from decimal import Decimal
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, TypeAlias, TypedDict

from gate import given
from gate.call import Acting, Call, next_serial
from gate.constraints.value import is_object
from gate.describe.schema import Schema, shown
from gate.describe.signature import Flavour, Function, flavour_of, has_receiver, schema_of
from gate.effect import Assessment, Risk, declared, join
from gate.errors import ConfigError
from gate.frozen import Frozen
from gate.kind import Kind, KindTool, kind_tool
from gate.names import check_name
from gate.run import held, hold

Cost: TypeAlias = Mapping[str, "str | float | Decimal | Callable[[Mapping[str, object]], float | Decimal]"]
Supplier: TypeAlias = Callable[[], object]

OUTPUT_LIMIT: Final = 16 * 1024 * 1024
NO_LABELS: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})
ALL_GIVEN: Final[frozenset[str]] = frozenset()
make_call: Final[Callable[..., Call]] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class Tool:
    """One registered tool: name, schema and the limits of running it.

    timeout: seconds a run may take, None for no limit.  retries: further attempts inside the one permit, only for idempotent tools.
    output_limit, chunk_limit: bytes in total and per chunk of a stream; text and bytes are always measured, other results only when a
    limit is given here (by their size as JSON), because measuring costs as much as sending.
    cost: unit → a number, an argument's name, or a function of the arguments; it is reserved before the run and replaced by the actual
    cost afterwards.  like: the tool of a kind that it is.  inject: arguments that the program supplies; suppliers: of these, those it
    supplies by a function, which nobody who calls can set.  method: it was written in a class body and runs only on an object, which
    Python hands over and not the agent.
    """

    __slots__ = (
        "__weakref__",
        "_count",
        "assessment",
        "bind_quickly",
        "chunk_limit",
        "cost",
        "flavour",
        "inject",
        "invoke",
        "like",
        "measured",
        "method",
        "name",
        "output_limit",
        "retries",
        "schema",
        "suppliers",
        "timeout",
    )

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
        suppliers: Mapping[str, Supplier] = MappingProxyType({}),
        method: bool = False,
        like: KindTool | None = None,
    ) -> None:
        self.name = check_name(name)
        self.like = like
        self.schema = schema
        self.flavour = flavour
        self.timeout = timeout
        self.retries = retries
        self.measured = output_limit is not None or chunk_limit is not None
        self.output_limit = OUTPUT_LIMIT if output_limit is None else output_limit
        self.chunk_limit = self.output_limit if chunk_limit is None else chunk_limit
        self.cost = cost
        self.inject = inject
        self.suppliers = suppliers
        self.method = method
        self.assessment = schema.assessment  # None when it depends on the arguments
        self._count = schema.count
        self.bind_quickly = schema.quick or _no_quick_way
        # how to call the tool at once, None when something has to be put around the call
        self.invoke = schema.invoke if timeout is None and not (retries or cost or method or suppliers) else None

    def describe(self, args: tuple[object, ...], kwargs: Mapping[str, object], acting: Acting) -> Call:
        """The call for what was sent; BadCall when it is none."""
        try:
            arguments = self.bind_quickly(*args, **kwargs)  # what `schema.bind` tries first, without the call
        except Exception:  # `bind` finds it again and says it
            arguments, defaulted = self.schema.bind(args, kwargs)
        else:
            defaulted = ALL_GIVEN
            if len(arguments) != self._count:
                arguments, defaulted = self.schema.bind(args, kwargs)
        assessment = self.assessment or self.schema.assess(arguments)
        # the tuple as is: calling a NamedTuple costs three times as much
        return make_call(Call, (self.name, MappingProxyType(arguments), defaulted, acting, assessment, next_serial(), NO_LABELS))


def timed(tool: Tool, seconds: float) -> Tool:
    """The same tool with a time-out, for a run that must not take more of a wall-time budget than was reserved."""
    made = copy(tool)
    made.timeout, made.invoke = seconds, None
    hold(made, held(tool))
    return made


def _no_quick_way(*_: object, **__: object) -> dict[str, Frozen]:
    raise KeyError


class Options(TypedDict, total=False):
    """What may be said about a tool when it is put behind the gate.

    name: the tool's name, the function's own by default.  effects, risk, techniques: what it does, in words of `gate.effect`.  kinds:
    argument → kind, where annotations cannot say it.  like: a tool of a kind that this one is, `like=files.TOOLS["files.write"]`, for its kinds,
    its headline and its preview.  inject: arguments that the program supplies, never the agent; as argument → a function that supplies it
    at every run, nobody can set them, and as names alone whoever calls the function itself can.  timeout: seconds.
    idempotent, retries: a tool that may be run again within its permit, and how often (2 when only `idempotent` is said).
    output_limit, chunk_limit: bytes.  cost: unit → amount, argument name, or function of the arguments.
    """

    name: str
    effects: Iterable[str] | str
    risk: Risk | str
    techniques: Iterable[str]
    kinds: Mapping[str, Kind]
    like: KindTool
    inject: Iterable[str] | Mapping[str, Supplier]
    timeout: float
    idempotent: bool
    retries: int
    output_limit: int
    chunk_limit: int
    cost: Cost


def make_tool(function: Function, options: Options) -> Tool:
    """The description of a function as a tool; from here on only a permit reaches the function. ConfigError says what cannot be described."""
    if not callable(function):
        raise ConfigError(f"{shown(function)} cannot be called")
    check_options(options)
    ready = kind_tool(function)
    like = options.get("like", ready)
    assessment = assessed(options, like)
    inject, suppliers = _injected(options.get("inject", ()))
    idempotent = options.get("idempotent", False)
    if options.get("retries") and not idempotent:
        raise ConfigError("only an idempotent tool may be retried; say idempotent=True if running it twice does no more than once")
    tool = Tool(
        options.get("name") or (ready.name if ready else str(getattr(function, "__name__", ""))),
        schema_of(function, kinds={**(like.arguments if like else {}), **options.get("kinds", {})}, inject=inject, assessment=assessment),
        flavour_of(function),
        timeout=options.get("timeout"),
        retries=options.get("retries", 2) if idempotent else 0,
        output_limit=options.get("output_limit"),
        chunk_limit=options.get("chunk_limit"),
        cost=options.get("cost", MappingProxyType({})),
        inject=inject,
        suppliers=suppliers,
        method=has_receiver(function),
        like=like,
    )
    hold(tool, function)
    return tool


def assessed(options: Options, like: KindTool | None) -> Assessment | None:
    """What is declared about a tool's calls, whatever their arguments; None when nothing is."""
    assessment = like.assessment if like else None
    if not options.keys() & {"effects", "risk", "techniques"}:
        return assessment
    try:
        said = declared(options.get("effects", ()), options.get("risk"), options.get("techniques", ()))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return join([assessment, said]) if assessment else said


def _injected(said: Iterable[str] | Mapping[str, Supplier]) -> tuple[frozenset[str], Mapping[str, Supplier]]:
    """The names that the program supplies, and the functions that do it where it gave some."""
    if isinstance(said, Mapping):
        suppliers: Mapping[str, Supplier] = MappingProxyType({**said})
        return frozenset(suppliers), suppliers
    return frozenset([said] if isinstance(said, str) else said), MappingProxyType({})


_RISK: Final = given.Sort("a tier", lambda value: isinstance(value, (str, Risk)))
_INJECT: Final = given.Sort(
    "a mapping from arguments to functions that supply them, or names,",
    lambda value: given.NAME_OR_NAMES.admits(value) or (is_object(value) and given.BY_NAME.admits(value) and all(map(callable, value.values()))),
)
_KINDS: Final = given.Sort(
    "a mapping from arguments to kinds",
    lambda value: is_object(value) and all(isinstance(kind, Kind) for kind in value.values()),
)


def check_options(options: Options) -> None:
    """ConfigError for an option that does not exist or a limit that is none: a misspelt limit would be no limit."""
    for name in options:
        if name not in Options.__annotations__:
            near = get_close_matches(name, Options.__annotations__, 1)
            raise ConfigError(
                f"there is no option '{name}'"
                + (f"; did you mean '{near[0]}'?" if near else f"; the options are {', '.join(Options.__annotations__)}")
            )
    wanted: list[tuple[str, given.Sort, str]] = [
        ("name", given.TEXT, "'pay'"),
        ("effects", given.NAME_OR_NAMES, "'reads', or ['reads', 'egress']"),
        ("risk", _RISK, "'high'"),
        ("techniques", given.NAMES, "['T1572']"),
        ("kinds", _KINDS, "{'path': files.WRITE}"),
        ("inject", _INJECT, "{'db': lambda: db}, or ['db']"),
        ("cost", given.Sort("a mapping from units to amounts", is_object), "{'usd': 0.05}"),
    ]
    said: Mapping[str, object] = {**options}
    given.check("tool", **{name: (said[name], sort, example) for name, sort, example in wanted if name in said})
    for name in ("timeout", "output_limit", "chunk_limit", "retries"):
        value = options.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf")):
            raise ConfigError(f"'{name}' must be a number of at least 0, not {shown(value)}")
    if not isinstance(options.get("idempotent", False), bool):
        raise ConfigError("'idempotent' is True or False")
