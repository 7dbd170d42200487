r"""Blocks: a document as a Slack message of Block Kit, or, where one cannot hold it, as a pointer to the page.

Everything that is not the engine's is a `text` element of a `rich_text` block: literal by its type, so that no mention, link, emoji or
formatting can be made of it.  The `text` beside the blocks, which notifications show, is escaped as Slack asks (`&`, `<`, `>`).

Slack's documented limits are 50 blocks a message, 3,000 characters a text and 2,000 a button's value; the sum over a message is not documented
and was seen to be refused from 11,300 characters on, so a message here has at most 8,000 and 40 blocks.  A document that does not fit, is cut,
or is `page_only` has no button to approve, but says why and links to the page.  A button to deny is always there while the question is open.

>>> from gate.answer import Case
>>> from gate.approvers.document import document
>>> from gate.approvers.example import QUESTION
>>> made = message(document(Case(QUESTION, "open"), now=1000.0), page="https://gate.example.com/q/q_0001")
>>> made["text"]
'cleaner wants to delete /backup/friday and everything below it (high risk)'
>>> buttons(made)
['gate-deny', 'gate-page']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, TypedDict, cast

from gate.approvers.document import choice_words
from gate.approvers.fact import Choice, Table
from gate.approvers.marked import plain

if TYPE_CHECKING:
    from gate.approvers.document import Document, Section
    from gate.approvers.fact import Fact

MOST_BLOCKS: Final = 40
MOST_TEXT: Final = 8_000
LONGEST_TEXT: Final = 2_900
APPROVE: Final = "gate-approve"
DENY: Final = "gate-deny"
PAGE: Final = "gate-page"
Block: TypeAlias = dict[str, object]


class Message(TypedDict):
    """What `chat.postMessage` and `chat.update` take beside the channel."""

    text: str
    blocks: list[Block]


def message(document: Document, *, page: str = "") -> Message:
    """The document as a message. page: the address of the question on the page, "" when there is no page."""
    blocks = [_section(section) for section in document.sections]
    why = document.page_only
    if not _fits(blocks):
        blocks = [_section(document.section(name)) for name in ("headline", "number", "deadline")]
        blocks = [*(blocks if _fits(blocks) else blocks[1:]), _rich([_run([_text("It is too long to be shown here; most of it is missing here.")])])]
        why = tuple(dict.fromkeys((*why, "it is too long to be shown here whole")))
    if document.state == "open":
        blocks += list(_answers(document, why, page))
    return {"text": escaped(f"{document.headline} ({document.risk} risk)")[:LONGEST_TEXT], "blocks": blocks}


def buttons(made: Message) -> list[str]:
    """The action ids of the buttons in a message."""
    return [str(element["action_id"]) for block in made["blocks"] if block["type"] == "actions" for element in _elements(block)]


def escaped(text: str) -> str:
    """A text in which Slack sees no mention, link or entity: its three control characters as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def read(made: Message) -> str:
    """What a person reads in a message, as lines."""
    return "\n".join(_read(made["blocks"]))


def _answers(document: Document, why: tuple[str, ...], page: str) -> Iterator[Block]:
    if why:
        where = "open the page to approve" if page else "approve at the page or with gate ask"
        yield _rich([_run([_text(f"This cannot be approved here: {'; '.join(why)}. To deny, press Deny; {where}.")])])
    shown = [_button(DENY, "Deny", document, style="danger")]
    if page:
        shown.append({"type": "button", "action_id": PAGE, "text": _plain("Open the page"), "url": page})
    if not why:
        shown.insert(0, _button(APPROVE, "Approve exactly this call, once", document))
    yield {"type": "actions", "block_id": f"gate-{document.id}"[:255], "elements": shown}


def _button(action: str, text: str, document: Document, **more: str) -> Block:
    """A button whose value says which question, and which call was shown."""
    return {"type": "button", "action_id": action, "text": _plain(text), "value": f"{document.id} {document.digest}"[:2000], **more}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _section(section: Section) -> Block:
    """A section as one block of rich text."""
    parts = [_run([_text(section.title, bold=True)])] if section.title else []
    for at, fact in enumerate(section.facts):
        parts += _fact(fact, bold=section.name == "headline" and at == 0)
    return _rich(parts)


def _fact(fact: Fact, *, bold: bool) -> Iterator[Block]:
    if isinstance(fact, Table):
        between = ": " if fact.form == "facts" else " | "
        yield _run([_text(f"{fact.label}:", bold=True)])
        yield from _box("\n".join([between.join(map(plain, row)) for row in fact.rows]))
        yield from [_run([_text(fact.missing)])] if fact.missing else ()
    elif isinstance(fact, Choice):
        yield _run([_text(f"{fact.index + 1}. {fact.label}: {choice_words(fact)}")])
        yield from [*_box("\n".join(map(plain, fact.lines))), *_notes(fact.missing)]
    elif fact.form == "words":
        text = "\n".join(map(plain, fact.lines))
        name = [_text(f"{fact.label}: ", bold=True)] if fact.label else []
        yield from [_run([*name, _text(part, bold=bold)]) for part in _chunks(text)] or [_run(name)]
        yield from _notes(fact.missing, *fact.notes)
    else:
        yield from [_run([_text(f"{fact.label}:", bold=True)])] if fact.label else ()
        yield from _box("\n".join(map(plain, fact.lines)))
        yield from [*_notes(fact.missing), *_box("\n".join(map(plain, fact.end)))] if fact.missing else ()
        yield from [_run([_text("in a shell:")]), *_box(plain(fact.shell))] if fact.shell else ()
        yield from _notes(*fact.notes)


def _notes(*notes: str) -> Iterator[Block]:
    return (_run([_text(f"! {note}")]) for note in notes if note)


def _box(text: str) -> Iterator[Block]:
    return ({"type": "rich_text_preformatted", "elements": [_text(part)]} for part in _chunks(text))


def _chunks(text: str) -> list[str]:
    return [text[at : at + LONGEST_TEXT] for at in range(0, len(text), LONGEST_TEXT)]


def _run(elements: list[Block]) -> Block:
    return {"type": "rich_text_section", "elements": [*elements, _text("\n")]}


def _rich(elements: list[Block]) -> Block:
    return {"type": "rich_text", "elements": elements}


def _text(text: str, *, bold: bool = False) -> Block:
    return {"type": "text", "text": text, **({"style": {"bold": True}} if bold else {})}


def _fits(blocks: list[Block]) -> bool:
    return len(blocks) <= MOST_BLOCKS and sum(map(len, _read(blocks))) <= MOST_TEXT


def _elements(block: Mapping[str, object]) -> list[Block]:
    return cast("list[Block]", block.get("elements", []))


def _read(blocks: list[Block]) -> Iterator[str]:
    """Every text of blocks, in order."""
    for block in blocks:
        inner = block.get("text", ())
        yield from [str(cast("Block", inner)["text"])] if isinstance(inner, dict) else [inner] if isinstance(inner, str) else ()
        yield from _read(_elements(block))
