"""The rules file of a report: nothing but what is listed, nothing outside the constraints, and a question about everything else.

Only names of tools and arguments reach the file, written as TOML text; descriptions, which anybody may have written, do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_array, is_object
from gate.propose.walk import resolved
from gate.propose.words import SORTS
from gate.shown import visible

if TYPE_CHECKING:
    from gate.propose.report import Argument

_HEAD: Final = """\
# A start, made from {count} by gate inspect: look at it, and change it.
#
# - A tool that is not listed here is refused.
# - A value outside a proposed constraint is refused. Hosts, domains and amounts are examples: put yours in their place.
# - Everything else asks. When you know what a tool does, replace its `ask` by `allow`, with `arguments` for those it may have.
# - Arguments that nothing bounds: {loose}. `gate inspect` lists them; a person sees them in every question.

[default]
low = "deny"
medium = "deny"
high = "deny"
critical = "deny"
"""
_SLUG: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SAMPLES: Final[Mapping[str, object]] = {
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [],
    "null": None,
    "string": "x",
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "email": "ann@example.com",
    "ipv4": "192.0.2.1",
}


def rules_file(tools: Sequence[tuple[str, Mapping[str, object], Sequence[Argument]]], workspace: str, loose: int) -> str:
    """The text of the file. tools: name, schema, arguments."""
    lines = [_HEAD.format(count=f"{len(tools)} tool{'' if len(tools) == 1 else 's'}", loose=loose)]
    for number, (name, schema, arguments) in enumerate(tools, 1):
        lines += _rules(f"{_SLUG.sub('-', name).strip('-._')[:40] or 'tool'}-{number}", name, schema, arguments, workspace)
    return "\n".join(lines)


def _rules(slug: str, name: str, schema: Mapping[str, object], arguments: Sequence[Argument], workspace: str) -> Iterator[str]:
    good = _good(schema, arguments, workspace)
    other = 'shell.run command="ls"' if name != "shell.run" else 'files.read path="notes.md"'
    yield "[[rule]]"
    yield f"id = {toml_text(f'{slug}-asks')}"
    yield f"ask = {{ tool = {toml_text(name)} }}"
    yield f"match = [{toml_text(call_text(name, good))}]"
    yield f"not_match = [{toml_text(other)}]\n"
    for position, one in enumerate(arguments, 1):
        if one.entry is None or not one.top:
            continue
        bad = {**good, one.name: _outside(one)}
        kept = {**good, one.name: _inside(one, workspace)}
        entry = {**one.entry, **({} if one.required else {"optional": True})}
        yield f"# '{one.name}' was taken for: {one.sort} ({one.certainty})" if one.name.isascii() and one.name.isprintable() else "#"
        yield "[[rule]]"
        yield f"id = {toml_text(slug + '-' + str(position))}"
        yield f"deny = {{ tool = {toml_text(name)}, unless = {{ {key_text(one.name)} = {toml_value(entry)} }} }}"
        yield f"reason = {toml_text('it is outside what was proposed for this argument; look at the rules file')}"
        yield f"match = [{toml_text(call_text(name, bad))}]"
        yield f"not_match = [{toml_text(call_text(name, kept))}]\n"


def _good(schema: Mapping[str, object], arguments: Sequence[Argument], workspace: str) -> dict[str, object]:
    """Values for the required arguments, inside their constraints."""
    properties = schema.get("properties")
    known: Mapping[str, object] = properties if is_object(properties) else {}
    made: dict[str, object] = {}
    for one in arguments:
        if one.top and one.required and one.name != "*":
            made[one.name] = _inside(one, workspace) if one.entry else sample(known.get(one.name), schema)
    return {name: value for name, value in made.items() if _writable(name)}


def sample(schema: object, root: Mapping[str, object], depth: int = 0) -> object:
    """Some value that fits a schema, as far as types, formats and required members say."""
    if not is_object(schema) or depth > 4:
        return "x"
    for key in ("const", "default"):
        if key in schema and _whole(schema[key]):
            return schema[key]
    for key in ("enum", "examples"):
        if is_array(found := schema.get(key)) and found:
            return next((one for one in found if _whole(one)), "x")
    if "$ref" in schema:
        return sample({key: value for key, value in resolved(schema, root)[0].items() if key != "$ref"}, root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if is_array(found := schema.get(key)) and found:
            return sample(found[0], root, depth + 1)
    properties, required = schema.get("properties"), schema.get("required")
    if is_object(properties):
        return {str(name): sample(properties.get(str(name)), root, depth + 1) for name in (required if is_array(required) else ())}
    return _of_type(schema)


def _whole(value: object) -> bool:
    """Whether a file can hold it: no half of a character, and not nested without end."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _of_type(schema: Mapping[str, object]) -> object:
    types, form = schema.get("type"), schema.get("format")
    word = types if isinstance(types, str) else types[0] if is_array(types) and types else "string"
    if word in ("integer", "number") and isinstance(low := schema.get("minimum"), (int, float)):
        return low
    if word == "object":
        return {}
    return _SAMPLES.get(str(form) if word == "string" and isinstance(form, str) else str(word), "x")


def _inside(one: Argument, workspace: str) -> object:
    """A value that the constraint of an argument admits."""
    if one.sort in SORTS:
        inside = SORTS[one.sort].inside
        value = inside.replace("{workspace}", workspace) if isinstance(inside, str) else inside
        return [value] if one.several else value
    values = (one.entry or {}).get("values")
    return values[0] if is_array(values) and values else "x"


def _outside(one: Argument) -> object:
    """A value that it does not admit."""
    value = SORTS[one.sort].outside if one.sort in SORTS else "none of these"
    return [value] if one.several else value


def _writable(name: str) -> bool:
    return bool(name) and not set(name) & set(" =\"'[]{},@\\") and name.isprintable()


def call_text(name: str, arguments: Mapping[str, object]) -> str:
    """A call as an example of a rules file writes it."""
    return " ".join([name, *(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())])


def key_text(name: str) -> str:
    """A key of TOML."""
    return name if _BARE.fullmatch(name) else toml_text(name)


def toml_text(text: str) -> str:
    """A basic string of TOML: what JSON writes, and whatever a reader cannot see, or that reorders what they see, escaped too."""
    return "".join([c if visible(c) == c else _escaped(ord(c)) for c in json.dumps(text, ensure_ascii=False)])


def _escaped(code: int) -> str:
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def toml_value(value: object) -> str:
    """Plain data as TOML; null cannot be written, and is left out of lists."""
    if isinstance(value, str):
        return toml_text(value)
    if is_object(value):
        return f"{{ {', '.join(f'{key_text(name)} = {toml_value(item)}' for name, item in value.items() if item is not None)} }}"
    if is_array(value):
        return f"[{', '.join(toml_value(item) for item in value if item is not None)}]"
    return json.dumps(value)
