r"""Fact: the kinds of things a document says, and how a text or an argument becomes one, whole or openly cut.

A `Value` is a text or an argument, a `Table` a panel of a preview, a `Choice` something a yes may cover.  Text of more than 100,000
characters or 2,000 lines (a sentence: 3,000 characters) is kept as its first 2,000 and its last 1,000 characters with its length and SHA-256;
so is whatever comes after 300,000 characters of arguments, so that a question of any size is shown at once.

>>> argument("eur", 5, Room()).form, [plain(line) for line in argument("eur", 5, Room()).lines]
('data', ['5'])
>>> argument("argv", ("ssh", "-R", "a b"), Room()).shell
(Segment(text="ssh -R 'a b'", mark=''),)
>>> argument("body", "x" * 200_000, Room()).missing
'197,000 characters left out'
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeGuard

from gate.approvers.marked import Line, marked, notes, plain, printable
from gate.call import canonical
from gate.constraint import parse
from gate.frozen import Frozen, thaw
from gate.preview import Form as PanelForm
from gate.preview import Panel

if TYPE_CHECKING:
    from gate.ask import Scope

LONGEST: Final = 100_000
MOST_LINES: Final = 2_000
LONGEST_SENTENCE: Final = 3_000
ROOM: Final = 300_000
HEAD: Final = 2_000
TAIL: Final = 1_000
LONG: Final = 1_000
COMMANDS: Final = frozenset({"argv", "args", "arguments", "command", "cmd", "commandline"})
Form: TypeAlias = Literal["words", "text", "data", "list", "quote"]


@dataclass(frozen=True, slots=True)
class Value:
    """A text or an argument.

    form: "words" of the engine; an argument that is a "text" (its real lines), a "list" of texts (one line each) or other "data" (canonical
    JSON, laid out in lines); a "quote" of what nobody checked.  shell: of a command, the line to type in a shell.  notes: what the engine
    says about it.  missing: what stands between `lines` and `end` and is not here; `whole(case, key)` has it.
    """

    label: str
    form: Form
    lines: tuple[Line, ...]
    shell: Line = ()
    notes: tuple[str, ...] = ()
    missing: str = ""
    end: tuple[Line, ...] = ()
    key: str = ""

    @property
    def cut(self) -> bool:
        """Whether it is here in part only."""
        return bool(self.missing)


@dataclass(frozen=True, slots=True)
class Table:
    """A panel of a preview; rows as `gate.preview.Panel` has them. missing: how many more there are, "" for none."""

    label: str
    form: PanelForm
    rows: tuple[tuple[Line, ...], ...]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a yes may cover: `index` among the question's scopes. lines: what it admits of each argument, in words. chosen: unless told otherwise.

    missing, key: as a value's.  exact: the same as JSON, for a program, or for who asks for it; long ones are cut, and whole in `whole`.
    """

    index: int
    label: str
    lines: tuple[Line, ...]
    uses: int
    seconds: float
    chosen: bool
    missing: str = ""
    key: str = ""
    exact: tuple[Line, ...] = ()
    form: Literal["choice"] = field(default="choice", init=False)

    @property
    def cut(self) -> bool:
        """Whether it is here in part only."""
        return bool(self.missing)


Fact: TypeAlias = Value | Table | Choice


class Room:
    """How much text a document still takes. whole: any amount."""

    def __init__(self, left: int = ROOM, *, whole: bool = False) -> None:
        self.left, self.whole = left, whole

    def takes(self, text: str, longest: int = LONGEST) -> bool:
        """Whether a text is shown whole; what is shown of it is taken."""
        fits = len(text) <= HEAD + TAIL or (len(text) <= min(self.left, longest) and text.count("\n") < MOST_LINES)
        self.left -= len(text) if fits else HEAD + TAIL
        return fits


def words(label: str, text: str, room: Room, key: str = "", *, form: Literal["words", "quote"] = "words") -> Value:
    """A sentence, or what somebody said with its real lines."""
    return _value(label, form, text, key, room, LONGEST_SENTENCE if form == "words" else LONGEST)


def argument(name: str, value: Frozen, room: Room, key: str = "") -> Value:
    """An argument, whole unless it is too long."""
    if _is_texts(value) and not room.whole and room.takes("\n".join(value)):
        return _listed(name, value, key)
    return _value(name, "text" if isinstance(value, str) else "data", whole_text(value), key, room)


