r"""Text: a document for a terminal, or wherever text of a fixed width is read.

What the engine wrote stands at the left; what came from the call, the agent or a preview stands behind a bar, one `│` for each of its lines
and a `┊` where a long one goes on, also where a letter takes two columns, so that nothing in it can pass for a line of the engine.  Nothing is
left out.  The result holds no character that is not printable but line ends; `stand_out` may wrap marked segments and `strong` the headline
and titles in whatever the reader's screen understands.

>>> from gate.answer import Case
>>> from gate.approvers.document import document
>>> from gate.approvers.example import QUESTION
>>> made = render(document(Case(QUESTION, "open"), now=1000.0), 60)
>>> print(made[made.index("  Exact call"):made.index("  What will")].rstrip())
  Exact call
    argv:
      │ rm
      │ -r
      │ /backup/friday
      in a shell: rm -r /backup/friday
    timeout = 60
<BLANKLINE>
  Your answer counts for this call only
    number of this call: 945
    digest: ZGlnZXN0LW9mLXRoZS1jYWxsLW9mLXRoZS1leGFtcGxl
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from gate.approvers.document import choice_words
from gate.approvers.fact import Choice, Table
from gate.approvers.marked import Line, Segment, plain

if TYPE_CHECKING:
    from gate.approvers.document import Document, Section
    from gate.approvers.fact import Value

WIDTH: Final = 100
NARROWEST: Final = 40
Style: TypeAlias = Callable[[str], str]


def render(document: Document, width: int = WIDTH, *, stand_out: Style = str, strong: Style = str) -> str:
    """The whole document as lines of at most `width` columns; it ends with a line end."""
    page = _Page(max(width, NARROWEST), stand_out, strong)
    lines = ["", "─" * page.width]
    for section in document.sections:
        lines += [*page.section(section), ""]
    return "\n".join(lines)


class _Page:
    def __init__(self, width: int, stand_out: Style, strong: Style) -> None:
        self.width, self._stand_out, self._strong = width, stand_out, strong

    def section(self, section: Section) -> Iterator[str]:
        if section.title:
            yield f"  {self._strong(section.title)}"
        for at, fact in enumerate(section.facts):
            if isinstance(fact, Table):
                yield from self._table(fact)
            elif isinstance(fact, Choice):
                yield from self._choice(fact)
            elif section.name == "headline" and at == 0:
                yield from self._headline(fact)
            else:
                yield from self._value(fact)

    def _value(self, fact: Value) -> Iterator[str]:
        """On one line with its name where it fits there, else behind a bar."""
        sign = " = " if fact.form in {"text", "data"} else ": " if fact.label else ""
        head = f"    {fact.label}{sign}" if fact.label else "    - "
        if self._short(fact, head):
            yield head + self._quoted(fact)
        else:
            yield from self._engine(f"    {fact.label}:") if fact.label else ()
            yield from self._barred(fact.lines)
            yield from [f"      … {fact.missing} …", *self._barred(fact.end)] if fact.missing else ()
        if fact.shell:
            yield from self._shell(fact.shell)
        yield from self._notes(fact)

    def _headline(self, fact: Value) -> Iterator[str]:
        """It may quote an argument, so what of it comes on further lines stands behind a bar as well."""
        for at, part in enumerate(_cut(fact.lines[0], self.width - 2, self.width - 4)):
            yield f"  {'┊ ' if at else ''}{self._strong(self._styled(part))}"
        yield from self._notes(fact)

    def _notes(self, fact: Value) -> Iterator[str]:
        for note in fact.notes:
            yield from self._engine(f"      ! {note}")

    def _short(self, fact: Value, head: str) -> bool:
        inline = fact.form in {"words", "text", "data"} and len(fact.lines) == 1 and not fact.missing
        return inline and columns(head) + sum([columns(part.text) for part in fact.lines[0]]) + 2 <= self.width

    def _quoted(self, fact: Value) -> str:
        quote = '"' if fact.form == "text" else ""
        return f"{quote}{self._styled(fact.lines[0])}{quote}"

    def _shell(self, line: Line) -> Iterator[str]:
        head = "      in a shell: "
        if columns(head) + sum([columns(part.text) for part in line]) <= self.width:
            yield head + self._styled(line)
        else:
            yield head.rstrip()
            yield from self._barred((line,))

    def _table(self, fact: Table) -> Iterator[str]:
        yield from self._engine(f"    {fact.label}:")
        between = ": " if fact.form == "facts" else " │ "
        for row in fact.rows:
            cells = [cell for column in row for cell in ((Segment(between),), column)][1:]
            yield from self._barred((tuple([segment for cell in cells for segment in cell]),))
        if fact.missing:
            yield f"      … {fact.missing}"

    def _choice(self, fact: Choice) -> Iterator[str]:
        yield from self._engine(f"    [{fact.index + 1}] {fact.label}: {choice_words(fact)}{' (unless you choose another)' if fact.chosen else ''}")
        yield from self._barred(fact.lines)
        yield from [f"      … {fact.missing}"] if fact.missing else ()

    def _engine(self, text: str) -> Iterator[str]:
        """A line of the engine's that may hold a name from elsewhere: wrapped, and its rest behind a bar as well."""
        first, *rest = _cut((Segment(text),), self.width, self.width - 8)
        yield plain(first)
        yield from [f"      ┊ {plain(part)}" for part in rest]

    def _barred(self, lines: tuple[Line, ...]) -> Iterator[str]:
        for line in lines:
            for at, part in enumerate(_cut(line, self.width - 8, self.width - 8)):
                yield f"      {'┊' if at else '│'} {self._styled(part)}"

    def _styled(self, line: Line) -> str:
        return "".join([self._stand_out(part.text) if part.mark else part.text for part in line])


def _cut(line: Line, first: int, others: int) -> Iterator[Line]:
    """The line in parts of at most so many columns."""
    part, left = list[Segment](), first
    for segment in line:
        text = segment.text
        while columns(text) > left:
            at = _fitting(text, left)
            yield (*part, segment._replace(text=text[:at])) if at else tuple(part)
            text, part, left = text[at:], [], others
        part.append(segment._replace(text=text))
        left -= columns(text)
    yield tuple(part)


def _fitting(text: str, width: int) -> int:
    """How many characters of a text fit into so many columns."""
    if text.isascii():
        return width
    used = 0
    for at, c in enumerate(text):
        used += _columns(c)
        if used > width:
            return at
    return len(text)


def columns(text: str) -> int:
    """How many columns of a screen a printable text takes at most; what may take one or two counts as two."""
    return len(text) if text.isascii() else sum([_columns(c) for c in text])


@lru_cache(maxsize=65536)
def _columns(c: str) -> int:
    return 2 if unicodedata.east_asian_width(c) in "WFA" and c not in "│┊─…→—" else 1
