"""Text for bash as a value, and what a person is told about a call of either tool.

>>> bash_headline({"text": "ls !(*.o)"})
'give bash this text: ls !(*.o)'
>>> run_headline({"command": "git status && ls"})
'run git status && ls'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from capabilities._shell.labels import found
from gate.effect import Assessment, Risk, join
from gate.frozen import Frozen

MAX_TEXT: Final = 65_536


class BashKind:
    """Text for bash, kept as it is to the last character.  What it would do cannot be told from it, so it is never less than high."""

    name = "shell.text"

    def parse(self, value: object) -> str:
        """The text itself; ValueError for anything else, for what is too long and for unprintable characters."""
        if not isinstance(value, str) or not value.strip():
            raise ValueError("this takes text for bash, which is not empty")
        if len(value) > MAX_TEXT:
            raise ValueError(f"the text is {len(value)} characters long; at most {MAX_TEXT} are taken")
        if not value.replace("\n", "").replace("\t", "").isprintable():
            raise ValueError("the text holds an unprintable character")
        return str.__str__(value)

    def assess(self, value: object) -> Assessment:
        """Anything; critical when it looks like a tunnel, a proxy, a miner or a burner; no more is looked at than `parse` takes."""
        anything = frozenset(["reads", "writes", "egress", "executes", "irreversible"])
        why = "bash runs this text; what it does cannot be told beforehand and is bounded by containment only"
        parts = [Assessment(anything, Risk.HIGH, (why,), frozenset(["T1059.004"]))]
        return join([*parts, *found(value[:MAX_TEXT] if isinstance(value, str) else "", [], anything)])


def run_headline(arguments: Mapping[str, Frozen]) -> str:
    """What a call of `shell.run` does."""
    command = arguments["command"]
    return f"run {' '.join(map(str, command)) if isinstance(command, tuple) else command}"


def bash_headline(arguments: Mapping[str, Frozen]) -> str:
    """What a call of `shell.bash` does."""
    return f"give bash this text: {arguments['text']}"
