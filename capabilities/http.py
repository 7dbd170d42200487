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

from capabilities._http.addresses import METADATA, special
from capabilities._http.constraint import METHODS, UrlConstraint, private_name, request
from capabilities._http.url import Url, parse
from capabilities._plain import NOTHING, Text
from gate.constraint import Entry, OneOf, optional
from gate.constraints.value import is_object
from gate.effect import Assessment, Risk
from gate.kind import KindTool

if TYPE_CHECKING:
    from capabilities._http.connect import Resolver

_EGRESS: Final = frozenset(["egress"])
_SENDS: Final = frozenset(["egress", "writes"])
_READING: Final = frozenset(["GET", "HEAD", "OPTIONS"])


class UrlKind:
    """A URL that is fetched."""

    name = "http.url"

    def parse(self, value: object) -> str:
        """The URL in its one form; ValueError says why it is refused."""
        return str(parse(value))

    def assess(self, value: object) -> Assessment:
        """A connection: medium to a public name, high to an address or name that is not public, critical to a metadata service."""
        try:
            return _assess(parse(value))
        except ValueError as error:
            return Assessment(_EGRESS, Risk.HIGH, (f"cannot be inspected: {error}",))


def _assess(url: Url) -> Assessment:
    if url.is_address and (why := special(url.host)):
        if url.host in map(str, METADATA):
            return Assessment(_EGRESS, Risk.CRITICAL, (f"connects to {url.host}, where clouds hand out credentials",), frozenset(["T1552.005"]))
        return Assessment(_EGRESS, Risk.HIGH, (f"connects to {url.host}, which is {why}",))
    if not url.is_address and private_name(url.host):
        return Assessment(_EGRESS, Risk.HIGH, (f"connects to '{url.host}', which is not a public name",))
    plain = "" if url.scheme == "https" else ", unencrypted"
    return Assessment(_EGRESS, Risk.MEDIUM, (f"connects to {url.host}{plain}",))


class MethodKind:
    """A method of HTTP."""

    name = "http.method"

    def parse(self, value: object) -> str:
        """The method in upper case; ValueError for any that is not known."""
        if not isinstance(value, str) or len(value) > 16 or value.upper() not in METHODS or not value.isascii():
            raise ValueError(f"the method must be one of {', '.join(sorted(METHODS))}")
        return value.upper()

    def assess(self, value: object) -> Assessment:
        """Reading methods add nothing; the others send data or change something there."""
        if value is None or (isinstance(value, str) and value in _READING):
            return NOTHING
        known = value if isinstance(value, str) and value in METHODS else "request of an unknown method"
        return Assessment(_SENDS, Risk.MEDIUM if known in ("POST", "PUT", "PATCH") else Risk.HIGH, (f"sends a {known}",))


class HeadersKind:
    """Headers of a request, as an object of texts."""

    name = "http.headers"

    def parse(self, value: object) -> dict[str, str]:
        """The headers with lower-case names; ValueError for what a caller may not set."""
        from capabilities._http.fetch import check_headers

        if not is_object(value) or len(value) > 64:
            raise ValueError("headers are an object of at most 64 texts")
        return check_headers({str(name): text for name, text in value.items()})

    def assess(self, value: object) -> Assessment:  # noqa: ARG002  # the Kind protocol
        """Nothing of their own."""
        return NOTHING


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
    entry = optional(OneOf(allowed)) if "GET" in allowed else Entry(OneOf(allowed))
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
