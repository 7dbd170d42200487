"""Pages: what GET shows. Nothing here changes anything, whoever follows a link, a preview bot included."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from gate.approvers.document import whole as whole_text
from gate.approvers.inbox import batches
from gate.approvers.inbox.edits import editable
from gate.approvers.inbox.granted import granted
from gate.approvers.inbox.site import FORMS, PAGE
from gate.approvers.inbox.unshown import Unshowable, shown_cards

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.answer import Case, State
    from gate.approvers.inbox.identity import Identity
    from gate.approvers.inbox.site import Article, Site

CLOSED: Final[tuple[State, ...]] = ("approved", "used", "denied", "returned", "edited", "withdrawn", "expired")
_OVER: Final = {
    "open": "You approved it",
    "approved": "Approved",
    "used": "Approved, and the call has run",
    "denied": "Denied",
    "returned": "The agent was asked back",
    "edited": "The call was changed",
    "withdrawn": "Ended by an administrator",
    "expired": "Too late: nobody answered in time, and that means no",
}
BESIDE: Final = 25
_MOST_PAGES: Final = 10_000
_LOOKED: Final = 200


def waiting(site: Site, request: Request, who: Identity) -> Response:
    """GET /: what waits, the most urgent first. With the header `x-inbox: list`, only the list; as beside a question with `?beside`."""
    page, turn = _page(request), site.desk.turn
    listed, more = site.listed(who, page)
    if request.headers.get("x-inbox") == "list":
        beside = "beside" in request.query_params
        shown = listed[:BESIDE] if beside else listed
        return HTMLResponse(site.render("list.html", now=site.home.now(), cards=shown, page=page, current="", beside=beside))
    return site.page("waiting.html", who, turn=turn, place="/", cards=listed, more=more, page=page)


def question(site: Site, request: Request, who: Identity) -> Response:
    """GET /questions/ID: everything about one question, and the forms of the answers."""
    turn, case = site.desk.turn, _case(site, request)
    made = site.article(case, who)
    listed, more = site.listed(who)
    over = "" if case.state == "open" and who.name not in case.approved_by else _OVER[case.state]
    return site.page(
        "question.html",
        who,
        turn=turn,
        id=case.question.id,
        title=made.document.headline[:80],
        article=made.html,
        seal=made.seal,
        forms=FORMS if case.state == "open" else ("deny",),
        case_turn=case.turn,
        passkey=made.document.passkey and case.state == "open",
        over=over,
        state=case.state,
        told=_told(site, case),
        follow=_follow(site, case),
        warning=site.rules.wrong() if case.state == "open" else "",
        pressed="scope" in request.query_params,
        next=next((other for other in listed if other.id != case.question.id and not other.mine), None) if over else None,
        cards=listed[:BESIDE],
        beside=True,
        more=more or len(listed) > BESIDE,
        current=case.question.id,
    )


def state(site: Site, request: Request, who: Identity) -> Response:
    """GET /questions/ID/state: whether something was said about it since."""
    del who
    case = _case(site, request)
    return JSONResponse({"turn": case.turn, "state": case.state, "said": _OVER[case.state] if case.state != "open" else ""})


def whole(site: Site, request: Request, who: Identity) -> Response:
    """GET /questions/ID/whole/KEY: all of what a page shows in part, as plain text in which everything can be seen."""
    del who
    try:
        text = whole_text(_case(site, request), request.path_params["key"])
    except (KeyError, ValueError, IndexError):
        raise HTTPException(404) from None
    return PlainTextResponse(text, headers={"content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'"})


def edit(site: Site, request: Request, who: Identity) -> Response:
    """GET /questions/ID/edit: the arguments, to change them."""
    return edit_page(site, _case(site, request), who)


def edit_page(site: Site, case: Case, who: Identity, wrong: str = "", given: dict[str, str] | None = None) -> Response:
    """The form for other arguments, with what is wrong about those that were given."""
    made, fields = site.article(case, who, bare=True), editable(case.question.arguments, given or {})
    values: dict[str, object] = {"doc": made.document, "article": made.html, "seal": made.seal, "fields": fields, "wrong": wrong}
    return site.page("edit.html", who, 400 if wrong else 200, id=case.question.id, **values)


def batch(site: Site, request: Request, who: Identity) -> Response:
    """GET /questions/ID/batch: the questions that may be answered together with this one, each whole."""
    case = _case(site, request)
    asked = case.question
    found = batches.like(case, site.desk.cases("open", agent=asked.agent, limit=_LOOKED))
    made = [article for one in found if not site.desk.may_approve(one, who.name) and (article := _ticked(site, one, who))]
    made = [article for article in made if not article.document.cut and not article.document.passkey]
    if len(made) < 2:
        return site.message(
            "Nothing to answer together", "Fewer than two such questions are open.", who=who, status=404, link=f"/questions/{asked.id}"
        )
    return site.page(
        "batch.html",
        who,
        id=asked.id,
        agent=asked.agent,
        task=asked.task,
        articles=[article.html for article in made],
        seals=[(article.document.id, article.seal) for article in made],
    )


def decided(site: Site, request: Request, who: Identity) -> Response:
    """GET /decided: what is over, the latest first."""
    page = _page(request)
    cases = site.desk.cases(*CLOSED, limit=PAGE + 1, skip=(page - 1) * PAGE)
    return site.page("decided.html", who, place="/decided", cards=shown_cards(cases[:PAGE], who.name), more=len(cases) > PAGE, page=page)


def _case(site: Site, request: Request) -> Case:
    case = site.case(request.path_params["id"])
    if case is None:
        raise HTTPException(404)
    return case


def _ticked(site: Site, case: Case, who: Identity) -> Article | None:
    """A question in a batch; None for one that cannot be shown, which stands alone."""
    try:
        return site.article(case, who, tick=True)
    except Unshowable:
        return None


def _page(request: Request) -> int:
    text = request.query_params.get("page", "1")
    return max(1, min(int(text), _MOST_PAGES)) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def _told(site: Site, case: Case) -> list[str]:
    return [*_by(case), *granted(case), *_next(site, case)]


def _by(case: Case) -> list[str]:
    """Who ended it, and why; how many it still waits for."""
    last = case.closing
    if case.state == "open":
        return [f"{len(case.approved_by)} of {case.question.quorum} approvals; it waits for another person."]
    return [f"{last.approver}{f': {last.reason}' if last.reason else ''}"] if last and last.verdict != "expire" else []


def _next(site: Site, case: Case) -> list[str]:
    """What becomes of the agent, or of the call that was changed."""
    last = case.closing
    if last is not None and last.verdict == "deny" and last.stop:
        name = shlex.quote(case.question.agent)
        return [f"The agent is stopped: it may call nothing any more. Take it back with: gate resume --agent {name}"]
    if case.state == "edited" and not _follow(site, case):
        told = "The agent will make the changed call; it is checked like any other, and may be refused. If it is asked about, a link appears here."
        return [told]
    return []


def _follow(site: Site, case: Case) -> str:
    """The question that a changed call led to, "" when there is none yet."""
    last = case.closing
    if case.state != "edited" or last is None:
        return ""
    return next((other.question.id for other in site.desk.since(last.at) if other.question.follows == case.question.id), "")
