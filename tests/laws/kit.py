"""What the tests of the laws share: tools that remember, and races between processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gate import ANY, Gate
from tests.kit import SOURCES, finished


def tool_of(gate: Gate, ran: list[Any], annotation: Any = Any, name: str = "t") -> Callable[..., Any]:
    """A tool with one argument, which remembers it."""

    def remember(value: Any) -> None:
        ran.append(value)

    remember.__annotations__["value"] = annotation
    return gate.wrap(remember, name=name)


RACE = """
    import sys, threading
    from gate import Gate, Denied, ANY
    home, chain, out, token, n = sys.argv[1:]
    gate = Gate(home)

    @gate.tool
    def pay(eur: int) -> None:
        with open(out, "a") as file:
            file.write("x")

    def one():
        with gate.acting(chain, session="s1"), gate.approving(*[token] if token else []):
            for _ in range(int(n)):
                try:
                    pay(5)
                except Denied as denial:
                    sys.stdout.write(type(denial).__name__ + "\\n")

    print("ready", flush=True)
    sys.stdin.readline()
    threads = [threading.Thread(target=one) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    gate.close()
"""


def race(home: Path, chain: str, out: Path, token: str, each: int, processes: int = 8) -> list[str]:
    """What processes of two threads each were told when all of them call at the same moment; what ran is in the file."""
    import subprocess
    import sys
    import textwrap

    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(RACE), str(home), chain, str(out), token, str(each)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, cwd=SOURCES, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(processes)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [line for process in started for line in finished(process).split()]


def chain_of(gate: Gate, **limits: Any) -> str:
    """A capability for paying, as text."""
    from gate.token import format_presentation

    return format_presentation(gate.grant("agent-7", tools={"pay": ANY}, **limits).chain)
