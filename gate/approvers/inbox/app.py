"""App: the inbox as an ASGI application.

    GET  /                          what waits, the most urgent first
    GET  /questions/ID              one question, whole, with the forms of the answers
    GET  /questions/ID/whole/KEY    all of what was too long to be shown
    GET  /questions/ID/edit         its arguments, to change them
    GET  /questions/ID/batch        it and those that may be answered together with it
    POST /questions/ID/VERB         an answer, see gate.approvers.inbox.answers
    GET  /decided, /figures         what is over; how much is asked and how it is answered
    GET  /events                    news for open pages, see gate.approvers.inbox.events

GET never decides; a link carries no authority; everything but the style and the script needs a sign-in.  Each page works without JavaScript.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gate.approvers.inbox import answers, figures, pages
from gate.approvers.inbox.door import page
from gate.approvers.inbox.events import Events
from gate.approvers.inbox.guard import LOOPBACK, REPLY, Guard
from gate.approvers.inbox.site import Site
from gate.errors import ConfigError, GateError

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.approvers.inbox.identity import Identify
    from gate.home import Home

STATIC: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_log: Final = logging.getLogger("gate")
_SAID: Final = {
    400: ("This is no request that the inbox knows", "Nothing was decided."),
    403: ("Your answer was not counted", "The form is not from a page that you were shown in this session. Open the question again."),
    404: ("There is no such page", "The question may belong to another gate."),
    405: ("There is no such page", "Opening a link never decides anything."),
    413: ("That is too large", "Nothing was decided."),
}


def app(
    home: Home,
    *,
    identify: Identify,
    routes: Sequence[BaseRoute] = (),
    hosts: Collection[str] = LOOPBACK,
    secure: bool = False,
    door: Callable[[Request], Response] | None = None,
) -> Starlette:
    """The inbox of a gate.

    identify: who a request is from, see `gate.approvers.inbox.identity`.  routes: those of a sign-in and of other channels; they are guarded
    alike, and ask for a proof of their own.  hosts: the names it answers to, without ports.  secure: browsers reach it through https only.
    door: what somebody sees whom `identify` does not know.
    """
    passkeys = any(isinstance(route, Route) and route.path == "/passkeys" for route in routes)
    site = Site(home, identify, door or stranger, more=[("Passkeys", "/passkeys")] if passkeys else [])

    async def misconfigured(request: Request, error: Exception) -> Response:
        """What a person wrote for this gate is wrong, so that nobody can be told to be an approver: it is said, on a page of its own."""
        _log.error("a request to %s was refused: %s", request.url.path, error)
        return page("The gate cannot work until a file is right", str(error), "Nothing was decided.", status=503)

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        heading, told = _SAID.get(status, ("It could not be done", "Nothing was decided. The inbox's own log says why."))
        try:
            made = site.message(heading, told, who=identify(request), status=status)
        except GateError as wrong:
            made = page(heading, told, str(wrong), status=status)
        made.headers.update(getattr(error, "headers", None) or {})
        if status == 500:  # the one reply that does not pass the guard
            made.headers.update(REPLY)
        return made

    own = [
        Route("/", site.signed(pages.waiting)),
        Route("/questions/{id}", site.signed(pages.question)),
        Route("/questions/{id}/state", site.signed(pages.state)),
        Route("/questions/{id}/whole/{key}", site.signed(pages.whole)),
        Route("/questions/{id}/edit", site.signed(pages.edit)),
        Route("/questions/{id}/batch", site.signed(pages.batch)),
        Route("/questions/{id}/batch", answers.posting(site, answers.batch), methods=["POST"]),
        Route("/questions/{id}/{verb}", answers.posting(site, answers.answer), methods=["POST"]),
        Route("/decided", site.signed(pages.decided)),
        Route("/figures", site.signed(figures.figures)),
        Route("/events", Events(site.desk, identify).stream),
        *[Route(f"/static/{file.name}", _static(file)) for file in Path(__file__).with_name("static").iterdir() if file.suffix in STATIC],
        Route("/favicon.ico", _static(Path(__file__).with_name("static") / "favicon.svg")),
    ]
    return Starlette(
        routes=[*routes, *own],
        middleware=[Middleware(Guard, hosts=hosts, secure=secure)],
        exception_handlers={HTTPException: failed, ConfigError: misconfigured, Exception: failed},
    )


def stranger(_: Request) -> Response:
    """What somebody sees who has not signed in, where no sign-in says more."""
    return page("Not signed in", status=401)


def _static(file: Path) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for one of our own files, read once."""
    content = file.read_bytes()

    async def endpoint(_: Request) -> Response:
        return Response(content, media_type=STATIC[file.suffix], headers={"cache-control": "no-cache"})

    return endpoint
