"""Passkeys at the page: a person makes theirs known, and signs with it what they approve.

    GET  /passkeys                   those of who is signed in, and a button for another
    POST /passkeys/options           what navigator.credentials.create takes; its challenge is good once and for five minutes
    POST /passkeys/new               credential, code                   {"enrolled": ID}, or {"confirm": what navigator.credentials.get takes}
    POST /passkeys/confirm           assertion                          {"enrolled": ID}
    POST /questions/ID/challenge     scope, uses, minutes               what navigator.credentials.get takes: the challenge is exactly that yes

All answers to POST are JSON; a refusal is {"error": …} with 4xx.  The assertion of a yes is posted with the form of the answer.

Whose first passkey is it?  Of somebody who signed in by a one-time link within the last ten minutes, or who gives the code of `gate passkey
enrol NAME`: both were made by who administers the gate.  Every further one is signed by one they have (`assertion.enrolment`).  A stolen
session, or a provider that signs in the wrong person, therefore enrols nothing.  Each enrolment is in the log before it counts, with the
public key, so that the log alone is enough to verify what the passkey signs later.

A passkey belongs to one host name, and browsers make them on https pages and on localhost only; not on 127.0.0.1.
"""

from __future__ import annotations

import json
import os
import shlex
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gate.approval import LONGEST, MOST_USES
from gate.approvers.inbox import enrolment
from gate.approvers.inbox.door import page
from gate.approvers.inbox.fields import posted, whole
from gate.errors import ConfigError, GateError, TokenError, Void
from gate.tokens import assertion, passkey
from gate.tokens.assertion import Credential
from gate.tokens.jwk import decode

if TYPE_CHECKING:
    from starlette.requests import Request
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    from gate.approvers.inbox.identity import Identify, Identity
    from gate.approvers.inbox.login import Links
    from gate.home import Home

PENDING_SECONDS: Final = 300
FRESH_SECONDS: Final = 600
MOST_PENDING: Final = 1000
MINUTE: Final = 60.0
_ANSWER_MILLISECONDS: Final = 120_000

Given = Mapping[str, str]
Act = Callable[["Identity", "Given", str], Response]


@dataclass(slots=True)
class Pending:
    """An enrolment that has begun in one session. made: the new credential, while an older one has to sign for it."""

    name: str
    challenge: bytes
    handle: str
    until: float
    made: Credential | None = None


