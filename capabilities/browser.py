"""browser: pages a grant names, in a browser that makes no request of its own.

    browser.goto  url="https://docs.example.com/start"

The value, the constraint and what is refused are those of the http kind: `sites("docs.example.com", "*.example.org")`.  The ready-made tool
works with a page of Playwright's API that the program passes: `gate.wrap(browser.tool(page, within=browser.sites(…)))`.  Every request of the
page, its frames, scripts, forms and redirects is made by the gate's own fetcher, to a checked address, or refused when it is not `within`:
the page itself is decided about by the gate, what it loads by `within`.  `data:`, `blob:`, `file:` and `javascript:` addresses, web sockets,
workers, downloads and new windows are refused.  Start the browser with `FLAGS`, so that what it does not hand over has no network; make the
context with `service_workers="block"`, `accept_downloads=False`.

>>> sites("docs.example.com").check("https://docs.example.com/start"), sites("docs.example.com").check("file:///etc/passwd")
(True, False)
>>> TOOLS["browser.goto"].headline({"url": "https://docs.example.com/start?q=1"})
'open https://docs.example.com/start?q=1 in a browser'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from capabilities._browser.flags import FLAGS
from capabilities._http.constraint import UrlConstraint
from capabilities._http.kinds import UrlKind
from capabilities._http.url import parse
from gate.effect import Assessment, join
from gate.frozen import Frozen
from gate.kind import KindTool, ready
from gate.preview import Panel, facts

if TYPE_CHECKING:
    from capabilities._http.connect import Resolver

_LONGEST: Final = 200


class PageKind(UrlKind):
    """A URL that is opened in a browser: the http kind's, and scripts of the page run."""

    name = "browser.url"

    def assess(self, value: object) -> Assessment:
        """What a request there would do; what runs is the page's, in the browser."""
        fetched = super().assess(value)
        return join([fetched, Assessment(frozenset(["egress"]), fetched.risk, ("runs the page's scripts in a browser",))])


URL: Final = PageKind()
Address: TypeAlias = Annotated[str, URL]


def sites(
    *names: str,
    methods: str | Iterable[str] = ("GET", "HEAD", "OPTIONS"),
    ports: int | Iterable[int] | None = None,
    paths: str | Iterable[str] | None = None,
    schemes: str | Iterable[str] = "https",
) -> UrlConstraint:
    """Admits pages of these hosts, `*` for all public ones; a page sends nothing but what its address says, unless `methods` has more."""
    listed = [value if value is None or isinstance(value, (str, int)) else list(value) for value in (ports, methods, paths)]
    return UrlConstraint(list(names), schemes if isinstance(schemes, str) else list(schemes), *listed)


def headline(arguments: Mapping[str, Frozen]) -> str:
    """`open https://docs.example.com/start in a browser`."""
    url = str(parse(arguments.get("url")))
    return f"open {url if len(url) <= _LONGEST else f'{url[:_LONGEST]}…'} in a browser"


def preview(arguments: Mapping[str, Frozen]) -> list[Panel]:
    """Where the page is."""
    url = parse(arguments.get("url"))
    secure = "yes" if url.scheme == "https" else "no"
    return [facts("page", [("host", url.host), ("port", str(url.port)), ("path", url.path), ("query", url.query), ("encrypted", secure)])]


def tool(
    page: Any,
    *,
    within: UrlConstraint,
    private: Iterable[str] = (),
    seconds: float = 30.0,
    largest: int = 10_000_000,
    resolver: Resolver | None = None,
) -> Callable[..., object]:
    """A function `goto(url)` for a page of Playwright's sync or async API: its address, status, title and text.

    within: where the page and everything in it may go.  private: hosts that may be reached although they are not public.  seconds: for each
    request, and for loading the page.  largest: bytes of an answer, characters of the text.
    """
    from capabilities._browser.carry import Carrier
    from capabilities._browser.page import going
    from capabilities._http.exchange import Limits
    from capabilities._http.fetch import Fetcher

    hosts, limits = list(private), Limits(seconds, largest)
    follows, stays = (Fetcher(hosts, follow, limits, resolver, cookies=True) for follow in (within, None))
    goto = going(page, Carrier(within, follows, stays), seconds=seconds, largest=largest)
    goto.__annotations__["url"] = Address
    return ready(TOOLS["browser.goto"], goto)


TOOLS: Final[dict[str, KindTool]] = {
    "browser.goto": KindTool("browser.goto", {"url": URL}, headline=headline, preview=preview, requires=frozenset(["network"]))
}
__all__ = ["FLAGS", "TOOLS", "URL", "Address", "PageKind", "UrlConstraint", "sites", "tool"]
