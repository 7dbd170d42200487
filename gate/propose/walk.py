"""Walking a schema down to what an agent can send: every argument, at any depth, with its types and words.

    {"properties": {"options": {"properties": {"paths": {"items": {"type": "string"}}}}}}   →  options.paths[]

`$ref`, `anyOf`, `oneOf`, `allOf`, `items`, `prefixItems`, `properties`, `patternProperties` and `additionalProperties` are followed.  What is not
understood, too deep, or leads back to itself, stays as an argument about which nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from gate.constraints.value import is_array, is_object
from gate.propose.reading import text_list

DEEPEST: Final = 8
MOST: Final = 500
_PARTS: Final = ("anyOf", "oneOf", "allOf")


class Leaf(NamedTuple):
    """One argument.

    top: it is a whole argument of the tool, which a grant can name.  words: title and description.  fixed: the only values, () where there are
    others.  open: it may hold members of any name, or its form is not known, and `why`.
    """

    name: str
    top: bool
    types: frozenset[str]
    form: str
    words: str
    fixed: tuple[object, ...] = ()
    open: bool = False
    why: str = ""


def walk(schema: Mapping[str, object]) -> list[Leaf]:
    """Every argument of a tool's schema, each name once; a last one named "*" stands for arguments of any name."""
    found: dict[str, Leaf] = {}
    for leaf in _members(schema, "", schema, 0):
        known = found.get(leaf.name)
        found[leaf.name] = leaf if known is None else _both(known, leaf)
        if len(found) > MOST:
            found["*"] = Leaf("*", True, frozenset(), "", "", (), True, f"there are more than {MOST} arguments")
            break
    return list(found.values())


def _both(one: Leaf, other: Leaf) -> Leaf:
    fixed = one.fixed + other.fixed if one.fixed and other.fixed else ()
    words = " ".join(dict.fromkeys([one.words, other.words]))
    return one._replace(
        types=one.types | other.types, form=one.form or other.form, words=words, fixed=fixed, open=one.open or other.open, why=one.why or other.why
    )


def _members(schema: Mapping[str, object], place: str, root: Mapping[str, object], depth: int) -> Iterator[Leaf]:
    """The members of an object's schema."""
    schema, why = resolved(schema, root)
    properties = schema.get("properties")
    known: Mapping[str, object] = properties if is_object(properties) else {}
    for name, value in known.items():
        yield from _leaves(value, f"{place}{name}", root, depth, top=not place)
    for part in _PARTS:
        clauses = schema.get(part)
        for clause in clauses if is_array(clauses) else ():
            if is_object(clause) and depth < DEEPEST:
                yield from _members(clause, place, root, depth + 1)
    more = schema.get("additionalProperties", not place and not is_object(properties))
    if more is not False or "patternProperties" in schema or why:
        said = why or ("names are given by a pattern" if "patternProperties" in schema else "members of any name are taken")
        yield Leaf(f"{place}*", not place, frozenset(), "", "", (), True, said)


def _leaves(value: object, name: str, root: Mapping[str, object], depth: int, *, top: bool) -> Iterator[Leaf]:
    """An argument, and what lies inside it."""
    if not is_object(value):
        yield Leaf(name, top, frozenset(), "", "", (), value is not False, "its schema says nothing")
        return
    schema, why = resolved(value, root)
    types = frozenset(text_list([schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type")))
    clauses = [one for part in _PARTS for one in _clauses(schema, part)]
    fixed = _fixed(schema)
    words = " ".join(str(text) for text in (value.get("title"), value.get("description"), schema.get("description")) if isinstance(text, str))
    if depth >= DEEPEST or why:
        yield Leaf(name, top, types, "", words, (), True, why or "it is nested too deep to be followed")
        return
    open_form = not types and not clauses and not fixed and "properties" not in schema and "items" not in schema
    form = schema.get("format")
    yield Leaf(name, top, types, form if isinstance(form, str) else "", words, fixed, open_form, "its form is not said" if open_form else "")
    for clause in clauses:
        yield from _leaves(clause, name, root, depth + 1, top=top)
    if "properties" in schema or "object" in types or "patternProperties" in schema:
        inner = dict(schema)
        inner.setdefault("additionalProperties", True)
        yield from _members({key: inner[key] for key in inner if key not in _PARTS}, f"{name}.", root, depth + 1)
    for items in _items(schema):
        yield from _leaves(items, f"{name}[]", root, depth + 1, top=False)


def _items(schema: Mapping[str, object]) -> Iterator[object]:
    listed = schema.get("prefixItems", ())
    yield from listed if is_array(listed) else ()
    if "items" in schema:
        items = schema["items"]
        yield from items if is_array(items) else [items]
    elif schema.get("type") == "array":
        yield {}


def _clauses(schema: Mapping[str, object], part: str) -> list[object]:
    found = schema.get(part)
    return [one for one in found if not (is_object(one) and one.get("type") == "null")] if is_array(found) else []


def _fixed(schema: Mapping[str, object]) -> tuple[object, ...]:
    """The values that are the only ones, where there are such."""
    if "const" in schema:
        return (schema["const"],)
    found = schema.get("enum")
    plain = (str, int, float, bool, type(None))
    return tuple(found) if is_array(found) and 0 < len(found) <= 200 and all(isinstance(one, plain) for one in found) else ()


def resolved(schema: Mapping[str, object], root: Mapping[str, object]) -> tuple[Mapping[str, object], str]:
    """The schema that a reference leads to, with its own members on top; and why it cannot be followed, "" when it can."""
    for _ in range(DEEPEST):
        target = schema.get("$ref")
        if target is None:
            return schema, ""
        if not isinstance(target, str) or not target.startswith("#/"):
            return schema, f"it refers to {target!a}"[:80] + ", which is not here"
        found: object = root
        for part in target[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if is_object(found) else None
        if not is_object(found):
            return schema, f"it refers to {target!a}"[:80] + ", which is not there"
        schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema, "it refers to itself"
