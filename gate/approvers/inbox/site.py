"""Site: what every page of one inbox has: the desk, who is asking for it, the seal of its forms, and how it is rendered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from urllib.parse import quote

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from gate.approvers.document import Document, document
from gate.approvers.inbox import batches, door
from gate.approvers.inbox.cards import Card, card
from gate.approvers.inbox.html import environment
from gate.approvers.inbox.rules import RulesFile
from gate.approvers.inbox.seal import Sealer, Shown, digest
from gate.approvers.inbox.unshown import Unshowable, shown_cards, unread
from gate.errors import GateError, TamperError, Void

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.answer import Case
    from gate.approvers.inbox.identity import Identify, Identity
    from gate.home import Home
    from gate.people import People

_log: Final = logging.getLogger("gate")
PAGE: Final = 50
PLACES: Final = (("Waiting", "/"), ("Decided", "/decided"), ("Figures", "/figures"))
_KEPT: Final = 5.0
FORMS: Final = ("approve", "deny", "ask-back", "hand-over")
Handler: TypeAlias = "Callable[[Site, Request, Identity], Response]"
Endpoint: TypeAlias = "Callable[[Request], Awaitable[Response]]"


class Article(NamedTuple):
    """One question as HTML, what it was made of, and its seal."""

    html: Markup
    document: Document
    seal: str


class Site:
    """One inbox. stranger: what somebody sees whom `identify` does not know.  more: further pages to lead to, by their names."""

    def __init__(self, home: Home, identify: Identify, stranger: Callable[[Request], Response], *, more: Sequence[tuple[str, str]] = ()) -> None:
        self.home, self.desk, self.identify, self.stranger = home, home.desk, identify, stranger
        self.places = (*PLACES, *more)
        self.rules = RulesFile(home.path.parent / "gate.toml")
        self.sealer = Sealer(home.keys.secret("inbox"))
        self._templates = environment()
        self._read: tuple[tuple[int, int], float, list[Case]] = (-1, 0), 0.0, []

    def signed(self, handler: Handler) -> Endpoint:
        """An endpoint for who has signed in, run in a worker thread: it reads the store."""

        async def endpoint(request: Request) -> Response:
            who = self.identify(request)
            if who is None:
                return self.stranger(request)
            return await run_in_threadpool(partial(self.told, handler), request, who)

        return endpoint

    def told(self, handler: Handler, request: Request, who: Identity) -> Response:
        """What a handler says; of a refusal, why."""
        try:
            return handler(self, request, who)
        except Unshowable as unshowable:
            return self.unshown(who, unshowable)
        except Void as void:
            return self.void(request, who, str(void))
        except GateError as error:
            return self.message("It could not be done", str(error), "Nothing was decided.", who=who, status=503)

    def case(self, question: str) -> Case | None:
        """A question; Unshowable for one that somebody spoiled."""
        try:
            return self.desk.case(question)
        except TamperError:
            _log.exception("the question '%s' cannot be shown", question)
            raise Unshowable(question, None) from None

    def unshown(self, who: Identity, one: Unshowable) -> Response:
        """The page of a question that cannot be shown: a no is all that it takes, where it can be read."""
        case, seal = one.case, ""
        if case is not None and _answerable(case):
            shown = Shown(case.question.binding_hash, digest(str(one).encode()), self.home.now())
            seal = self.sealer.seal(shown, who.name, who.session, one.question)
        return self.page("unshown.html", who, 200 if seal else 503, id=one.question, seal=seal)

    def void(self, request: Request, who: Identity, why: str, status: int = 409) -> Response:
        """An answer that did not count."""
        back = f"/questions/{quote(request.path_params['id'], safe='')}" if "id" in request.path_params else "/"
        return self.message("Your answer was not counted", why, "Nothing was decided.", who=who, status=status, link=back)

    def message(self, heading: str, *told: str, who: Identity | None, status: int, link: str = "/") -> Response:
        """A page that says one thing."""
        if who is None:
            return door.page(heading, *told, status=status)
        return self.page("message.html", who, status, heading=heading, told=told, bad=status >= 400, link=link)

    def page(self, name: str, who: Identity, status: int = 200, **more: object) -> Response:
        """A page for somebody who has signed in. more: `turn`, read before whatever it shows, so that no news is missed."""
        base = {
            "who": who,
            "turn": self.desk.turn,
            "waiting": self.desk.count(),
            "now": self.home.now(),
            "places": self.places,
            "place": "",
            "current": "",
            "beside": False,
            "page": 1,
        }
        return HTMLResponse(self._templates.get_template(name).render(base | more), status)

    def listed(self, who: Identity, page: int = 1) -> tuple[list[Card], bool]:
        """A page of what waits, and whether there is more."""
        cases = self._open(page)
        made, skip = shown_cards(cases[:PAGE], who.name, batches.counts(cases[:PAGE])), (page - 1) * PAGE
        waiting = self.desk.count()
        if len(cases) < min(PAGE + 1, waiting - skip):
            made = [*made, *unread(self.home, {case.question.id for case in cases}, PAGE, skip)][: 2 * PAGE]
        return made, waiting > skip + PAGE

    def _open(self, page: int) -> list[Case]:
        """A page of open cases, read again as soon as anything was asked or answered anywhere, or the time of one of them is over."""
        seen, now = (self.desk.turn, page), self.home.now()
        key, until, found = self._read
        if seen != key or now >= until:
            found = self.desk.cases(limit=PAGE + 1, skip=(page - 1) * PAGE)
            self._read = seen, min([now + _KEPT, *[case.question.expires for case in found]]), found
        return found

    def article(self, case: Case, who: Identity, *, tick: bool = False, bare: bool = False) -> Article:
        """A question as this person is shown it now; the seal is bound to exactly these bytes. tick: in a batch; bare: without any answer.

        Unshowable for one of which no document can be made.
        """
        try:
            return self._article(case, who, tick=tick, bare=bare)
        except GateError:
            raise
        except Exception as error:  # whatever it is about this one question
            _log.exception("the question '%s' cannot be shown", case.question.id)
            raise Unshowable(case.question.id, case) from error

    def _article(self, case: Case, who: Identity, *, tick: bool, bare: bool) -> Article:
        now, case = self.home.now(), self.desk.seen_by(case, who.name)
        doc = document(case, now=now)
        over = "" if case.state == "open" and who.name not in case.approved_by else doc.state
        html = (
            self._templates.get_template("article.html")
            .render(
                doc=doc,
                row=card(case, who.name),
                now=now,
                approved=len(case.approved_by),
                anchor=f"q-{doc.id}" if tick or bare else "question",
                tick=tick,
                over=over,
                refusal=self.desk.may_approve(case, who.name) if case.state == "open" else "",
                answerable=not bare and _answerable(case),
                groups=_groups(case, self.home.people()),
                passkeys=self._passkeys(who) if doc.passkey else "",
                others=sorted([person.name for person in self.home.people().people if person.name != who.name]),
            )
            .strip()
        )
        shown = Shown(case.question.binding_hash, digest(html.encode()), now)
        return Article(Markup(html), doc, self.sealer.seal(shown, who.name, who.session, doc.id))  # noqa: S704  # rendered with autoescape just now

    def _passkeys(self, who: Identity) -> str:
        """Where the passkeys of a person were made, "" for who has none."""
        from gate.tokens import passkey

        return ", ".join(sorted({one.origin for one in passkey.credentials(self.home.keys.directory, who.name)}))

    def render(self, name: str, **values: object) -> str:
        """A template by itself."""
        return self._templates.get_template(name).render(values)


def _groups(case: Case, people: People) -> list[tuple[str, str]]:
    """The groups who may answer, each with its people."""
    named = [one for one in case.question.approvers if one.startswith("@")]
    return [(group, ", ".join(sorted(people.named([group]))) or "nobody") for group in named]


def _answerable(case: Case) -> bool:
    """Whether anything that somebody says may still count: a no does until the call has run, and against a lasting yes as long as that holds."""
    return case.state in {"open", "approved", "expired"} or (case.state == "used" and any(answer.lasting for answer in case.answers))
