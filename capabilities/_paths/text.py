"""A path as text: what an agent may write, and its one normal form.

    normal("/work", "out//notes.md")   → "/work/out/notes.md"

The normal form is absolute, without `.`, `..`, doubled or trailing slashes.  Names that people or programs read differently than they
look are refused: control and invisible characters, lone surrogates, a leading `~`, anything longer than a kernel takes
(PATH_MAX 4,096 bytes, NAME_MAX 255).  `..` is refused too, because what it means depends on links met on the way.

>>> normal("/work", "out//./notes.md")
'/work/out/notes.md'
>>> normal("/work", "out/../../etc")
Traceback (most recent call last):
ValueError: 'out/../../etc' contains '..'; name the place itself
"""

from __future__ import annotations

from typing import Final

from capabilities._paths.fold import IGNORED

PATH_MAX: Final = 4096
NAME_MAX: Final = 255
_SHOWN: Final = 80


def normal(base: str, text: object) -> str:
    """The normal form of `text`, made absolute against `base`, itself in normal form; ValueError says what is wrong with it."""
    checked = plausible(text)
    if checked[0] == "~":
        raise ValueError(f"{show(checked)} begins with '~'; write the folder out, or './~' for a file of that name")
    parts = [part for part in checked.split("/") if part and part != "."]
    if ".." in parts:
        raise ValueError(f"{show(checked)} contains '..'; name the place itself")
    return joined(base if checked[0] != "/" else "/", parts)


def plausible(text: object) -> str:
    """`text` if a kernel would take it as a path and a person can read it; ValueError otherwise."""
    if not isinstance(text, str):
        raise ValueError(f"a path is text, not {'null' if text is None else f'a {type(text).__name__}'}")
    if not text:
        raise ValueError("the path is empty")
    if len(text) > PATH_MAX:
        raise ValueError(f"the path is {len(text)} characters long; at most {PATH_MAX} bytes are taken")
    if not text.isprintable():
        odd = next(char for char in text if not char.isprintable())
        raise ValueError(f"{show(text)} holds the unprintable character U+{ord(odd):04X}")
    if not text.isascii():
        _check_seen(text)
    if len(text) > NAME_MAX or not text.isascii():
        _check_bytes(text)
    return str.__str__(text)


def _check_seen(text: str) -> None:
    """Refuses characters that show as nothing; a variation selector after a character that is no ASCII is how some emoji are written."""
    for found in IGNORED.finditer(text):
        if not ("\ufe00" <= found[0] <= "\ufe0f" and text[found.start() - 1 : found.start()] > "\x7f"):
            raise ValueError(f"{show(text)} holds the invisible character U+{ord(found[0]):04X}")


def _check_bytes(text: str) -> None:
    if len(text.encode()) > PATH_MAX:
        raise ValueError(f"the path is longer than {PATH_MAX} bytes")
    if any(len(part.encode()) > NAME_MAX for part in text.split("/")):
        raise ValueError(f"{show(text)} holds a name longer than {NAME_MAX} bytes")


def joined(base: str, parts: list[str]) -> str:
    """`parts` under `base`, which is in normal form."""
    if not parts:
        return base
    return f"{'' if base == '/' else base}/{'/'.join(parts)}"


def below(path: str, root: str) -> bool:
    """Whether `path` is `root` or under it; both in normal form."""
    return root in (path, "/") or path.startswith(f"{root}/")


def show(text: str) -> str:
    """A path for a message, escaped and cut."""
    return ascii(text) if len(text) <= _SHOWN else f"{ascii(text[:_SHOWN])[:-1]}…'"
