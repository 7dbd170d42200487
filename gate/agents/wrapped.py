"""Wrapped: a function for frameworks that make a tool of any function: gated, and a refusal is what it returns, so that the model reads it.

    read = wrap_tool(gate, read_file, effects="reads")       # name, signature and documentation are those of read_file
    agent = AnyFramework(tools=[read])

Frameworks differ in what they do with an exception of a tool: some stop the run, some show the model a stack trace.  With `wrap_tool` they need
not know one.  Who acts is the capability it was given, else whoever acts by `gate.acting`, which not every framework carries into its threads.
What the function itself raises is the framework's to handle, as without the gate.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, cast, get_type_hints

from gate.agents.around import Around, Sent, note, told
from gate.errors import ConfigError, Denied, GateError, Unavailable

if TYPE_CHECKING:
    from gate.capability import Capability
    from gate.gate import Gate, Scope
    from gate.tool import Options

F = TypeVar("F", bound=Callable[..., Any])


def wrap_tool(
    gate: Gate,
    function: F,
    /,
    *,
    capability: Capability | str | None = None,
    part: Mapping[str, Any] | None = None,
    session: str = "",
    **options: Unpack[Options],
) -> F:
    """The function, gated. capability, part, session: who acts, see `Around`. options: see `gate.tool.Options`.

    ConfigError for what cannot be described, and for a generator, whose refusal would come too late to be a result.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError("a tool that yields cannot be wrapped so; make its result one value, or use gate.wrap")
    acts = _Acts(gate, capability=capability, part=part, session=session)
    gated = gate.wrap(function, **options)
    name = options.get("name") or gated.__name__
    made = _async(acts, name, gated) if inspect.iscoroutinefunction(function) else _plain(acts, name, gated)
    _resolve(made, function)
    return cast("F", made)


class _Acts(Around):
    """Who acts at the moment of a call."""

    def scope(self, tool: str) -> Scope:
        """Denied, and recorded, when nobody does."""
        sent = Sent(tool, {})
        try:
            return self._scope(sent)
        except Denied as denial:
            raise self._refused(denial, sent) from denial.__cause__
        except Exception as error:
            raise self._refused(Unavailable(f"the gate failed: {error}"), sent) from error


def _resolve(made: Callable[..., Any], function: Callable[..., Any]) -> None:
    """Annotations that are text become types here, where they can be: frameworks look for them in the module of what they are given."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception:  # a name that only a type checker knows; it stays text
        return
    signature = inspect.signature(made)
    parameters = [one.replace(annotation=hints.get(name, one.annotation)) for name, one in signature.parameters.items()]
    made.__signature__ = signature.replace(parameters=parameters, return_annotation=hints.get("return", signature.return_annotation))  # type: ignore[attr-defined]  # inspect reads it
    made.__annotations__ = {name: hints[name] for name in (*signature.parameters, "return") if name in hints}


def _plain(acts: _Acts, name: str, gated: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(gated)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            with acts.gate.within(acts.scope(name)), acts.gate.noticing() as notices:
                value = gated(*args, **kwargs)
        except GateError as error:
            return told(error)
        return note(value, notices) if notices else value

    return called


def _async(acts: _Acts, name: str, gated: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(gated)
    async def called(*args: Any, **kwargs: Any) -> Any:
        try:
            with acts.gate.within(acts.scope(name)), acts.gate.noticing() as notices:
                value = await gated(*args, **kwargs)
        except GateError as error:
            return told(error)
        return note(value, notices) if notices else value

    return called
