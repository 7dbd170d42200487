"""Sign-in: how the inbox knows who is at the page. One of two ways, never both at once.

    sessions         a one-time link (`gate.approvers.inbox.login`), or OpenID Connect (`.oidc`), begins a session (`.sessions`); the default
    trusted header   a proxy in front has signed the person in and says their login in a header; every request is judged by itself

With a trusted header, a request counts only if its socket comes from a listed address, and the header is there once and holds one login.
Nothing else is looked at: no `X-Forwarded-For`, no session.  An address of this machine itself is not enough, for every program here has
it, the agent's too: over loopback the connection must be by a listed user (`root` and the gate's own, by default), which only Linux can say.
Run the server without proxy headers of its own (uvicorn: `proxy_headers=False`), or it would take the address from the client.

What a sign-in calls somebody becomes a person by `logins` in `approvers.toml`; who is not in it may see nothing, and is told what to add.
People are looked up again at every request: who is taken out of the file is out.

>>> from gate.people import People, Person
>>> people = People([Person("ann", logins=("ann@example.com",))])
>>> person_of(people, "Ann@Example.com").name
'ann'
>>> person_of(people, "ann@example.com\u200b") is person_of(people, "\u212ann@example.com") is None
True
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable, Iterable
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from gate.approvers.inbox import peer
from gate.approvers.inbox.door import Form, page
from gate.approvers.inbox.fields import posted
from gate.approvers.inbox.identity import Identity
from gate.call import b64url
from gate.errors import ConfigError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from gate.approvers.inbox.login import Links
    from gate.approvers.inbox.sessions import Sessions
    from gate.people import People, Person

_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,60}\Z")
_LOGIN: Final = re.compile(r"[^\s,;\"\x00-\x20\x7f]{1,320}\Z")
_FORGEABLE: Final = frozenset({"host", "origin", "cookie", "referer", "user-agent", "content-type", "accept", "authorization"})


class Refusal(NamedTuple):
    """Why somebody sees nothing, as the page says it."""

    status: int
    heading: str
    told: tuple[str, ...] = ()


class TrustedHeader(NamedTuple):
    """Which header names the person, and from where it counts. users: of this machine, by id, who may connect over loopback."""

    name: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    users: frozenset[int]

    @classmethod
    def of(cls, name: str, networks: Iterable[str], users: Iterable[str | int] = ()) -> TrustedHeader:
        """As it is given at the command line; ConfigError says what is wrong."""
        if not _HEADER.match(name) or name.lower() in _FORGEABLE:
            raise ConfigError(f"'{name}' is no header that a proxy says a login in, such as X-Forwarded-Email")
        try:
            found = tuple([ip_network(one) for one in networks])
        except ValueError as error:
            raise ConfigError(f"--from: {error}; write an address or a network, such as 127.0.0.1/32") from None
        if not found or any(one.prefixlen == 0 for one in found):
            raise ConfigError("--trust-header needs --from with the addresses of the proxy, and never everybody's")
        return cls(name.lower(), found, frozenset([_user(one) for one in users]) or frozenset({0, os.geteuid()}))

    def login(self, request: Request) -> str | Refusal:
        """The login that the proxy says."""
        came = peer.address(request)
        if came is None or not any(came in network for network in self.networks):
            return Refusal(403, "This is not the way in", ("The inbox takes sign-ins from a proxy, and this did not come through it.",))
        if came.is_loopback and (owner := peer.owner(request)) not in self.users:
            by = "a user that cannot be told" if owner is None else f"user {owner}"
            return Refusal(403, "This is not the way in", (f"The connection is by {by} of this machine. If that is the proxy: --from-user",))
        said = request.headers.getlist(self.name)
        if len(said) != 1 or not _LOGIN.match(said[0]):
            return Refusal(401, "Not signed in", (f"The proxy has to say one login in the header {self.name}; it said {len(said)} or no plain one.",))
        return said[0]


class SignIn:
    """The sign-in of one inbox. people: those of now.  links and sessions, or header, are in use.  oidc: further routes that begin sessions."""

    def __init__(
        self,
        people: Callable[[], People],
        now: Callable[[], float],
        *,
        sessions: Sessions,
        links: Links | None = None,
        header: TrustedHeader | None = None,
        provider: str = "",
    ) -> None:
        if header and (links or provider):
            raise ConfigError("with --trust-header nobody signs in any other way: no link, no OpenID Connect")
        self.people, self.now, self.sessions, self.links = people, now, sessions, links
        self._header, self._provider = header, provider
        self._secret = os.urandom(32)

    # ---- who it is ------------------------------------------------------------------------------------------------------------------

    def identify(self, request: Request) -> Identity | None:
        """Who is at the page, None for nobody we know. Changes nothing but when a session was last used."""
        found = self.judge(request)
        return found if isinstance(found, Identity) else None

    def judge(self, request: Request) -> Identity | Refusal:
        """The same, with the reason."""
        return self._by_header(request, self._header) if self._header else self._by_session(request)

    def _by_header(self, request: Request, header: TrustedHeader) -> Identity | Refusal:
        login = header.login(request)
        if isinstance(login, Refusal):
            return login
        person = person_of(self.people(), login)
        if person is None:
            return stranger(login)
        return Identity(person.name, b64url(hmac.digest(self._secret, person.name.encode(), sha256)[:16]), "header")

    def _by_session(self, request: Request) -> Identity | Refusal:
        session = self.sessions.find(request)
        if session is None:
            return Refusal(401, "Sign in")
        people = self.people()
        if people.person(session.name) is None and not (session.how == "link" and not people.people):
            return Refusal(403, "You are no approver here any more", ("An administrator has taken you out of approvers.toml.",))
        return Identity(session.name, session.id, session.how, session.since)

    # ---- pages ----------------------------------------------------------------------------------------------------------------------

    @property
    def routes(self) -> list[BaseRoute]:
        """What the application adds: the link, and signing out."""
        if self._header:
            return []
        return [
            Route("/login/{token}", self._shown, methods=["GET"]),
            Route("/login", self._pressed, methods=["POST"]),
            Route("/logout", self._out, methods=["POST"]),
        ]

    def door(self, request: Request) -> Response:
        """What somebody sees instead of a page whom `identify` does not know."""
        found = self.judge(request)
        if isinstance(found, Identity):  # signed in while they waited
            return page("You are signed in", again="/", link="/", link_text="Go on")
        if found.status == 401 and request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
            # a link in a chat or a mail: the browser keeps a Strict cookie back until one of our own pages asks
            path = request.url.path if request.url.path.startswith("/questions/") else "/"
            return page("One moment", again=path, link=path, link_text="Go on")
        told = found.told
        if found.status == 401 and self.links:
            told += ("Make a link that signs you in, at the machine where the gate is: gate inbox link",)
        way_in = ("/oidc/start", f"Sign in with {self._provider}") if self._provider and found.status == 401 else ("", "")
        return page(found.heading, *told, status=found.status, link=way_in[0], link_text=way_in[1])

    def admit(self, request: Request, login: str, how: str, *, exact: bool = False) -> Response:
        """Begins a session for whoever a provider calls so. exact: letters' case counts."""
        person = person_of(self.people(), login, exact=exact)
        if person is None:
            found = stranger(login)
            return page(found.heading, *found.told, status=found.status)
        return self._begun(request, person.name, how)

    def _begun(self, request: Request, name: str, how: str) -> Response:
        response = page("You are signed in", again="/", link="/", link_text="Go on")  # no redirect: the cookie is Strict
        self.sessions.begin(request, response, name=name, how=how, since=self.now())
        return response

    async def _shown(self, request: Request) -> Response:
        token = str(request.path_params["token"])
        link = await run_in_threadpool(self.links.look, token) if self.links else None
        if link is None:
            return _used_up()
        return page(f"Sign in as {link.name}", "This link is good once.", form=Form("/login", "Sign in", {"token": token}))

    async def _pressed(self, request: Request) -> Response:
        try:
            token = (await posted(request)).get("token", "")
        except ValueError:
            token = ""
        link = await run_in_threadpool(self.links.use, token) if self.links else None
        if link is None:
            return _used_up()
        people = self.people()
        if people.people and people.person(link.name) is None:
            found = stranger(link.name)
            return page(found.heading, *found.told, status=found.status)
        return self._begun(request, link.name, "link")

    async def _out(self, request: Request) -> Response:
        response = RedirectResponse("/", 303)
        self.sessions.end(request, response)
        return response


