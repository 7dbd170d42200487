"""Keeps a repository's own configuration from making git run programs while it only reads.

Filters, text conversions, diff and merge drivers and signature checkers are named in `.git/config`, which whoever writes files in the
workspace may write.  `capabilities._process.environment` switches off those with fixed names; these have names of their own, so git is asked
for them first (gitattributes(5), git-config(1)).
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
import subprocess
from typing import Final

from capabilities._process.environment import absolute, fresh
from capabilities._shell import git
from capabilities._shell.script import Word
from capabilities._shell.spec import Uninspectable

_ASK: Final = (
    r"^(filter\..*\.(clean|smudge|process)|diff\..*\.(textconv|command)|diff\.external|"
    r"merge\..*\.driver|gpg(\..*)?\.program|core\.alternaterefscommand|man\..*|browser\..*)$"
)
_SECONDS: Final = 5.0


def overrides(argv: list[str], cwd: str) -> tuple[tuple[str, str], ...]:
    """Environment for a git command that only reads; ValueError when it could not but run a program that the repository names."""
    try:
        name, _, folders = git.subcommand(tuple(map(Word, argv[1:])))
    except Uninspectable:
        return ()
    if name not in git.READS:
        return ()
    where = [part for folder in folders for part in ("-C", folder.text)]
    words = [absolute("git", cwd), *where, "config", "-z", "--name-only", "--get-regexp", _ASK]
    found = subprocess.run(words, cwd=cwd, env=fresh(), stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False)
    keys = sorted({key for key in found.stdout.decode(errors="surrogateescape").split("\0") if key})
    base = int(fresh()["GIT_CONFIG_COUNT"])
    made: list[tuple[str, str]] = [("GIT_CONFIG_COUNT", str(base + len(keys)))] if keys else []
    for number, key in enumerate(keys, base):
        made += [(f"GIT_CONFIG_KEY_{number}", key), (f"GIT_CONFIG_VALUE_{number}", _instead(key))]
    return tuple(made)


def bare(folder: str) -> str:
    """The folder, or one above it, that git takes for a repository without a `.git` (`safe.bareRepository`, git-config(1)); "" for none.

    Writing in `.git` is nothing ordinary; writing `x/config` is, and git runs what it says when it works in `x`.
    """
    at = folder
    while not os.path.lexists(f"{at}/.git"):
        if os.path.lexists(f"{at}/HEAD") and any(os.path.lexists(f"{at}/{name}") for name in ("objects", "refs", "commondir", "config")):
            return at
        above = os.path.dirname(at)
        if above == at:
            return ""
        at = above
    return ""


def _instead(key: str) -> str:
    if key.startswith("filter."):
        return ""
    if key.endswith(".textconv"):
        return "cat"
    if key.startswith("gpg"):
        return "false"
    raise ValueError(f"the repository's own configuration names a program to be run ({key!a})")
