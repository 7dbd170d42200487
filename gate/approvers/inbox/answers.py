"""Answers: what POST does. Every answer is about what its seal says was shown, and the desk judges whether it counts.

    POST /questions/ID/approve      scope, uses, minutes, number, read, passkey
    POST /questions/ID/deny         reason, stop
    POST /questions/ID/ask-back     reason
    POST /questions/ID/hand-over    to
    POST /questions/ID/edit         argument-0, argument-1, …
    POST /questions/ID/batch        verdict, tick-ID …, seal-ID …, reason

each with `seal`.  303 leads back to the question.  400: the form is not one of ours.  403: its seal is of another session.  409: the call is
another one than was shown, the question is over, or this person may not; nothing was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gate.approvers.document import document
from gate.approvers.inbox import batches
from gate.approvers.inbox.edits import edited
from gate.approvers.inbox.fields import posted, whole
from gate.approvers.inbox.pages import edit_page
from gate.errors import ConfigError, Void
from gate.tokens import jose

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.answer import Case
    from gate.approvers.inbox.identity import Identity
    from gate.approvers.inbox.seal import Shown
    from gate.approvers.inbox.site import Endpoint, Site

LONGEST: Final = 1000
Given = Mapping[str, str]


def posting(site: Site, act: Callable[[Site, Request, Identity, Given], Response]) -> Endpoint:
    """An endpoint for a form of who has signed in; the desk is asked in a worker thread."""

    async def endpoint(request: Request) -> Response:
        who = site.identify(request)
        if who is None:
            return site.stranger(request)
        try:
            given = await posted(request)
        except ValueError as error:
            return site.void(request, who, str(error), 400)
        return await run_in_threadpool(site.told, partial(_acted, act, given), request, who)

    return endpoint


def answer(site: Site, request: Request, who: Identity, given: Given) -> Response:
    """POST /questions/ID/VERB."""
    case = _case(site, request.path_params["id"])
    shown = _shown(site, case, who, given.get("seal", ""))
    act = _VERBS.get(request.path_params["verb"])
    if act is None:
        raise HTTPException(404)
    return act(site, case, who, given, shown)


def batch(site: Site, request: Request, who: Identity, given: Given) -> Response:
    """POST /questions/ID/batch: all that are ticked, or a no to all. Whatever is wrong with one, none is approved."""
    first = _case(site, request.path_params["id"])
    names = [name.removeprefix("seal-") for name in given if name.startswith("seal-")]
    cases = [_case(site, name) for name in names]
    seen = [(case, _shown(site, case, who, given[f"seal-{case.question.id}"])) for case in cases]
    if given.get("verdict") == "deny":
        for case, shown in seen:
            if case.state == "open":
                _deny(site, case, who, {"reason": given.get("reason", "")}, shown)
        return RedirectResponse("/decided", 303)
    ticked = [(case, shown) for case, shown in seen if given.get(f"tick-{case.question.id}") == "yes"]
    if given.get("verdict") != "approve" or not ticked:
        raise Void("nothing was ticked")
    for case, _ in ticked:
        if not batches.is_like(first, case):
            raise Void(f"'{case.question.headline[:80]}' is over, or must be answered by itself")
        if refusal := site.desk.may_approve(case, who.name):
            raise Void(refusal)
    return _approve_all(site, who, ticked)


def _approve_all(site: Site, who: Identity, ticked: list[tuple[Case, Shown]]) -> Response:
    """One approval after the other. Where somebody was first since they were looked at, what was approved until then is said."""
    for done, (case, shown) in enumerate(ticked):
        try:
            _approve(site, case, who, {}, shown)
        except Void as void:
            if not done:
                raise
            told = f"{done} of the {len(ticked)} that you ticked are approved. Then: {void}."
            return site.message("Only some of them are approved", told, "The others are as they were.", who=who, status=409)
    return RedirectResponse("/", 303)


def _acted(act: Callable[[Site, Request, Identity, Given], Response], given: Given, site: Site, request: Request, who: Identity) -> Response:
    try:
        return act(site, request, who, given)
    except ValueError as error:
        return site.void(request, who, str(error), 400)


def _case(site: Site, name: str) -> Case:
    case = site.case(name)
    if case is None:
        raise HTTPException(404)
    return case


def _shown(site: Site, case: Case, who: Identity, seal: str) -> Shown:
    """What this person was shown of it; the answer is about nothing else."""
    shown = site.sealer.open(seal, who.name, who.session, case.question.id)
    if shown is None:
        raise HTTPException(403)
    if shown.binding_hash != case.question.binding_hash:
        raise Void("the call is another one than you were shown")
    return shown


def _approve(site: Site, case: Case, who: Identity, given: Given, shown: Shown) -> Response:
    asked = case.question
    site.rules.check()
    at = int(given.get("scope", "0")) if given.get("scope", "0") in map(str, range(len(asked.scopes))) else -1
    if at < 0:
        raise ValueError("the question offers no such grant")
    scope = asked.scopes[at]
    uses, minutes = whole(given, "uses", scope.uses), whole(given, "minutes", scope.seconds / 60)
    if document(case, now=site.home.now()).cut and given.get("read") != "yes":
        raise Void("some of it was shown in part; read the whole of it first")
    site.desk.approve(
        asked.id,
        by=who.name,
        binding_hash=shown.binding_hash,
        method="page+passkey" if given.get("passkey") else "page",
        scope=at,
        uses=uses,
        seconds=minutes * 60.0 if minutes else None,
        number=given.get("number", "").strip(),
        passkey=_assertion(given.get("passkey", "")),
        shown=shown.digest,
        shown_at=shown.at,
    )
    return _back(asked.id)


def _assertion(text: str) -> Mapping[str, object] | None:
    """The assertion as the page's script posted it."""
    if not text:
        return None
    parsed = jose.loads(text)
    if not isinstance(parsed, dict):
        raise ValueError("this is no assertion of a passkey")
    return parsed  # pyright: ignore[reportUnknownVariableType]  # a JSON object; the desk verifies it


