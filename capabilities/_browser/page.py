"""Page: puts a carrier under a page of Playwright's API, for threads or for an event loop, and goes to places with it.

Only what is used of the API is named here; nothing of Playwright is imported, and anything that behaves like its page will do.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

from capabilities._browser.carry import HOPS, Carrier, Refused, Reply
from capabilities._browser.flags import SCRIPT

_ALL: Final = re.compile(r".*", re.DOTALL)
_DOCUMENTS: Final = frozenset(["document", "iframe", "frame"])


def going(page: Any, carrier: Carrier, *, seconds: float, largest: int) -> Callable[[str], object]:
    """The function that goes to a URL, plain or async as the page is. Its context is put under the carrier at once, or at first use."""
    return _async(page, carrier, seconds, largest) if inspect.iscoroutinefunction(page.goto) else _plain(page, carrier, seconds, largest)


def _plain(page: Any, carrier: Carrier, seconds: float, largest: int) -> Callable[[str], object]:
    def handle(route: Any) -> None:
        _finish(route, carrier.answer(*_asked(route.request), document=_document(route.request)))

    def close(other: Any) -> None:
        other.close()

    def cancel(download: Any) -> None:
        download.cancel()

    def refuse(socket: Any) -> None:
        socket.close(code=1008, reason="refused")

    page.context.add_init_script(SCRIPT)
    page.context.route(_ALL, handle)
    page.context.route_web_socket(_ALL, refuse)
    page.on("download", cancel)
    page.context.on("page", close)

    def goto(url: str) -> dict[str, object]:
        """Opens a page: its address, status, title and text."""
        for _ in range(HOPS + 1):
            with _told(carrier):
                response = page.goto(carrier.set_out(url), timeout=seconds * 1000, wait_until="commit")
            if not carrier.moved:
                break
            url = carrier.moved
        else:
            raise Refused(f"more than {HOPS} redirects")
        with suppress(Exception):  # a page may load for ever; what is there by then is there
            page.wait_for_load_state("load", timeout=_LOADING)
        shown = page.wait_for_function(_SHOWN, arg=largest, timeout=seconds * 1000).json_value()
        return {"url": page.url, "status": response.status if response else 0, **shown}

    return goto


def _async(page: Any, carrier: Carrier, seconds: float, largest: int) -> Callable[[str], Awaitable[object]]:
    async def handle(route: Any) -> None:
        reply = await asyncio.to_thread(lambda: carrier.answer(*_asked(route.request), document=_document(route.request)))
        await _finish(route, reply)

    async def close(other: Any) -> None:
        await other.close()

    async def cancel(download: Any) -> None:
        await download.cancel()

    async def refuse(socket: Any) -> None:
        await socket.close(code=1008, reason="refused")

    one_at_a_time = asyncio.Lock()
    installed = False

    async def install() -> None:
        nonlocal installed
        if not installed:
            await page.context.add_init_script(SCRIPT)
            await page.context.route(_ALL, handle)
            await page.context.route_web_socket(_ALL, refuse)
            page.on("download", cancel)
            page.context.on("page", close)
            installed = True

    async def goto(url: str) -> dict[str, object]:
        """Opens a page: its address, status, title and text."""
        async with one_at_a_time:
            await install()
            for _ in range(HOPS + 1):
                with _told(carrier):
                    response = await page.goto(carrier.set_out(url), timeout=seconds * 1000, wait_until="commit")
                if not carrier.moved:
                    break
                url = carrier.moved
            else:
                raise Refused(f"more than {HOPS} redirects")
            with suppress(Exception):  # as above
                await page.wait_for_load_state("load", timeout=_LOADING)
            shown = await (await page.wait_for_function(_SHOWN, arg=largest, timeout=seconds * 1000)).json_value()
            return {"url": page.url, "status": response.status if response else 0, **shown}

    return goto


@contextmanager
def _told(carrier: Carrier) -> Generator[None]:
    """The reason why a page was not opened, in place of the browser's words."""
    try:
        yield
    except Exception:
        if carrier.stopped:
            raise Refused(carrier.stopped) from None
        raise


_LOADING: Final = 3000
# asked for in a way that ends when its time does, as a page may keep its thread busy for ever
_SHOWN: Final = "most => ({title: document.title.slice(0, 1000), text: (document.body ? document.body.innerText : '').slice(0, most)})"


def _asked(request: Any) -> tuple[str, str, dict[str, str], bytes | None]:
    return request.method, request.url, request.headers, request.post_data_buffer


def _document(request: Any) -> bool:
    return request.is_navigation_request() or request.resource_type in _DOCUMENTS


def _framed(request: Any) -> bool:
    """Whether a page would wait for this for ever if it were only ended."""
    try:
        return _document(request) and request.frame.parent_frame is not None
    except Exception:  # a window that is just opening has no frame yet
        return False


def _finish(route: Any, reply: Reply | None) -> Any:
    """Answers or ends the request; what the API gives back, to be awaited where it is async."""
    if reply is None and not _framed(route.request):
        return route.abort("aborted")
    given = reply or Reply(403, {"content-type": "text/plain"}, b"")
    return route.fulfill(status=given.status, headers=given.headers, body=given.body)
