"""What real bash makes of command texts: the words of every command it would start, without starting any."""

from __future__ import annotations

import subprocess
from pathlib import Path

HOME = "/nowhere/home"
# every word in command position is a function that writes its own words to descriptor 9; nothing else is ever started
_HELPER = r"""
exec 9>../words
set -f
w() { printf '%s\0' "$#" "$@" >&9; }
export HOME
while IFS= read -r -d '' text; do
    (eval "$text") </dev/null >/dev/null 2>/dev/null
    printf '%s\0' end >&9
done <../texts
"""


def words(texts: list[str], folder: Path) -> list[list[tuple[str, ...]]]:
    """For each text, the sorted words of the calls to `w` in it."""
    (folder / "texts").write_bytes(b"".join(text.encode() + b"\0" for text in texts))
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    environment = {"PATH": "/nowhere", "HOME": HOME, "LC_ALL": "C.UTF-8"}
    subprocess.run(["/bin/bash", "--noprofile", "--norc", "-c", _HELPER], cwd=empty, env=environment, check=True, timeout=60)
    items = (folder / "words").read_bytes().decode().split("\0")[:-1]
    found: list[list[tuple[str, ...]]] = []
    calls: list[tuple[str, ...]] = []
    at = 0
    while at < len(items):
        if items[at] == "end":
            found.append(sorted(calls))
            calls, at = [], at + 1
        else:
            count = int(items[at])
            calls.append(tuple(items[at + 1 : at + 1 + count]))
            at += 1 + count
    return found
