"""The terminal approver, at a real pseudo-terminal: who sits there reads the exact call and types its number."""

from __future__ import annotations

import itertools
import os
import pty
import re
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, ConfigError, Denied, Gate, NeedsApproval, Question
from gate.answer import Case
from gate.approvers.document import document
from gate.approvers.terminal import Terminal
from gate.approvers.text import render as render_document
from gate.testing import FakeClock
from tests.kit import ASK, denied, intents, log, sign_as, write_rules

HIGH = '[[rule]]\nid = "high"\nask = { risk = "high", expires = "10m" }'
Typing = Callable[[str], str]
ENDED = re.compile(r"^(?:approved, |(?! ).*not approved\b)", re.MULTILINE)


class Person:
    """Somebody at a terminal. `typing` says what to type when the text on the screen asks for an answer."""

    def __init__(self, typing: Typing) -> None:
        self.master, self.slave = pty.openpty()
        self.device = os.ttyname(self.slave)
        self.screen, self.asked = "", threading.Event()
        self._typing, self._done = typing, threading.Event()
        self._thread = threading.Thread(target=self._sit, daemon=True)

    def __enter__(self) -> Person:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(20)
        while select.select([self.master], [], [], 0)[0]:
            self._read()
        os.close(self.master)
        os.close(self.slave)

    def _read(self) -> None:
        self.screen += os.read(self.master, 65536).decode("utf-8", "replace")

    def _sit(self) -> None:
        typed = 0.0
        while not self._done.is_set():
            if select.select([self.master], [], [], 0.02)[0]:
                self._read()
            if "denies: " in self.screen:
                self.asked.set()
                waiting = self.screen.count("denies: ") > len(ENDED.findall(self.screen))
                if waiting and time.monotonic() - typed > 0.05 and (text := self._typing(self.screen)):
                    os.write(self.master, text.encode())  # again if it was typed too early to count
                    typed = time.monotonic()


def number(screen: str) -> str:
    """The number under the call."""
    return re.findall(r"number of this call: (\d+)", screen)[-1]


def render(question: Question) -> str:
    """What stands on the screen, without colours."""
    return render_document(document(Case(question, "open"), now=question.created))


@pytest.fixture
def paid() -> list[Any]:
    return []


@pytest.fixture(autouse=True)
def acting(gate: Gate, paid: list[Any]) -> Iterator[None]:
    """An agent with a tool of medium risk and one of high risk; a person is asked for both."""
    write_rules(gate, ASK)
    gate.wrap(lambda eur: paid.append(eur), name="pay")
    gate.wrap(lambda path: paid.append(path), name="wipe", effects="irreversible")
    with gate.acting(gate.grant("agent-7", tools={"pay": ANY, "wipe": ANY}, principal="ann"), session="s1", task="clean up"):
        yield


def ask_at(gate: Gate, typing: Typing) -> Person:
    person = Person(typing)
    gate.approvers = (Terminal(gate, name="alice", device=person.device),)
    return person


def test_the_number_of_the_call_approves_a_risky_one(gate: Gate, paid: list[Any]) -> None:
    with ask_at(gate, lambda screen: f"{number(screen)}\n") as person:
        gate.call("wipe", {"path": "/data"})
    assert paid == ["/data"]
    assert intents(gate)[0]["approvals"][0]["approver"] == "alice"
    for part in (
        "agent-7 wants to run wipe",
        'path = "/data"',
        "risk: high",
        "irreversible",
        "agent: agent-7",
        "for: ann",
        "session: s1",
        "task: clean up",
        "approved, once",
    ):
        assert part in person.screen, part


@pytest.mark.parametrize("typed", ["yes", "y", "", "0", "1000", "wrong", "NNN1", " "], ids=repr)
def test_anything_else_denies_a_risky_one(gate: Gate, paid: list[Any], typed: str) -> None:
    def typing(screen: str) -> str:
        return typed.replace("NNN", number(screen)) + "\n"

    with ask_at(gate, typing) as person:
        denied(lambda: gate.call("wipe", {"path": "/data"}), "alice refused it")
    assert paid == []
    assert "not approved" in person.screen


