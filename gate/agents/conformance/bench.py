"""Bench: the gate, the tools and the people of one scenario. Everything that must outlive a process is in its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from gate import ANY, Gate, optional
from gate.agents.conformance.harness import Ran, Seen, Stage
from gate.agents.conformance.tools import OPTIONS, tools
from gate.approvers.callback import Callback
from gate.errors import GateError
from gate.testing import FakeClock

if TYPE_CHECKING:
    from gate.agents.conformance.harness import Harness, Use
    from gate.capability import Capability

Turns = Sequence[Sequence["Use"]]
GRANTS: Final[Mapping[str, object]] = {
    "read_file": {"path": ANY},
    "send_mail": {"to": ["bob", "carol"], "body": optional(ANY)},
    **dict.fromkeys(("look_up", "fail", "table", "print_much", "flaky", "delegate"), ANY),
}
ASK: Final = '[[rule]]\nid = "mail"\nask = { tool = "send_mail", expires = "10m" }\n'
CRASHES: Final = ("home.rules", "home.standing", "home.now", "home.plan", "scope", "begin", "ledger.spend ledger.aspend", "records.spend")
"""What breaks inside the gate, a step each: names under the gate, its home, the ledger and the records."""
ANSWERED: Final = 300


class Bench:
    """One scenario's place. `clock` is the gate's."""

    def __init__(self, harness: Harness, folder: str) -> None:
        self.harness, self.folder = harness, Path(folder)
        self.clock = FakeClock()
        self._log = self.folder / "ran.txt"
        self._gate = Gate(self.folder / ".gate", clock=self.clock)
        self._held: dict[int | None, Capability] = {}

    def close(self) -> None:
        """Closes the gate."""
        self._gate.close()

    # ---- running ------------------------------------------------------------------------------------------------------------------------

    def run(self, turns: Turns, *, bare: bool = False, calls: int | None = None, **said: Any) -> Ran:
        """Runs the agent here. bare: without the gate; calls: how many the capability has."""
        capability = said.pop("capability", self._capability(calls))
        return self.harness.run(self._stage(turns, None if bare else self._gate, capability, **said))

    def elsewhere(self, turns: Turns, **said: Any) -> Ran:
        """Runs the agent in a process of its own, which ends with it."""
        where = f"{type(self.harness).__module__}:{type(self.harness).__qualname__}"
        work = json.dumps({"turns": turns, "capability": self._capability(None).presentation, "now": self.clock.now(), **said})
        self._gate.home.ledger.flush()
        command = [sys.executable, "-m", "gate.agents.conformance", where, "--run", str(self.folder)]
        done = subprocess.run(command, input=work, capture_output=True, text=True, timeout=ANSWERED, check=False, env=dict(os.environ))
        assert done.returncode == 0, done.stderr[-4000:]
        return _ran(json.loads(done.stdout.splitlines()[-1]))

    def crashing(self, step: str, turns: Turns) -> None:
        """Runs the agent on a gate in which one step breaks."""
        gate, capability = self._gate, self._capability(None)
        owners: dict[str, object] = {"": gate, "home": gate.home, "ledger": gate.home.ledger, "records": gate.home.records}

        def broken(*_: object, **__: object) -> object:
            raise RuntimeError(f"{step} broke")

        with ExitStack() as stack:
            for one in step.split():
                path, _, name = one.rpartition(".")
                stack.enter_context(patch.object(owners[path], name, broken))
            self.harness.run(self._stage(turns, gate, capability, session=step))

    def after_only(self, turns: Turns) -> None:
        """Calls the after-hook alone."""
        self.harness.after_only(self._stage(turns, self._gate, self._capability(None)))

    def _stage(self, turns: Turns, gate: Gate | None, capability: Capability | None, **said: Any) -> Stage:
        made = Stage(gate, capability, tools(self._log), turns, OPTIONS, folder=str(self.folder))
        return replace(made, **said)

    def _capability(self, calls: int | None) -> Capability:
        if calls not in self._held:
            self._held[calls] = self._gate.grant("root", tools=GRANTS, principal="alice", calls=calls, minutes=600)
        return self._held[calls]

    # ---- people -------------------------------------------------------------------------------------------------------------------------

    def ask_about_mail(self) -> None:
        """From now on a person is asked about every mail."""
        rules = self.folder / "gate.toml"
        rules.touch(0o600)
        rules.write_text(ASK)

    def approve(self, *, late: bool = False) -> None:
        """Somebody says yes to the question that waits. late: it does not count."""
        self._answer(approve=True, late=late)

    def refuse(self, reason: str) -> None:
        """Somebody says no."""
        self._answer(approve=False, reason=reason)

    def edit(self, arguments: Mapping[str, object]) -> None:
        """Somebody changes what was asked for."""
        self._gate.home.desk.edit(self._question().id, by="owner", arguments=arguments, method="page")

    def _answer(self, *, approve: bool, reason: str = "", late: bool = False) -> None:
        question = self._question(late=late)
        answer = Callback(self._gate, lambda _: True if approve else reason).ask(question)
        assert answer is not None
        try:
            self._gate.home.desk.answer(question.id, answer)
        except GateError:
            assert late, "an answer in time did not count"

    def _question(self, *, late: bool = False) -> Any:
        cases = self._gate.home.desk.cases("open", *(("expired",) if late else ()))
        assert cases, "nobody was asked"
        return cases[-1].question

    # ---- what came of it ----------------------------------------------------------------------------------------------------------------

    def did(self, *expected: str, ordered: bool = True) -> None:
        """These tools ran, in this order, since the bench was made; and no others."""
        ran = self._log.read_text().splitlines() if self._log.exists() else []
        assert ran == list(expected) if ordered else sorted(ran) == sorted(expected), f"ran: {ran}, expected: {list(expected)}"

    def records(self, *types: str) -> list[dict[str, Any]]:
        """The records of these types, in order."""
        self._gate.home.ledger.flush()
        found = [json.loads(body) for body in self._gate.home.ledger.records()]
        return [record for record in found if record["type"] in types]


def run_here(harness: Harness, folder: str, work: Mapping[str, Any]) -> str:
    """What `elsewhere` starts: one run in this process, told and answered as JSON."""
    from gate.agents.conformance.harness import Use

    gate = Gate(Path(folder) / ".gate", clock=FakeClock(work["now"]))
    try:
        turns = [[Use(*use) for use in turn] for turn in work["turns"]]
        rest = {name: value for name, value in work.items() if name in {"state", "said", "answers", "session"}}
        stage = Stage(gate, gate.verify(work["capability"]), tools(Path(folder) / "ran.txt"), turns, OPTIONS, folder=folder, **rest)
        return json.dumps(harness.run(stage)._asdict(), default=str)
    finally:
        gate.close()


def _ran(data: Mapping[str, Any]) -> Ran:
    seen = {name: Seen(*each) for name, each in data["seen"].items()}
    return Ran(seen, data["final"], tuple(data["paused"]), data["state"], data["broke"])