def person_of(people: People, login: str, *, exact: bool = False) -> Person | None:
    """The person with this login. Case is ignored within ASCII only: beyond, letters of two people may fold into the same (ß and ss)."""
    if not _LOGIN.match(login):
        return None
    return next((person for person in people.people if any(_same(login, one, exact=exact) for one in person.logins)), None)


def _same(login: str, known: str, *, exact: bool) -> bool:
    return login == known or (not exact and login.isascii() and known.isascii() and login.lower() == known.lower())


def stranger(login: str) -> Refusal:
    """Somebody signed in whom nobody has made an approver."""
    told = (
        f"You are signed in as {login}, and no approver has that login.",
        f"Whoever administers the gate can add it to approvers.toml, to the person that you are: logins = [{_quoted(login)}]",
    )
    return Refusal(403, "You are no approver here", told)


def _used_up() -> Response:
    return page("This link signs nobody in any more", "It was used, or ten minutes are over. Make another: gate inbox link", status=410)


def _quoted(login: str) -> str:
    import json

    return json.dumps(login)


def _user(named: str | int) -> int:
    import pwd

    if isinstance(named, int) or named.isdecimal():
        return int(named)
    try:
        return pwd.getpwnam(named).pw_uid
    except KeyError:
        raise ConfigError(f"--from-user: this machine has no user '{named}'") from None
