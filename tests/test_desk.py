"""The desk: questions are kept, answered from anywhere, and taken up by whoever waits or calls again."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Denied, Gate, NeedsApproval
from gate.answer import Case
from gate.desk import Desk
from gate.errors import TamperError, Void
from gate.testing import FakeClock
from tests.kit import ASK, denied, intents, log, write_rules

TWO = """
    [[rule]]
    id = "two"
    ask = { tool = "*", approvers = ["ann", "bob", "eve"], quorum = 2, expires = "10m" }
"""


# ruff: noqa: ASYNC110  # a person looks at the desk now and then, and so do these


@pytest.fixture
def paid() -> list[int]:
    return []


@pytest.fixture(autouse=True)
def tool(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, ASK)

    @gate.tool
    def pay(eur: int, note: str = "") -> int:
        paid.append(eur)
        return eur


@pytest.fixture
def token(gate: Gate) -> Any:
    return gate.grant("agent-7", tools={"pay": ANY})


@pytest.fixture(autouse=True)
def acting(gate: Gate, token: Any) -> Iterator[Any]:
    with gate.acting(token, session="s1", task="settle the bills") as acting:
        yield acting


def asked(gate: Gate, **arguments: Any) -> Case:
    with pytest.raises(NeedsApproval) as caught:
        gate.call("pay", arguments or {"eur": 5})
    assert caught.value.question is not None
    case = gate.home.desk.case(caught.value.question.id)
    assert case is not None
    return case


def yes(desk: Desk, case: Case, by: str = "owner", **how: Any) -> Case:
    return desk.approve(case.question.id, by=by, binding_hash=case.question.binding_hash, method="page", **how)


def known(gate: Gate, *names: str) -> None:
    for name in names:
        gate.home.keys.signing(f"approver-{name}")


def test_a_question_is_kept_and_the_same_call_takes_up_its_answer(gate: Gate, paid: list[int]) -> None:
    case = asked(gate)
    assert asked(gate).question.id == case.question.id, "asked once"
    assert yes(gate.home.desk, case).state == "approved"
    assert gate.call("pay", {"eur": 5}) == 5
    assert gate.home.desk.case(case.question.id).state == "used"  # type: ignore[union-attr]
    assert asked(gate).question.id != case.question.id, "and never again for free"
    assert paid == [5]


def test_after_a_restart(gate: Gate, paid: list[int], token: Any) -> None:
    case = asked(gate)
    home = gate.home.path
    gate.close()
    with Gate(home, origin=gate.home.origin) as other:
        yes(other.home.desk, case)
    assert gate.call("pay", {"eur": 5}) == 5
    assert paid == [5]


def test_a_call_that_waits_goes_on_when_somebody_answers(gate: Gate, paid: list[int]) -> None:
    gate.waits = 20.0

    def answer() -> None:
        while not (waiting := gate.home.desk.cases()):
            time.sleep(0.01)
        yes(gate.home.desk, waiting[0])

    thread = threading.Thread(target=answer)
    thread.start()
    assert gate.call("pay", {"eur": 5}) == 5
    thread.join()
    assert paid == [5]


def test_tasks_that_wait(gate: Gate, paid: list[int]) -> None:
    gate.waits = 20.0

    async def main() -> list[Any]:
        calls = [asyncio.create_task(gate.acall("pay", {"eur": eur})) for eur in range(20)]
        desk = gate.home.desk
        while desk.count() < 20:
            await asyncio.sleep(0.01)
        for case in desk.cases():
            await asyncio.to_thread(yes, desk, case)
        return await asyncio.gather(*calls)

    assert asyncio.run(main()) == list(range(20))
    assert sorted(paid) == list(range(20))


def test_two_equal_calls_at_once_are_two_questions(gate: Gate, paid: list[int]) -> None:
    gate.waits = 20.0

    async def main() -> list[Any]:
        calls = [asyncio.create_task(gate.acall("pay", {"eur": 5})) for _ in range(2)]
        desk = gate.home.desk
        while desk.count() < 2:
            await asyncio.sleep(0.01)
        for case in desk.cases():
            await asyncio.to_thread(yes, desk, case)
        return await asyncio.gather(*calls)

    assert asyncio.run(main()) == [5, 5]
    assert paid == [5, 5]


def test_cancelling_the_call_leaves_the_question_answerable_and_harmless(gate: Gate, paid: list[int]) -> None:
    gate.waits = 20.0

    async def main() -> None:
        call = asyncio.create_task(gate.acall("pay", {"eur": 5}))
        while not gate.home.desk.count():
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(main())
    (case,) = gate.home.desk.cases()
    assert yes(gate.home.desk, case).state == "approved"
    assert paid == []
    assert gate.call("pay", {"eur": 5}) == 5, "whoever calls again takes the answer up"
    assert paid == [5]


def test_no_is_no_for_the_session(gate: Gate, paid: list[int], token: Any) -> None:
    case = asked(gate)
    gate.home.desk.deny(case.question.id, by="owner", method="page", reason="not this month")
    said = denied(lambda: gate.call("pay", {"eur": 5}), "not this month")
    assert "not asked again" in str(said)
    with gate.acting(token, session="s2"):
        asked(gate)
    gate.home.desk.withdraw(case.question.id, by="admin")
    asked(gate)
    assert paid == []


def test_a_late_no_counts_and_a_late_yes_does_not(gate: Gate, clock: FakeClock, paid: list[int]) -> None:
    case = asked(gate)
    clock.advance(600)
    with pytest.raises(Void, match="expired"):
        yes(gate.home.desk, case)
    assert gate.home.desk.deny(case.question.id, by="owner", method="page").state == "denied"
    denied(lambda: gate.call("pay", {"eur": 5}), "refused it")
    assert paid == []


def test_a_no_after_the_yes_counts_until_it_has_run(gate: Gate, paid: list[int]) -> None:
    case = asked(gate)
    approved = yes(gate.home.desk, case)
    gate.home.desk.deny(case.question.id, by="owner", method="page")
    with gate.approving(approved.answers[0].token):
        denied(lambda: gate.call("pay", {"eur": 5}), "refused the call after it was approved")
    assert paid == []
    case = asked(gate, eur=6)
    yes(gate.home.desk, case)
    gate.call("pay", {"eur": 6})
    with pytest.raises(Void, match="has run"):
        gate.home.desk.deny(case.question.id, by="owner", method="page")


def test_deny_and_stop(gate: Gate, token: Any, paid: list[int]) -> None:
    case = asked(gate)
    gate.home.desk.deny(case.question.id, by="owner", method="page", stop=True)
    denied(lambda: gate.call("pay", {"eur": 7}), "stopped")
    with gate.acting(token, session="s9"):
        denied(lambda: gate.call("pay", {"eur": 7}), "stopped")
    assert paid == []


def test_asking_back(gate: Gate, paid: list[int]) -> None:
    case = asked(gate)
    gate.home.desk.ask_back(case.question.id, by="owner", method="page", reason="which invoice?")
    denied(lambda: gate.call("pay", {"eur": 5}), "owner asks back: which invoice?")
    with gate.saying("invoice 17"):
        again = asked(gate)
    assert again.question.follows == case.question.id
    assert again.question.earlier == ("owner asked back: which invoice?",)
    assert again.question.words == "invoice 17"
    yes(gate.home.desk, again)
    assert gate.call("pay", {"eur": 5}) == 5


def test_asking_back_while_the_agent_waits(gate: Gate) -> None:
    gate.waits = 20.0
    later(gate, lambda case: gate.home.desk.ask_back(case.question.id, by="owner", method="page", reason="which invoice?"))
    denied(lambda: gate.call("pay", {"eur": 5}), "owner asks back: which invoice?")
    gate.waits = 0.0
    asked(gate)


def test_an_edit_is_a_new_call(gate: Gate, paid: list[int]) -> None:
    case = asked(gate)
    gate.home.desk.edit(case.question.id, by="owner", method="page", arguments={"eur": 3, "note": "less"})
    with gate.noticing() as notices:
        with pytest.raises(NeedsApproval) as caught:
            gate.call("pay", {"eur": 5})
        changed = caught.value.question
        assert changed is not None
        assert changed.binding_hash != case.question.binding_hash
        assert changed.arguments == {"eur": 3, "note": "less"}
        with pytest.raises(Void, match="not the one that was shown"):
            gate.home.desk.approve(changed.id, by="owner", binding_hash=case.question.binding_hash, method="page")
        yes(gate.home.desk, gate.home.desk.case(changed.id))  # type: ignore[arg-type]
        assert gate.call("pay", {"eur": 5}) == 3
    assert "owner changed 'eur' from 5 to 3" in notices
    assert changed.follows == case.question.id
    assert changed.earlier[0] == "owner changed 'eur' from 5 to 3"
    assert paid == [3]
    assert asked(gate).question.arguments["eur"] == 5, "an edit is good for one call, as a yes is"
    assert log(gate, "edit")[-1]["by"] == "owner"


def test_an_edit_that_the_capability_does_not_cover(gate: Gate, paid: list[int]) -> None:
    from gate.constraint import Range

    with gate.acting(gate.grant("agent-7", tools={"pay": {"eur": Range(max=10), "note": ANY}}), session="s3"):
        case = asked(gate)
        gate.home.desk.edit(case.question.id, by="owner", method="page", arguments={"eur": 5000, "note": ""})
        denied(lambda: gate.call("pay", {"eur": 5}), "eur")
        case = asked(gate, eur=6)
        gate.home.desk.edit(case.question.id, by="owner", method="page", arguments={"eur": "many", "note": ""})
        denied(lambda: gate.call("pay", {"eur": 6}), "eur")
    assert paid == []


def test_two_of_three(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, TWO)
    known(gate, "ann", "bob", "eve")
    desk, case = gate.home.desk, asked(gate)
    assert yes(desk, case, "ann").state == "open"
    with pytest.raises(Void, match="ann has approved it already"):
        yes(desk, case, "ann")
    with pytest.raises(Void, match="not among the approvers"):
        yes(desk, case, "owner")
    assert yes(desk, case, "bob").state == "approved"
    assert gate.call("pay", {"eur": 5}) == 5
    assert {each["approver"] for each in intents(gate)[0]["approvals"]} == {"ann", "bob"}


def test_part_presented_and_part_answered(gate: Gate, paid: list[int]) -> None:
    from tests.kit import sign_as

    write_rules(gate, TWO)
    known(gate, "ann", "bob", "eve")
    case = asked(gate)
    yes(gate.home.desk, case, "ann")
    with gate.approving(sign_as(gate, "bob", case.question)):
        assert gate.call("pay", {"eur": 5}) == 5


def test_who_may_not(gate: Gate, paid: list[int]) -> None:
    with gate.acting(gate.grant("agent-7", principal="ann", tools={"pay": ANY}), session="s4"):
        case = asked(gate)
        known(gate, "ann", "agent-7")
        for name, why in (("agent-7", "an agent cannot"), ("Ann", "acts for"), ("nobody", "no key")):
            with pytest.raises(Void, match=why):
                yes(gate.home.desk, case, name)
        assert gate.home.desk.case(case.question.id).state == "open"  # type: ignore[union-attr]


def test_several_calls_within_exactly_what_was_shown(gate: Gate, paid: list[int], token: Any) -> None:
    case = asked(gate)
    index = next(i for i, scope in enumerate(case.question.scopes) if scope.uses > 1)
    yes(gate.home.desk, case, scope=index, uses=3)
    assert [gate.call("pay", {"eur": 5}) for _ in range(3)] == [5, 5, 5]
    asked(gate)
    asked(gate, eur=6)
    with gate.acting(token, session="s2"):
        asked(gate)
    assert paid == [5, 5, 5]


def test_what_was_approved_for_several_calls_can_be_ended(gate: Gate, paid: list[int]) -> None:
    case = asked(gate)
    index = next(i for i, scope in enumerate(case.question.scopes) if scope.uses > 1)
    yes(gate.home.desk, case, scope=index, uses=3)
    gate.call("pay", {"eur": 5})
    gate.home.desk.deny(case.question.id, by="owner", method="page")
    denied(lambda: gate.call("pay", {"eur": 5}), "refused it")
    assert paid == [5]


def test_rows_are_no_authority(gate: Gate, paid: list[int]) -> None:
    """Somebody who can write the file, and has no key, says yes in it."""
    import sqlite3

    case = asked(gate)
    gate.home.ledger.flush()
    with sqlite3.connect(gate.home.path / "gate.db") as db:
        db.execute("UPDATE question SET state = 'approved'")
        db.execute("INSERT INTO answer VALUES (?, 0, ?)", (case.question.id, b'{"verdict":"approve","approver":"owner","token":"x.y.z","until":9e9}'))
    with pytest.raises(Denied):
        gate.call("pay", {"eur": 5})
    assert paid == []


def test_the_log_tells_all_of_it(gate: Gate, paid: list[int]) -> None:
    from gate.audit import verify

    case = asked(gate)
    yes(gate.home.desk, case, shown="digest-of-the-page", shown_at=1.0)
    gate.call("pay", {"eur": 5})
    gate.home.ledger.checkpoint()
    (question,), (answer,) = log(gate, "question"), log(gate, "answer")
    assert question["question"] == answer["question"] == case.question.id
    assert (answer["verdict"], answer["method"], answer["shown"], answer["state"]) == ("approve", "page", "digest-of-the-page", "approved")
    assert answer["token"] == gate.home.desk.case(case.question.id).answers[0].token  # type: ignore[union-attr]
    report = verify(gate.home.path / "gate.db", gate.home.verifier_key)
    assert report.problems == []


def later(gate: Gate, answer: Callable[[Case], Any]) -> None:
    def work() -> None:
        while not (waiting := gate.home.desk.cases()):
            time.sleep(0.01)
        answer(waiting[0])

    threading.Thread(target=work).start()


def test_an_older_ledger_gets_its_tables(tmp_path: Path) -> None:
    import sqlite3

    with Gate(tmp_path / ".gate") as gate:
        gate.home.ledger.flush()
    with sqlite3.connect(tmp_path / ".gate" / "gate.db") as db:
        for name in ("question", "answer", "lasting"):
            db.execute(f"DROP TABLE {name}")
        db.execute("PRAGMA user_version = 1")
    with Gate(tmp_path / ".gate") as gate:
        assert gate.home.desk.count() == 0


def test_a_question_that_somebody_rewrote(gate: Gate, paid: list[int]) -> None:
    """Its body takes the binding of a small payment that ann did approve; the large one must not run on it."""
    import contextlib
    import json
    import sqlite3

    from gate.answer import Answer
    from tests.kit import sign_as

    small, large = asked(gate, eur=1).question, asked(gate, eur=500).question
    token, home = sign_as(gate, "ann", small), gate.home
    gate.close()
    with contextlib.closing(sqlite3.connect(home.path / "gate.db")) as db, db:
        body = json.loads(db.execute("SELECT body FROM question WHERE id = ?", (large.id,)).fetchone()[0])
        body["binding_hash"] = small.binding_hash
        db.execute("UPDATE question SET state = 'approved', body = ? WHERE id = ?", (json.dumps(body).encode(), large.id))
        said = Answer("approve", "ann", token=token, until=home.now() + 200)
        db.execute("INSERT INTO answer VALUES (?, 0, ?)", (large.id, json.dumps(said.to_json()).encode()))
    denied(lambda: gate.call("pay", {"eur": 500}))
    assert paid == []


@pytest.mark.parametrize("member", ["approvers", "quorum", "chain", "risk"])
def test_who_may_answer_is_not_read_from_the_file(gate: Gate, paid: list[int], member: str) -> None:
    import contextlib
    import json
    import sqlite3

    write_rules(gate, TWO)
    known(gate, "ann", "mallory")
    case = asked(gate)
    gate.home.ledger.flush()
    with contextlib.closing(sqlite3.connect(gate.home.path / "gate.db")) as db, db:
        body = json.loads(db.execute("SELECT body FROM question").fetchone()[0])
        body[member] = {"approvers": ["mallory"], "quorum": 1, "chain": ["x"], "risk": "low"}[member]
        db.execute("UPDATE question SET quorum = 1, body = ?", (json.dumps(body).encode(),))
    for name in ("ann", "mallory"):
        try:
            yes(gate.home.desk, case, name)
        except (Void, TamperError):
            continue
    denied(lambda: gate.call("pay", {"eur": 5}), "gate verify")
    assert paid == []


def test_a_yes_that_was_signed_after_the_question_expired(gate: Gate, paid: list[int], clock: FakeClock) -> None:
    import dataclasses

    from tests.kit import sign_as

    question = asked(gate).question
    clock.advance(700)
    late = dataclasses.replace(question, expires=question.expires + 1000)
    with gate.approving(sign_as(gate, "ann", late)):
        denied(lambda: gate.call("pay", {"eur": 5}), "expired")
    assert paid == []


def test_an_answer_survives_that_the_call_was_refused_for_something_else(gate: Gate, paid: list[int]) -> None:
    from gate.testing import ScriptedApprover

    gate.approvers = (ScriptedApprover(gate, [True], meanwhile=lambda: gate.stop(agent="agent-7")),)
    denied(lambda: gate.call("pay", {"eur": 5}), "stopped")
    gate.resume(agent="agent-7")
    gate.approvers = ()
    assert gate.call("pay", {"eur": 5}) == 5


def test_a_process_that_waited_is_killed(gate: Gate, paid: list[int], token: Any) -> None:
    from tests.children import child

    def waits() -> None:
        gate.waits = 60.0
        gate.call("pay", {"eur": 5})

    process = child(waits)
    desk = gate.home.desk
    while not desk.count():
        desk.wait(desk.turn, 0.1)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    (case,) = desk.cases()
    yes(desk, case)
    assert gate.call("pay", {"eur": 5}) == 5


# ---- found by a reviewer who attacked it


def test_nobody_answers_in_time(gate: Gate, clock: FakeClock) -> None:
    """The row of an expiry names nobody, and is read all the same."""
    question = asked(gate).question
    clock.advance(600)
    gate.home.desk.expire(question.id)
    case = gate.home.desk.case(question.id)
    assert case is not None
    assert (case.state, case.answers[-1].verdict) == ("expired", "expire")


def test_what_was_edited_stays_edited(gate: Gate) -> None:
    case = asked(gate)
    gate.home.desk.edit(case.question.id, by="owner", method="page", arguments={"eur": 3, "note": ""})
    changed = asked(gate)
    yes(gate.home.desk, changed)
    assert gate.call("pay", {"eur": 5}) == 3
    assert gate.home.desk.case(case.question.id).state == "edited"  # type: ignore[union-attr]


def test_an_edit_that_cannot_be_made_ends_the_question(gate: Gate, paid: list[int]) -> None:
    case = asked(gate)
    gate.home.desk.edit(case.question.id, by="owner", method="page", arguments={"eur": "lots", "note": ""})
    denied(lambda: gate.call("pay", {"eur": 5}), "eur")
    assert asked(gate).question.id != case.question.id, "the agent may ask again for what it wanted"


def test_a_passkey_is_asked_of_presented_approvals_too(gate: Gate, paid: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.kit import sign_as

    question = asked(gate).question
    monkeypatch.setattr(gate.home, "wants_passkey", lambda risk: True)
    with gate.approving(sign_as(gate, "ann", question)):
        denied(lambda: gate.call("pay", {"eur": 5}), "passkey")
    assert paid == []


def test_a_person_who_is_taken_out_while_the_other_thinks(gate: Gate, paid: list[int]) -> None:
    from gate.testing import ScriptedApprover
    from tests.kit import sign_as

    write_rules(gate, TWO)
    token = sign_as(gate, "ann", asked(gate).question)
    keys = gate.home.keys.directory
    gate.approvers = (ScriptedApprover(gate, [True], name="bob", meanwhile=(keys / "approver-ann.jwk").unlink),)
    with gate.approving(token):
        denied(lambda: gate.call("pay", {"eur": 5}), "has ended")
    assert paid == []


def test_arguments_as_deep_as_a_call_may_hold(gate: Gate) -> None:
    deep: Any = 1
    for _ in range(32):
        deep = [deep]

    @gate.tool
    def take(deep: Any) -> int:
        return 1

    with gate.acting(gate.grant("agent-7", tools={"take": ANY}), session="deep"):
        with pytest.raises(NeedsApproval) as caught:
            gate.call("take", {"deep": deep})
        assert caught.value.question is not None
        assert gate.home.desk.case(caught.value.question.id) is not None


def test_a_lasting_yes_is_taken_back(gate: Gate, paid: list[int]) -> None:
    case = asked(gate)
    yes(gate.home.desk, case, scope=1)
    gate.call("pay", {"eur": 5})
    gate.home.desk.withdraw(case.question.id, by="admin")
    asked(gate)
    assert paid == [5]


def test_two_of_a_group(gate: Gate, paid: list[int]) -> None:
    write_rules(gate, '[[rule]]\nid = "two"\nask = { tool = "*", approvers = ["@treasury"], quorum = 2 }\n')
    people = "".join(f'[[person]]\nname = "{name}"\ngroups = ["treasury"]\n' for name in ("ann", "bob"))
    (gate.home.path.parent / "approvers.toml").write_text(people + '[[person]]\nname = "eve"\n')
    case = asked(gate)
    with pytest.raises(Void, match="not among"):
        yes(gate.home.desk, case, "eve")
    yes(gate.home.desk, case, "ann")
    yes(gate.home.desk, case, "bob")
    assert gate.call("pay", {"eur": 5}) == 5


def test_an_answer_after_the_caller_gave_up(gate: Gate, paid: list[int]) -> None:
    """A person types no at a prompt whose call was cancelled: it is kept, and the agent stopped."""
    from gate.answer import Answer
    from gate.ask import Question

    typed = threading.Event()

    class Slow:
        name = "owner"

        def ask(self, question: Question) -> Answer | None:
            typed.wait(10)
            return Answer("deny", self.name, stop=True, method="terminal")

    gate.approvers = (Slow(),)

    async def main() -> None:
        call = asyncio.create_task(gate.acall("pay", {"eur": 5}))
        while not gate.home.desk.count():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        typed.set()
        while gate.home.desk.count():
            await asyncio.sleep(0.01)

    asyncio.run(main())
    gate.approvers = ()
    denied(lambda: gate.call("pay", {"eur": 7}), "stopped")
    assert paid == []


def test_a_question_that_cannot_be_read_is_ended(gate: Gate) -> None:
    import contextlib
    import sqlite3

    from gate.audit import verify

    case = asked(gate)
    gate.home.ledger.flush()
    with contextlib.closing(sqlite3.connect(gate.home.path / "gate.db")) as db, db:
        db.execute("UPDATE question SET body = x'00'")
    with pytest.raises(TamperError):
        gate.home.desk.case(case.question.id)
    gate.home.desk.withdraw(case.question.id, by="admin", reason="spoiled")
    gate.home.ledger.flush()
    assert gate.home.ledger.query("SELECT state FROM question") == [("withdrawn",)]
    assert log(gate, "answer")[-1]["verdict"] == "withdraw"
    assert verify(gate.home.path / "gate.db", gate.home.verifier_key).problems == []
    asked(gate)
    with pytest.raises(Void, match="no such question"):
        gate.home.desk.withdraw("nobody-asked-it", by="admin")


@pytest.mark.parametrize("risk", [3, 99])
def test_a_question_whose_text_was_taken_out_is_no_question(gate: Gate, paid: list[int], risk: int) -> None:
    """Only who counts what was asked does without the text of a row; nobody is shown it, or may answer it."""
    import contextlib
    import sqlite3

    case = asked(gate)
    gate.home.ledger.flush()
    with contextlib.closing(sqlite3.connect(gate.home.path / "gate.db")) as db, db:
        db.execute("UPDATE question SET body = x'', risk = ?", (risk,))
    desk = gate.home.desk
    with pytest.raises(TamperError):
        desk.case(case.question.id)
    assert desk.cases("open", "approved") == desk.since(0.0) == []
    assert len(desk.since(0.0, whole=False)) == (1 if risk == 3 else 0)
    assert paid == []
