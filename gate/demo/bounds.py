"""Bounds: what is passed on is less, what is spent is gone, and who is stopped stays stopped, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gate.commands.shared import count
from gate.constraint import ANY
from gate.demo.play import AGENT, Play
from gate.errors import Exhausted, GateError, TokenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.capability import Capability

READS: Final = ("files.list", "files.read")


def narrowed(play: Play, capability: Capability) -> None:
    """A sub-agent gets less, and cannot get more."""
    gate, scene = play.gate, play.scene
    play.act("A sub-agent with a narrower capability")
    child = gate.attenuate(capability, "helper", tools=READS, calls=10)
    read, write, run = play.agent(
        child,
        [
            ("files.read", {"path": "notes/summary.md"}),
            ("files.write", {"path": "notes/helper.md", "text": "hello"}),
            ("shell.run", {"command": "ls -l"}),
        ],
    )
    widened = _raised(lambda: gate.attenuate(child, "helper-2", tools={"files.write": {"path": ANY, "text": ANY}}))
    play.say(f"widening it: {widened}")
    less = read.denied is None and write.denied is not None and run.denied is not None and not (scene.folder / "notes" / "helper.md").exists()
    play.check("sub_agent_can_do_less", holds=less)
    play.check("sub_agent_cannot_widen", holds=isinstance(widened, TokenError))
    checks = ("sub_agent_can_do_less", "sub_agent_cannot_widen")
    play.row("a sub-agent doing more than it was given", "refused; widening refused", "its file does not exist", *checks)


def spent(play: Play) -> None:
    """A budget of three calls ends after three."""
    play.act("A budget: three calls")
    capability = play.grant(tools={"files.read": ANY}, calls=3)
    steps = play.agent(capability, [("files.read", {"path": "notes/summary.md"})] * 5)
    ran = [step.denied is None for step in steps]
    over = [step.denied for step in steps[3:]]
    play.check("budget_ends_after_its_last_unit", holds=ran == [True, True, True, False, False] and all(isinstance(each, Exhausted) for each in over))
    play.row("five calls on a budget of three", "refused the last two", f"{count(sum(ran), 'call')} ran", "budget_ends_after_its_last_unit")


def stopped(play: Play, capability: Capability) -> None:
    """Another process stops the agent; its next call here is refused."""
    play.act("The kill switch, from another process: gate stop --agent coder")
    (before,) = play.agent(capability, [("files.read", {"path": "notes/summary.md"})])
    arguments = ["stop", "--agent", AGENT, "--by", "security", "--reason", "tunnel attempt", "--home", str(play.gate.home.path)]
    done = subprocess.run([sys.executable, "-m", "gate", *arguments], env=_environment(), capture_output=True, text=True, timeout=30, check=False)
    play.say(done.stdout.strip() or done.stderr.strip())
    (after,) = play.agent(capability, [("files.read", {"path": "notes/summary.md"})])
    caught = (
        before.denied is None and done.returncode == 0 and after.denied is not None and any("stopped" in reason for reason in after.denied.reasons)
    )
    play.check("kill_switch_stops_the_next_call", holds=caught)
    proof = "it ran just before, and not after"
    play.row("one more call after the kill switch", "refused: stopped from another process", proof, "kill_switch_stops_the_next_call")


def _environment() -> dict[str, str]:
    """The environment of a second gate process: the same packages, also when they are not installed."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])}


def _raised(call: Callable[[], object]) -> GateError | None:
    try:
        call()
    except GateError as error:
        return error
    return None