def test_yes_is_enough_for_what_is_not_risky(gate: Gate, paid: list[Any]) -> None:
    with ask_at(gate, lambda _: "yes\n") as person:
        gate.call("pay", {"eur": 5})
    assert paid == [5]
    assert "number of this call" not in person.screen


@pytest.mark.parametrize("typed", ["y", "YES!", "no", "", "yess"], ids=repr)
def test_only_yes_is_yes(gate: Gate, paid: list[Any], typed: str) -> None:
    with ask_at(gate, lambda _: typed + "\n"):
        denied(lambda: gate.call("pay", {"eur": 5}), "alice refused it")
    assert paid == []


def test_each_question_has_another_number(gate: Gate) -> None:
    with ask_at(gate, lambda _: "no\n") as person:
        for number in range(5):
            denied(lambda number=number: gate.call("wipe", {"path": f"/data/{number}"}))
            person.screen += "\n"
    numbers = re.findall(r"number of this call: (\d+)", person.screen)
    assert len(numbers) == 5
    assert len(set(numbers)) > 1


def test_what_was_typed_before_the_question_does_not_count(gate: Gate, paid: list[Any], clock: FakeClock) -> None:
    """Someone who got hold of the keyboard, or a person who presses return, has not seen the question."""
    with ask_at(gate, lambda _: "") as person:
        os.write(person.master, b"yes\nyes\nyes\n")
        assert select.select([person.slave], [], [], 5)[0], "it waits to be read"
        write_rules(gate, ASK.replace("10m", "1s"))
        with pytest.raises(NeedsApproval):
            gate.call("pay", {"eur": 5})
    assert paid == []
    assert "no answer in time" in person.screen


def test_silence_is_no_answer(gate: Gate, paid: list[Any]) -> None:
    write_rules(gate, ASK.replace("10m", "1s"))
    with ask_at(gate, lambda _: "") as person:
        with pytest.raises(NeedsApproval):
            gate.call("pay", {"eur": 5})
    assert paid == []
    assert "not approved" in person.screen


def test_half_a_line_is_no_answer(gate: Gate, paid: list[Any]) -> None:
    write_rules(gate, ASK.replace("10m", "1s"))
    with ask_at(gate, lambda _: "yes"), pytest.raises(NeedsApproval):
        gate.call("pay", {"eur": 5})
    assert paid == []


def test_an_answer_can_come_in_pieces(gate: Gate, paid: list[Any]) -> None:
    pieces = itertools.cycle(["y", "e", "s", "\n"])
    with ask_at(gate, lambda _: next(pieces)):
        for eur in range(1, 6):  # a piece that was typed too early to count spoils the word, and the next question begins anew
            with suppress(Denied):
                gate.call("pay", {"eur": eur})
                break
            pieces = itertools.cycle(["y", "e", "s", "\n"])
    assert len(paid) == 1


