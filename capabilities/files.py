"""files: paths below the folders a grant names, and tools that cannot be led out of one.

    files.read  path="notes/today.md"        files.write  path="out/a.txt" text="…" overwrite=true

A path's canonical value is absolute and in normal form, made against the workspace (the process's current folder, unless said otherwise).
`..`, `~`, control and invisible characters, lone surrogates, empty and over-long paths are refused.  The constraint `subpath` (`below`)
checks it as text and after following links; the tools of `tools(root)` open files through openat2(RESOLVE_BENEATH) on Linux, elsewhere
component by component, which `RACE_FREE` tells apart.

>>> Path("reads", "/data").parse("in//a.txt")
'/data/in/a.txt'
>>> below("/nowhere").check("/nowhere/a"), below("/nowhere").check("/nowhere/../etc")
(True, False)
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

from capabilities._files.beneath import RACE_FREE
from capabilities._files.constraint import SubPath
from capabilities._files.folder import Folder
from capabilities._paths.links import resolve
from capabilities._paths.place import Place, Setting, look
from capabilities._paths.text import normal, show
from capabilities._plain import NOTHING, Switch, Text
from gate.effect import Assessment, Risk
from gate.kind import KindTool

_READS, _WRITES, _DELETES = frozenset(["reads"]), frozenset(["writes"]), frozenset(["writes", "irreversible"])
_EFFECTS: Final = {"reads": _READS, "lists": _READS, "writes": _WRITES, "deletes": _DELETES}


class Path:
    """A path that is read, listed, written or deleted. `workspace`: what relative paths are relative to, and what counts as inside."""

    def __init__(self, verb: str, workspace: str | None = None) -> None:
        self.name = f"files.{verb}"
        self.verb, self.effects, self.workspace = verb, _EFFECTS[verb], workspace

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
        because = f", which {place.secret}" if place.secret else ""
        return Assessment(self.effects, self._risk(place), (f"{self.verb} {show(value)}{leads}{where}{because}",), _techniques(place))

    def _risk(self, place: Place) -> Risk:
        if self.verb == "deletes":
            return Risk.HIGH
        if self.verb == "writes":
            return Risk.MEDIUM if place.inside and not place.secret else Risk.HIGH
        return place.risk


def _techniques(place: Place) -> frozenset[str]:
    return frozenset(["T1552.001"]) if place.secret else frozenset()


def below(*roots: str | os.PathLike[str]) -> SubPath:
    """Admits paths at or below these folders; relative ones are taken against the current folder, links in them are followed, both now."""
    return SubPath([resolve(os.path.abspath(root)) for root in roots])


READ: Final = Path("reads")
LIST: Final = Path("lists")
WRITE: Final = Path("writes")
DELETE: Final = Path("deletes")
TEXT: Final = Text("text")
OVERWRITE: Final = Switch("overwrite", Assessment(_DELETES, Risk.HIGH, ("replaces what is there",)))
Read: TypeAlias = Annotated[str, READ]
Write: TypeAlias = Annotated[str, WRITE]
Delete: TypeAlias = Annotated[str, DELETE]


def tools(root: str | os.PathLike[str], *, largest: int = 10_000_000, entries: int = 10_000) -> dict[str, Callable[..., object]]:
    """The tools `files.read`, `write`, `append`, `list` and `delete` for one folder; `largest` in bytes. For `gate.tool`."""
    folder = Folder(root, largest=largest, entries=entries)

    def read(path: str) -> str:
        """The text of a file (UTF-8)."""
        return folder.read(path).decode()

    def write(path: str, text: str, overwrite: bool = False) -> int:  # arguments of a tool are named by the agent
        """Makes a file, or with `overwrite` replaces one; the number of bytes written."""
        folder.write(path, data := text.encode(), overwrite=overwrite)
        return len(data)

    def append(path: str, text: str) -> int:
        """Adds to the end of a file; the number of bytes added."""
        folder.append(path, data := text.encode())
        return len(data)

    def listing(path: str = ".") -> list[dict[str, object]]:
        """What a folder holds: name, type and size in bytes of each entry."""
        return folder.list(path)

    def delete(path: str) -> None:
        """Removes a file."""
        folder.delete(path)

    made: dict[str, Callable[..., object]] = {"read": read, "write": write, "append": append, "list": listing, "delete": delete}
    verbs = {"read": "reads", "write": "writes", "append": "writes", "list": "lists", "delete": "deletes"}
    for name, function in made.items():
        function.__annotations__["path"] = Annotated[str, Path(verbs[name], folder.root)]
        function.__name__ = name
    write.__annotations__ |= {"text": Annotated[str, TEXT], "overwrite": Annotated[bool, OVERWRITE]}
    append.__annotations__["text"] = Annotated[str, TEXT]
    return {f"files.{name}": function for name, function in made.items()}


TOOLS: Final[dict[str, KindTool]] = {
    "files.read": KindTool("files.read", {"path": READ}),
    "files.list": KindTool("files.list", {"path": LIST}),
    "files.write": KindTool("files.write", {"path": WRITE, "text": TEXT, "overwrite": OVERWRITE}, frozenset(["text", "overwrite"])),
    "files.append": KindTool("files.append", {"path": WRITE, "text": TEXT}, frozenset(["text"])),
    "files.delete": KindTool("files.delete", {"path": DELETE}),
}
__all__ = [
    "DELETE",
    "LIST",
    "OVERWRITE",
    "RACE_FREE",
    "READ",
    "TEXT",
    "TOOLS",
    "WRITE",
    "Delete",
    "Path",
    "Read",
    "SubPath",
    "Write",
    "below",
    "tools",
]
