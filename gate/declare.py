"""Declare: a tool that this process does not have as a function: a server's, a framework's, a coding agent's.

The gate knows its name, the JSON Schema of its arguments (or the kinds of them) and what is said about its effects; who runs it is whoever
was told that it may: the holder of a ticket, or the continuation that an adapter brings (`continuing`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from gate.describe.sent import sent_schema
from gate.errors import ConfigError, GateError
from gate.inside import Inside
from gate.kind import KindTool
from gate.ref import Outside, current, outside
from gate.run import hold
from gate.tool import Options, Tool, assessed, check_options

Continue: TypeAlias = Callable[[dict[str, object]], Any]
"""What runs a tool elsewhere: takes the checked arguments."""

_ELSEWHERE: Final[frozenset[str]] = frozenset(
    {"effects", "risk", "techniques", "kinds", "like", "timeout", "idempotent", "retries", "output_limit", "cost"}
)


class Declared(NamedTuple):
    """One such tool, once for plain and once for async code. said: what was declared, to tell whether two declarations are one."""

    plain: Tool
    looping: Tool
    said: object


def declared(name: str, schema: Mapping[str, object] | KindTool | None, options: Options) -> Declared:
    """The tool; ConfigError for what cannot be described.

    Of the options, those about a function of this process (name, inject, chunk_limit) cannot be said.
    """
    if wrong := options.keys() - _ELSEWHERE:
        raise ConfigError(f"'{min(wrong)}' cannot be said of a tool that runs elsewhere; there are {', '.join(sorted(_ELSEWHERE))}")
    check_options(options)
    like = schema if isinstance(schema, KindTool) else options.get("like")
    kinds = {**(like.arguments if like else {}), **options.get("kinds", {})}
    if isinstance(schema, KindTool):
        needed = [argument for argument in schema.arguments if argument not in schema.optional]
        described: Mapping[str, object] | None = {"required": needed, "properties": dict.fromkeys(kinds), "additionalProperties": False}
    else:
        described = schema
    plain = Tool(
        name,
        sent_schema(described, kinds=MappingProxyType(kinds), assessment=assessed(options, like)),
        "plain",
        timeout=options.get("timeout"),
        retries=options.get("retries", 2) if options.get("idempotent") else 0,
        output_limit=options.get("output_limit"),
        cost=options.get("cost", MappingProxyType({})),
        like=like,
    )
    looping = copy(plain)
    looping.flavour = "async"
    hold(plain, _go_on)
    hold(looping, _ago_on)
    return Declared(plain, looping, (described, dict(options)))


def continuing(run: Continue, ref: str | None = None, *, once: bool = True) -> Inside[Outside]:
    """The tool that is called inside is run by this. For one call: what the tool calls has a continuation, and an id, of its own or none.

    ref: the framework's id of the call, see `gate.ref`; None for the one that is there already.  once: no other call has this id.
    """
    return Inside(outside, (current() if ref is None else ref, run, once))


_NOTHING: Final[Outside] = ("", None, True)


def _go_on(**arguments: object) -> Any:
    run = _continuation()
    with Inside(outside, _NOTHING):
        return run(arguments)


async def _ago_on(**arguments: object) -> Any:
    run = _continuation()
    with Inside(outside, _NOTHING):
        running: Awaitable[Any] = run(arguments)
        return await running


def _continuation() -> Continue:
    run = outside.get()[1]
    if run is None:
        raise GateError("this tool is not one of this process: authorize it, run it where it is, and settle")
    return run
