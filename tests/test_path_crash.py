"""kill -9 between every two steps of the path of a call: nothing runs twice, no intent is lost, what is unknown is found.

A child process makes one call through a whole gate and is killed at its n-th step, where a step is every pause of every transaction, and, in
the tool's own body, before and after its effect.  The effect is a line in a file.  Then another process opens the gate, recovers, and makes
the same call again; log, ledger and effects must fit together.
"""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, AlreadyUsed, Exhausted, Gate, NeedsApproval
from gate.audit import verify
from gate.home import Home
from gate.log.note import verifier_key
from gate.testing import FakeClock
from gate.token import format_presentation
from tests.kit import ASK, log, sign_as, spent, write_rules

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # the children only run what is here, and end by _exit
MOST = 60


class Steps:
    """Kills this process at its n-th step."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    def __call__(self, _: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Scene:
    """One gate on disk with a capability and, where a person is asked, an approval of the one call."""

    def __init__(self, folder: Path, *, asks: bool = False, audit: str = "durable", calls: int = 3) -> None:
        self.folder = folder
        self.home = folder / ".gate"
        self.file = folder / "effects"
        audited = f'[[rule]]\nid = "audited"\nallow = {{ tool = "*" }}\naudit = "{audit}"\n'
        with self.gate() as gate:
            write_rules(gate, ASK if asks else audited)
            self.chain = format_presentation(gate.grant("agent-7", tools=dict.fromkeys(("pay", "apay", "chunks"), ANY), calls=calls).chain)
            self.token = self.approval(gate) if asks else ""
            self.key = verifier_key(gate.home.origin, gate.home.keys.signing("log").public.raw)

    def gate(self, step: Callable[[str], None] | None = None) -> Gate:
        """The gate, stopping at every step."""
        made = Gate(self.home, clear={"*": ["*"]})
        if step:
            made.home = Home(self.home, clear={"*": ["*"]}, pause=step)
        stop = step or (lambda _: None)

        def effect(eur: int) -> None:
            stop("before")
            with self.file.open("a") as file:
                file.write(f"{eur}\n")
            stop("after")

        @made.tool
        def pay(eur: int) -> None:
            effect(eur)

        @made.tool
        async def apay(eur: int) -> None:
            effect(eur)

        @made.tool
        def chunks(eur: int) -> Iterator[int]:
            yield 1
            effect(eur)
            yield 2

        return made

    def approval(self, gate: Gate, tool: str = "pay") -> str:
        """A new approval of the call."""
        with gate.acting(self.chain, session="s1"), pytest.raises(NeedsApproval) as caught:
            gate.call(tool, {"eur": 5})
        return sign_as(gate, "alice", caught.value.question)

    def effects(self) -> int:
        """How often the tool had its effect."""
        return len(self.file.read_text().split()) if self.file.exists() else 0


def call(gate: Gate, scene: Scene) -> None:
    with gate.acting(scene.chain, session="s1"), gate.approving(*[scene.token] if scene.token else []):
        gate.call("pay", {"eur": 5})


def acall(gate: Gate, scene: Scene) -> None:
    with gate.acting(scene.chain, session="s1"):
        asyncio.run(gate.acall("apay", {"eur": 5}))


def stream(gate: Gate, scene: Scene) -> None:
    with gate.acting(scene.chain, session="s1"):
        list(gate.call("chunks", {"eur": 5}))


def killed(scene: Scene, work: Callable[[Gate, Scene], None], nth: int) -> bool:
    """Does the work in a child that is killed at its n-th step. False when it had no more steps than that."""
    process = os.fork()
    if not process:
        code = 1
        try:
            step = Steps(nth)
            gate = scene.gate(step)
            work(gate, scene)
            step("returned")
            gate.home.ledger.flush()
            step("flushed")
            gate.close()
            code = 0
        except BaseException:  # noqa: BLE001  # it ends here, and somebody wants to know why
            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
    return os.WIFSIGNALED(status)


def at_every_step(tmp_path: Path, work: Callable[[Gate, Scene], None], check: Callable[[Scene], None], **scene: Any) -> int:
    """Kills the work at every step, each time in a scene of its own; the number of steps."""
    for nth in range(1, MOST):
        folder = tmp_path / str(nth)
        folder.mkdir()
        made = Scene(folder, **scene)
        if not killed(made, work, nth):
            return nth - 1
        check(made)
    raise AssertionError("it never came to its end")


def fits(gate: Gate, scene: Scene, ran: int) -> list[str]:
    """The log and the ledger fit what happened; the ids of calls whose outcome nobody knows."""
    findings = [finding.subject for finding in gate.home.findings if finding.kind == "unknown-outcome"]
    told = [record["call"] for record in log(gate, "intent", "call")]
    ended = {record["call"]: record["outcome"]["status"] for record in log(gate, "outcome", "call")}
    assert len(told) == len(set(told))
    assert ran <= len(told), "a call ran whose intent is lost"
    assert set(ended) == set(told), "every intent has an outcome now"
    assert len(log(gate, "outcome", "call")) == len(ended), "and only one"
    assert set(findings) == {call for call, status in ended.items() if status == "unknown"}, "what is unknown is a finding"
    return told


# ---- durable calls ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("work", [call, acall, stream], ids=lambda work: work.__name__)
def test_no_intent_is_lost_and_the_budget_is_right(tmp_path: Path, work: Callable[[Gate, Scene], None]) -> None:
    unknown: list[int] = []

    def check(scene: Scene) -> None:
        ran = scene.effects()
        assert ran <= 1
        with scene.gate() as gate:
            _ = gate.home.ledger
            told = fits(gate, scene, ran)
            unknown.append(sum(finding.kind == "unknown-outcome" for finding in gate.home.findings))
            assert len(told) <= 1
            for _ in range(3 - len(told)):  # what is left can be spent, and no more
                work(gate, scene)
            with pytest.raises(Exhausted):
                work(gate, scene)
        assert scene.effects() == ran + 3 - len(told)
        assert spent(gate, "/calls") == 3
        report = verify(scene.home / "gate.db", scene.key)
        assert report.ok, report.problems

    assert at_every_step(tmp_path, work, check) >= 12
    assert sum(unknown) >= 4, "most of the steps are between intent and outcome"


def test_an_approval_never_runs_a_call_twice(tmp_path: Path) -> None:
    used: list[bool] = []

    def check(scene: Scene) -> None:
        ran = scene.effects()
        with scene.gate() as gate:
            _ = gate.home.ledger
            told = fits(gate, scene, ran)
            try:
                call(gate, scene)
            except AlreadyUsed:
                assert len(told) == 1, "it was refused and had never been used"
                used.append(True)
            else:
                assert (ran, told) == (0, []), "the same approval ran it twice"
                used.append(False)
            assert scene.effects() <= 1
            before = scene.effects()
            scene.token = scene.approval(gate)
            call(gate, scene)
            assert scene.effects() == before + 1, "with an approval of its own the same call runs"
        report = verify(scene.home / "gate.db", scene.key)
        assert report.ok, report.problems

    at_every_step(tmp_path, call, check, asks=True)
    assert True in used
    assert False in used


def test_whoever_comes_after_a_crash_need_not_restart_anything(tmp_path: Path) -> None:
    """A gate that was open all the time spends what the dead process held."""
    scene = Scene(tmp_path, audit="buffered", calls=3)
    gate = scene.gate()
    with gate.acting(scene.chain, session="s1"):
        _ = gate.home.ledger
        assert killed(scene, call, 1000) is False
        assert scene.effects() == 1
        with suppress(Exhausted):
            for _ in range(5):
                gate.call("pay", {"eur": 5})
    assert scene.effects() == 3
    gate.close()


# ---- calls that do not wait for the disk ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("audit", ["buffered", "off"])
def test_a_budget_holds_also_where_records_may_be_lost(tmp_path: Path, audit: str) -> None:
    def work(gate: Gate, scene: Scene) -> None:
        call(gate, scene)
        call(gate, scene)

    def check(scene: Scene) -> None:
        ran = scene.effects()
        with scene.gate() as gate:
            _ = gate.home.ledger
            with gate.acting(scene.chain, session="s1"), suppress(Exhausted):
                for _ in range(10):
                    gate.call("pay", {"eur": 5})
            fits(gate, scene, 0)
        assert scene.effects() <= 7, "overspent"
        assert scene.effects() >= 7 - 2, "what a crash may lose is what was being spent just then"
        assert ran <= 2
        report = verify(scene.home / "gate.db", scene.key)
        assert report.ok, report.problems

    assert at_every_step(tmp_path, work, check, audit=audit, calls=7) >= 8


# ---- halves -----------------------------------------------------------------------------------------------------------------------------


def authorize(gate: Gate, scene: Scene) -> None:
    with gate.acting(scene.chain, session="s1"), gate.approving(*[scene.token] if scene.token else []):
        ticket = gate.authorize("pay", {"eur": 5}, ref="call_17")
        with scene.file.open("a") as file:
            file.write("5\n")
        gate.settle(ticket, value=None)


def test_the_halves_of_a_call(tmp_path: Path) -> None:
    """A before hook that was killed leaves a call of which nobody knows whether it ran: its approval is used, and it is a finding."""
    states: set[tuple[int, bool]] = set()

    def check(scene: Scene) -> None:
        ran = scene.effects()
        with scene.gate() as gate, gate.acting(scene.chain, session="s1"), gate.approving(scene.token):
            _ = gate.home.ledger
            told = fits(gate, scene, ran)
            states.add((len(told), bool(gate.home.findings)))
            assert gate.ticket("pay", {"eur": 5}, ref="call_17") is None
            if told:
                with pytest.raises(AlreadyUsed):
                    gate.authorize("pay", {"eur": 5}, ref="call_17")
            else:
                assert ran == 0
                assert gate.settle(gate.authorize("pay", {"eur": 5}, ref="call_17"))
        assert spent(gate, "/calls") == 1
        assert verify(scene.home / "gate.db", scene.key).ok

    at_every_step(tmp_path, authorize, check, asks=True)
    assert states == {(0, False), (1, True), (1, False)}


def test_a_call_that_no_after_hook_ever_settles_is_found_in_the_end(tmp_path: Path) -> None:
    clock = FakeClock()
    with Gate(tmp_path / ".gate", clock=clock) as gate:
        gate.wrap(lambda eur: eur, name="pay")
        with gate.acting(gate.grant("agent-7", tools={"pay": ANY})):
            gate.authorize("pay", {"eur": 5}, ref="call_17")
    clock.advance(86_399)
    with Gate(tmp_path / ".gate", clock=clock) as gate:
        _ = gate.home.ledger
        assert gate.home.findings == []
    clock.advance(2)
    with Gate(tmp_path / ".gate", clock=clock) as gate:
        _ = gate.home.ledger
        assert [finding.kind for finding in gate.home.findings] == ["unknown-outcome"]
        assert [record["outcome"]["status"] for record in log(gate, "outcome")] == ["unknown"]
