"""The channels that the contract is proved for: each says what a person reads in its rendering of a document, and what it offers.

A new channel adds itself to `RENDERERS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gate.approvers import blocks, text
from gate.approvers.document import Document, to_json
from gate.shown import lasting


class Rendered(NamedTuple):
    """read: all that a person sees, in order.  raw: what is sent.  approve: whether it offers to approve.  partial: whether it says that
    something is missing.  markup: whether what is sent is HTML."""

    read: str
    raw: str
    approve: bool
    partial: bool
    markup: bool = False


def as_text(document: Document) -> Rendered:
    made = text.render(document, 80)
    return Rendered(made, made, approve=not document.cut, partial="characters left out" in made)


def as_blocks(document: Document) -> Rendered:
    made = blocks.message(document, page="https://gate.example.com/q/1")
    read = blocks.read(made)
    return Rendered(read, json.dumps(made, ensure_ascii=False), blocks.APPROVE in blocks.buttons(made), "missing here" in read or "left out" in read)


def as_json(document: Document) -> Rendered:
    """What a program finds in the data, which it must not have to guess."""
    data = json.dumps(to_json(document), ensure_ascii=False)
    sections = json.loads(data)["sections"]
    read = "\n".join(part for section in sections for part in (section["title"], *[p for fact in section["facts"] for p in _parts(fact)]))
    return Rendered(read, data, approve=not json.loads(data)["cut"], partial=bool(json.loads(data)["cut"]))


def _parts(fact: dict[str, Any]) -> Iterator[str]:
    yield fact["label"]
    if fact["form"] == "choice":
        yield f"{fact['uses']:,} {'call' if fact['uses'] == 1 else 'calls'}, within {lasting(fact['seconds'])}"
    for line in [cell for row in fact.get("rows", []) for cell in row] + fact.get("lines", []):
        yield "".join(text for text, _ in line)
    yield fact["missing"]
    for line in [*fact.get("end", []), fact.get("shell", [])]:
        yield "".join(text for text, _ in line)
    yield from fact.get("notes", [])


RENDERERS: dict[str, Callable[[Document], Rendered]] = {"text": as_text, "blocks": as_blocks, "json": as_json}
