"""A client of the Model Context Protocol over pipes, as plain as can be: what it is told to send, it sends."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


class Client:
    """One process that speaks the protocol on its standard input and output. unasked: what came besides responses."""

    def __init__(
        self, command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, stderr: Any = subprocess.DEVNULL
    ) -> None:
        self.process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, cwd=cwd, env={**os.environ, **(env or {})}, bufsize=0
        )
        self.unasked: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self._buffer = b""
        self._serial = 0

    def raw(self, line: bytes) -> None:
        """Sends a line as it is."""
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")

    def send(self, **body: Any) -> None:
        """Sends a message."""
        self.raw(json.dumps({"jsonrpc": "2.0", **body}).encode())

    def read(self, seconds: float = 20) -> dict[str, Any] | None:
        """The next message; None when there is none in time, or no more."""
        assert self.process.stdout
        until = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not data:
                return None
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        found: dict[str, Any] = json.loads(line)
        return found

    def response(self, ident: object, seconds: float = 20) -> dict[str, Any]:
        """The response to an id; requests of the server are answered as `answers` says, by method."""
        while (message := self.read(seconds)) is not None:
            if "method" not in message and message.get("id") == ident:
                return message
            self.unasked.append(message)
            if "id" in message and message.get("method") in self.answers:
                self.send(id=message["id"], result=self.answers[message["method"]])
        raise EOFError(f"no response to {ident!r}")

    def request(self, method: str, params: Mapping[str, Any] | None = None, *, seconds: float = 20) -> dict[str, Any]:
        """The whole response to a request."""
        self._serial += 1
        self.send(id=self._serial, method=method, params=dict(params or {}))
        return self.response(self._serial, seconds)

    def initialize(self, capabilities: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The legacy greeting."""
        found = self.request("initialize", {**INITIALIZE, "capabilities": dict(capabilities or {})})
        self.send(method="notifications/initialized")
        return found

    def tools(self) -> list[str]:
        """The names of the tools that are listed."""
        return [tool["name"] for tool in self.request("tools/list")["result"]["tools"]]

    def call(self, name: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The whole response to a call."""
        return self.request("tools/call", {"name": name, "arguments": dict(arguments or {}), **more})

    def close(self) -> int:
        """Ends it as clients do; its exit code."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