class Passkeys:
    """The routes of one inbox. origin: where browsers reach it.  rp_id: the host name that passkeys belong to, that of the origin or a parent."""

    def __init__(self, home: Home, identify: Identify, *, origin: str, links: Links | None = None, rp_id: str = "") -> None:
        self._home, self._identify, self._links = home, identify, links
        self.origin, self.rp_id = origin, checked(origin, rp_id)
        self._pending: dict[str, Pending] = {}
        self._lock = threading.Lock()

    @property
    def routes(self) -> list[BaseRoute]:
        """What the application adds, before its own."""
        return [
            Route("/passkeys", self._page, methods=["GET"]),
            Route("/passkeys/options", self._posting(self._options), methods=["POST"]),
            Route("/passkeys/new", self._posting(self._new), methods=["POST"]),
            Route("/passkeys/confirm", self._posting(self._confirm), methods=["POST"]),
            Route("/questions/{id}/challenge", self._posting(self._challenge), methods=["POST"]),
        ]

    # ---- signing a yes --------------------------------------------------------------------------------------------------------------

    def _challenge(self, who: Identity, given: Given, question: str) -> Response:
        case = self._home.desk.case(question)
        if case is None:
            raise Void("there is no such question")
        scopes = {str(index): index for index in range(len(case.question.scopes))}
        scope, uses, minutes = scopes.get(given.get("scope", "0")), whole(given, "uses", MOST_USES), whole(given, "minutes", LONGEST / MINUTE)
        if scope is None:
            raise ValueError("the question offers no such grant")
        if why := self._home.desk.may_approve(case, who.name):
            raise Void(why)
        seconds = None if minutes is None else minutes * MINUTE
        challenge = self._home.desk.challenge(question, by=who.name, scope=scope, uses=uses, seconds=seconds)
        return _json(self._asking(challenge, self._held(who.name)))

    def _held(self, name: str) -> list[Credential]:
        """The passkeys of a person that are good on this page."""
        found = passkey.credentials(self._home.keys.directory, name)
        here = [one for one in found if (one.origin, one.rp_id) == (self.origin, self.rp_id)]
        if not here:
            enrolled_at = f"; yours were enrolled at {found[0].origin}" if found else ""
            raise Void(f"you have no passkey for this page{enrolled_at}: see /passkeys")
        return here

    def _asking(self, challenge: bytes, held: Iterable[Credential]) -> str:
        webauthn = assertion.package()
        from webauthn.helpers.structs import UserVerificationRequirement

        options = webauthn.generate_authentication_options(
            rp_id=self.rp_id,
            challenge=challenge,
            timeout=_ANSWER_MILLISECONDS,
            allow_credentials=_described(held),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return str(webauthn.options_to_json(options))

    # ---- making one known -----------------------------------------------------------------------------------------------------------

    def _options(self, who: Identity, _: Given, __: str) -> Response:
        webauthn = assertion.package()
        from webauthn.helpers.cose import COSEAlgorithmIdentifier
        from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement, UserVerificationRequirement

        held = passkey.credentials(self._home.keys.directory, who.name)
        if len(held) >= passkey.MOST:
            raise Void(f"you have {passkey.MOST} passkeys; whoever administers the gate can remove one")
        pending = Pending(who.name, os.urandom(32), passkey.handle(self._home.keys.directory, who.name), self._home.now() + PENDING_SECONDS)
        self._remember(who.session, pending)
        options = webauthn.generate_registration_options(
            rp_id=self.rp_id,
            rp_name="Gate approvals",
            user_name=who.name,
            user_id=decode(pending.handle),
            challenge=pending.challenge,
            timeout=_ANSWER_MILLISECONDS,
            exclude_credentials=_described(held),
            supported_pub_key_algs=[COSEAlgorithmIdentifier(number) for number in assertion.ALGORITHMS],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.REQUIRED
            ),
        )
        return _json(webauthn.options_to_json(options))

    def _remember(self, session: str, pending: Pending) -> None:
        now = self._home.now()
        with self._lock:
            self._pending = {key: one for key, one in self._pending.items() if one.until > now}
            if len(self._pending) >= MOST_PENDING:
                raise Void("too many people are enrolling passkeys just now")
            self._pending[session] = pending

    def _taken(self, who: Identity) -> Pending:
        """What this session has begun; whatever comes of it, it was the only try."""
        with self._lock:
            pending = self._pending.pop(who.session, None)
        if pending is None or pending.name != who.name or self._home.now() >= pending.until:
            raise Void("this took too long, or was not begun here; begin again")
        return pending

    def _new(self, who: Identity, given: Given, _: str) -> Response:
        pending = self._taken(who)
        made = assertion.enrolled_as(
            given.get("credential", ""),
            challenge=pending.challenge,
            rp_id=self.rp_id,
            origin=self.origin,
            handle=pending.handle,
            now=self._home.now(),
        )
        if passkey.enrolled(self._home.keys.directory, who.name):
            pending.made = made
            self._remember(who.session, pending)
            asked = self._asking(self._bound(who.name, made), self._held(who.name))
            return JSONResponse({"confirm": json.loads(asked)})
        return self._enrol(who, made, self._vouched(who, given.get("code", "")))

    def _vouched(self, who: Identity, code: str) -> str:
        """Who says that this is really them: the one-time link they came by, or a code made for them."""
        if code:
            link = self._links.use(code.strip(), "passkey") if self._links else None
            if link is None or link.name != who.name:
                raise Void("the code is not one for you, was used, or is over; another: gate passkey enrol")
            return "code"
        if who.how == "link" and 0 <= self._home.now() - who.since <= FRESH_SECONDS:
            return "link"
        raise Void(f"your first passkey needs a code; whoever administers the gate makes it with: gate passkey enrol {who.name}")

    def _confirm(self, who: Identity, given: Given, _: str) -> Response:
        pending = self._taken(who)
        if pending.made is None:
            raise Void("nothing waits to be confirmed")
        said = given.get("assertion", "")
        signed = passkey.accept(self._home.keys.directory, who.name, said, challenge=self._bound(who.name, pending.made))
        return self._enrol(who, pending.made, signed.id, assertion.kept(said))

    def _bound(self, name: str, made: Credential) -> bytes:
        return assertion.enrolment(name, made, audience=self._home.origin)

    def _enrol(self, who: Identity, made: Credential, by: str, signed: Mapping[str, object] | None = None) -> Response:
        keys = self._home.keys.directory
        if any(one.id == made.id for name in passkey.names(keys) for one in passkey.credentials(keys, name)):
            raise Void("this passkey is enrolled already")
        enrolment.recorded(self._home, "enrol", who.name, made, by=by, assertion=signed)
        passkey.add(keys, who.name, made)
        return JSONResponse({"enrolled": made.id})

    # ---- around it ------------------------------------------------------------------------------------------------------------------

    async def _page(self, request: Request) -> Response:
        who = self._identify(request)
        if who is None:
            return page("Sign in first", status=401, link="/", link_text="Go on")
        held = await run_in_threadpool(passkey.credentials, self._home.keys.directory, who.name)
        needs_code = not held and not (who.how == "link" and self._home.now() - who.since <= FRESH_SECONDS)
        return page(
            "Your passkeys",
            f"Signed in as {who.name}. With a passkey you approve what is critical: it signs exactly what you approve.",
            template="passkeys.html",
            script=True,
            link="/",
            link_text="Back to what waits",
            held=held,
            here=self.origin,
            elsewhere=bool(held) and not any((one.origin, one.rp_id) == (self.origin, self.rp_id) for one in held),
            name=shlex.quote(who.name),
            needs_code=needs_code,
        )

    def _posting(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for who has signed in, with its refusals."""

        async def endpoint(request: Request) -> Response:
            who = self._identify(request)
            if who is None:
                return _error("sign in first", 401)
            try:
                given = await posted(request)
                return await run_in_threadpool(act, who, given, str(request.path_params.get("id", "")))
            except ValueError as error:
                return _error(str(error), 400)
            except TokenError as error:
                return _error(str(error), 403)
            except GateError as error:
                return _error(str(error), 409 if isinstance(error, Void) else 503)

        return endpoint


def checked(origin: str, rp_id: str = "") -> str:
    """The host name that passkeys of a page belong to; ConfigError where browsers would make none."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if f"{parts.scheme}://{parts.netloc}" != origin or "@" in origin or not host:
        raise ConfigError(f"'{origin}' is no origin such as https://gate.example.com")
    local = host == "localhost" or host.endswith(".localhost")
    if _is_address(host) or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ConfigError(f"passkeys work on https pages with a name, and on http://localhost, not on {origin}")
    if rp_id and rp_id != host and not (host.endswith(f".{rp_id}") and "." in rp_id):
        raise ConfigError(f"'{rp_id}' is neither {host} nor a name above it")
    return rp_id or host


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _described(held: Iterable[Credential]) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=decode(one.id)) for one in held]


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


def _error(why: str, status: int) -> Response:
    return JSONResponse({"error": why}, status)
