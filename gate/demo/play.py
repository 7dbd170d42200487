"""Play: what the acts share: the gate and its scene, and everything observed, as checks, figures and rows of the summary."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from gate.commands.shared import bold, dim, plain
from gate.commands.words import value_words
from gate.frozen import freeze
from gate.gate import Gate
from gate.testing import SimulatedAgent, Step

if TYPE_CHECKING:
    from gate.capability import Capability
    from gate.demo.scene import Scene

AGENT: Final = "coder"
SESSION: Final = "episode-1"
TASK: Final = "summarise the visits"
_WIDTH: Final = 100

RULES: Final = """\
[[rule]]
id = "no-tunnels"
{verdict} = {{ technique = "T1572" }}
reason = "a tunnel leads past every other check"
match = ['shell.run command="ssh -fNR 2222:localhost:22 gw"']
not_match = ['shell.run command="ls -l"']

[[rule]]
id = "no-mining"
{verdict} = {{ technique = "T1496" }}
reason = "the machine's time is for the task"
match = ['shell.run command="./xmrig -o stratum+tcp://pool:3333"']
not_match = ['shell.run command="grep stratum notes.txt"']

[[rule]]
id = "the-own-script"
allow = {{ tool = "shell.run", arguments = {{ command = "{python} summarise.py data/visits.csv" }} }}
match = ['shell.run command="{python} summarise.py data/visits.csv"']
not_match = ['shell.run command="{python} other.py"']
"""


class Row(NamedTuple):
    """One line of the summary: what was tried, what the gate did, and how one can tell."""

    tried: str
    did: str
    proof: str
    holds: bool = True


class Play:
    """One run of the demo. quiet: say nothing while it runs."""

    def __init__(self, scene: Scene, *, quiet: bool) -> None:
        self.scene, self.quiet = scene, quiet
        self.checks: dict[str, bool] = {}
        self.figures: dict[str, float | int | str] = {}
        self.rows: list[Row] = []
        self.calls = self.refused = 0
        self.rules("deny")
        self.gate = Gate(scene.gate / ".gate", rules=scene.gate / "gate.toml", origin="capgate.local/demo", clear={"*": ["*"]})
        for name, function in _tools(scene.folder).items():
            self.gate.wrap(function, name=name)

    # ---- what the acts do -----------------------------------------------------------------------------------------------------------

    def rules(self, verdict: str) -> None:
        """Writes the rules file: tunnels and miners are denied, or a person is asked."""
        path = self.scene.gate / "gate.toml"
        path.with_suffix(".new").write_text(RULES.format(verdict=verdict, python=self.scene.python))
        path.with_suffix(".new").replace(path)

    def grant(self, *, agent: str = AGENT, tools: Mapping[str, object], calls: int | None = None) -> Capability:
        """A capability for fifteen minutes."""
        return self.gate.grant(agent, tools=tools, calls=calls, principal="training-team")

    def agent(self, capability: Capability, plan: Iterable[tuple[str, Mapping[str, Any]]], *, approval: str = "") -> list[Step]:
        """A simulated agent makes the calls of its plan under the capability, perhaps with an approval; each is shown and counted."""
        steps: list[Step] = []
        with self.gate.acting(capability, session=SESSION, task=TASK), self.gate.approving(*filter(None, [approval])):
            for tool, arguments in plan:
                call = _words(tool, arguments)  # before the call, because the agent may change what it sent
                steps += SimulatedAgent(self.gate, [(tool, arguments)]).run()
                self._shown(call, steps[-1])
        return steps

    def _shown(self, call: str, step: Step) -> None:
        """Counts one call, and says what came of it."""
        self.calls += 1
        if step.denied is None:
            self.say(f"{click.style('✓ ran    ', fg='green')} {bold(call)}")
            return
        self.refused += 1
        self.say(f"{click.style('✗ refused', fg='red')} {bold(call)}")
        for reason in step.denied.reasons:
            self.say(dim(f"            {plain(reason)}"))

    # ---- what is observed -----------------------------------------------------------------------------------------------------------

    def check(self, name: str, *, holds: bool) -> bool:
        """Notes one fact under its name."""
        self.checks[name] = bool(holds)
        return bool(holds)

    def row(self, tried: str, did: str, proof: str, *checks: str) -> None:
        """Adds a line to the summary; it says so when one of the checks that it rests on does not hold."""
        wrong = [name for name in checks if not self.checks[name]]
        self.rows.append(Row(tried, "not what it should" if wrong else did, f"observed otherwise: {', '.join(wrong)}" if wrong else proof, not wrong))

    def act(self, title: str) -> None:
        """The heading of the next act."""
        self.say("", bold(title))

    def say(self, *lines: str) -> None:
        """Lines for the audience."""
        if not self.quiet:
            for line in lines:
                click.echo(f"  {line}" if line else "")
            sys.stdout.flush()

    def wait_for_rules(self, version: str, seconds: float = 5.0) -> bool:
        """Waits until other rules than `version` are in force."""
        end = time.monotonic() + seconds
        while self.gate.home.rules().version == version and time.monotonic() < end:
            time.sleep(0.05)
        return self.gate.home.rules().version != version


def kind(name: str) -> Any:
    """The module of an installed kind. The engine never imports kinds; its command line finds them as any program may."""
    from importlib.metadata import entry_points

    found = [point.module for point in entry_points(group="gate.kinds") if point.module.rpartition(".")[2] == name]
    return import_module(found[0])


def _tools(folder: Path) -> dict[str, Any]:
    files = kind("files").tools(folder)
    return {"shell.run": kind("shell").tool(folder)} | {name: files[name] for name in ("files.list", "files.read", "files.write")}


def screen() -> int:
    """Columns to write in: those of the terminal, within what is readable."""
    return min(max(shutil.get_terminal_size((110, 24)).columns - 2, 78), 126)


def _words(tool: str, arguments: Mapping[str, Any]) -> str:
    text = f"{tool} " + " ".join([f"{name}={value_words(freeze(value))}" for name, value in arguments.items()])
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
