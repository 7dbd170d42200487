"""Walking a schema down to what an agent can send: every argument, at any depth, with its types and words.

    {"properties": {"options": {"properties": {"paths": {"items": {"type": "string"}}}}}}   →  options.paths[]

`$ref`, `anyOf`, `oneOf`, `allOf`, `items`, `prefixItems`, `properties`, `patternProperties` and `additionalProperties` are followed.  What is not
understood, too deep, or leads back to itself, stays as an argument about which nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from gate.constraints.value import is_array, is_object
from gate.frozen import freeze
from gate.propose.reading import text_list

DEEPEST: Final = 8
MOST: Final = 500
STEPS: Final = 20_000
_PARTS: Final = ("anyOf", "oneOf", "allOf")
_CLAUSES: Final = ("if", "then", "else", "not")
_UNFOLLOWED: Final = ("$dynamicRef", "$recursiveRef", "unevaluatedProperties", "unevaluatedItems", "propertyNames")


class Leaf(NamedTuple):
    """One argument.

    top: it is a whole argument of the tool, which a grant can name.  within: the whole argument in which it lies.  words: title and description.
    fixed: the only values, () where there are others.  open: it may hold members of any name, or its form is not known, and `why`.
    """

    name: str
    top: bool
    types: frozenset[str]
    form: str
    words: str
    fixed: tuple[object, ...] = ()
    open: bool = False
    why: str = ""
    within: str = ""


def walk(schema: Mapping[str, object]) -> list[Leaf]:
    """Every argument of a tool's schema, each name once; a last one named "*" stands for arguments of any name."""
    found: dict[str, Leaf] = {}
    for step, leaf in enumerate(_members(schema, "", schema, 0, "")):
        if step > STEPS:  # references to references: few words, and no end
            found["*"] = Leaf("*", True, frozenset(), "", "", (), True, "its schema has more parts than anybody can follow")
            break
        if leaf is None:
            continue
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


def _members(schema: Mapping[str, object], place: str, root: Mapping[str, object], depth: int, within: str) -> Iterator[Leaf | None]:
    """The members of an object's schema. None counts a step that finds nothing."""
    yield None
    schema, why = resolved(schema, root)
    properties = schema.get("properties")
    known: Mapping[str, object] = properties if is_object(properties) else {}
    for name, value in known.items():
        yield from _leaves(value, f"{place}{name}", root, depth, within or name, top=not place)
    for clause in _all_clauses(schema):
        if is_object(clause) and depth < DEEPEST:
            yield from _members({"additionalProperties": False, **clause}, place, root, depth + 1, within)
        elif is_object(clause):
            why = "it is nested too deep to be followed"
    if unfollowed := [key for key in _UNFOLLOWED if key in schema]:
        why = f"its schema uses '{unfollowed[0]}', which is not followed"
    more = schema.get("additionalProperties", not place and not is_object(properties))
    if more is not False or "patternProperties" in schema or why:
        said = why or ("names are given by a pattern" if "patternProperties" in schema else "members of any name are taken")
        yield Leaf(f"{place}*", not place, frozenset(), "", "", (), True, said, within)


def _leaves(value: object, name: str, root: Mapping[str, object], depth: int, within: str, *, top: bool) -> Iterator[Leaf | None]:
    """An argument, and what lies inside it."""
    if not is_object(value):
        yield Leaf(name, top, frozenset(), "", "", (), value is not False, "its schema says nothing", within)
        return
    schema, why = resolved(value, root)
    types = frozenset(text_list([schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type")))
    clauses = [one for one in _all_clauses(schema) if not (is_object(one) and one.get("type") == "null")]
    fixed = _fixed(schema)
    words = " ".join(str(text) for text in (value.get("title"), value.get("description"), schema.get("description")) if isinstance(text, str))
    if depth >= DEEPEST or why:
        yield Leaf(name, top, types, "", words, (), True, why or "it is nested too deep to be followed", within)
        return
    open_form = not types and not clauses and not fixed and "properties" not in schema and "items" not in schema
    form = schema.get("format")
    yield Leaf(name, top, types, form if isinstance(form, str) else "", words, fixed, open_form, "its form is not said" if open_form else "", within)
    for clause in clauses:
        yield from _leaves(clause, name, root, depth + 1, within, top=top)
    if "properties" in schema or "object" in types or "patternProperties" in schema:
        inner = dict(schema)
        inner.setdefault("additionalProperties", True)
        yield from _members(
            {key: inner[key] for key in inner if key not in (*_PARTS, *_CLAUSES, "dependentSchemas")}, f"{name}.", root, depth + 1, within
        )
    for items in _items(schema):
        yield from _leaves(items, f"{name}[]", root, depth + 1, within, top=False)


def _items(schema: Mapping[str, object]) -> Iterator[object]:
    listed = schema.get("prefixItems", ())
    yield from listed if is_array(listed) else ()
    if "items" in schema:
        items = schema["items"]
        yield from items if is_array(items) else [items]
    elif schema.get("type") == "array":
        yield {}


def _all_clauses(schema: Mapping[str, object]) -> list[object]:
    """The schemas that also say something about the same value."""
    found: list[object] = [schema[key] for key in _CLAUSES if key in schema]
    for part in _PARTS:
        clauses = schema.get(part)
        found += clauses if is_array(clauses) else []
    dependent = schema.get("dependentSchemas")
    return [*found, *dependent.values()] if is_object(dependent) else found


def _fixed(schema: Mapping[str, object]) -> tuple[object, ...]:
    """The values that are the only ones, where there are such."""
    if "const" in schema:
        schema = {"enum": [schema["const"]]}
    found = schema.get("enum")
    if not is_array(found) or not 0 < len(found) <= 200:
        return ()
    try:
        plain = all(one is None or isinstance(freeze(one), (str, int, float, bool)) for one in found)
        length = sum(len(str(one).encode()) for one in found)
    except ValueError:  # half a character, too: no file can hold it
        return ()
    return tuple(found) if plain and length <= 20_000 else ()


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
