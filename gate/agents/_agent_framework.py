"""What the adapter of Microsoft Agent Framework reads of a call's context, and how it seals the arguments that were allowed."""

from __future__ import annotations

from inspect import getclosurevars, isfunction
from typing import Any

from gate.agents.framework import mixed
from gate.constraints.value import is_array, is_object
from gate.errors import Denied
from gate.frozen import freeze, thaw


def agents_in(function: object) -> list[Any]:
    """The agents that a tool's function holds; `as_tool` makes one that does."""
    if not isfunction(function):
        return []
    return [one for one in getclosurevars(function).nonlocals.values() if hasattr(one, "default_options") and hasattr(one, "middleware")]


def arguments_of(context: Any) -> dict[str, Any]:
    """The arguments that were sent."""
    arguments = context.arguments
    return arguments.model_dump(exclude_unset=True) if hasattr(arguments, "model_dump") else dict(arguments)


def answer_of(context: Any) -> tuple[str, object]:
    """The question that the call was stopped for, "" for none, and what the person's approval says besides."""
    response: Any = context.metadata.get("approval_response")
    told_by = response.additional_properties.get("gate") if response and response.additional_properties else None
    if not is_object(told_by):
        return "", None
    answer = told_by.get("answer")
    said: dict[str, object] = dict(answer) if is_object(answer) else {}
    return str(told_by.get("question") or ""), None if said.get("gate") == "answered" else {"approve": True, **said}


def value_of(result: object) -> object:
    """What a function gave, a text where it is one."""
    one: Any = result[0] if is_array(result) and len(result) == 1 else None
    return one.text if one is not None and one.type == "text" else result


async def edited(context: Any, arguments: dict[str, object], call: str) -> Any:
    """Runs a function with what a person made of its arguments; the framework takes only its own approval's for good."""
    fresh = context.__class__(function=context.function, arguments=arguments, session=context.session, kwargs=context.kwargs)
    return await context.function.invoke(arguments=arguments, context=fresh, tool_call_id=call)


class _Sealed:
    """What the context of an allowed call becomes: its arguments stay those that the gate allowed."""

    _allowed: Any

    @property
    def arguments(self) -> Any:
        """The arguments, fresh each time, so that changing them changes nothing."""
        return {name: thaw(value) for name, value in self._allowed.items()}

    @arguments.setter
    def arguments(self, changed: Any) -> None:
        if {name: freeze(value) for name, value in dict(changed).items()} != self._allowed:
            raise Denied("its arguments were changed after the gate had allowed them")


def seal(context: Any, arguments: dict[str, object]) -> None:
    """Lets nobody change the arguments any more."""
    context.__dict__.pop("arguments", None)
    context.__dict__["_allowed"] = {name: freeze(value) for name, value in arguments.items()}
    if not isinstance(context, _Sealed):
        context.__class__ = mixed(_Sealed, context.__class__, name="Sealed{}", __slots__=())
