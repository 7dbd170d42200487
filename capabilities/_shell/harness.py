"""Commands of an agent's own harness, as data (see `spec`): functions that show a file to a model, and no programs.

Agents trained in such a harness call them as if they were programs, and others send them to a shell.  Where the fixed search path has no
program of that name, nothing is started by it, and at most the named files of the workspace are shown.  What creates, edits, runs or connects
(`create`, `edit`, `connect_start`, …) is left out.  From the documentation of SWE-agent (its ACI, github.com/SWE-agent/SWE-agent, "tools") and of
EnIGMA (arXiv 2409.16165), which adds the binary tools.

>>> is_harness("scroll_down"), is_harness("ls")
(True, False)
"""

# lists of words are data, and read best as text
from __future__ import annotations

import os
from typing import Final

from capabilities._process.environment import PATH

HARNESS: Final[dict[str, str]] = {
    "open": "read num?",
    "goto": "num",
    "scroll_up": "",
    "scroll_down": "",
    "search_dir": "text tree?",
    "search_file": "text read?",
    "find_file": "filter tree?",
    "decompile": "read --function_name:text",
    "disassemble": "read --function_name:text",
    "submit": "text?",
}


def is_harness(name: str) -> bool:
    """Whether it is such a command here: a name of this table, and of nothing in the search path."""
    return name in HARNESS and not any(os.path.lexists(f"{folder}/{name}") for folder in PATH)
