"""The environment of a started program, made from scratch.

Nothing of the gate's own process (keys, tokens, search paths, libraries to preload) reaches it.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Mapping
from stat import S_ISREG
from types import MappingProxyType
from typing import Final

from capabilities._process.gpu import hidden

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
PATH: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# git runs programs that a repository's configuration names, also for reading; this is what it lets its environment switch off
_GIT: Final = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.pager", "cat"),
    ("core.editor", "false"),
    ("core.sshCommand", "false"),
    ("credential.helper", ""),
    ("log.showSignature", "false"),
    ("protocol.ext.allow", "never"),
)


def fresh(more: Mapping[str, str] = _NOTHING) -> dict[str, str]:
    """A new environment: a fixed search path, a home that does not exist, no graphics cards, no pagers, no prompts; and `more`."""
    made = hidden() | {
        "PATH": ":".join(PATH),
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PAGER": "cat",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
        "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_COUNT": str(len(_GIT)),
    }
    for number, (key, value) in enumerate(_GIT):
        made |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**made, **more}


def absolute(program: str, cwd: str) -> str:
    """The file that `program` is: from the fixed search path, or as written when it has a slash; FileNotFoundError when there is none."""
    written = [program if program.startswith("/") else f"{cwd}/{program}"]
    places = written if "/" in program else [f"{folder}/{program}" for folder in PATH]
    for place in places:
        try:
            if S_ISREG(os.stat(place).st_mode) and os.access(place, os.X_OK):
                return place
        except OSError:
            continue
    raise FileNotFoundError(f"there is no program {program!a}")