def table(panel: Panel) -> Table:
    """A panel of a preview."""
    left = panel.total - len(panel.rows)
    rows = tuple([tuple([marked(one) for one in row]) for row in panel.rows])
    return Table(plain(marked(panel.title)), panel.form, rows, f"{left:,} more, not shown" if left > 0 else "")


def choice(index: int, scope: Scope, room: Room) -> Choice:
    """A scope, each constraint in its own words, and as canonical JSON: what a wider yes admits is shown as exactly as the call."""
    named: Mapping[str, object] = {} if scope.arguments is None else scope.arguments
    texts = [f"{name} is {_admitted(made)}" for name, made in named.items()]
    exact = [f"{name} = {canonical(made).decode()}" for name, made in named.items()]
    shown, left = list[Line](), 0
    for text in texts:
        fits = room.whole or room.takes(text)
        shown.append(printable(text) if room.whole else marked(text if fits else text[: HEAD + TAIL] + "…"))
        left += 0 if fits else len(text) - HEAD - TAIL
    missing = f"{left:,} characters left out" if left else ""
    if room.whole:
        shown += map(printable, exact)
    as_json = tuple([marked(text if len(text) <= HEAD + TAIL else text[: HEAD + TAIL] + "…") for text in exact])
    return Choice(index, plain(marked(scope.label)), tuple(shown), scope.uses, scope.seconds, index == 0, missing, f"scope-{index}", as_json)


def _admitted(data: object) -> str:
    """What a constraint admits, in the words of its type; as JSON where nothing here can say it."""
    try:
        return parse(data).words()
    except ValueError:
        return f"as {canonical(data).decode()} says"


def laid_out(value: Frozen, indent: str = "") -> Iterator[str]:
    """Canonical JSON (RFC 8785) in lines: without line ends and indentation it is exactly the canonical text."""
    inner = indent + "  "
    if isinstance(value, Mapping) and value:
        yield from _members("{", "}", [(canonical(name).decode() + ":", value[name]) for name in sorted(value, key=_utf16)], inner, indent)
    elif isinstance(value, tuple) and value:
        yield from _members("[", "]", [("", one) for one in value], inner, indent)
    else:
        yield canonical(thaw(value)).decode()


def whole_text(value: Frozen) -> str:
    """The text of an argument: itself, or its canonical JSON, laid out in lines unless that is too long to be read."""
    if isinstance(value, str):
        return value
    text = canonical(thaw(value)).decode()
    return "\n".join(laid_out(value)) if len(text) <= LONGEST else text


def _members(opening: str, closing: str, members: list[tuple[str, Frozen]], inner: str, indent: str) -> Iterator[str]:
    yield opening
    for at, (name, value) in enumerate(members):
        *most, last = laid_out(value, inner)
        lines = [*most, last + ("," if at < len(members) - 1 else "")]
        yield f"{inner}{name}{lines[0]}"
        yield from lines[1:]
    yield indent + closing


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")  # the order of RFC 8785, section 3.2.3


def _is_texts(value: Frozen) -> TypeGuard[tuple[str, ...]]:
    return isinstance(value, tuple) and bool(value) and all([isinstance(one, str) for one in value])


def _listed(name: str, items: tuple[str, ...], key: str) -> Value:
    """One line an item, so that where one ends cannot be mistaken."""
    shell = marked(shlex.join(items)) if name.casefold().replace("_", "") in COMMANDS else ()
    said = notes(" ".join(items))
    return Value(plain(marked(name)), "list", tuple([marked(item) for item in items]), shell=shell, notes=said, key=key)


def _value(label: str, form: Form, text: str, key: str, room: Room, longest: int = LONGEST) -> Value:
    if room.whole:
        return Value(label, form, tuple(map(printable, text.split("\n"))), key=key)
    fits = room.takes(text, longest)
    head, tail = (text, "") if fits else (text[:HEAD], text[-TAIL:])
    said = (*notes(head + tail), *(("empty",) if form == "text" and not text else ()), *((_size(text),) if len(text) >= LONG else ()))
    missing = "" if fits else f"{len(text) - len(head) - len(tail):,} characters left out"
    return Value(plain(marked(label)), form, _split(head, form), notes=said, missing=missing, end=_split(tail, form) if tail else (), key=key)


def _split(text: str, form: Form) -> tuple[Line, ...]:
    """The real lines; a sentence is one line."""
    return (marked(text),) if form == "words" else tuple([marked(line) for line in text.split("\n")])


def _size(text: str) -> str:
    count = text.count("\n") + 1
    return f"{len(text):,} characters in {count:,} line{'' if count == 1 else 's'}, SHA-256 {sha256(text.encode()).hexdigest()}"
