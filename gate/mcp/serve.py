"""Serve: an ASGI application at an address, by uvicorn, which is an extra."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from gate.errors import ConfigError
from gate.port import bound

if TYPE_CHECKING:
    from collections.abc import Awaitable

KEPT: Final = 75
MOST: Final = 1000


def needed() -> None:
    """ConfigError, with what to do, where the extra is not installed."""
    if find_spec("uvicorn") is None:
        raise ConfigError("serving over HTTP needs uvicorn; install it with: pip install 'capgate[mcp]'")


def serve(application: Callable[..., Awaitable[None]], host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serves until Ctrl-C or SIGTERM. ready: gets the address, once clients can connect."""
    needed()
    import uvicorn

    settings: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False, "proxy_headers": False, "lifespan": "on"}
    config = uvicorn.Config(application, timeout_keep_alive=KEPT, limit_concurrency=MOST, timeout_graceful_shutdown=2, ws="none", **settings)
    with bound(host, port) as listening:
        found = listening.getsockname()
        ready(f"http://{f'[{host}]' if ':' in host else host}:{found[1]}")
        uvicorn.Server(config).run(sockets=[listening])
