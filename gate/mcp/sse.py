r"""SSE: a stream of events (WHATWG HTML, section 9.2), cut into events as it comes, each of which is written anew.

Lines end with LF, CR or CRLF, also where a chunk ends between the two; the `data` lines of an event are one text.  `id`, `retry` and comments are
kept, because clients come back with the one and wait as the other says.  An event that the stream's end cut off is none.

>>> events = Events()
>>> events.feed(b": hi\r\nid: 7\r\ndata: {\r\ndata: }\r\n\r")
[Event(data='{\n}', type='', fields=(('', 'hi'), ('id', '7')))]
>>> events.feed(b"\ndata: cut off")
[]
>>> dump(Event("{}", "", (("id", "7"),)))
b'id: 7\ndata: {}\n\n'
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import Final, NamedTuple

from gate.mcp.wire import LONGEST, BadMessage

_KEPT: Final = ("id", "retry")
_MOST_FIELDS: Final = 100


class Event(NamedTuple):
    """One event. data: None where it has none; type: "" for the usual one; fields: what else it says, a comment under ""."""

    data: str | None
    type: str
    fields: tuple[tuple[str, str], ...] = ()


class Events:
    """Cuts a stream into events. longest: characters of one event, beyond which the stream is refused (BadMessage)."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._decode = getincrementaldecoder("utf-8")("strict")
        self._rest = ""
        self._first, self._after_return = True, False
        self._clear()

    def _clear(self) -> None:
        self._data: list[str] = []
        self._type, self._fields, self._size = "", list[tuple[str, str]](), 0

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that this chunk ends. BadMessage for what is no UTF-8, and for one event that is too long."""
        try:
            text = self._decode.decode(chunk)
        except UnicodeDecodeError:
            raise BadMessage("the stream is no UTF-8") from None
        if self._first and text:
            text, self._first = text.removeprefix("\ufeff"), False
        if self._after_return and text:
            text, self._after_return = text.removeprefix("\n"), False
        if text.endswith("\r"):
            self._after_return = True
        self._rest += text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, self._rest = self._rest.split("\n")
        found = [event for line in lines if (event := self._line(line)) is not None]
        if self._size + len(self._rest) > self._longest:
            raise BadMessage(f"an event is longer than {self._longest} characters")
        return found

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._end()
        self._size += len(line) + 1
        if self._size > self._longest or len(self._fields) > _MOST_FIELDS:
            raise BadMessage(f"an event is longer than {self._longest} characters, or has more than {_MOST_FIELDS} fields")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif not name or (name in _KEPT and "\0" not in value):
            self._fields.append((name, value))
        return None

    def _end(self) -> Event | None:
        data = "\n".join(self._data) if self._data else None
        event = Event(data, self._type, tuple(self._fields))
        self._clear()
        return event if data is not None or event.fields else None


def dump(event: Event) -> bytes:
    """The bytes of an event."""
    lines = [f"event: {event.type}"] if event.type else []
    lines += [f"{name}: {value}" for name, value in event.fields]
    if event.data is not None:
        lines += [f"data: {line}" for line in event.data.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


def said(data: bytes) -> bytes:
    """An event that carries one message."""
    return b"event: message\ndata: " + data + b"\n\n"
