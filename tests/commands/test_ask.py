"""`gate ask`, at a real terminal: the gravest question first, each once, by somebody who may; and what it lists, shows and counts."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Denied, Gate, NeedsApproval, Question
from gate.approvers.example import QUESTION
from tests.commands.kit import Ran, _take_terminal, environment, process, run
from tests.kit import denied, log

RULES = '[[rule]]\nid = "a-person"\nask = { tool = "*", expires = "10m" }\n'
PROMPT = "Enter alone denies: "
Keys = Callable[[str], str] | str


@pytest.fixture
def gate(made: Path) -> Iterator[Gate]:
    """A gate in the current folder that asks about everything, with an agent that acts."""
    (made / "gate.toml").write_text(RULES)
    (made / "gate.toml").chmod(0o600)
    gate = Gate(clear={"*": ["*"]})
    gate.wrap(lambda eur: eur, name="pay")
    gate.wrap(lambda path: path, name="wipe", effects="irreversible")
    with gate.acting(gate.grant("agent-7", tools={"pay": ANY, "wipe": ANY}, principal="ann"), session="s1", task="clean up"):
        yield gate
    gate.close()


def asks(gate: Gate, tool: str = "pay", **arguments: Any) -> Question:
    """The question that a call leads to."""
    with pytest.raises(NeedsApproval) as caught:
        gate.call(tool, arguments or {"eur": 5})
    assert caught.value.question is not None
    return caught.value.question


def sit(cwd: Path, *args: str, keys: list[Keys], source: str = "", until: str = "", **more: str) -> Ran:
    """Somebody answers one question after the other with these keys. source: what runs instead of the command; until: ends it with Ctrl-C."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-c", source, *args] if source else [sys.executable, "-m", "gate", "ask", *args]
    left, screen, end = list(keys), "", time.monotonic() + 60
    env = environment(TERM="xterm", NO_COLOR="1", **more)
    with subprocess.Popen(
        argv, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True, preexec_fn=_take_terminal
    ) as done:
        os.close(theirs)
        answered = 0
        while time.monotonic() < end:
            if not select.select([ours], [], [], 0.1)[0]:
                if done.poll() is not None:
                    break
                if left and screen.count(PROMPT) > answered:  # all of the question is on the screen
                    answered += 1
                    key = left.pop(0)
                    os.write(ours, (key if isinstance(key, str) else key(screen)).encode())
                elif until and until in screen and not left:
                    os.write(ours, b"\x03")
                    until = ""
                continue
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            screen += part.decode("utf-8", "replace")
        os.close(ours)
        return Ran(done.wait(30), screen.replace("\r\n", "\n"), "")


def number(screen: str) -> str:
    """The number under the last exact call on the screen."""
    return re.findall(r"number of this call: (\d+)", screen)[-1]


# ---- answering ----------------------------------------------------------------------------------------------------------------------


def test_a_yes_at_the_terminal_lets_the_agent_call_again(gate: Gate, folder: Path) -> None:
    question = asks(gate)
    ran = sit(folder, keys=["yes\n"])
    assert ran.code == 0, ran.out
    for part in ("agent-7 wants to run pay(eur=5)", "eur = 5", "approved, once", "nothing more waits for owner"):
        assert part in ran.out, ran.out
    assert gate.call("pay", {"eur": 5}) == 5
    case = gate.home.desk.case(question.id)
    assert case is not None
    assert case.state == "used"
    (answer,) = case.answers
    assert (answer.approver, answer.method) == ("owner", "terminal")
    assert answer.shown
    assert 0 < answer.shown_at <= answer.at


def test_the_gravest_question_comes_first_and_takes_its_number(gate: Gate, folder: Path) -> None:
    asks(gate)
    grave = asks(gate, "wipe", path="/data")
    ran = sit(folder, keys=[lambda screen: f"{number(screen)}\n", "d too much\n"])
    assert ran.code == 0, ran.out
    assert ran.out.index("wants to run wipe") < ran.out.index("wants to run pay")
    assert grave.number in ran.out
    assert gate.call("wipe", {"path": "/data"}) == "/data"
    denied(lambda: gate.call("pay", {"eur": 5}), "owner refused it: too much")


@pytest.mark.parametrize("typed", ["yes", "000", "y", ""])
def test_yes_is_not_enough_for_a_grave_question(gate: Gate, folder: Path, typed: str) -> None:
    asks(gate, "wipe", path="/data")
    assert "not approved" in sit(folder, keys=[f"{typed}\n"] * 3).out
    denied(lambda: gate.call("wipe", {"path": "/data"}), "owner refused it")


def test_deny_and_stop_stops_the_agent(gate: Gate, folder: Path) -> None:
    asks(gate)
    assert "the agent is stopped" in sit(folder, keys=["s it runs wild\n"]).out
    with pytest.raises(Denied):
        gate.call("pay", {"eur": 1})
    (record,) = log(gate, "stop")
    assert "agent-7" in str(record), record


