"""What the tests of the MCP gate over HTTP share: programs that are not of this environment, and real servers on loopback."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
import venv
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.mcp.official import cache, installed

OPEN = '[default]\nlow = "allow"\nmedium = "allow"\nhigh = "allow"\ncritical = "allow"\n'


SDK: Final = ("mcp==2.3.0", "uvicorn>=0.30")
SUITE: Final = ("@modelcontextprotocol/conformance@0.2.0-alpha.12", "node@22")


def mcp_python() -> str:
    """A Python that has the official SDK, made once; skips where it cannot be."""
    found = cache() / "sdk" / "bin" / "python"
    if not found.exists():
        venv.create(cache() / "sdk", with_pip=True)
        installed([str(found), "-m", "pip", "install", "--quiet", *SDK])
    return str(found)


def suite() -> list[str]:
    """How the public conformance suite is started, installed once with the node that it needs; skips where it cannot be."""
    folder = cache() / "conformance"
    program = folder / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not on this machine, and the conformance suite needs it")
        folder.mkdir(parents=True, exist_ok=True)
        installed([npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *SUITE])
    return [str(folder / "node_modules" / "node" / "bin" / "node"), str(program)]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# ---- servers in this process --------------------------------------------------------------------------------------------------------------------


@contextmanager
def serving(application: Callable[..., Awaitable[None]]):
    """Serves an ASGI application on a free port of loopback; gives its address."""
    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    settings: dict[str, Any] = {"log_level": "error", "access_log": False, "lifespan": "auto", "timeout_graceful_shutdown": 1}
    # a connection that a client kept while all were busy is not closed just as it sends again
    config = uvicorn.Config(application, timeout_keep_alive=120, **settings)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)
        listening.close()


class Seen:
    """A request that a server got."""

    def __init__(self, scope: dict[str, Any], body: bytes) -> None:
        self.method, self.path = scope["method"], scope["path"]
        self.headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        self.body = body
        self.json = json.loads(body) if body else None

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known == name), None)

    @property
    def rpc(self) -> str:
        return self.json.get("method", "") if isinstance(self.json, dict) else ""


class Upstream:
    """A server of MCP over HTTP that answers as a test says, and keeps what it got.

    answers: method of the message (or of HTTP) → what is given back: a dict as a result, bytes as a stream, a function that is called with `Seen`
    and gives either, or that writes itself when it is async (`seen, send`).
    """

    def __init__(self, tools: list[dict[str, Any]] | None = None, **answers: Any) -> None:
        self.tools = tools if tools is not None else [tool("echo"), tool("wipe")]
        self.answers = {name.replace("__", "/"): value for name, value in answers.items()}
        self.seen: list[Seen] = []

    def calls(self, name: str = "") -> list[Seen]:
        return [one for one in self.seen if one.rpc == "tools/call" and (not name or one.json["params"]["name"] == name)]

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (event := await receive())["type"] == "http.request":
            body += event["body"]
            if not event.get("more_body"):
                break
        seen = Seen(scope, body)
        self.seen.append(seen)
        answer = self.answers.get(seen.rpc or seen.method)
        if asyncio.iscoroutinefunction(answer):
            await answer(seen, send)
            return
        if callable(answer):
            answer = answer(seen)
        if answer is None:
            answer = self._usual(seen)
        await reply(send, answer, seen.json.get("id") if isinstance(seen.json, dict) else None)

    def _usual(self, seen: Seen) -> Any:
        if seen.rpc == "tools/list":
            return {"tools": self.tools}
        if seen.rpc == "initialize":
            said = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
            return said, [("mcp-session-id", "there-1")]
        if seen.rpc == "tools/call":
            return {"content": [{"type": "text", "text": f"did {seen.json['params']['name']}"}]}
        return 405 if seen.method == "GET" else 202 if "id" not in (seen.json or {}) else {}


def tool(name: str, **more: Any) -> dict[str, Any]:
    properties = {"x": {"type": "string"}}
    return {"name": name, "description": name, "inputSchema": {"type": "object", "properties": properties}} | more


async def reply(send, answer: Any, ident: Any = None) -> None:
    """Sends a dict as a result, bytes as a stream, a number as a status; with headers where it is a pair."""
    answer, headers = answer if isinstance(answer, tuple) else (answer, [])
    status, data, sort = 200, b"", "application/json"
    if isinstance(answer, int):
        status = answer
    elif isinstance(answer, bytes):
        data, sort = answer, "text/event-stream"
    else:
        data = json.dumps({"jsonrpc": "2.0", "id": ident, "result": answer}).encode()
    await start(send, sort, headers, status)
    await send({"type": "http.response.body", "body": data})


async def start(send, sort: str = "text/event-stream", headers=(), status: int = 200) -> None:
    lines = [(b"content-type", sort.encode()), *[(name.encode(), value.encode()) for name, value in headers]]
    await send({"type": "http.response.start", "status": status, "headers": lines})


def event(body: dict[str, Any], before: str = "") -> bytes:
    return f"{before}data: {json.dumps(body)}\n\n".encode()
