"""Wrap: the function a user gets in place of the bare one: same name, same signature, same flavour, every call through the gate.

The wrappers close over the gate and the tool's description only; the bare function is not among their attributes or cells.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping
from typing import TYPE_CHECKING, Any

from gate.describe.signature import has_receiver
from gate.run import UNMEASURED, passed, run_silently
from gate.stream import astream, stream
from gate.trace import recording
from gate.waiting import BLOCKING, LOOPING, drive

if TYPE_CHECKING:
    from gate.describe.signature import Function
    from gate.gate import Gate
    from gate.tool import Tool

Split = Callable[[tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], tuple[Any, ...], dict[str, Any], dict[str, Any]]]


def wrapper(gate: Gate, tool: Tool, function: Function) -> Function:
    """The gated function for a bare one."""
    method = has_receiver(function)
    if method or tool.inject:
        gated = _FLAVOURS[tool.flavour](gate, tool, _splitter(gate, tool, method))
    elif tool.flavour == "plain":
        gated = _plain(gate, tool)
    elif tool.flavour == "async":
        gated = _async(gate, tool)
    else:
        gated = _FLAVOURS[tool.flavour](gate, tool, _whole)
    _look_like(gated, function, tool.suppliers.keys())
    return gated


def _plain(gate: Gate, tool: Tool) -> Function:
    start, scope, run_recorded = gate.start, gate.scope, gate.run_recorded

    def gated(*args: Any, **kwargs: Any) -> Any:
        if not recording() and (known := scope()[1].get(tool)) and (permit := known.enter(args, kwargs)):
            if known.silent:
                value = run_silently(permit, tool)
                return value if type(value) in UNMEASURED and not tool.measured else passed(value, tool)
            return run_recorded(permit, tool).result()
        return drive(start(tool, args, kwargs, BLOCKING)).result()

    return gated


def _async(gate: Gate, tool: Tool) -> Function:
    start, scope, run_recorded = gate.start, gate.scope, gate.arun_recorded

    async def gated(*args: Any, **kwargs: Any) -> Any:
        if not recording() and (known := scope()[1].get(tool)) and (permit := known.enter(args, kwargs)):
            if known.silent:
                running: Any = run_silently(permit, tool)
                value = await running
                return value if type(value) in UNMEASURED and not tool.measured else passed(value, tool)
            return (await run_recorded(permit, tool)).result()
        return (await start(tool, args, kwargs, LOOPING)).result()

    return gated


def _plain_split(gate: Gate, tool: Tool, split: Split) -> Function:
    def gated(*args: Any, **kwargs: Any) -> Any:
        receiver, args, kwargs, injected = split(args, kwargs)
        return drive(gate.start(tool, args, kwargs, BLOCKING, receiver, injected)).result()

    return gated


def _async_split(gate: Gate, tool: Tool, split: Split) -> Function:
    async def gated(*args: Any, **kwargs: Any) -> Any:
        receiver, args, kwargs, injected = split(args, kwargs)
        return (await gate.start(tool, args, kwargs, LOOPING, receiver, injected)).result()

    return gated


def _stream(gate: Gate, tool: Tool, split: Split) -> Function:
    def gated(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        receiver, args, kwargs, injected = split(args, kwargs)
        return (yield from stream(gate, tool, args, kwargs, receiver, injected))

    return gated


def _astream(gate: Gate, tool: Tool, split: Split) -> Function:
    async def gated(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        receiver, args, kwargs, injected = split(args, kwargs)
        inner = astream(gate, tool, args, kwargs, receiver, injected)
        try:
            step = inner.asend(None)
            while True:
                try:
                    chunk = await step
                except StopAsyncIteration:
                    return
                try:
                    sent = yield chunk
                except GeneratorExit:
                    raise
                except BaseException as error:  # thrown in by the consumer, for the tool to see
                    step = inner.athrow(error)
                else:
                    step = inner.asend(sent)
        finally:
            await inner.aclose()

    return gated


_FLAVOURS: Mapping[str, Callable[[Gate, Tool, Split], Function]] = {
    "plain": _plain_split,
    "async": _async_split,
    "stream": _stream,
    "astream": _astream,
}


def _whole(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...], dict[str, Any], dict[str, Any]]:
    return (), args, kwargs, {}


def _splitter(gate: Gate, tool: Tool, method: bool) -> Split:  # noqa: FBT001  # one caller, just above
    """Sets apart what does not come from the agent: the instance of a method, and the arguments that the program itself supplies.

    Those that it supplies by a function are nobody's to set: naming one is no valid call.
    """
    suppliers, inject = tool.suppliers.keys(), tool.inject - tool.suppliers.keys()

    def split(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...], dict[str, Any], dict[str, Any]]:
        if not suppliers.isdisjoint(kwargs):
            gate.find_tool(tool.name, dict.fromkeys(suppliers & kwargs.keys()))  # refuses and records it
        receiver, args = (args[:1], args[1:]) if method else ((), args)
        injected = {name: kwargs.pop(name) for name in inject & kwargs.keys()}
        return receiver, args, kwargs, injected

    return split


def _look_like(gated: Function, function: Function, supplied: Collection[str]) -> None:
    """Name, documentation and signature, as inspection and frameworks want them; not `__wrapped__`, which is the bare function.

    What the program supplies by a function is no parameter any more.
    """
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        if isinstance(value := getattr(function, name, None), str):
            setattr(gated, name, value)
    gated.__annotations__ = {name: said for name, said in getattr(function, "__annotations__", {}).items() if name not in supplied}
    signature = inspect.signature(function)
    kept = [parameter for parameter in signature.parameters.values() if parameter.name not in supplied]
    gated.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]  # inspect reads it
