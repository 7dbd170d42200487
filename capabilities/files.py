"""files: paths below the folders a grant names, and tools that cannot be led out of one.

    files.read  path="notes/today.md"        files.write  path="out/a.txt" text="…" overwrite=true

A path's canonical value is absolute and in normal form, made against the workspace (the process's current folder, unless said otherwise).
`..`, `~`, control and invisible characters, lone surrogates, empty and over-long paths are refused.  The constraint `subpath` (`below`)
checks it as text and after following links; the tools of `tools(root)` open files through openat2(RESOLVE_BENEATH) on Linux, elsewhere
component by component, which `RACE_FREE` tells apart.

A file with a second name (a hard link) is not written; reading it is high, and refused by the tools unless `shared` is set, because the other
name may be outside: package managers that link their cache into a project are what `shared` is for.  Names that a file system which ignores
case would take for one are told apart as text, so a grant never admits more; the tools take a name only as the disk spells it, so a rule that
denies a place cannot be spelled around.

>>> Path("reads", "/data").parse("in//a.txt")
'/data/in/a.txt'
>>> below("/nowhere").check("/nowhere/a"), below("/nowhere").check("/nowhere/../etc")
(True, False)
>>> TOOLS["files.append"].headline({"path": "/nowhere/a.txt", "text": "one"})
'add 3 bytes to the end of /nowhere/a.txt'
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

from capabilities._files import ready as made
from capabilities._files import say
from capabilities._files.beneath import RACE_FREE
from capabilities._files.constraint import SubPath
from capabilities._files.kind import Path
from capabilities._paths.links import resolve
from capabilities._plain import Switch, Text
from gate.effect import Assessment, Risk
from gate.kind import KindTool, ready


def below(*roots: str | os.PathLike[str]) -> SubPath:
    """Admits paths at or below these folders; relative ones are taken against the current folder, links in them are followed, both now."""
    return SubPath([resolve(os.path.abspath(root)) for root in roots])


READ: Final = Path("reads")
LIST: Final = Path("lists")
WRITE: Final = Path("writes")
DELETE: Final = Path("deletes")
TEXT: Final = Text("text")
OVERWRITE: Final = Switch("overwrite", Assessment(frozenset(["writes", "irreversible"]), Risk.HIGH, ("replaces what is there",)))
Read: TypeAlias = Annotated[str, READ]
Write: TypeAlias = Annotated[str, WRITE]
Delete: TypeAlias = Annotated[str, DELETE]


def described(workspace: str | None = None) -> dict[str, KindTool]:
    """The tools as the kind describes them; relative paths are taken against `workspace`, and paths are shown relative to it."""
    read, lists, write, move, make, delete = (Path(verb, workspace) for verb in ("reads", "lists", "writes", "moves", "makes", "deletes"))
    change = frozenset(["text", "overwrite"])
    tools = [
        KindTool("files.read", {"path": read}),
        KindTool("files.list", {"path": lists}),
        KindTool("files.write", {"path": write, "text": TEXT, "overwrite": OVERWRITE}, change, preview=say.preview_write),
        KindTool("files.append", {"path": write, "text": TEXT}, frozenset(["text"]), preview=say.preview_append),
        KindTool("files.move", {"source": move, "target": write, "overwrite": OVERWRITE}, frozenset(["overwrite"]), preview=say.preview_move),
        KindTool("files.delete", {"path": delete}, preview=say.preview_gone),
        KindTool("files.make_folder", {"path": make}),
        KindTool("files.remove_folder", {"path": make}),
    ]
    words = {"files.list": "list", "files.make_folder": "make the folder", "files.remove_folder": "remove the empty folder"}
    return {tool.name: tool._replace(headline=say.headline(words.get(tool.name, tool.name[6:]), workspace)) for tool in tools}


def tools(
    root: str | os.PathLike[str], *, largest: int = 10_000_000, entries: int = 10_000, shared: bool = False
) -> dict[str, Callable[..., object]]:
    """The tools for one folder, for `gate.wrap`, by name.

    largest: bytes of a file.  entries: of a list.  shared: files with several names may be read.
    """
    folder, functions = made.functions(root, largest=largest, entries=entries, shared=shared)
    return {name: ready(tool, functions[name]) for name, tool in described(folder).items()}


TOOLS: Final = described()
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
    "described",
    "tools",
]
