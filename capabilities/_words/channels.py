"""channels: the constraint over places of a chat service.

    {"constraint_type": "channels", "service": "slack", "channels": ["#releases", "C024BE91L"]}

A place is `service:id`: a channel `#name`, a person `@name`, or the service's own id.  Names are lower case, ids are as the service writes them.

>>> channel("Slack:#Releases"), channel("slack:C024BE91L")
('slack:#releases', 'slack:C024BE91L')
>>> Channels("slack", ["#releases"]).check("slack:#releases"), Channels("slack", ["#releases"]).check("teams:#releases")
(True, False)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from gate.constraint import Check, Constraint, by_parts, members, register, show
from gate.constraints.value import array
from gate.frozen import Frozen

_SERVICE: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
_ID: Final = re.compile(r"[#@]?[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.)){0,79}|\+?[0-9]{5,20}|-[0-9]{5,20}", re.ASCII)


def channel(value: object, service: str = "") -> str:
    """The place in its one form, with `service` where the value names none; ValueError says why it is refused."""
    if not isinstance(value, str) or not 0 < len(value) <= 120:
        raise ValueError("a channel is text of at most 120 characters")
    named, colon, rest = value.rpartition(":")
    found = named.lower() if colon else service
    if not _SERVICE.fullmatch(found):
        raise ValueError(f"{show(value)} names no service; write it as 'slack:#general'")
    if service and found != service:
        raise ValueError(f"{show(value)} is a place of another service than '{service}'")
    if not _ID.fullmatch(rest) or rest.endswith("."):
        odd = "" if rest.isascii() else "; use the channel's id for a name that is not plain ASCII"
        raise ValueError(f"{show(value)} is no channel such as 'slack:#general' or 'slack:C024BE91L'{odd}")
    return f"{found}:{rest.lower() if rest[0] in '#@' else rest}"


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class Channels(Constraint):
    """Places of one service; made by `messages.channels`."""

    type: ClassVar[str] = "channels"
    service: str
    channels: tuple[str, ...]

    def __init__(self, service: object, channels: object) -> None:
        if not isinstance(service, str) or not _SERVICE.fullmatch(service):
            raise ValueError("'service' must be a short name in lower case")
        named = tuple(sorted({channel(one, service).partition(":")[2] for one in array(channels, "channels")}))
        if not named:
            raise ValueError("'channels' must name at least one")
        object.__setattr__(self, "service", service)
        object.__setattr__(self, "channels", named)

    def compile(self) -> Check:
        known = frozenset(f"{self.service}:{one}" for one in self.channels)

        def check(value: Frozen) -> bool:
            try:
                return channel(value) in known
            except ValueError:
                return False

        return check

    def explain(self, value: Frozen) -> str:
        try:
            found = channel(value)
        except ValueError as error:
            return str(error)
        return f"{show(found)} is not {' or '.join(self.channels[:5])} of {self.service}"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other)) is not None:
            return known
        return isinstance(other, Channels) and other.service == self.service and set(other.channels) <= set(self.channels)

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "service": self.service, "channels": list(self.channels)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        return cls(*members(data, cls.type, ("service", "channels")))
