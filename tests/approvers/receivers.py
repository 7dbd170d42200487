"""Real receivers on loopback: a web server that says what a test wants, and a Slack that checks what it is sent and presses buttons."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette

from gate.approvers import slacksign, webhooksign

SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEYS = webhooksign.parse_secrets(SECRET)


class Got(NamedTuple):
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[BaseHTTPRequestHandler, Got], None]


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler, got: Got) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


class Receiver:
    """replies: what it says to one request after the other; the last one from then on."""

    def __init__(self, *replies: Reply) -> None:
        self.got: list[Got] = []
        self.replies = list(replies) or [answer()]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", 0))
                got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, self.rfile.read(size))
                reply = outer.replies[min(len(outer.got), len(outer.replies) - 1)]
                outer.got.append(got)
                try:
                    reply(self, got)
                except OSError:
                    return  # whoever asked has had enough

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count: int, seconds: float = 10.0) -> list[Got]:
        """The first so many requests."""
        end = time.monotonic() + seconds
        while len(self.got) < count:
            assert time.monotonic() < end, f"only {len(self.got)} of {count} came"
            time.sleep(0.01)
        return self.got[:count]


@contextmanager
def receiver(*replies: Reply) -> Iterator[Receiver]:
    made = Receiver(*replies)
    try:
        yield made
    finally:
        made.close()


class FakeSlack(Receiver):
    """A workspace: keeps messages, checks tokens and content types, and signs what it says with the app's secret."""

    token, secret = "xoxb-1", b"8f742231b10e8888abcd99yyyzzz85a5"

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.messages: dict[tuple[str, str], dict[str, Any]] = {}
        self.replies_to: list[dict[str, Any]] = []
        self.whispers: list[dict[str, Any]] = []
        self.windows: list[dict[str, Any]] = []
        self.limits: list[str] = []
        self.no_windows = False

    @property
    def api(self) -> str:
        return f"{self.url}/api/"

    def _reply(self, handler: BaseHTTPRequestHandler, got: Got) -> None:
        if self.limits:
            answer(429, retry_after=self.limits.pop())(handler, got)
            return
        said = self._said(got.path.removeprefix("/api/"), got)
        answer(200, json.dumps(said).encode(), content_type="application/json")(handler, got)

    def _said(self, method: str, got: Got) -> dict[str, Any]:
        if got.headers.get("authorization") != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        if not got.headers["content-type"].startswith("application/json"):
            return {"ok": False, "error": "invalid_form_data"}
        data = got.json
        if method == "chat.postMessage":
            assert data["unfurl_links"] is False and data["unfurl_media"] is False
            if "thread_ts" in data:
                assert (data["channel"], data["thread_ts"]) in self.messages
                self.replies_to.append(data)
                return {"ok": True, "channel": data["channel"], "ts": "9.9"}
            channel = data["channel"].replace("U", "D", 1) if data["channel"].startswith("U") else data["channel"]
            ts = f"{len(self.messages) + 1}.000100"
            self.messages[channel, ts] = data
            return {"ok": True, "channel": channel, "ts": ts}
        if method == "chat.update":
            if (data["channel"], data["ts"]) not in self.messages:
                return {"ok": False, "error": "message_not_found"}
            self.messages[data["channel"], data["ts"]] = data
            return {"ok": True}
        if method == "views.open":
            if self.no_windows or data["trigger_id"] != "trigger":
                return {"ok": False, "error": "expired_trigger_id"}
            self.windows.append(data["view"])
            return {"ok": True}
        if method == "chat.postEphemeral":
            self.whispers.append(data)
            return {"ok": True}
        return {"ok": False, "error": "unknown_method"}

    def press(self, member: str, action: str, value: str, *, channel: str = "D1", ts: str = "1.000100", team: str = "T1") -> bytes:
        """The body of the request about a button."""
        made = {
            "type": "block_actions",
            "team": {"id": team},
            "user": {"id": member},
            "container": {"message_ts": ts, "channel_id": channel},
            "channel": {"id": channel},
            "trigger_id": "trigger",
            "response_url": "http://169.254.169.254/latest",
            "actions": [{"type": "button", "action_id": action, "value": value}],
        }
        return urlencode({"payload": json.dumps(made)}).encode()

    def submit(self, member: str, reason: str | None) -> bytes:
        """The body of the request about the window that was opened last."""
        view = self.windows[-1] | {"state": {"values": {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}}}
        return urlencode({"payload": json.dumps({"type": "view_submission", "team": {"id": "T1"}, "user": {"id": member}, "view": view})}).encode()

    def signed(self, body: bytes, at: float | None = None, secret: bytes = b"") -> dict[str, str]:
        timestamp = str(int(time.time() if at is None else at))
        return {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": slacksign.sign(secret or self.secret, timestamp, body),
        }


def sent(app: Starlette, path: str, body: bytes, headers: Mapping[str, str] | list[tuple[str, str]]) -> httpx.Response:
    """The answer to one request, after what it leads to in the background."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post(path, content=body, headers=dict(headers) if isinstance(headers, dict) else headers)

    return asyncio.run(send())


def webhook_headers(body: bytes, name: str = "msg_1", at: float | None = None, keys: tuple[bytes, ...] = KEYS) -> dict[str, str]:
    timestamp = int(time.time() if at is None else at)
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": webhooksign.sign(keys, name, timestamp, body),
    }
