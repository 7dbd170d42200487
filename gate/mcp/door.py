"""Door: who may come in over HTTP, before anything is read: by which names this gate is called, and on whose capability.

    Host, Origin     one of the gate's own names; a page elsewhere whose name was made to lead here is refused with 403 (DNS rebinding)
    Authorization    Bearer and a capability of this gate, `aud` naming it: a token of one part as it is, a chain as base64url of its JSON

401 with `WWW-Authenticate` for none, for one that is not genuine, is for another gate, has ended or was revoked; 403 with `insufficient_scope` for
one that grants nothing here.  The token ends at this door: the server never sees it.

A gate that was started with a capability of its own lets in whoever presents none, and only on this machine: everybody here acts under it then.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from gate import token
from gate.errors import ConfigError, Denied, TokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gate.mcp.behind import Behind
    from gate.mcp.headers import Headers
    from gate.mcp.verdict import Context

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST: Final = 64 * 1024


class Shut(Exception):
    """Not let in. headers: of the response."""

    def __init__(self, status: int, why: str, headers: Headers | None = None) -> None:
        super().__init__(why)
        self.status, self.headers = status, headers or []


class Visitor(NamedTuple):
    """Who comes in: under which capability, and whose session another one of theirs may go on with."""

    context: Context
    owner: tuple[str, str]


class Door:
    """names: what this gate is called in a Host header, beside loopback's.  own: whoever presents nothing acts under the gate's own capability.

    here: whether a tool is one of those behind this door.
    """

    def __init__(self, behind: Behind, names: Iterable[str] = (), *, own: bool = False, here: Callable[[str], bool] | None = None) -> None:
        self._behind, self._own = behind, own
        self._here = here or self._of_server
        self._names = LOOPBACK | {name.lower() for name in names}

    def _of_server(self, tool: str) -> bool:
        return tool.startswith(f"{self._behind.server}/")

    def check_names(self, headers: Headers) -> None:
        """Shut for a request that was meant for another host, or comes from a page of one."""
        hosts, origins = ([value for known, value in headers if known == name] for name in ("host", "origin"))
        if len(hosts) != 1 or _host(f"//{hosts[0]}") not in self._names:
            raise Shut(403, "this is not the host that the request is for")
        if len(origins) > 1 or (origins and _host(origins[0]) not in self._names):
            raise Shut(403, "a page elsewhere must not talk to this gate")

    def visitor(self, headers: Headers) -> Visitor:
        """Who it is. Shut with 401 or 403 otherwise."""
        said = [value for known, value in headers if known == "authorization"]
        if not said and self._own:
            return self.of("")
        scheme, _, presented = said[0].partition(" ") if said else ("", "", "")
        if len(said) != 1 or scheme.lower() != "bearer":
            raise _unknown("present a capability: Authorization: Bearer …", error="")
        try:
            return self.of(_read(presented.strip()))
        except Shut:
            raise
        except (TokenError, ConfigError, Denied, ValueError) as error:
            raise _unknown(str(error)) from None

    def context(self, presented: str, visitor: Visitor) -> Context:
        """Who acts in a message that may present a capability of its own; without one its visitor."""
        if not presented:
            return visitor.context
        try:
            return self.of(presented).context
        except (TokenError, ConfigError, Denied, ValueError) as error:
            raise _unknown(str(error)) from None

    def of(self, presented: str) -> Visitor:
        """Who acts under a capability, "" for the gate's own. Shut where it does not do; TokenError where it is none."""
        context = self._behind.context(presented)
        if not context.key:
            raise _unknown("the gate has no capability of its own", error="")
        capability = self._behind.gate.verify(context.key)
        if presented and all(link.audience is None for link in token.inspect(capability.chain)):
            raise _unknown("the capability does not say for which gate it is")
        if context.life() <= 0:
            raise _unknown("the capability has ended")
        if not any(map(self._here, capability.grants)):
            raise Shut(403, "the capability grants nothing here", [("www-authenticate", 'Bearer realm="gate", error="insufficient_scope"')])
        return Visitor(context, (capability.principal, capability.agent))


def _read(text: str) -> str:
    """The presentation that a Bearer token is."""
    if not text or len(text) > _LONGEST:
        raise ValueError(f"a capability has 1 to {_LONGEST} characters")
    if text.startswith("{") or text.count(".") == 2:
        return text
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        raise ValueError("the Bearer token is no capability") from None


def _host(address: str) -> str:
    """The host of an address, "" for what has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _unknown(why: str, error: str = "invalid_token") -> Shut:
    return Shut(401, why, [("www-authenticate", 'Bearer realm="gate"' + (f', error="{error}"' if error else ""))])
