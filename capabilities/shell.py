"""shell: commands as programs with arguments, never as text for a shell.

    shell.run  command="git log --oneline | head -5"        or  command=["git", "log", "--oneline"]

A command is lexed by a strict subset of the shell language (`_shell.lexer`); what is not in it is refused.  Its canonical value is the
same command written in one form, which is what is checked, shown, digested and run: we start the programs ourselves, with a fixed search
path and a fresh environment.  What a program does with its options is data (`_shell.programs`); what that data does not cover "cannot be
inspected" and is high risk.  The assessment looks at where paths lead (`lstat` and `readlink`, nothing else).

What this guarantees is which programs are started with which words.  What a program then does, only the operating system can bound.

>>> COMMAND.parse('git  log "-5"&&ls')
'git log -5 && ls'
>>> programs("git log", "ls").check("git log -5 && ls")
True
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Annotated, Final, TypeAlias

from capabilities._paths.place import Setting, own_home
from capabilities._plain import Number
from capabilities._shell.constraint import Programs
from capabilities._shell.flow import assess as judge
from capabilities._shell.judge import unknown
from capabilities._shell.value import canonical, script_of
from gate.effect import Assessment
from gate.kind import KindTool


class CommandKind:
    """A command. `workspace` is where it runs and what counts as inside, by default the process's current folder."""

    def __init__(self, workspace: str | None = None) -> None:
        self.name = "shell.command"
        self.workspace = workspace

    def parse(self, value: object) -> str:
        """The command in its one form; ValueError says what is not taken, and where."""
        return canonical(value, own_home())

    def assess(self, value: object) -> Assessment:
        """What it would do, by the programs' option data and by where paths lead."""
        try:
            return judge(script_of(value), Setting.here(self.workspace))
        except (ValueError, OSError) as error:
            return unknown(str(error))


class ArgvKind:
    """One program and its arguments as a list, for tools that take such a list."""

    def __init__(self, workspace: str | None = None) -> None:
        self.name = "shell.argv"
        self.workspace = workspace

    def parse(self, value: object) -> list[str]:
        """The list itself; ValueError for text, which would have to be split first."""
        if isinstance(value, str):
            raise ValueError("this takes a list of words, not one text")
        return list(script_of(value).commands[0].argv)

    def assess(self, value: object) -> Assessment:
        """As for a command."""
        return CommandKind(self.workspace).assess(value)


def programs(*names: str | Iterable[str]) -> Programs:
    """Admits commands that start only these programs: `programs("ls", "git log", ["python", "my script.py"])`."""
    return Programs([name.split() if isinstance(name, str) else name for name in names])


COMMAND: Final = CommandKind()
ARGV: Final = ArgvKind()
TIMEOUT: Final = Number("timeout", 0, 3600)
Command: TypeAlias = Annotated[str, COMMAND]
Argv: TypeAlias = Annotated[list[str], ARGV]


def tool(workspace: str | os.PathLike[str] | None = None, *, output: int = 1024 * 1024) -> Callable[..., dict[str, object]]:
    """A function `run(command, timeout=60)` that runs commands in `workspace`; seconds and bytes. For `gate.tool`."""
    folder = None if workspace is None else os.path.realpath(workspace)

    def run(command: str, timeout: float = 60.0) -> dict[str, object]:
        """Runs a command and returns its exit status, stdout, stderr, processor seconds, and why it was stopped ("" if it was not)."""
        from capabilities._process.supervise import Limits
        from capabilities._shell.execute import execute

        return execute(script_of(command), folder or os.getcwd(), Limits(wall=timeout, output=output))._asdict()

    run.__annotations__ |= {"command": Annotated[str, CommandKind(folder)], "timeout": Annotated[float, TIMEOUT]}
    return run


run: Final = tool()
TOOLS: Final[dict[str, KindTool]] = {"shell.run": KindTool("shell.run", {"command": COMMAND, "timeout": TIMEOUT}, frozenset(["timeout"]))}