def _deny(site: Site, case: Case, who: Identity, given: Given, shown: Shown) -> Response:
    stop = given.get("stop") == "yes"
    site.desk.deny(case.question.id, by=who.name, method="page", reason=_said(given), stop=stop, shown=shown.digest, shown_at=shown.at)
    return _back(case.question.id)


def _ask_back(site: Site, case: Case, who: Identity, given: Given, shown: Shown) -> Response:
    reason = _said(given)
    if not reason:
        raise ValueError("what do you ask the agent? Nothing was written")
    site.desk.ask_back(case.question.id, by=who.name, method="page", reason=reason, shown=shown.digest, shown_at=shown.at)
    return _back(case.question.id)


def _hand_over(site: Site, case: Case, who: Identity, given: Given, shown: Shown) -> Response:
    to = given.get("to", "").strip()
    if not to or len(to) > 128:
        raise ValueError("to whom? Nobody was named")
    site.desk.hand_over(case.question.id, by=who.name, method="page", to=to, shown=shown.digest, shown_at=shown.at)
    return _back(case.question.id)


def _edit(site: Site, case: Case, who: Identity, given: Given, shown: Shown) -> Response:
    try:
        arguments = edited(case.question.arguments, given)
        site.desk.edit(case.question.id, by=who.name, method="page", arguments=arguments, shown=shown.digest, shown_at=shown.at)
    except (ValueError, ConfigError) as error:
        return edit_page(site, case, who, str(error), dict(given))
    return _back(case.question.id)


def _said(given: Given) -> str:
    reason = given.get("reason", "").strip()
    if len(reason) > LONGEST:
        raise ValueError(f"the reason is longer than {LONGEST} characters")
    return reason


def _back(question: str) -> Response:
    return RedirectResponse(f"/questions/{quote(question, safe='')}", 303)


_VERBS: Final[Mapping[str, Callable[[Site, Case, Identity, Given, Shown], Response]]] = {
    "approve": _approve,
    "deny": _deny,
    "ask-back": _ask_back,
    "hand-over": _hand_over,
    "edit": _edit,
}
