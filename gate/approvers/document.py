r"""Document: everything a person is shown about a question, as one list of typed facts that every channel renders.

    headline      what the agent wants, in the engine's sentence; the risk; the tool
    who           the agent, for whom, who passed the capability on, task, session, capability
    call          each argument, whole and exact
    number        what must be typed (a grave question), and the digest that an answer is bound to
    consequences  effects, whether it can be undone, what the operating system must bound, the preview
    why           reasons, rules, techniques, what could not be inspected
    history       what was asked before about such calls
    earlier       what people and agent said before
    grant         what a yes may cover, the narrowest first and chosen
    answers       who has answered, who may
    deadline      until when; what silence means; how it ended
    words         the agent's own words, not checked

The sections come in this order, an empty one is left out, and a channel renders nothing but these.  Text in a fact is made of
`gate.approvers.marked` lines: printable, with everything that a reader would not see written as a marked escape.  What is too long to be
shown (`gate.approvers.fact`) is cut openly, and its key is in `Document.cut`; `whole` gives all of it.  A channel that cannot show the whole
of it must not offer to approve.

>>> from gate.approvers.example import QUESTION
>>> from gate.answer import Case
>>> made = document(Case(QUESTION, "open"), now=1000.0)
>>> [section.name for section in made.sections]
['headline', 'who', 'call', 'number', 'consequences', 'why', 'grant', 'answers', 'deadline', 'words']
>>> made.page_only
('its number must be typed',)
>>> [fact for fact in facts(made) if "Friday" in fact]
['it is the backup of last Friday']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gate.approvers.fact import Choice, Fact, Room, Table, Value, argument, choice, table, words
from gate.approvers.marked import plain
from gate.frozen import Frozen
from gate.shown import lasting, utc, visible

if TYPE_CHECKING:
    from gate.answer import Answer, Case, State
    from gate.ask import Question

Name: TypeAlias = Literal["headline", "who", "call", "number", "consequences", "why", "history", "earlier", "grant", "answers", "deadline", "words"]
TITLES: Final[Mapping[Name, str]] = {
    "headline": "",
    "who": "Who asks",
    "call": "Exact call",
    "number": "Your answer counts for this call only",
    "consequences": "What will happen",
    "why": "Why you are asked",
    "history": "What happened before",
    "earlier": "What was said before",
    "grant": "If you approve, you grant",
    "answers": "Answers so far",
    "deadline": "Until when",
    "words": "What the agent says (not checked)",
}
MOST_ARGUMENTS: Final = 200
LONGEST_NAME: Final = 200
LONGEST_HEADLINE: Final = 1_000
MOST: Final = 200
_SAID: Final = {
    "approve": "approved",
    "deny": "denied",
    "ask-back": "asked the agent back",
    "hand-over": "handed it over",
    "edit": "changed the call",
    "withdraw": "ended the question",
    "expire": "ended it, its time being over",
}
_ENDED: Final = {
    "approved": "approved; the call has not run yet",
    "used": "approved, and the call has run",
    "denied": "denied",
    "returned": "the agent was asked back",
    "edited": "the call was changed; the changed one is a question of its own",
    "withdrawn": "ended by an administrator",
    "expired": "expired without an answer, which means no",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Facts that belong together, under a title; "" where none is needed."""

    name: Name
    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a person is shown about one question at one moment (`now`, seconds since the epoch).

    risk: its word.  digest: what an answer is bound to.  cut: the keys of what is not here as a whole.  page_only: why only a channel that
    can show and ask everything (the page; the terminal unless something is cut) may take a yes, () when any may.
    """

    id: str
    headline: str
    tool: str
    state: State
    risk: str
    grave: bool
    passkey: bool
    quorum: int
    number: str
    digest: str
    expires: float
    now: float
    sections: tuple[Section, ...]
    cut: tuple[str, ...]
    page_only: tuple[str, ...]

    def section(self, name: Name) -> Section:
        """The section of a name, an empty one when it was left out."""
        return next((section for section in self.sections if section.name == name), Section(name, TITLES[name], ()))


def document(case: Case, *, now: float) -> Document:
    """Everything a person is shown about a question."""
    asked = case.question
    sections = _sections(case, now, Room())
    cut = tuple([fact.key for section in sections for fact in section.facts if not isinstance(fact, Table) and fact.cut])
    return Document(
        id=asked.id,
        headline=_short(asked.headline),
        tool=visible(asked.tool),
        state=case.state,
        risk=asked.risk.word,
        grave=asked.grave,
        passkey=asked.passkey,
        quorum=asked.quorum,
        number=asked.number,
        digest=asked.binding_hash,
        expires=asked.expires,
        now=now,
        sections=sections,
        cut=cut,
        page_only=tuple(_page_only(asked, cut)),
    )


def whole(case: Case, key: str) -> str:
    """The whole of what a document holds in part, by its key in `Document.cut`, as lines of printable text. KeyError for another key."""
    for section in _sections(case, 0.0, Room(whole=True)):
        for fact in section.facts:
            if not isinstance(fact, Table) and fact.key == key and key:
                return "\n".join(map(plain, fact.lines))
    raise KeyError(key)


def facts(document: Document) -> list[str]:
    """Every fact as text, in order: what each rendering must hold."""
    return [text for section in document.sections for text in (section.title, *[t for fact in section.facts for t in _texts(fact)]) if text]


def to_json(document: Document) -> dict[str, object]:
    """The document as plain data: lines are lists of [text, mark]."""
    return asdict(document)


def _sections(case: Case, now: float, room: Room) -> tuple[Section, ...]:
    asked = case.question
    made: dict[Name, Iterable[Fact]] = {
        "headline": _headline(asked),
        "who": _who(asked, room),
        "call": _call(asked, room),
        "number": _number(asked),
        "consequences": _consequences(asked),
        "why": _why(asked, room),
        "history": _lines("", asked.history, room, "history"),
        "earlier": _lines("", asked.earlier, room, "earlier", form="quote"),
        "grant": [choice(at, scope, room) for at, scope in enumerate(asked.scopes)],
        "answers": _answers(case, room),
        "deadline": _deadline(case, now),
        "words": [words("", asked.words, room, "words", form="quote")] if asked.words else (),
    }
    return tuple([Section(name, TITLES[name], found) for name, facts in made.items() if (found := tuple(facts))])


def _headline(asked: Question) -> Iterator[Value]:
    yield _word("", _short(asked.headline))
    yield _word("risk", asked.risk.word)
    yield _word("tool", asked.tool)


def _who(asked: Question, room: Room) -> Iterator[Value]:
    named = {"agent": asked.agent or "without a name", "for": asked.principal, "task": asked.task, "session": asked.session}
    yield from [words(name, text, room, name) for name, text in named.items() if text]
    if asked.chain:
        yield words("passed on by", " → ".join(asked.chain), room, "chain")
    if asked.capability:
        yield words("capability", asked.capability, room, "capability")
    yield _word("asked", f"{utc(asked.created)}, question {asked.id}")
    if asked.follows:
        yield _word("follows", f"question {asked.follows}")


def _call(asked: Question, room: Room) -> Iterator[Value]:
    """Each argument; those with very long names, and those after the first 200, together as the object that they are."""
    if not asked.arguments:
        yield _word("arguments", "none")
    rest = dict[str, Frozen]()
    for at, (name, value) in enumerate(asked.arguments.items()):
        if at < MOST_ARGUMENTS and len(name) <= LONGEST_NAME:
            yield argument(name, value, room, f"argument-{at}")
        else:
            rest[name] = value
    if rest:
        yield argument(f"{len(rest):,} more arguments", rest, room, "arguments")


def _number(asked: Question) -> Iterator[Value]:
    if asked.grave:
        yield _word("number of this call", asked.number)
    yield _word("digest", asked.binding_hash)


def _consequences(asked: Question) -> Iterator[Fact]:
    yield _word("effects", ", ".join(asked.effects) or "not declared")
    if "irreversible" in asked.effects:
        yield _word("can be undone", "no")
    if asked.requires:
        yield _word("the operating system must bound", ", ".join(asked.requires))
    yield from [table(panel) for panel in asked.preview]


def _why(asked: Question, room: Room) -> Iterator[Value]:
    yield from _lines("", asked.reasons, room, "reason")
    yield from _lines("cannot be inspected", asked.uninspected, room, "uninspected")
    if asked.rules:
        yield _word("rules", f"{', '.join(asked.rules)} (version {asked.rules_version})" if asked.rules_version else ", ".join(asked.rules))
    if asked.techniques:
        yield _word("techniques", ", ".join(asked.techniques))


def _answers(case: Case, room: Room) -> Iterator[Value]:
    asked = case.question
    yield _word("approvals", f"{len(case.approved_by)} of {asked.quorum}")
    yield _word("may answer", ", ".join(asked.approvers) or "whoever has an approver's key")
    if case.holder:
        yield _word("now with", case.holder)
    for at, answer in enumerate(case.answers):
        yield words(answer.approver, _said(answer), room, f"answer-{at}")


def _said(answer: Answer) -> str:
    parts = [
        _SAID.get(answer.verdict, answer.verdict),
        f" to {answer.to}" if answer.to else "",
        " and stopped the agent" if answer.stop else "",
        f" at {utc(answer.at)}" if answer.at else "",
        f": {answer.reason}" if answer.reason else "",
    ]
    return "".join(parts)


def _deadline(case: Case, now: float) -> Iterator[Value]:
    if case.state == "open":
        yield _word("no answer means no", f"until {utc(case.question.expires)}, {lasting(case.question.expires - now)} from now")
    else:
        yield _word("over", _ENDED[case.state])


def _page_only(asked: Question, cut: tuple[str, ...]) -> Iterator[str]:
    if asked.grave:
        yield "its number must be typed"
    if asked.passkey:
        yield "it needs a passkey"
    if asked.quorum > 1:
        yield f"it needs {asked.quorum} people"
    if cut:
        yield "it is too long to be shown whole"


def _lines(label: str, texts: Iterable[str], room: Room, key: str, *, form: Literal["words", "quote"] = "words") -> Iterator[Value]:
    return (words(label, text, room, f"{key}-{at}", form=form) for at, text in enumerate(texts))


def _word(label: str, text: str) -> Value:
    return words(label, text, Room())


def _short(headline: str) -> str:
    """The headline, escaped; a very long one is cut, because the call stands whole below it."""
    shown = visible(headline[: LONGEST_HEADLINE + 1])
    return shown if len(headline) <= LONGEST_HEADLINE else f"{shown[:LONGEST_HEADLINE]}… ({len(headline):,} characters)"


def _texts(fact: Fact) -> Iterator[str]:
    yield fact.label
    if isinstance(fact, Table):
        yield from [plain(cell) for row in fact.rows for cell in row]
        yield fact.missing
    elif isinstance(fact, Choice):
        yield choice_words(fact)
        yield from [*map(plain, fact.lines), fact.missing]
    else:
        yield from [*map(plain, fact.lines), fact.missing, *map(plain, fact.end), plain(fact.shell), *fact.notes]


def choice_words(choice: Choice) -> str:
    """How often and how long a yes of this scope is good."""
    return f"{choice.uses:,} {'call' if choice.uses == 1 else 'calls'}, within {lasting(choice.seconds)}"
