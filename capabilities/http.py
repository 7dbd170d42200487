"""http: requests to the hosts, ports, paths and methods a grant names, to public addresses only.

    http.request  method="GET" url="https://api.example.com/v1/items?page=2"

A URL's canonical value is the one form in which every parser agrees about where it leads (`_http.url`); anything else is refused.  The
constraint `url` (`hosts`) says where requests may go.  The tool of `tool()` resolves a name once, requires every address to be public, and
connects to the address it checked; it follows no redirect unless a constraint for them is given: what the redirect names is returned, and
going there is another call.

>>> URL.parse("HTTPS://API.Example.com:443/v1/x#top")
'https://api.example.com/v1/x'
>>> api = hosts("api.example.com", paths="/v1/*")
>>> api.check("https://api.example.com/v1/x"), api.check("https://api.example.com.evil.example/v1/x")
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from capabilities._http.constraint import UrlConstraint, request
from capabilities._http.kinds import HeadersKind, MethodKind, UrlKind
from capabilities._plain import Text
from gate.constraint import Entry, OneOf, optional
from gate.kind import KindTool

if TYPE_CHECKING:
    from capabilities._http.connect import Resolver

URL: Final = UrlKind()
METHOD: Final = MethodKind()
HEADERS: Final = HeadersKind()
BODY: Final = Text("body")
Address: TypeAlias = Annotated[str, URL]
Method: TypeAlias = Annotated[str, METHOD]


def hosts(
    *names: str,
    methods: str | Iterable[str] | None = None,
    ports: int | Iterable[int] | None = None,
    paths: str | Iterable[str] | None = None,
    schemes: str | Iterable[str] = "https",
) -> UrlConstraint:
    """Admits URLs of these hosts: `hosts("api.example.com", "*.example.org", paths="/v1/*")`. See `_http.constraint`."""
    listed = [value if value is None or isinstance(value, (str, int)) else list(value) for value in (ports, methods, paths)]
    return UrlConstraint(list(names), schemes if isinstance(schemes, str) else list(schemes), *listed)


def requests(*names: str, methods: str | Iterable[str] = "GET", **limits: str | Iterable[str]) -> dict[str, Entry]:
    """The entries of a grant for a tool that takes `method` and `url`, such as `http.request`: both are limited."""
    allowed = [methods] if isinstance(methods, str) else list(methods)
    entry = optional(OneOf([*allowed, None])) if "GET" in allowed else Entry(OneOf(allowed))  # left out, it is a GET
    return {"url": Entry(hosts(*names, **limits)), "method": entry}  # type: ignore[arg-type]  # paths and schemes; hosts checks them


def tool(
    *,
    private: Iterable[str] = (),
    follow: UrlConstraint | None = None,
    seconds: float = 30.0,
    largest: int = 10_000_000,
    resolver: Resolver | None = None,
) -> Callable[..., dict[str, object]]:
    """A function `request(url, method, headers, body)`. `private` names hosts that may be reached although they are not public."""
    from capabilities._http.fetch import Fetcher, Limits

    fetcher = Fetcher(private, follow, Limits(seconds, largest), resolver)

    def request(url: str, method: str = "GET", headers: dict[str, str] = {}, body: str = "") -> dict[str, object]:  # noqa: B006  # never changed
        """Sends one request: status, url, headers, text, and location when it is a redirect that was not followed."""
        return fetcher.fetch(method, url, headers, body)

    request.__annotations__ |= {"url": Address, "method": Method, "headers": Annotated[dict[str, str], HEADERS], "body": Annotated[str, BODY]}
    return request


TOOLS: Final[dict[str, KindTool]] = {
    "http.request": KindTool(
        "http.request", {"url": URL, "method": METHOD, "headers": HEADERS, "body": BODY}, frozenset(["method", "headers", "body"])
    )
}
__all__ = ["BODY", "HEADERS", "METHOD", "TOOLS", "URL", "Address", "Method", "UrlConstraint", "hosts", "request", "requests", "tool"]
