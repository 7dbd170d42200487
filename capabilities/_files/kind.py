"""Path: the kind of an argument that names a file or folder, with what doing that to it means.

Reading is low in the workspace, medium outside, high where keys are kept.  A file with a second name (a hard link) is high to read, because
the other name may be outside and its content not meant for here.  Writing and moving are medium in the workspace, high outside, where keys
are kept, and where other programs run or obey what is written.  What a move leaves and reaches are both judged.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from stat import S_ISREG
from typing import Final

from capabilities._paths.place import Place, Setting, look
from capabilities._paths.steers import steers
from capabilities._paths.text import normal, show
from capabilities._plain import NOTHING
from gate.effect import Assessment, Risk

_READS, _WRITES, _DELETES = frozenset(["reads"]), frozenset(["writes"]), frozenset(["writes", "irreversible"])
EFFECTS: Final = {"reads": _READS, "lists": _READS, "writes": _WRITES, "moves": _WRITES, "makes": _WRITES, "deletes": _DELETES}


class Path:
    """A path, and what is done to it: reads, lists, writes, moves, makes, deletes. `workspace`: what relative paths are relative to, and inside."""

    def __init__(self, verb: str, workspace: str | None = None) -> None:
        self.name = f"files.{verb}"
        self.verb, self.effects, self.workspace = verb, EFFECTS[verb], workspace

    def parse(self, value: object) -> str:
        """The absolute path in normal form; ValueError says what is wrong with it."""
        return normal(self.workspace or os.getcwd(), value)

    def assess(self, value: object) -> Assessment:
        """By where the path leads: in the workspace, outside, or where secrets are kept."""
        if not isinstance(value, str):
            return NOTHING
        try:
            place = look(value, Setting.here(self.workspace))
        except (ValueError, OSError) as error:
            return Assessment(self.effects, Risk.HIGH, (f"cannot be inspected: {error}",))
        where = "" if place.inside else ", outside the workspace"
        leads = "" if place.path == value else f" (a link to {show(place.path)})"
        why = odd(place, self.effects, reads=self.verb == "reads")
        techniques = frozenset(["T1552.001"]) if place.secret else frozenset[str]()
        return Assessment(
            self.effects, self._risk(place, why), (f"{self.verb} {show(value)}{leads}{where}{f', which {why}' if why else ''}",), techniques
        )

    def _risk(self, place: Place, why: str) -> Risk:
        if why or self.verb == "deletes":
            return Risk.HIGH
        if self.effects is _WRITES:
            return Risk.MEDIUM if place.inside else Risk.HIGH
        return place.risk


def odd(place: Place, effects: frozenset[str], *, reads: bool) -> str:
    """Why doing that at a place is more than it looks like, "" when nothing says so. reads: the content, not only the name."""
    if place.secret:
        return place.secret
    if effects is _READS:
        return "has other names, and they may be outside" if reads and _shared(place.path) else ""
    return steers(place.path)


def _shared(path: str) -> bool:
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return status.st_nlink > 1 and S_ISREG(status.st_mode)
