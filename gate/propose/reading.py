"""Reading sets of tools in the forms they come in: functions, and lists of objects as OpenAI, Anthropic and MCP write them.

Whatever cannot be read is kept as a problem of its tool, never dropped: a tool that nobody understood is one that nobody bounded.
"""

from __future__ import annotations

import inspect as signatures
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from gate.constraints.value import is_array, is_object
from gate.kind import Kind, kind_tool
from gate.names import NAME, looks_like, odd_characters

MOST: Final = 2000


class Seen(NamedTuple):
    """One tool as it was given. known: kinds that a function's annotations name. problems: why it cannot be registered or bounded as it is."""

    name: str
    description: str
    schema: Mapping[str, object]
    known: Mapping[str, Kind]
    problems: tuple[str, ...] = ()


def read(tools: object) -> list[Seen]:
    """The tools, in order; ValueError when what was given is no set of tools at all."""
    listed = _listed(tools)
    if len(listed) > MOST:
        raise ValueError(f"{len(listed)} tools are more than {MOST}")
    made: list[Seen] = []
    for item in listed:
        one = _function(item) if callable(item) else _object(item)
        known = [other.name for other in made]
        problems = [*one.problems, *_name_problems(one.name)]
        if one.name in known:
            problems.append("there is another tool of this name")
        elif near := looks_like(one.name, known):
            problems.append(f"a reader may take its name for '{near}'")
        made.append(one._replace(problems=tuple(problems)))
    return made


def _listed(tools: object) -> list[object]:
    """The list inside what was given: a list, one function, or the object (also the whole answer) that holds `tools`."""
    if callable(tools):
        return [tools]
    if is_object(tools):
        for name in ("tools", "result", "functions"):
            if name in tools:
                return _listed(tools[name])
        if "name" in tools or "function" in tools:
            return [tools]
        return list(tools.values()) if tools and all(callable(one) for one in tools.values()) else _not_tools()
    if isinstance(tools, (str, bytes)) or not isinstance(tools, Iterable):
        return _not_tools()
    return list(tools)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # each is looked at by itself


def _not_tools() -> list[object]:
    raise ValueError("this is no set of tools: give functions, or a list of tools as OpenAI, Anthropic or MCP write it")


def _object(item: object) -> Seen:
    if not is_object(item):
        return Seen("", "", {}, {}, ("it is neither a function nor an object",))
    inner = item.get("function")
    data = inner if is_object(inner) else item
    name, description = data.get("name"), data.get("description", "")
    found = [data[key] for key in ("inputSchema", "input_schema", "parameters", "parametersJsonSchema") if key in data]
    problems: list[str] = []
    if len(found) > 1:
        problems.append("it has more than one schema, and programs may read different ones")
    schema = found[0] if found else None
    if not is_object(schema):
        problems.append("it has no schema that is an object, so nothing is known about its arguments")
        schema = {"additionalProperties": True}
    return Seen(name if isinstance(name, str) else "", description if isinstance(description, str) else "", schema, {}, tuple(problems))


def _function(function: Callable[..., object]) -> Seen:
    """A function by its signature, as a schema; a kind in an annotation is taken as it is."""
    ready = kind_tool(function)
    name = ready.name if ready else str(getattr(function, "__name__", ""))
    known = dict[str, Kind](ready.arguments) if ready else {}
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        parameters = list(signatures.signature(function).parameters.values())
    except (NameError, TypeError, ValueError) as error:
        return Seen(name, "", {"additionalProperties": True}, {}, (f"its signature cannot be read: {error}",))
    properties, required, extra = dict[str, object](), list[str](), False
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            extra = True
            continue
        hint = hints.get(parameter.name)
        properties[parameter.name] = _schema_of(hint)
        known.update((parameter.name, kind) for kind in _kinds(hint))
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": extra}
    return Seen(name, signatures.getdoc(function) or "", schema, known)


def _kinds(hint: object) -> list[Kind]:
    return [extra for extra in typing.get_args(hint)[1:] if isinstance(extra, Kind)] if typing.get_origin(hint) is typing.Annotated else []


def _schema_of(hint: object) -> Mapping[str, object]:
    """The schema of an annotation; one that pydantic cannot describe is an argument of any form."""
    if hint is None:
        return {}
    from pydantic import TypeAdapter  # only here, and only for functions

    try:
        found: dict[str, object] = TypeAdapter(hint).json_schema()  # type: ignore[arg-type]  # whatever was written as an annotation
    except Exception:  # anything may be an annotation
        return {}
    return found


def _name_problems(name: str) -> list[str]:
    if NAME.fullmatch(name):
        return []
    odd = odd_characters(name)
    return [f"its name is none that a gate takes{f': it holds {odd}' if odd else ''}"]


def text_list(value: object) -> list[str]:
    """The texts of a list."""
    return [one for one in value if isinstance(one, str)] if is_array(value) else []
