"""Listener: somebody outside, on loopback. It accepts whatever connects and remembers how each connection began."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Final

_GREETING_SECONDS: Final = 2.0


class Listener:
    """Listens on 127.0.0.1 at `port` until it is closed. `connections` counts what was accepted, `greetings` the first bytes of each."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self.greetings: list[bytes] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._serve, name="gate-demo-listener", daemon=True)
        self._thread.start()

    def heard(self, connections: int, seconds: float) -> bool:
        """Whether so many connections have come, and said something or ended, within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.greetings) >= connections, seconds)

    def close(self) -> None:
        """Stops listening."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
            with connection:
                self._greet(connection)

    def _greet(self, connection: socket.socket) -> None:
        connection.settimeout(_GREETING_SECONDS)
        greeting = b""
        with suppress(OSError):
            greeting = connection.recv(200)
        with self._changed:
            self.greetings.append(greeting)
            self._changed.notify_all()
