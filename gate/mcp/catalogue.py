"""Catalogue: the tools of one server as the gate knows them now: those it admits, and why it withholds others.

The gate lists the tools itself, all pages of them, before the first call, after the server says that they changed, and when the last list is older
than `fresh` seconds; so a call is judged by what the server says now, not by what the client remembers.  A list is judged tool by tool: what
cannot be read, has the name of another, looks like another, or is not as it was pinned is withheld, and is for everybody as if it were not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_object
from gate.errors import ConfigError
from gate.mcp.methods import TOOLS
from gate.mcp.pins import pin
from gate.names import check_name, skeleton

if TYPE_CHECKING:
    from gate.mcp.pins import Definitions, Kept

FRESH: Final = 10.0
MOST: Final = 1000
_LONGEST: Final = 64


class Catalogue:
    """What is known of a server's tools. Pure: the time is passed in. pinned: what was approved, None where nothing is pinned."""

    def __init__(self, server: str, pinned: Kept | None = None, *, fresh: float = FRESH) -> None:
        self.server, self.pinned, self.fresh = server, pinned, fresh
        self.admitted: dict[str, Mapping[str, object]] = {}
        self.withheld: dict[str, str] = {}
        self._pins: dict[str, str] = {}
        self._listed = -1.0
        self.turn = 0

    def needed(self, now: float, within: float | None = None) -> bool:
        """Whether the tools must be listed before a call can be judged, or a list passed on. within: seconds, `fresh` without it."""
        return self._listed < 0 or now - self._listed > (self.fresh if within is None else min(within, self.fresh))

    def changed(self) -> None:
        """The server says that its tools changed, or something else shows it."""
        self._listed = -1.0
        self.turn += 1

    def pin_of(self, name: str) -> str:
        """The pin of a tool that is admitted, "" for any other."""
        return self._pins.get(name, "")

    def listed(self, items: Sequence[object], now: float) -> None:
        """All tools of the server, as it lists them now."""
        found, withheld = readable(items)
        if self.pinned is not None:
            for difference in self.pinned.differences(found):
                if difference.sort != "gone":
                    withheld[difference.tool] = difference.why(self.server)
        self.withheld = withheld
        self.admitted = {name: one for name, one in found.items() if name not in withheld}
        self._pins = {name: pin(one) for name, one in self.admitted.items()}
        self._listed = now

    def withhold(self, name: str, why: str) -> None:
        """The gate cannot take this one."""
        self.withheld[name] = why
        self.admitted.pop(name, None)
        self._pins.pop(name, None)

    def page(self, items: Sequence[object], shown: Callable[[str], bool]) -> list[object]:
        """Of a page that a client asked for, what is as the gate knows it, and `shown`."""
        found: list[object] = []
        for item in items:
            name = item.get("name") if is_object(item) else None
            if not isinstance(name, str):
                continue
            if name not in self._pins:
                if name not in self.withheld:
                    self.changed()  # it was not there a moment ago
            elif self._pins[name] != _pin(item):
                self.changed()
            elif shown(name):
                found.append(item)
        return found


def _pin(item: object) -> str:
    try:
        return pin(item)
    except ValueError:
        return ""


def readable(items: Sequence[object]) -> tuple[Definitions, dict[str, str]]:
    """The definitions by name, and why others are withheld."""
    found: dict[str, Mapping[str, object]] = {}
    withheld: dict[str, str] = {}
    if len(items) > MOST:
        return {}, {"*": f"the server lists {len(items)} tools; at most {MOST} are taken"}
    names = [str(item.get("name")) for item in items if is_object(item)]
    forms, several = Counter(map(skeleton, dict.fromkeys(names))), Counter(names)
    for item in items:
        if not is_object(item):
            continue
        name = str(item.get("name"))
        why = _unreadable(item) or ("there are several of this name" if several[name] > 1 else "")
        if why or forms[skeleton(name)] > 1 or skeleton(name) in _METHODS:
            withheld[name[:_LONGEST]] = why or "a reader may take it for another"
        else:
            found[name] = item
    return found, withheld


def _unreadable(item: Mapping[str, object]) -> str:
    name = item.get("name")
    try:
        if "/" in check_name(name) or ":" in str(name) or len(str(name)) > _LONGEST:  # type: ignore[arg-type]  # whatever a server sent
            return f"its name holds '/' or ':', or is longer than {_LONGEST} characters"
        pin(item)
    except (ConfigError, ValueError) as error:
        return str(error)
    return ""


_METHODS: Final = frozenset(skeleton(method) for method in TOOLS)
