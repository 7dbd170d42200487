"""shell: commands as programs with arguments, never as text for a shell; and, apart from that, text for bash.

    shell.run   command="git log --oneline | head -5"        or  command=["git", "log", "--oneline"]
    shell.bash  text="shopt -s extglob; ls !(*.o)"

A command is read by a strict subset of the shell language (`_shell.grammar`); what is not in it is refused.  Its canonical value is the
same command written in one form, which is what is checked, shown, digested and run: we start the programs ourselves, with a fixed search
path and a fresh environment, and do what a shell does between them.  What a program does with its options is data (`_shell.programs`,
`_shell.queries`); what that data does not cover "cannot be inspected" and is high risk.  The assessment looks at where paths lead (`lstat`
and `readlink`, nothing else).

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
from capabilities._shell.text import BashKind, bash_headline, run_headline
from capabilities._shell.value import argv_of, canonical, script_of
from gate.effect import Assessment
from gate.kind import KindTool, ready


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
        return _assessed(value, self.workspace)


class ArgvKind:
    """One program and its arguments as a list, for tools that take such a list."""

    def __init__(self, workspace: str | None = None) -> None:
        self.name = "shell.argv"
        self.workspace = workspace

    def parse(self, value: object) -> list[str]:
        """The list itself; ValueError for text, which would have to be split first."""
        if isinstance(value, str):
            raise ValueError("this takes a list of words, not one text")
        return argv_of(value)

    def assess(self, value: object) -> Assessment:
        """As for a command."""
        return _assessed(value, self.workspace)


def _assessed(value: object, workspace: str | None) -> Assessment:
    try:
        return judge(script_of(value), Setting.here(workspace))
    except (ValueError, OSError) as error:
        return unknown(str(error))


def programs(*names: str | Iterable[str]) -> Programs:
    """Admits commands that start only these programs: `programs("ls", "git log", ["python", "my script.py"])`."""
    return Programs([name.split() if isinstance(name, str) else name for name in names])


COMMAND: Final = CommandKind()
ARGV: Final = ArgvKind()
BASH: Final = BashKind()
TIMEOUT: Final = Number("timeout", 0, 3600)
_RUN: Final = KindTool(
    "shell.run",
    {"command": COMMAND, "timeout": TIMEOUT},
    frozenset(["timeout"]),
    headline=run_headline,
    requires=frozenset(["processes", "environment"]),
)
_BASH: Final = KindTool(
    "shell.bash",
    {"text": BASH, "timeout": TIMEOUT},
    frozenset(["timeout"]),
    headline=bash_headline,
    requires=frozenset(["files", "network", "processes", "environment"]),
)
Command: TypeAlias = Annotated[str, COMMAND]
Argv: TypeAlias = Annotated[list[str], ARGV]


def tool(workspace: str | os.PathLike[str] | None = None, *, output: int = 1024 * 1024) -> Callable[..., dict[str, object]]:
    """The tool `shell.run(command, timeout=60)`, which runs commands in `workspace`; seconds and bytes. For `gate.wrap`."""
    folder = None if workspace is None else os.path.realpath(workspace)

    def run(command: str, timeout: float = 60.0) -> dict[str, object]:
        """Runs a command and returns its exit status, stdout, stderr, processor seconds, and why it was stopped ("" if it was not)."""
        from capabilities._process.supervise import Limits
        from capabilities._shell.execute import execute

        return execute(script_of(command), folder or os.getcwd(), Limits(wall=timeout, output=output))._asdict()

    kind = CommandKind(folder)
    run.__annotations__ |= {"command": Annotated[str, kind], "timeout": Annotated[float, TIMEOUT]}
    return ready(_RUN._replace(arguments={**_RUN.arguments, "command": kind}), run)


def bash_tool(workspace: str | os.PathLike[str], contain: Callable[[list[str]], list[str]] | None) -> Callable[..., dict[str, object]]:
    """The tool `shell.bash(text, timeout=60)`, which runs text in `workspace` as `/bin/bash --noprofile --norc -c TEXT`, with no input.

    contain: makes of the words of a command those that run it contained (by bubblewrap, say).  None means that nothing holds what the text
    does but the user it runs as, and has to be written out.
    """
    folder = os.path.realpath(workspace)

    def bash(text: Annotated[str, BASH], timeout: Annotated[float, TIMEOUT] = 60.0) -> dict[str, object]:
        """Runs text in bash and returns what `run` returns."""
        from capabilities._process.supervise import Limits, Stage
        from capabilities._process.supervise import run as supervised

        words = ["/bin/bash", "--noprofile", "--norc", "-c", text]
        made = supervised([Stage(tuple(contain(words) if contain else words))], Limits(wall=timeout), folder)
        out, err = (data.decode(errors="replace") for data in (made.stdout, made.stderr))
        return {"exit": made.status, "stdout": out, "stderr": err, "cpu_seconds": round(made.cpu, 3), "stopped": made.stopped}

    bash.__annotations__ |= {"text": Annotated[str, BASH], "timeout": Annotated[float, TIMEOUT]}
    return ready(_BASH, bash)


run: Final = tool()
TOOLS: Final[dict[str, KindTool]] = {_RUN.name: _RUN, _BASH.name: _BASH}
