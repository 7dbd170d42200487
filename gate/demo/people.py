"""People: a rule asks one first. What they saw is what runs, and their yes counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gate.commands.shared import count
from gate.constraint import ANY
from gate.demo.play import Play
from gate.errors import AlreadyUsed, NeedsApproval
from gate.testing import ScriptedApprover

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.capability import Capability
    from gate.testing import Step


def asking(play: Play) -> Capability:
    """The rules change: a person is asked. Nothing runs before they answer, and only what they said yes to runs after."""
    scene, gate = play.scene, play.gate
    play.act("The rules change while the gate runs: now a person is asked first")
    version = gate.home.rules().version
    play.rules("ask")
    play.check("rules_reloaded", holds=play.wait_for_rules(version))
    capability = play.grant(tools={"shell.run": {"command": ANY}})
    before, waited = scene.listener.connections, list[bool]()
    person = _person(play, ["we never need tunnels", False, True], lambda: waited.append(_nothing_ran(play, before)))
    clean = f"{scene.python} clean.py"
    tunnel, miner, harmless = play.agent(capability, [("shell.run", {"command": command}) for command in (scene.tunnel, scene.miner, clean)])
    gate.approvers = ()
    shown = [question.arguments["command"] for question in person.questions]
    play.check("risky_calls_wait_for_a_yes", holds=waited == [True, True, True] and shown == [scene.tunnel, scene.miner, clean])
    held = scene.listener.connections == before and not scene.mined
    play.check("a_no_is_a_no", holds=tunnel.denied is not None and miner.denied is not None and held)
    play.check("a_yes_runs_it_once", holds=harmless.denied is None and scene.cleaned == 1)
    checks = ("rules_reloaded", "risky_calls_wait_for_a_yes", "a_no_is_a_no", "a_yes_runs_it_once")
    proof = f"{count(scene.cleaned, 'run')}: the one with a yes"
    play.row("the same, where a rule asks a person", "waited: no, no, and yes to a harmless one", proof, *checks)
    return capability


def swapped(play: Play, capability: Capability) -> None:
    """The agent changes the argument while the person looks."""
    scene, gate = play.scene, play.gate
    play.act("An argument swapped while the person looks")
    command, before, runs = [scene.python, "clean.py"], scene.listener.connections, scene.cleaned

    def swap() -> None:
        command[:] = scene.tunnel.split()
        play.say(f"  meanwhile the agent makes it: {' '.join(command)}")

    person = _person(play, [True], swap)
    (step,) = play.agent(capability, [("shell.run", {"command": command})])
    gate.approvers = ()
    shown = person.questions[0].arguments["command"] if person.questions else ""
    play.say(f"  what ran: {shown}")
    reached = scene.listener.heard(before + 1, 0.3)
    same = step.denied is None and shown == f"{scene.python} clean.py" and scene.cleaned == runs + 1 and not reached
    play.check("swapped_argument_had_no_effect", holds=same and command == scene.tunnel.split())
    proof = "the shown program ran once, the tunnel never"
    play.row("arguments swapped during approval", "ran what was shown, nothing else", proof, "swapped_argument_had_no_effect")


def replayed(play: Play, capability: Capability) -> None:
    """A yes is presented for another call, and twice."""
    scene, runs = play.scene, play.scene.cleaned
    play.act("One yes, presented for another call, and twice")
    clean, miner = f"{scene.python} clean.py", scene.miner
    (first,) = play.agent(capability, [("shell.run", {"command": clean})])
    token = _yes(play, first)
    (elsewhere,) = play.agent(capability, [("shell.run", {"command": miner})], approval=token)
    (once,) = play.agent(capability, [("shell.run", {"command": clean})], approval=token)
    (twice,) = play.agent(capability, [("shell.run", {"command": clean})], approval=token)
    play.check("approval_for_another_call_caught", holds=bool(token) and elsewhere.denied is not None and not scene.mined)
    play.check("approval_runs_its_call_once", holds=bool(token) and once.denied is None and scene.cleaned == runs + 1)
    play.check("second_use_of_approval_caught", holds=isinstance(twice.denied, AlreadyUsed) and scene.cleaned == runs + 1)
    checks = ("approval_for_another_call_caught", "approval_runs_its_call_once", "second_use_of_approval_caught")
    play.row("one yes, for another call and twice", "refused both", f"{count(scene.cleaned - runs, 'run')}, not two; no miner", *checks)


def _person(play: Play, answers: list[bool | str | None], meanwhile: Callable[[], None]) -> ScriptedApprover:
    """Somebody whose answers are written down, and who is asked from now on."""

    def look() -> None:
        play.say(f"{click.style('? asked  ', fg='yellow')} {person.questions[-1].headline}")
        meanwhile()

    person = ScriptedApprover(play.gate, answers, meanwhile=look)
    play.gate.approvers = (person,)
    return person


def _nothing_ran(play: Play, connections: int) -> bool:
    return play.scene.listener.connections == connections and not play.scene.mined and play.scene.cleaned == 0


def _yes(play: Play, step: Step) -> str:
    """The approval of a call that was refused because nobody could be asked, given later and elsewhere."""
    denied = step.denied
    if not isinstance(denied, NeedsApproval) or denied.question is None:
        return ""
    answer = ScriptedApprover(play.gate, [True]).ask(denied.question)
    play.say("  the person reads the question later, and says yes to exactly this call")
    return answer.token if answer else ""
