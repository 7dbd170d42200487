"""Login: a link that signs one person in, once, within ten minutes.

`gate inbox` prints the link at its terminal; whoever may write in the gate's folder can make one.  It holds 256 random bits.  The gate's
folder keeps their SHA-256, in a file of its owner's alone, so that reading along is not enough, and every process finds it:

    .gate/links/<SHA-256 of the token, hex>.json      {"for": "login", "name": "ann", "until": 1764112000}

Following the link only shows a button: chat programs that fetch every link for a preview, and browsers that fetch ahead, do not use it up.
Pressing the button posts the token, removes the file, which succeeds for one of all who try, and begins a session.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from gate.errors import KeyFileError
from gate.tokens import jose, keyfile

SECONDS: Final = 600
Purpose: TypeAlias = Literal["login", "passkey"]
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


class Link(NamedTuple):
    """What a link is for: to sign in, or to enrol a passkey; whose; and until when, in seconds since the epoch."""

    purpose: Purpose
    name: str
    until: float


class Links:
    """The links of the gate in a folder, in the clock of that gate."""

    def __init__(self, home: Path, now: Callable[[], float]) -> None:
        self._folder, self._now = home / "links", now

    def make(self, name: str, *, purpose: Purpose = "login", seconds: float = SECONDS) -> str:
        """A new token for this person, good once."""
        token = token_urlsafe(32)
        content = jose.dumps({"for": purpose, "name": keyfile.checked(name), "until": int(self._now() + seconds)})
        with keyfile.directory(self._folder) as fd:
            self._tidy(fd)
            keyfile.create(fd, _file(token), content + b"\n")
        return token

    def look(self, token: str, purpose: Purpose = "login") -> Link | None:
        """The link of a token that may still be used, and stays so."""
        if not _TOKEN.match(token) or not self._folder.exists():
            return None
        with keyfile.directory(self._folder, create=False) as fd:
            return self._read(fd, _file(token), purpose)

    def use(self, token: str, purpose: Purpose = "login") -> Link | None:
        """The link of a token, which is used up by this."""
        if not _TOKEN.match(token) or not self._folder.exists():
            return None
        with keyfile.directory(self._folder, create=False) as fd:
            link = self._read(fd, _file(token), purpose)
            if link is None:
                return None
            try:
                os.unlink(_file(token), dir_fd=fd)
            except FileNotFoundError:
                return None  # somebody else was first
            os.fsync(fd)
            return link

    def _read(self, fd: int, file: str, purpose: Purpose | None = None) -> Link | None:
        content = keyfile.read(fd, file, self._folder / file)
        try:
            data = cast("dict[str, object]", jose.loads(content)) if content else {}
            link = Link(cast("Purpose", data["for"]), str(data["name"]), float(cast("int", data["until"])))
        except (ValueError, KeyError, TypeError):
            return None
        return link if self._now() < link.until and purpose in {None, link.purpose} else None

    def _tidy(self, fd: int) -> None:
        for file in os.listdir(fd):
            with suppress(FileNotFoundError, KeyFileError):
                if file.endswith(".json") and self._read(fd, file) is None:
                    os.unlink(file, dir_fd=fd)


def _file(token: str) -> str:
    return f"{sha256(token.encode()).hexdigest()}.json"
