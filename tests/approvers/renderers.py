"""The channels that the contract is proved for: each says what a person reads in its rendering of a document, and what it offers.

A new channel adds itself to `RENDERERS`.
"""

from __future__ import annotations

import atexit
import html
import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

from starlette.responses import PlainTextResponse

from gate.answer import Case
from gate.approvers import blocks, text
from gate.approvers.document import Document, document, to_json
from gate.approvers.inbox.identity import Identity
from gate.approvers.inbox.site import Site
from gate.home import Home
from gate.shown import lasting
from gate.testing import FakeClock

NOW = 1_000.0


class Rendered(NamedTuple):
    """document: what was rendered.  read: all that a person sees, in order.  raw: what is sent.  approve: whether it offers to approve.
    partial: whether it says that something is missing, or that there is nothing to approve.  markup: whether what is sent is HTML.  ordered:
    whether all facts come in the document's order, not only the headline, the call, the reasons and the words.  implied: what it says by how it
    looks."""

    document: Document
    read: str
    raw: str
    approve: bool
    partial: bool
    markup: bool = False
    ordered: bool = True
    implied: frozenset[str] = frozenset()


def as_text(case: Case) -> Rendered:
    made = document(case, now=NOW)
    shown = text.render(made, 80)
    return Rendered(made, shown, shown, approve=not made.cut, partial="characters left out" in shown)


def as_blocks(case: Case) -> Rendered:
    made = document(case, now=NOW)
    sent = blocks.message(made, page="https://gate.example.com/q/1")
    read = blocks.read(sent)
    partial = "missing here" in read or "left out" in read
    return Rendered(made, read, json.dumps(sent, ensure_ascii=False), blocks.APPROVE in blocks.buttons(sent), partial)


def as_json(case: Case) -> Rendered:
    """What a program finds in the data, which it must not have to guess."""
    made = document(case, now=NOW)
    data = json.dumps(to_json(made), ensure_ascii=False)
    sections = json.loads(data)["sections"]
    read = "\n".join(part for section in sections for part in (section["title"], *[p for fact in section["facts"] for p in _parts(fact)]))
    return Rendered(made, read, data, approve=not json.loads(data)["cut"], partial=bool(json.loads(data)["cut"]))


def as_html(case: Case) -> Rendered:
    """The article of the page, as bob is shown it; the page shows the tool without a name for it."""
    made = _site().article(case, Identity("bob", "session"))
    raw = str(made.html)
    read = html.unescape(re.sub(r"<[^>]*>", " ", raw))
    over = case.state != "open" or "You cannot approve this" in read
    partial = over or "Shown in part" in read or "left out" in read
    approve = '<button class="approve"' in raw
    whole = [
        fact.missing
        for section in made.document.sections
        for fact in section.facts
        if fact.label == "tool" and case.question.tool in html.unescape(raw)
    ]
    partial = partial or bool("".join(whole))  # a document that cuts a name longer than any; the page does not
    return Rendered(made.document, read, raw, approve, partial, markup=True, ordered=False, implied=frozenset({"tool", *whole}))


@lru_cache
def _site() -> Site:
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = Home(folder / ".gate", clock=FakeClock(NOW))
    return Site(home, lambda _: None, lambda _: PlainTextResponse(""))


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


RENDERERS: dict[str, Callable[[Case], Rendered]] = {"text": as_text, "blocks": as_blocks, "json": as_json, "html": as_html}