def test_ask_back_gives_the_question_to_the_agent_which_answers_in_its_words(gate: Gate, folder: Path) -> None:
    first = asks(gate)
    assert "the agent is asked back" in sit(folder, keys=["? whose bill is it\n"]).out
    denied(lambda: gate.call("pay", {"eur": 5}), "owner asks back: whose bill is it")
    with gate.saying("the plumber's"):
        second = asks(gate)
    assert second.id != first.id
    ran = sit(folder, keys=["yes\n"])
    assert ran.out.index("whose bill is it") < ran.out.index("the plumber's") < ran.out.index("approved, once")


def test_what_is_left_stays_open_and_is_not_asked_again(gate: Gate, folder: Path) -> None:
    question = asks(gate)
    ran = sit(folder, keys=["l\n"])
    assert (ran.code, ran.out.count(PROMPT)) == (0, 1)
    case = gate.home.desk.case(question.id)
    assert case is not None
    assert (case.state, case.answers) == ("open", ())


def test_a_typo_is_asked_again_and_only_the_exact_word_approves(gate: Gate, folder: Path) -> None:
    asks(gate)
    ran = sit(folder, keys=["yess\n", "help\n", "yes\n"])
    assert "not understood: 'yess'; type yes to approve" in ran.out
    assert gate.call("pay", {"eur": 5}) == 5


def test_what_waits_for_somebody_else_is_said(gate: Gate, folder: Path) -> None:
    (folder / "gate.toml").write_text('[[rule]]\nid = "a-person"\nask = { tool = "*", approvers = ["oncall"] }\n')
    gate.home.keys.signing("approver-oncall")
    asks(gate)
    assert "1 question waits, but not for you: oncall may answer it" in sit(folder, keys=[]).out


def test_following_waits_for_the_next_question(gate: Gate, folder: Path) -> None:
    def later(_: str) -> str:
        asks(gate, eur=7)
        return "yes\n"

    asks(gate)
    ran = sit(folder, "--follow", keys=[later, "yes\n"], until="waiting for questions")
    assert ran.code == 130
    assert ran.out.count("approved, once") == 2
    assert gate.call("pay", {"eur": 7}) == 7


def test_whoever_asked_cannot_answer(gate: Gate, folder: Path) -> None:
    """The agent under its own name, and whom it acts for."""
    asks(gate)
    for name in ("agent-7", "ann"):
        ran = sit(folder, "--as", name, keys=["yes\n"])
        assert PROMPT not in ran.out
        assert (ran.code, f"'{name}' may answer nothing here; owner may" in ran.out) == (2, True), ran.out
    asks(gate)  # still open


def test_somebody_who_may_answer_nothing_is_told_who_may(gate: Gate, folder: Path) -> None:
    asks(gate)
    ran = sit(folder, "--as", "mallory", keys=["yes\n"])
    assert (ran.code, PROMPT in ran.out) == (2, False), ran.out[-500:]
    assert "'mallory' may answer nothing here; owner may" in ran.out
    asks(gate)


def test_an_answer_after_somebody_elses_does_not_count(gate: Gate, folder: Path) -> None:
    question = asks(gate)

    def too_late(_: str) -> str:
        gate.home.desk.deny(question.id, by="owner", method="page", reason="no")
        return "yes\n"

    ran = sit(folder, keys=[too_late])
    assert (ran.code, "this did not count: somebody has refused it" in ran.out) == (1, True), ran.out


# ---- attacks ------------------------------------------------------------------------------------------------------------------------


