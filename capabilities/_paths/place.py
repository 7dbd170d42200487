"""Place: where a path is, seen from the workspace, for the assessment of a call.

`look` follows links (`lstat` and `readlink` only, see `links`), so a link inside the workspace that leads out is outside.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from functools import cache
from typing import Final, NamedTuple

from capabilities._paths.fold import fold
from capabilities._paths.links import resolve
from capabilities._paths.secret import ENDLESS, HARMLESS, holds_secrets, secret
from capabilities._paths.text import below, plausible
from gate.effect import Risk

COPY: Final = ".before-gate"
"""How the names of copies end that an install keeps of what was there."""


class Setting(NamedTuple):
    """Where a call acts: the current folder, the workspace that counts as inside, and the home folder; absolute, links resolved.

    closed: places that the call must not come to, kept: that it may only read; absolute, links resolved, folded (see `fold`).
    """

    cwd: str
    workspace: str
    home: str = ""
    closed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def refuses(self, path: str, *, below: bool = False, writes: bool = False) -> str:
        """Why a resolved path is not for this call, "" if it is. below: with everything in it.  writes: it is changed, with what is in it."""
        if not (self.closed or self.kept):
            return ""
        if reaches(path, self.closed, above=below or writes):
            return "is closed to this call, or has something below it that is"
        if writes and (path.endswith(COPY) or reaches(path, self.kept, above=True)):
            return "may only be read by this call, or has something below it that may"
        return ""

    @classmethod
    def here(cls, workspace: str | None = None, home: str | None = None) -> Setting:
        """In `workspace`, by default the process's current folder."""
        cwd = workspace or os.getcwd()
        return cls(cwd, cwd, own_home() if home is None else home)


class Place(NamedTuple):
    """Where a path leads: its absolute form, whether that is in the workspace, and why it may hold secrets ("" if nothing says so)."""

    path: str
    inside: bool
    secret: str
    endless: bool = False

    @property
    def risk(self) -> Risk:
        """The tier of reading it."""
        if self.secret or self.endless:
            return Risk.HIGH
        return Risk.LOW if self.inside else Risk.MEDIUM


def reaches(path: str, places: tuple[str, ...], *, above: bool) -> bool:
    """Whether a path is one of the folded places or below one; with `above`, also whether it has one below it.

    >>> reaches("/w/.Gate/keys", ("/w/.gate",), above=False), reaches("/w", ("/w/.gate",), above=False), reaches("/", ("/w",), above=True)
    (True, False, True)
    """
    mine = f"{fold(path).rstrip('/')}/"
    return any([mine.startswith(f"{place}/") or (above and f"{place}/".startswith(mine)) for place in places])


@cache
def own_home() -> str:
    """The home folder of this process's user, "" when it has none."""
    home = os.path.expanduser("~")
    return home.rstrip("/") if home.startswith("/") else ""


def look(text: str, setting: Setting, *, whole: bool = False) -> Place:
    """Where `text` leads; `whole` when everything below it is read. ValueError when that cannot be found out."""
    plausible(text)
    absolute = text if text.startswith("/") else f"{setting.cwd}/{text}"
    if absolute in HARMLESS:
        return Place(absolute, inside=True, secret="")
    path = resolve(text, setting.cwd)
    inside = below(path, setting.workspace)
    why = secret(path, "" if inside else setting.home) or ("" if absolute == path else _by_name(absolute, path))
    if not why and whole and not inside and holds_secrets(path, setting.home):
        why = "has places below it where keys, tokens or histories are kept"
    if inside and why == "is a person's own settings":
        why = ""  # the workspace itself may be below such a folder
    return Place(path, inside, "" if path in ENDLESS else why, path in ENDLESS)


def _by_name(absolute: str, path: str) -> str:
    """A link with a telling name is judged by that name too (`/dev/stdin`, `/proc/self/environ` lead elsewhere each time)."""
    if absolute.startswith(("/dev/", "/proc/")):
        return secret(absolute)
    last = absolute.rstrip("/").rpartition("/")[2]
    return secret(f"/{last}") if last not in ("", ".", "..") and path.rpartition("/")[2] != last else ""
