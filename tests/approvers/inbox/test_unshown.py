"""What is wrong with one question, or with a file, as the page says it: nothing else is taken down, and nothing is approved."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest

from gate import Gate, Question
from gate.answer import Case
from gate.approvers.document import Document, document
from gate.approvers.inbox.arap import until
from gate.ask import Scope
from gate.people import People, Person
from tests.approvers.inbox.kit import Browser, ask, like, put, states
from tests.approvers.inbox.test_pages import three
from tests.kit import write_rules


@pytest.fixture
def low(gate: Gate, tools: None) -> Question:
    return ask(gate, "note", {"text": "a"})


def deep(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


def nested(gate: Gate, asked: Question, depth: int) -> Question:
    """A question with a grant that is nested as deep as nothing here writes, in JSON that can be read."""
    scope = Scope("this text", {"text": {"constraint_type": "one_of", "values": [deep(depth)]}}, 5, 600.0)
    return put(gate, like(asked, id=f"deep-{depth}", scopes=(*asked.scopes[:1], scope)))


def _breaks(monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    """No document can be made of one question."""

    def made(case: Case, *, now: float) -> Document:
        if case.question.id == question:
            raise RecursionError("nested too deep")
        return document(case, now=now)

    monkeypatch.setattr("gate.approvers.inbox.site.document", made)


def spoil(gate: Gate, question: Question) -> None:
    gate.home.ledger.flush()
    with sqlite3.connect(gate.home.path / "gate.db") as db:
        db.execute("UPDATE question SET body = ? WHERE id = ?", (b"{", question.id))
    db.close()


def test_a_question_that_cannot_be_shown_takes_a_no_only(gate: Gate, ann: Browser, low: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    _breaks(monkeypatch, "odd")
    odd = put(gate, like(low, id="odd"))
    page = ann.get("/questions/odd")
    assert page.status_code == 200 and "gate ask --withdraw odd" in page.text and "/approve" not in page.text
    assert f'href="/questions/{low.id}"' in ann.get("/").text and ann.get(f"/questions/{low.id}").status_code == 200
    assert ann.get("/questions/odd/edit").status_code == 200 and "cannot be shown" in ann.get("/questions/odd/edit").text
    assert ann.answer(odd, "deny", reason="what is it?").status_code == 303 and states(gate)(odd) == "denied"


def test_a_batch_leaves_out_what_cannot_be_shown(gate: Gate, ann: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three_, *_ = three(gate)
    _breaks(monkeypatch, two.id)
    page = ann.get(f"/questions/{one.id}/batch").text
    assert f"tick-{one.id}" in page and f"tick-{three_.id}" in page and f"tick-{two.id}" not in page


def test_a_row_that_cannot_be_read_is_in_the_list_and_takes_nothing_down(gate: Gate, ann: Browser, low: Question) -> None:
    bad = put(gate, like(low, id="bad"))
    spoil(gate, bad)
    listed = ann.get("/")
    assert listed.status_code == 200 and "gate ask --withdraw bad" in listed.text and f'href="/questions/{low.id}"' in listed.text
    page = ann.get("/questions/bad")
    assert page.status_code == 503 and "cannot be read at all" in page.text and '<form method="post" action="/questions' not in page.text
    assert ann.post("/questions/bad/deny", {"seal": "x"}).status_code == 503
    assert ann.approve(low).status_code == 303


@pytest.mark.parametrize(("depth", "shown"), [(40, True), (900, False)])
def test_a_grant_nested_deeper_than_a_value_may_be(gate: Gate, ann: Browser, low: Question, depth: int, shown: bool) -> None:
    asked = nested(gate, low, depth)
    page = ann.get(f"/questions/{asked.id}")
    assert page.status_code == 200 and ("cannot be shown" not in page.text) is shown
    assert ann.get("/").status_code == 200 and ann.answer(asked, "deny").status_code == 303


def test_rules_that_cannot_be_read_are_said_and_nothing_is_approved(gate: Gate, ann: Browser, low: Question) -> None:
    write_rules(gate, "x = [\n")
    page = ann.get(f"/questions/{low.id}").text
    assert "Nothing can be approved now" in page and "gate.toml" in page
    reply = ann.approve(low)
    assert reply.status_code == 503 and "gate.toml:" in reply.text and states(gate)(low) == "open"
    assert ann.answer(low, "deny").status_code == 303


def test_rules_with_examples_of_tools_that_only_the_agent_knows_are_no_reason(gate: Gate, ann: Browser, low: Question) -> None:
    write_rules(
        gate,
        """
        [[rule]]
        id = "mine"
        ask = { tool = "only.here" }
        match = ['only.here path=x']
    """,
    )
    assert ann.approve(low).status_code == 303


def test_approvers_that_cannot_be_read_are_said_on_a_page(gate: Gate, ann: Browser, low: Question) -> None:
    (gate.home.path.parent / "approvers.toml").write_text("[[person]]\nnam = 3\n")
    time.sleep(1.1)  # the file is looked at once a second
    reply = ann.get(f"/questions/{low.id}")
    assert reply.status_code == 503 and "approvers.toml:" in reply.text and "<h1>Approvals</h1>" in reply.text


def test_a_lasting_yes_says_what_it_grants_and_to_whom_a_group_belongs(gate: Gate, ann: Browser, low: Question) -> None:
    same = {name: {"constraint_type": "exact", "value": value} for name, value in low.arguments.items()}
    asked = put(
        gate, like(low, id="more", scopes=(*low.scopes[:1], Scope("these arguments, in this session", same, 5, 600.0)), approvers=("@treasury",))
    )
    gate.home.people = lambda: People([Person("ann", groups=("treasury",)), Person("bob", groups=("treasury",))])
    page = ann.get("/questions/more").text
    assert "@treasury: ann, bob" in page and "is exactly &#34;a&#34;" in page and page.index("text is exactly") < page.index("constraint_type")
    assert ann.answer(asked, "approve", scope="1").status_code == 303
    said = ann.get("/questions/more").text
    case = gate.home.desk.case("more")
    assert case and until(case) == case.answers[0].until > low.created  # what the API tells the requester
    assert "ann granted: these arguments, in this session, for 5 calls at most, until " in said


def test_what_became_of_a_stop_and_of_a_changed_call_is_said(gate: Gate, ann: Browser, low: Question) -> None:
    other = ask(gate, "note", {"text": "b"}, agent="agent-8")
    ann.answer(low, "deny", stop="yes")
    assert "gate resume --agent agent-7" in ann.get(f"/questions/{low.id}").text
    ann.answer(other, "edit", ann.seal(other, "/edit"), **{f"argument-{at}": str(value) for at, value in enumerate(["c", "notes.md"])})
    assert "The agent will make the changed call; it is checked like any other" in ann.get(f"/questions/{other.id}").text
