r"""Fold: names that some file system takes for the same name, brought to one form, for finding telling names whatever their spelling.

ext4 with casefold, APFS, HFS+, NTFS, exFAT and SMB ignore case; APFS and HFS+ ignore how an accent is composed; HFS+ ignores invisible
characters (CVE-2014-9390); Windows ignores dots and blanks at the end of a name, takes what follows a colon as a stream of the same file,
and gives long names a short one (`GIT~1`, CVE-2019-1352).  A folded name is for comparing only, never for opening.

>>> fold("/work/.GIT./CONFIG::$DATA"), fold("/w/.\uff53sh")
('/work/.git/config', '/w/.ssh')
>>> other_spellings("Notes.md")
['nOTES.MD']
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from gate.regex import regex

# Default_Ignorable_Code_Point of Unicode as far as it counts as printable; the rest is refused as unprintable
IGNORED: Final = regex("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_ODD_END: Final = regex(r"[. ]+(?=/|$)")
_STREAM: Final = regex(r"(?<=[^/:]):[^/]*")
_SHORT: Final = regex(r"[^./~]{1,8}~\d{1,6}(\.[^/]{0,3})?")


def fold(path: str) -> str:
    """The path in lower case, composed compatibly, without what one file system or another does not see."""
    if not path.isascii():
        path = IGNORED.sub("", unicodedata.normalize("NFKC", path))
        path = unicodedata.normalize("NFKC", path.casefold())
    path = path.lower()
    if ":" in path:
        path = _STREAM.sub("", path)
    return _ODD_END.sub("", path) if ". " in path or "./" in path or " /" in path or path[-1:] in (".", " ") else path


def short_name(name: str) -> str:
    """The beginning of the long name that a short one such as `git~1` may stand for, "" when it is none; `name` is folded."""
    return name.partition("~")[0] if "~" in name and _SHORT.fullmatch(name) else ""


def stems(names: Iterable[str]) -> frozenset[str]:
    """How the short names of these begin: six letters or fewer, without dots; those of one letter would fit anything."""
    made = {name.lstrip(".").partition(".")[0].replace(" ", "")[:6] for name in names if name.startswith(".")}
    return frozenset(stem for stem in made if len(stem) > 1)


def other_spellings(name: str) -> list[str]:
    """Names that lead to the same file on a file system that ignores case, composition, or dots and blanks at the end."""
    found = {name.swapcase(), name.rstrip(". ")}
    if not name.isascii():
        found |= {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} | {IGNORED.sub("", name)}
    return sorted(found - {name, ""})
