"""A real site on loopback, which echoes, redirects, drips, compresses; and a resolver that a test writes. For the tests of http and browser."""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Site(BaseHTTPRequestHandler):
    """By query: `to` redirects, `n` sends so much, `drip` slowly, `say` sends a text, `echo` what it was sent, `pack` compressed."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, dict[str, str]]] = []  # method, path, headers

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.command, self.path, headers))
        body = self.rfile.read(int(headers.get("content-length", 0)))
        if "to" in query:
            self.answer(int(query.get("code", ["302"])[0]), b"", ("Location", query["to"][0]))
        elif "wait" in query:
            time.sleep(float(query["wait"][0]))
            self.answer(200, b"late")
        elif "drip" in query:
            self.drip(query["drip"][0])
        elif "pack" in query:
            self.answer(200, *packed(query["pack"][0], int(query.get("n", ["20"])[0])))
        elif "echo" in query:
            said = headers.get(query["echo"][0], "").encode() + b"|" + body
            self.answer(200, said, ("X-Echo", headers.get(query["echo"][0], "")), ("Set-Cookie", "a=b"))
        else:
            self.answer(200, query["say"][0].encode() if "say" in query else b"x" * int(query.get("n", ["2"])[0]))

    def answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drip(self, where: str) -> None:
        """Bytes that never end, one at a time: of the head or of the body."""
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"X: " if where == "head" else b"\r\n"))
            for _ in range(400):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.02)
        self.close_connection = True

    do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = do_GET

    def log_message(self, *_: object) -> None:
        """Quiet."""


def packed(how: str, size: int) -> tuple[bytes, tuple[str, str]]:
    """A body of so many bytes, encoded, and the header that says so."""
    plain = b"z" * size
    bare = zlib.compressobj(wbits=-15)
    made = {
        "cut": gzip.compress(plain)[:-9],
        "twice": gzip.compress(plain) * 2,
        "gzip": gzip.compress(plain),
        "deflate": zlib.compress(plain),
        "raw": bare.compress(plain) + bare.flush(),
        "br": plain,
        "lie": plain,
    }
    return made[how], ("Content-Encoding", {"raw": "deflate", "lie": "gzip", "cut": "gzip", "twice": "gzip"}.get(how, how))


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler] = Site) -> Iterator[int]:
    """The port of a site on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Script:
    """A resolver: name → what it answers the first time, the second time, and so on; the last answer stays."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers: dict[str, list[list[str]]] = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        given: Any = self.answers.get(host)
        if given is None:
            raise OSError(-2, "Name or service not known")
        return given.pop(0) if len(given) > 1 else given[0]
