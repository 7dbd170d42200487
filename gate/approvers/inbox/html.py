r"""HTML: how the facts of a document are written in the page. Text becomes HTML here and nowhere else.

A text goes out through `line`, which escapes each of its segments and wraps the marked ones in `<mark>`; the templates escape whatever did not
come from here.  So nothing that an agent, a tool or a person wrote can be anything but text in the page.

>>> line(marked("<b>\u202e"))
Markup('&lt;b&gt;<mark class="unseen" title="a character that would not be seen">\\u202e</mark>')
>>> left(59.2), left(600), left(7200), left(-1)
('60 s', '10 min', '2 h', 'no time')
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from gate.approvers.document import choice_words
from gate.approvers.fact import Choice, Fact, Table, Value
from gate.approvers.marked import Line, Mark, marked
from gate.shown import utc

if TYPE_CHECKING:
    from gate.approvers.document import Document, Name, Section
    from gate.approvers.inbox.cards import Card

Run: TypeAlias = Literal["named", "plain", "quote", "table", "argument"]
_TITLES: Final[Mapping[Mark, str]] = {
    "unseen": "a character that would not be seen",
    "blank": "a blank character",
    "alike": "letters that look like others",
}
_FINE: Final = frozenset({"capability", "rules"})
_EMPTY: Final = marked("  ")
_CHANGED: Final = {"+ ": "add", "- ": "del", "@@": "at"}


class Timed(Protocol):
    """What has a beginning and an end, in seconds since the epoch."""

    @property
    def created(self) -> float:
        """Its beginning."""
        ...

    @property
    def expires(self) -> float:
        """Its end."""
        ...


def environment() -> Environment:
    """The templates of the page."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[..., object]] = {
        "line": line,
        "text": text,
        "left": left,
        "moment": utc,
        "stage": stage,
        "runs": runs,
        "plain": coarse,
        "fine": fine,
        "exact": exact,
        "sections": sections,
        "choices": choices,
        "wider": wider,
        "extent": choice_words,
        "changed": changed,
        "diffed": diffed,
    }
    made.filters.update(filters)
    last: dict[str, Callable[..., object]] = {"card": _cards(made)}
    made.filters.update(last)  # after those that its template uses
    return made


def _cards(templates: Environment) -> Callable[[Card, float, str], Markup]:
    """A filter that renders a card of a list. Most of a list is as it was a moment ago, so cards are kept until they say something else."""
    template = templates.get_template("card.html")

    @lru_cache(maxsize=4096)
    def rendered(row: Card, left: str, stage: int, here: bool) -> Markup:  # noqa: FBT001  # what the template says
        return Markup(template.render(row=row, left=left, stage=stage, here=here))  # noqa: S704  # rendered with autoescape

    return lambda row, now, current: rendered(row, left(row.expires - now), stage(row, now), row.id == current)


def line(segments: Line) -> Markup:
    """A line of marked text."""
    if len(segments) == 1 and not segments[0].mark:
        return escape(segments[0].text)
    return Markup("").join([_segment(segment.text, segment.mark) for segment in segments])


def text(plain: str) -> Markup:
    """A text of which nobody has marked anything yet."""
    return line(marked(plain))


def _segment(shown: str, mark: Mark) -> Markup:
    return Markup('<mark class="{}" title="{}">{}</mark>').format(mark, _TITLES[mark], shown) if mark else escape(shown)


def left(seconds: float) -> str:
    """How long is left, as the page's own script writes it too."""
    if seconds <= 0:
        return "no time"
    if seconds <= 90:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 5400 else f"{math.ceil(seconds / 3600)} h"


def stage(timed: Timed, now: float) -> int:
    """How far its time is gone: 0, 1 from a half, 2 from nine tenths, 3 when it is over."""
    gone = (now - timed.created) / max(timed.expires - timed.created, 0.001)
    return 3 if gone >= 1 else 2 if gone >= 0.9 else 1 if gone >= 0.5 else 0


def sections(document: Document, names: Sequence[Name]) -> list[Section]:
    """The sections of these names that the document has, in this order."""
    found = [document.section(name) for name in names]
    return [section for section in found if section.facts]


def choices(document: Document) -> list[Choice]:
    """What a yes may cover."""
    return [fact for fact in document.section("grant").facts if isinstance(fact, Choice)]


def wider(document: Document) -> int:
    """The most calls that any of the choices covers, 0 when each is one call."""
    most = max([choice.uses for choice in choices(document)], default=1)
    return most if most > 1 else 0


def coarse(section: Section) -> Section:
    """The section without what only an auditor looks for."""
    return replace(section, facts=tuple([fact for fact in section.facts if section.name not in {"who", "why"} or fact.label not in _FINE]))


def fine(section: Section) -> Section | None:
    """What is left out of that, None for nothing."""
    found = tuple([fact for fact in section.facts if fact.label in _FINE and not isinstance(fact, Choice)]) if section.name in {"who", "why"} else ()
    return replace(section, facts=found) if found else None


def exact(choices: Sequence[Choice]) -> list[Choice]:
    """Those that say as JSON what they cover."""
    return [choice for choice in choices if choice.exact]


def runs(section: Section) -> Iterator[tuple[Run, list[Fact]]]:
    """Neighbouring facts that are written in the same way."""
    for form, group in groupby(section.facts, key=_run):
        yield form, list(group)


def _run(fact: Fact) -> Run:
    if isinstance(fact, Table):
        return "table"
    if isinstance(fact, Value) and fact.form == "quote":
        return "quote"
    if isinstance(fact, Value) and fact.form == "words":
        return "named" if fact.label else "plain"
    return "argument"


def diffed(cell: Line) -> Line:
    """A row of a diff; the two blanks before an empty line are the diff's own."""
    return () if cell == _EMPTY else cell


def changed(cell: Line) -> str:
    """The class of a row of a diff."""
    return _CHANGED.get(cell[0].text[:2], "") if cell else ""
