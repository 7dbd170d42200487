"""The ready-made tools of files, for one folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from capabilities._files.folder import Folder
from capabilities._paths.text import show


def functions(root: str | os.PathLike[str], *, largest: int, entries: int, shared: bool) -> tuple[str, Mapping[str, Callable[..., object]]]:
    """The real root, and name → function; the arguments of each are named by the agent."""
    folder = Folder(root, largest=largest, entries=entries, shared=shared)

    def read(path: str) -> str:
        """The text of a file (UTF-8)."""
        try:
            return folder.read(path).decode()
        except UnicodeDecodeError:
            raise ValueError(f"{show(path)} is no text (UTF-8)") from None

    def write(path: str, text: str, overwrite: bool = False) -> int:
        """Makes a file, or with `overwrite` replaces one; the number of bytes written."""
        folder.write(path, data := text.encode(), overwrite=overwrite)
        return len(data)

    def append(path: str, text: str) -> int:
        """Adds to the end of a file; the number of bytes added."""
        folder.append(path, data := text.encode())
        return len(data)

    def move(source: str, target: str, overwrite: bool = False) -> None:
        """Moves or renames a file; with `overwrite` in place of another."""
        folder.move(source, target, overwrite=overwrite)

    def delete(path: str) -> None:
        """Removes a file."""
        folder.delete(path)

    def listing(path: str = ".") -> list[dict[str, object]]:
        """What a folder holds: name, type and size in bytes of each entry."""
        return folder.list(path)

    def make_folder(path: str) -> None:
        """Makes an empty folder in one that is there."""
        folder.make(path)

    def remove_folder(path: str) -> None:
        """Removes an empty folder."""
        folder.remove(path)

    return folder.root, {
        "files.read": read,
        "files.list": listing,
        "files.write": write,
        "files.append": append,
        "files.move": move,
        "files.delete": delete,
        "files.make_folder": make_folder,
        "files.remove_folder": remove_folder,
    }
