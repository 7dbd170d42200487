"""http: requests to the hosts, ports, paths and methods a grant names, to public addresses only.

    http.request  method="GET" url="https://api.example.com/v1/items?page=2" headers={"authorization": "Bearer {secret:items}"}

A URL's canonical value is the one form in which every parser agrees about where it leads (`_http.url`); anything else is refused.  The
constraint `url` (`hosts`) says where requests may go, `headers` which headers and secrets they may have.  The tool of `tool()` resolves a
name once, requires every address to be public, and connects to the address it checked; it follows no redirect unless a constraint for them
is given: what the redirect names is returned, and going there is another call.  `transport()` puts all of this under an httpx client.

Credentials are named, never said: `{secret:items}` becomes its value after the call was decided, only for requests that the secret is bound
to, and the answer is cleaned of it (`_http.secrets`).

>>> URL.parse("HTTPS://API.Example.com:443/v1/x#top")
'https://api.example.com/v1/x'
>>> api = hosts("api.example.com", paths="/v1/*")
>>> api.check("https://api.example.com/v1/x"), api.check("https://api.example.com.evil.example/v1/x")
(True, False)
>>> TOOLS["http.request"].headline({"url": "https://api.example.com/v1/x", "method": "POST", "body": "x" * 2000})
'POST 2 kB to api.example.com'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from capabilities._http import say
from capabilities._http.constraint import UrlConstraint, request
from capabilities._http.kinds import EncodingKind, HeadersKind, MethodKind, UrlKind, payload
from capabilities._http.only import Headers
from capabilities._http.secrets import Secret, Vault
from capabilities._plain import Text
from gate.constraint import Entry, OneOf, optional
from gate.kind import Kind, KindTool, ready

if TYPE_CHECKING:
    from capabilities._http.connect import Resolver
    from gate.gate import Gate

URL: Final = UrlKind()
METHOD: Final = MethodKind()
HEADERS: Final = HeadersKind()
BODY: Final = Text("body")
ENCODING: Final = EncodingKind()
Address: TypeAlias = Annotated[str, URL]
Method: TypeAlias = Annotated[str, METHOD]
NO_SECRETS: Final[Mapping[str, Secret]] = MappingProxyType({})


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


def headers(*names: str, secrets: Iterable[str] = ()) -> Headers:
    """Admits these headers, in lower case, `*` for all that a caller may set, with these secrets in them."""
    return Headers(names, secrets)


def requests(*names: str, methods: str | Iterable[str] = "GET", **limits: str | Iterable[str]) -> dict[str, Entry]:
    """The entries of a grant for a tool that takes `method` and `url`, such as `http.request`: both are limited."""
    allowed = [methods] if isinstance(methods, str) else list(methods)
    entry = optional(OneOf([*allowed, None])) if "GET" in allowed else Entry(OneOf(allowed))  # left out, it is a GET
    return {"url": Entry(hosts(*names, **limits)), "method": entry}  # type: ignore[arg-type]  # paths and schemes; hosts checks them


def secret(value: str | Callable[[], str], *names: str, **limits: Any) -> Secret:
    """A value, or a function that gives it, bound to the requests that `hosts(*names, **limits)` admits."""
    return Secret(value, hosts(*names, **limits))


def described(secrets: Mapping[str, Secret] = NO_SECRETS, look: say.Looking | None = None) -> KindTool:
    """`http.request` as the kind describes it. look: gives a name's addresses to the preview, which otherwise says that it did not ask."""
    kinds: dict[str, Kind] = {"url": URL, "method": METHOD, "headers": HEADERS, "body": BODY, "encoding": ENCODING}
    return KindTool("http.request", kinds, frozenset(kinds) - {"url"}, headline=say.headline, preview=say.Preview(Vault(secrets), look))


def tool(
    *,
    private: Iterable[str] = (),
    follow: UrlConstraint | None = None,
    secrets: Mapping[str, Secret] = NO_SECRETS,
    seconds: float = 30.0,
    largest: int = 10_000_000,
    resolver: Resolver | None = None,
    look: say.Looking | None = None,
) -> Callable[..., dict[str, object]]:
    """A function `request(url, method, headers, body, encoding)`. `private` names hosts that may be reached although they are not public."""
    from capabilities._http.exchange import Limits
    from capabilities._http.fetch import Fetcher

    fetcher = Fetcher(private, follow, Limits(seconds, largest), resolver, Vault(secrets))

    def request(
        url: str,
        method: str = "GET",
        headers: dict[str, str] = {},  # noqa: B006  # never changed
        body: str = "",
        encoding: str = "utf-8",
    ) -> dict[str, object]:
        """Sends one request: status, url, headers, text, and location when it is a redirect that was not followed."""
        return fetcher.fetch(method, url, headers, payload(body, encoding))

    return ready(described(secrets, look), request)


def transport(
    gate: Gate,
    *,
    library: str = "httpx",
    name: str = "http.request",
    private: Iterable[str] = (),
    secrets: Mapping[str, Secret] = NO_SECRETS,
    seconds: float = 300.0,
    largest: int = 100_000_000,
    resolver: Resolver | None = None,
) -> Any:
    """A transport for `Client` and `AsyncClient` of httpx or httpx2; each request is a call of the tool `name`, made here if there is none."""
    from capabilities._http.exchange import Limits
    from capabilities._http.transport import make

    if name not in gate.tools:
        gate.wrap(tool(private=private, secrets=secrets, resolver=resolver, seconds=seconds, largest=largest), name=name)
    return make(gate, name, library, frozenset(private), resolver, Limits(seconds, largest), Vault(secrets))


TOOLS: Final[dict[str, KindTool]] = {"http.request": described()}
__all__ = ["BODY", "ENCODING", "HEADERS", "METHOD", "TOOLS", "URL", "Address", "Headers", "Method", "Secret", "UrlConstraint"]
__all__ += ["described", "headers", "hosts", "request", "requests", "secret", "tool", "transport"]
