"""Caller: who sends a request to the HTTP API, and what that lets them see.

    Authorization: Gate-Proof eyJ…              a proof by a key, for exactly this request (`gate.tokens.request`)
    Gate-Capability: {"aat_chain": ["eyJ…"]}    beside it when the key is that of a capability's holder

A person is whoever signs with a trusted approver's key, or is signed in at the page in the same browser.  A holder is whoever signs with the
key of the capability under which a call was made: the agent's process, which may see what becomes of its own questions and nothing else.
Nothing here is a bearer secret; an id says what is meant, never who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from gate.approvers.inbox.resource import OURS, Problem
from gate.errors import ConfigError, Denied, TokenError
from gate.people import People
from gate.tokens.jwk import PublicKey
from gate.tokens.request import Seen, check

if TYPE_CHECKING:
    from starlette.requests import Request

    from gate.answer import Case
    from gate.approvers.inbox.identity import Identify
    from gate.capability import Capability
    from gate.home import Home
    from gate.tokens.jwk import TrustAnchors
    from gate.tokens.request import Sent

SCHEME: Final = "Gate-Proof"


class Caller(NamedTuple):
    """person: the approver's name, "" for a holder.  capability: the holder's, else None.  page: known by the page's sign-in, not by a key."""

    person: str = ""
    capability: Capability | None = None
    page: bool = False

    def may_read(self, case: Case, people: People) -> bool:
        """Whether they may see the question whole: a person whom it is put to, or who has answered it. Where there is a list of people, one of it."""
        if not self.person or (people.people and people.person(self.person) is None):
            return False
        put_to = case.question.approvers
        named = people.named(put_to) | {answer.approver for answer in case.answers}
        return not put_to or any(people.same(self.person, name) for name in named)

    def asked(self, case: Case) -> bool:
        """Whether it is their own call that is asked about."""
        return self.capability is not None and self.capability.jti == case.question.capability


class Callers:
    """Knows who sends a request. base: the address under which clients reach this server, where a proxy hides it."""

    def __init__(self, home: Home, identify: Identify, base: str = "") -> None:
        self._home, self._identify, self._base = home, identify, base.rstrip("/")
        self._seen = Seen(home.now())

    def address(self, request: Request, path: str = "") -> str:
        """The absolute address of this request, or of another path here."""
        base = self._base or f"{request.url.scheme}://{request.url.netloc}"
        return base + (path or request.url.path)

    def caller(self, request: Request, body: bytes) -> Caller:
        """Who sends it; a Problem 401 for everybody else."""
        headers = request.headers.getlist("authorization")
        if not headers:
            return self._signed_in(request)
        scheme, _, proof = headers[0].partition(" ")
        if len(headers) > 1 or scheme.lower() != SCHEME.lower():
            raise _unknown(f"send one Authorization header, of the scheme {SCHEME}")
        try:
            return self._holder(request, body, proof) if "gate-capability" in request.headers else self._approver(request, body, proof)
        except (TokenError, ConfigError, Denied, ValueError) as error:
            raise _unknown(str(error)) from None

    def _approver(self, request: Request, body: bytes, proof: str) -> Caller:
        sent = self._sent(request, body, proof, self._home.anchors("approver"))
        name = sent.name.removeprefix("approver-")
        if sent.who != name:
            raise TokenError(f"the proof says it is by '{sent.who}', and its key belongs to '{name}'")
        if (self._home.keys.directory / "retired" / sent.name / f"{sent.kid}.jwk").exists():
            raise TokenError("the key was replaced; what it signed stays good, and it signs nothing new")
        return Caller(person=name)

    def _holder(self, request: Request, body: bytes, proof: str) -> Caller:
        capability = self._home.verify(request.headers["gate-capability"])
        if not self._home.standing().revoked.isdisjoint(capability.ancestors):
            raise TokenError("the capability was revoked")
        if self._home.now() >= capability.expires:
            raise TokenError("the capability has expired")
        sent = self._sent(request, body, proof, PublicKey.from_jwk(capability.holder))
        if sent.who != capability.agent:
            raise TokenError(f"the proof says it is by '{sent.who}', and the capability is {capability.agent}'s")
        return Caller(capability=capability)

    def _sent(self, request: Request, body: bytes, proof: str, anchors: TrustAnchors | PublicKey) -> Sent:
        home = self._home
        sent = check(proof, anchors, audience=home.origin, method=request.method, url=self.address(request), now=home.now(), body=body)
        self._seen.once(sent, home.now())
        return sent

    def _signed_in(self, request: Request) -> Caller:
        identity = self._identify(request)
        if identity is None:
            raise _unknown("sign in at the page, or sign the request with an approver's key")
        if request.method != "GET" and not self._same_site(request):
            raise Problem(403, OURS + "cross-site", "A request by the page's sign-in must come from the page itself")
        return Caller(person=identity.name, page=True)

    def _same_site(self, request: Request) -> bool:
        """Whether the browser says that our own page sent it. Nothing said is no."""
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        ours = urlsplit(self.address(request))
        return site in {None, "same-origin"} and origin == f"{ours.scheme}://{ours.netloc}"


def _unknown(detail: str) -> Problem:
    return Problem(401, OURS + "unknown-caller", "Who sends this is not known", detail, {"WWW-Authenticate": SCHEME})
