"""What the output of a command is known to look like, for where it is put into another one.

`$(wc -l < f)` is a number, `$(date +%F)` a token, `$(which ls)` a name in one of the system's folders, `$(find src -name '*.py')` names
below `src`.  That names are below their places is checked when the command runs (see `execute`), before they reach anything.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

from capabilities._shell.marks import ANY, NUMBER, TOKEN
from capabilities._shell.script import Command, Script, Word
from capabilities._shell.state import UNKNOWN, Value
from gate.regex import regex

_DATE: Final = regex(r"\+(?:%[-_0]?[YmdHMSsjuFTyCeklNzR]|%b|%a|%B|%A|[._:-])+", re.ASCII)
_COUNTS: Final = frozenset(["-l", "-c", "-w", "-m", "--lines", "--bytes", "--words", "--chars", "--line-count"])
_FIXED: Final[dict[tuple[str, ...], str]] = {
    ("nproc",): NUMBER,
    ("id", "-u"): NUMBER,
    ("id", "-g"): NUMBER,
    ("whoami",): TOKEN,
    ("id", "-un"): TOKEN,
    ("uname",): TOKEN,
    ("uname", "-r"): TOKEN,
    ("uname", "-s"): TOKEN,
    ("uname", "-m"): TOKEN,
    ("uname", "-n"): TOKEN,
    ("hostname",): TOKEN,
    ("arch",): TOKEN,
    ("date",): ANY,
    ("date", "+%s"): NUMBER,
    ("git", "rev-parse", "HEAD"): TOKEN,
    ("git", "rev-parse", "--short", "HEAD"): TOKEN,
}
PROGRAM_FOLDERS: Final = ("/usr", "/bin", "/sbin")


def of(script: Script, expanded: Command | None, cwd: str) -> Value:
    """What a script writes; `expanded` is its only command, when it has but one, with its words known."""
    pipeline = script.pipelines[-1]
    if len(script.pipelines) > 1 or pipeline.prefix:
        return UNKNOWN
    last = expanded if len(pipeline.steps) == 1 else pipeline.steps[-1]
    if not isinstance(last, Command) or last.assigns or any(redirect.fd != 0 and redirect.target != "/dev/null" for redirect in last.redirects):
        return UNKNOWN
    argv = last.argv
    if not argv or any(word.pieces or word.pattern or word.sort for word in last.words) or any(ANY in text for text in argv):
        return UNKNOWN
    fed = len(pipeline.steps) > 1 or any(redirect.fd == 0 for redirect in last.redirects)
    return _of(argv, cwd, fed=fed)


def _of(argv: tuple[str, ...], cwd: str, *, fed: bool) -> Value:
    name, rest = argv[0], argv[1:]
    if fixed := _FIXED.get((name, *rest)):
        return Value(fixed)
    if name == "wc" and fed and len(rest) == 1 and rest[0] in _COUNTS:
        return Value(NUMBER)
    if name == "grep" and fed and "-c" in rest[:1]:
        return Value(NUMBER)
    if name == "date" and len(rest) >= 1 and all(text.startswith(("-", "+")) for text in rest) and _DATE.fullmatch(rest[-1]) and rest[-1][1:2] == "%":
        return Value(TOKEN)
    if name == "pwd" and not rest and cwd:
        return Value(cwd)
    if name == "which" and len(rest) == 1:
        return Value(PROGRAM_FOLDERS[0], PROGRAM_FOLDERS)
    if name == "echo" and not (rest and rest[0].startswith("-")):
        return Value(" ".join(rest).rstrip("\n"))
    if name == "basename" and len(rest) == 1 and not rest[0].startswith("-"):
        return Value(posixpath.basename(rest[0].rstrip("/")) or "/")
    if name == "dirname" and len(rest) == 1 and not rest[0].startswith("-"):
        return Value(posixpath.dirname(rest[0].rstrip("/")) or ("/" if rest[0].startswith("/") else "."))
    return UNKNOWN


def numbers(script: Script) -> bool:
    """Whether a script is one `seq`, which writes numbers."""
    commands = script.commands
    return len(script.pipelines) == 1 and len(script.pipelines[0].steps) == 1 and bool(commands) and commands[0].argv[:1] == ("seq",)


def static(script: Script) -> bool:
    """Whether every word of a script is known as it is written."""
    steps = [step for pipeline in script.pipelines for step in pipeline.steps]
    return all(isinstance(step, Command) and step.words and not any(word.pieces for word in step.words) for step in steps)


def named(root: str) -> Word:
    """The word that stands for names at or below `root`."""
    return Word(root, sort="names")
