"""Guessing what an argument is, from its name first, then its format, then words of its description, and saying why.

A description is what anybody may have written: by itself it only suggests, and no constraint is made of it or taken away by it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from gate.names import odd_characters
from gate.propose.walk import Leaf
from gate.propose.words import SORTS, words_of

Certainty: TypeAlias = Literal["sure", "likely", "unsure", "unknown"]
_TEXT: Final = frozenset(["string", "array"])
_NUMBER: Final = frozenset(["number", "integer", "string"])
_HARMLESS: Final = frozenset(["boolean", "null"])
# the end of a name that says something about a thing, and does not name it: `file_id`, `email_subject`
_ABOUT: Final = frozenset(
    [
        "id",
        "ids",
        "uuid",
        "count",
        "size",
        "type",
        "types",
        "limit",
        "index",
        "status",
        "date",
        "time",
        "format",
        "mode",
        "title",
        "number",
        "subject",
        "body",
        "text",
        "content",
        "encoding",
        "length",
        "width",
        "height",
        "color",
        "language",
        "version",
        "description",
    ]
)
_PAGES: Final = frozenset(["page", "next", "continuation", "sync", "resume", "max", "min", "count"])  # `next_token` is a place in a list


class Guess(NamedTuple):
    """What an argument was taken for ("" for nothing), how sure that is, and why."""

    sort: str
    certainty: Certainty
    reasons: tuple[str, ...]


def guess(leaf: Leaf) -> Guess:
    """The sort of an argument."""
    if leaf.fixed:
        return Guess("choice", "sure", ("its schema lists the values that it may have",))
    if odd := odd_characters(leaf.name):
        near = _by_name(unicodedata.normalize("NFKC", leaf.name))
        return Guess(
            "",
            "unknown",
            (f"its name holds {odd}, so what it looks like says nothing", *[f"a reader may take it for a {one}" for one, _, _ in near][:1]),
        )
    if leaf.types and leaf.types <= _HARMLESS:
        return Guess("switch", "sure", ("its schema takes true and false only",))
    found = sorted(_candidates(leaf), key=lambda one: _ORDER.index(one[1]))
    if not found:
        return Guess("", "unknown", ("nothing in its name, format or description says what it is",))
    sort, certainty, why = found[0]
    others = dict.fromkeys(other for other, level, _ in found if other != sort and level == certainty)
    if others and certainty != "unsure":
        certainty = "likely" if certainty == "sure" else "unsure"
    return Guess(sort, certainty, (why, *[f"it could be a {other} too" for other in others][:2]))


def _candidates(leaf: Leaf) -> Iterator[tuple[str, Certainty, str]]:
    for sort, data in SORTS.items():
        if leaf.form and leaf.form.lower() in data.formats and _fits(sort, leaf):
            yield sort, "sure", f"its format is '{leaf.form[:40]}'"
    for sort, certainty, why in _by_name(leaf.name):
        if _fits(sort, leaf):
            yield sort, certainty, why
    for sort, data in SORTS.items():
        if _fits(sort, leaf) and leaf.words and (found := data.words.search(leaf.words[:2000])):
            yield sort, "unsure", f"its description says '{found[0][:40].lower()}'"


def _by_name(name: str) -> list[tuple[str, Certainty, str]]:
    last = name.rpartition(".")[2]
    words = words_of(last)
    whole, end = "_".join(words), words[-1] if words else ""
    made: list[tuple[str, Certainty, str]] = []
    for sort, data in SORTS.items():
        if sort == "secret" and _PAGES.intersection(words):
            continue
        for level, names in (("sure", data.sure), ("likely", data.likely)):
            if whole in names or "".join(words) in names:
                made.append((sort, "sure" if level == "sure" else "likely", f"its name is '{whole}'"))
            elif end in names:
                made.append((sort, "sure" if level == "sure" else "unsure", f"its name ends with '{end}'"))
            elif end not in _ABOUT and names.intersection(words):
                word = next(one for one in words if one in names)
                made.append((sort, "likely" if level == "sure" else "unsure", f"its name holds '{word}'"))
    return made


def _fits(sort: str, leaf: Leaf) -> bool:
    """Whether a value of this sort can be of one of the argument's types; true where nothing is said about them."""
    return not leaf.types or bool(leaf.types & (_NUMBER if sort == "money" else _TEXT))


_ORDER: Final[tuple[Certainty, ...]] = ("sure", "likely", "unsure", "unknown")
