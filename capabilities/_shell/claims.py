"""Claims: that what a command wrote is names at or below some places, checked when it runs.

A command such as `find src | xargs cat` is judged as if it read what is below `src`.  A file whose name holds a blank or a line break could
make it another one, so the names are looked at before they reach the next program: either all of them are below, or it does not run.

>>> broken(["src/a.py", "src"], ("src",), "/"), broken(["src/../x"], ("src",), "/")
('', 'src/../x')
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Iterable

from capabilities._paths.secret import secret
from capabilities._paths.text import below
from capabilities._shell.judge import Fed
from capabilities._shell.script import Command, Step


def broken(names: Iterable[str], roots: tuple[str, ...], cwd: str) -> str:
    """The first name that is, as text or after links are followed in `cwd`, at or below none of `roots`; "" when all are."""
    places = [os.path.realpath(os.path.join(cwd, root)) for root in roots]
    for name in names:
        if not any(_below(name, root) for root in roots) or not any(below(os.path.realpath(os.path.join(cwd, name)), place) for place in places):
            return name
        if os.path.islink(path := os.path.normpath(os.path.join(cwd, name))) and secret(os.path.realpath(path)):
            return name
    return ""


def _below(name: str, root: str) -> bool:
    if name == root:
        return True
    if root in (".", "./"):
        inner = name
        return bool(name) and name[0] not in "/-~" and ".." not in inner.split("/")
    start = root if root.endswith("/") else f"{root}/"
    return name.startswith(start) and ".." not in name[len(start) :].split("/")


def check(data: bytes, fed: Fed, reader: Step, words: tuple[str, ...], cwd: str) -> None:
    """Raises ValueError when what goes into `reader` (its words expanded) is not what was claimed of it."""
    zero = isinstance(reader, Command) and bool({"-0", "--null"} & set(words[1:]))
    text = data.decode(errors="surrogateescape")
    xargs = isinstance(reader, Command) and bool(words) and words[0].rpartition("/")[2] == "xargs"
    if zero:
        names = [name for name in text.split("\0") if name]
    elif xargs and not any(word.startswith(("-I", "-i", "-d", "--replace", "--delimiter")) for word in words[1:]):
        names = text.split()
    else:
        names = [line.strip(" \t") for line in text.split("\n") if line.strip(" \t")]
    if odd := next((char for char in "'\"\\" if char in text and not zero), ""):
        raise ValueError(f"a name with {odd!a} in it would be read as something else")
    if bad := broken(names, fed.roots, cwd):
        raise ValueError(f"{bad[:80]!a} is not below {', '.join(fed.roots)[:80]!a}, where this command was judged to work")
