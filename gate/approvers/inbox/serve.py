"""Serve: the inbox as `gate inbox` starts it: who may sign in and how, every route, and the server.

The address that browsers use (`url`) decides what a page trusts: the names it answers to, whether cookies are for https only, and where
passkeys belong.  Without a proxy it is `http://localhost:PORT`; anything else is https, for a sign-in that travels in the clear is anybody's.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from gate.errors import ConfigError
from gate.port import bound

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

    from gate.approvers.inbox.oidc import Client
    from gate.approvers.inbox.signin import SignIn, TrustedHeader
    from gate.home import Home

PORT: Final = 8790
_HINT: Final = "try --port 0"
NEEDS: Final = ("starlette", "jinja2", "uvicorn")
_LOOPBACK_ADDRESSES: Final = frozenset({"127.0.0.1", "::1"})
_LOOPBACK: Final = _LOOPBACK_ADDRESSES | {"localhost"}


class Settings(NamedTuple):
    """How one inbox is reached, and who may sign in. url: where browsers reach it, "" for this machine.  client: of OpenID Connect."""

    host: str = "127.0.0.1"
    port: int = PORT
    url: str = ""
    header: TrustedHeader | None = None
    client: Client | None = None

    def checked(self) -> Settings:
        """Itself; ConfigError when it would be reached in the clear."""
        parts = urlsplit(self.url or f"http://localhost:{self.port}")
        if not parts.hostname or parts.scheme not in {"http", "https"} or parts._replace(scheme="", netloc="").geturl().strip("/"):
            raise ConfigError(f"'{self.url}' is no address such as https://gate.example.com")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigError(f"'{self.url}' would be read on the way; put a proxy with https in front and give its address as --url https://…")
        if self.host not in _LOOPBACK and parts.scheme != "https":
            raise ConfigError(f"on '{self.host}' others reach it too; give the https address of the proxy in front as --url https://…")
        return self

    def origin(self, port: int) -> str:
        """Where browsers reach it, without a path."""
        return self.url.rstrip("/") or f"http://localhost:{port}"


def needed() -> None:
    """ConfigError, with what to do, where the extra is not installed."""
    from importlib.util import find_spec

    if missing := [name for name in NEEDS if find_spec(name) is None]:
        raise ConfigError(f"the page needs {', '.join(missing)}; install it with: pip install 'capgate[inbox]'")


def made(home: Home, settings: Settings, port: int, channels: Sequence[BaseRoute] = ()) -> tuple[Starlette, SignIn]:
    """The application of a gate, on a port, with its sign-in. channels: where answers come in that sign for themselves."""
    from gate.approvers.inbox import arap
    from gate.approvers.inbox.app import app
    from gate.approvers.inbox.guard import LOOPBACK
    from gate.approvers.inbox.login import Links
    from gate.approvers.inbox.passkeys import Passkeys
    from gate.approvers.inbox.sessions import Sessions
    from gate.approvers.inbox.signin import SignIn

    origin = settings.origin(port)
    secure = origin.startswith("https:")
    links = Links(home.path, home.now)
    named, by_link = settings.client.name if settings.client else "", None if settings.header else links
    signin = SignIn(home.people, home.now, sessions=Sessions(secure=secure), links=by_link, header=settings.header, provider=named)
    routes: list[BaseRoute] = [*signin.routes, *channels]
    if settings.client:
        from gate.approvers.inbox.oidc import Provider

        routes += Provider(settings.client, signin, now=home.now).routes
    with suppress(ConfigError):  # a page at a bare address has none
        routes += Passkeys(home, signin.identify, origin=origin, links=links).routes
    routes += arap.routes(home.desk, signin.identify, base=origin if secure else "")
    name = str(urlsplit(origin).hostname)
    hosts = {f"[{name}]" if ":" in name else name} if secure else LOOPBACK
    return app(home, identify=signin.identify, door=signin.door, routes=routes, hosts=hosts, secure=secure), signin


@contextmanager
def listening(settings: Settings) -> Generator[list[socket.socket]]:
    """The sockets; ConfigError where the port is taken.

    A browser that is sent to `localhost` tries ::1 too: whoever listened there would be the same page to it, and could act as ours.
    """
    with ExitStack() as opened:
        first = opened.enter_context(bound(settings.host, settings.port, hint=_HINT))
        port, local = first.getsockname()[1], settings.host in _LOOPBACK_ADDRESSES and not settings.url
        others = [each for each in _LOOPBACK_ADDRESSES if each != settings.host and (each != "::1" or _has_ipv6())] if local else []
        yield [first, *[opened.enter_context(bound(each, port, hint=_HINT)) for each in others]]


def _has_ipv6() -> bool:
    """Whether this machine has the address ::1."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def run(home: Home, settings: Settings, ready: Callable[[str, SignIn], None]) -> None:
    """Serves, and tells people of questions, until the process is told to stop. ready: told the origin and the sign-in once the port is open."""
    import uvicorn

    from gate.approvers.notifyroutes import notified

    with listening(settings.checked()) as sockets, notified(home) as channels:
        port = sockets[0].getsockname()[1]
        application, signin = made(home, settings, port, channels)
        ready(settings.origin(port), signin)
        config = uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,  # a path may hold a one-time link
            lifespan="off",
            ws="none",
            proxy_headers=False,  # or a client could say which address it comes from
            server_header=False,
            timeout_graceful_shutdown=1,  # open pages listen for news for as long as they are open
        )
        uvicorn.Server(config).run(sockets=sockets)