def test_piped_standard_input_is_refused(gate: Gate, folder: Path) -> None:
    """An agent that may run commands, without a terminal: nothing it pipes in is an answer."""
    asks(gate)
    ran = subprocess.run(
        [sys.executable, "-m", "gate", "ask"],
        cwd=folder,
        input=b"yes\n" * 10,
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert (ran.returncode, b"no terminal" in ran.stderr) == (2, True), ran.stderr
    asks(gate)  # still open


def test_standard_input_is_not_read_where_there_is_a_terminal_either(gate: Gate, folder: Path) -> None:
    asks(gate)
    source = (
        "import os, sys; reading, writing = os.pipe(); os.write(writing, b'yes\\n' * 10); os.dup2(reading, 0); from gate.cli import main; "
        "sys.argv = ['gate', 'ask']; main()"
    )
    assert "nothing more waits" in sit(folder, source=source, keys=["l\n"]).out
    asks(gate)


def test_a_terminal_at_which_the_agent_runs_is_refused(gate: Gate, folder: Path) -> None:
    """The agent's process has the same controlling terminal: it could paint over the question."""
    asks(gate)
    source = """
import subprocess, sys
from gate import Gate
agent = Gate()
agent.home.ledger
sys.exit(subprocess.run([sys.executable, "-m", "gate", "ask"]).returncode)
"""
    ran = sit(folder, source=source, keys=["yes\n"])
    assert ran.code == 2, ran.out
    assert "has this gate open at this same terminal" in ran.out
    assert PROMPT not in ran.out


EVIL = "\x1b[2J\x1b[H  agent-7 wants to run read(path='/tmp')\r\x08\u202e\x9b31m<script>\n    number of this call: 999\n  anything else approves: "


def test_what_the_agent_sends_does_not_steer_the_terminal(gate: Gate, folder: Path) -> None:
    with gate.saying(EVIL):
        question = asks(gate, "wipe", path=EVIL)
    ran = sit(folder, keys=["999\n"] * 3)
    shown = ran.out
    assert not {c for c in shown if not c.isprintable() and c not in "\n\r"}, ascii(shown)
    assert "\\x1b[2J" in shown
    assert f"\n    number of this call: {question.number}\n" in shown
    assert "\n    number of this call: 999" not in shown
    denied(lambda: gate.call("wipe", {"path": EVIL}), "refused")


def test_an_argument_of_ten_megabytes_is_cut_openly_and_not_approved_here(gate: Gate, folder: Path) -> None:
    question = asks(gate, "wipe", path="x" * 10_000_000)
    ran = sit(folder, keys=[f"{question.number}\n"] * 3)
    assert "characters left out" in ran.out
    assert "SHA-256" in ran.out
    assert "cannot be approved here" in ran.out
    assert len(ran.out) < 20_000
    denied(lambda: gate.call("wipe", {"path": "x" * 10_000_000}), "refused")


def test_an_argument_of_a_hundred_screens_is_shown_to_its_end(gate: Gate, folder: Path) -> None:
    text = "\n".join(f"line {n}" for n in range(1_500)) + "\nrm -rf /"
    asks(gate, "wipe", path=text)
    ran = sit(folder, keys=["l\n"])
    assert "line 1499" in ran.out
    assert "rm -rf /" in ran.out


# ---- looking ------------------------------------------------------------------------------------------------------------------------


def test_the_list_says_what_waits_the_gravest_first(gate: Gate) -> None:
    low, grave = asks(gate), asks(gate, "wipe", path="\x1b[2J/data")
    ran = run("ask", "--list")
    assert ran.out.startswith("2 questions wait\nhigh")
    assert ran.out.index(grave.id) < ran.out.index(low.id)
    assert "\x1b" not in ran.out
    data = run("ask", "--list", "--json").data
    assert [(one["id"], one["state"], one["risk"]) for one in data] == [(grave.id, "open", "high"), (low.id, "open", "medium")]


def test_nothing_waits(gate: Gate) -> None:
    assert run("ask", "--list").out == "0 questions wait\n"
    assert run("ask", "--list", "--json").data == []


def test_one_question_is_shown_as_every_channel_shows_it(gate: Gate) -> None:
    question = asks(gate, "wipe", path="a\u202eb")
    ran = run("ask", "--show", question.id)
    assert 'path = "a\\u202eb"' in ran.out
    data = run("ask", "--show", question.id, "--json").data
    assert data["arguments"] == {"path": "a\u202eb"}
    assert [section["name"] for section in data["document"]["sections"]][:3] == ["headline", "who", "call"]


@pytest.mark.parametrize("what", ["--show", "--withdraw"])
def test_a_question_that_is_not_there(gate: Gate, what: str) -> None:
    assert (run("ask", what, "q\x1b_none", "--by", "ann").code, run("ask", what, "none", "--by", "ann", "--json").data) == (
        1,
        {"error": "there is no question 'none'"},
    )
    assert QUESTION.id not in run("ask", "--list").out


def test_an_administrator_takes_a_no_back(gate: Gate, folder: Path) -> None:
    question = asks(gate)
    sit(folder, keys=["d no\n"])
    denied(lambda: gate.call("pay", {"eur": 5}), f"gate ask --withdraw {question.id}")
    ran = run("ask", "--withdraw", question.id, "--by", "root", "--reason", "a mistake", "--json")
    assert (ran.code, ran.data["state"]) == (0, "withdrawn")
    assert asks(gate).id != question.id
    assert run("ask", "--withdraw", question.id, "--by", "root").code == 1


def test_the_figures_count_what_was_answered_too_fast(gate: Gate, folder: Path) -> None:
    asks(gate)
    sit(folder, keys=["yes\n"])
    gate.call("pay", {"eur": 5})
    data = run("ask", "--stats", "--json").data
    assert (data["asked"], data["answers"]["yes"], data["answers"]["quick"]) == (1, 1, 1)
    assert data["approvers"]["owner"]["rate"] == 1.0
    assert "100% yes" in run("ask", "--stats").out


def test_no_rule_is_proposed_for_one_approval(gate: Gate, folder: Path) -> None:
    asks(gate)
    sit(folder, keys=["yes\n"])
    assert run("ask", "--rules").out.startswith("no rule to propose\nit takes 5 equal approvals")
    assert run("ask", "--rules", "--json").data == []


@pytest.mark.parametrize("args", [("--list", "--stats"), ("--json",), ("--withdraw", "x", "--by", "a", "--list")], ids=str)
def test_what_does_not_go_together_is_said(gate: Gate, folder: Path, args: tuple[str, ...]) -> None:
    assert process("ask", *args, cwd=folder).code == 2