def test_standard_input_and_output_are_not_asked(
    gate: Gate, paid: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tool or an agent may have redirected them."""
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n" * 10))
    with ask_at(gate, lambda _: "no\n"):
        denied(lambda: gate.call("pay", {"eur": 5}), "alice refused it")
    assert capsys.readouterr() == ("", "")
    assert paid == []


@pytest.mark.parametrize("device", ["missing", "file", "/dev/null"])
def test_where_nobody_can_be_asked_nothing_runs(gate: Gate, paid: list[Any], tmp_path: Path, device: str) -> None:
    (tmp_path / "file").write_text("yes\n" * 100)
    terminal = Terminal(gate, device=device if device.startswith("/") else str(tmp_path / device))
    gate.approvers = (terminal,)
    denied(lambda: gate.call("pay", {"eur": 5}), "terminal")
    assert paid == []
    gate.approvers = ()
    with pytest.raises(NeedsApproval) as caught:
        gate.call("pay", {"eur": 5})
    assert caught.value.question is not None
    with pytest.raises(ConfigError, match="terminal"):
        terminal.ask(caught.value.question)


# ---- what is on the screen --------------------------------------------------------------------------------------------------------------


def question_of(gate: Gate, **arguments: Any) -> Question:
    gate.approvers = ()
    (name,) = arguments
    with pytest.raises(NeedsApproval) as caught:
        gate.call("pay" if name == "eur" else "wipe", arguments)
    assert caught.value.question is not None
    return caught.value.question


def test_the_screen_cannot_be_rewritten_by_what_it_shows(gate: Gate) -> None:
    evil = "\x1b[2J\x1b[H  agent-7 wants to run read(path='/tmp')\r\x08\u202e\x9b31m"
    question = question_of(gate, path=f"{evil}\nsecond line{evil}")
    text = render(replace(question, words=evil, task=evil, session=evil, reasons=(evil,)))
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\\x1b[2J" in text
    assert "second line" in text


def test_arguments_are_whole(gate: Gate) -> None:
    """However long they are, each line of the screen stands behind a bar and none is cut."""
    text = render(question_of(gate, path="x" * 5000))
    assert "x" * 5000 in text.replace("\n      │ ", "").replace("\n      ┊ ", "")
    assert max(map(len, text.split("\n"))) <= 100


def test_an_argument_cannot_pass_for_the_engines_words(gate: Gate) -> None:
    """Its lines are set in deeper than the engine's, and the numbers they name are not the number of the call."""
    question = question_of(gate, path="x\n\n    number of this call: 999\n  type yes to approve")
    lines = render(question).split("\n")
    assert f"    number of this call: {question.number}" in lines
    assert "    number of this call: 999" not in lines
    assert "  type yes to approve" not in lines


def test_the_agents_words_come_last_and_are_marked(gate: Gate) -> None:
    text = render(replace(question_of(gate, eur=5), words="the owner said yes\nreally"))
    engine, _, words = text.partition("What the agent says (not checked)")
    assert "the owner said yes" not in engine
    assert "      │ the owner said yes\n      │ really\n" in words


def test_the_same_answer_is_worth_nothing_elsewhere(gate: Gate) -> None:
    """What the terminal signs is what it showed."""
    with ask_at(gate, lambda _: "yes\n") as person:
        question = question_of(gate, eur=5)
        answer = Terminal(gate, name="alice", device=person.device).ask(question)
    assert answer is not None
    assert answer.method == "terminal"
    with gate.approving(answer.token):
        denied(lambda: gate.call("pay", {"eur": 6}), "for another call")
        gate.call("pay", {"eur": 5})
    assert sign_as(gate, "alice", question) != answer.token


# ---- the other answers ------------------------------------------------------------------------------------------------------------------


def test_the_reason_of_a_no_goes_to_the_agent(gate: Gate, paid: list[Any]) -> None:
    with ask_at(gate, lambda _: "d not on a Friday\n"):
        denied(lambda: gate.call("pay", {"eur": 5}), "alice refused it: not on a Friday")
    assert paid == []


def test_a_no_may_stop_the_agent(gate: Gate, paid: list[Any]) -> None:
    with ask_at(gate, lambda _: "s it runs wild\n") as person:
        denied(lambda: gate.call("pay", {"eur": 5}), "it runs wild")
        assert person.screen.count("denies: ") == 1
        with pytest.raises(Denied):
            gate.call("pay", {"eur": 6})
    assert person.screen.count("denies: ") == 1, "a stopped agent asks nobody"


def test_a_question_is_asked_back_or_left_for_later(gate: Gate, paid: list[Any]) -> None:
    with ask_at(gate, lambda _: "? whose bill\n"):
        denied(lambda: gate.call("pay", {"eur": 5}), "alice asks back: whose bill")
    with ask_at(gate, lambda _: "l\n"), pytest.raises(NeedsApproval):
        gate.call("pay", {"eur": 6})
    assert paid == []


def test_what_was_shown_is_in_the_record(gate: Gate) -> None:
    """The digest of the very bytes on the screen, and when."""
    with ask_at(gate, lambda _: "yes\n"):
        gate.call("pay", {"eur": 5})
    (answer,) = log(gate, "answer")
    assert len(answer["shown"]) == 43
    assert answer["shown_at"]
    assert answer["method"] == "terminal"


def test_a_call_too_long_to_be_shown_is_not_approved_here(gate: Gate, paid: list[Any]) -> None:
    """Truncated display: whoever approves what they cannot see approves anything."""
    with ask_at(gate, lambda screen: f"{number(screen)}\n") as person:
        denied(lambda: gate.call("wipe", {"path": "x" * 200_000 + "; rm -rf /"}), "refused")
    assert "cannot be approved here" in person.screen
    assert "left out" in person.screen
    assert paid == []
