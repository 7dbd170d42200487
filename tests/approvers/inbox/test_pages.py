"""What the pages say, and what the forms do, without a browser."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gate import ANY, Gate, NeedsApproval, Question
from gate.approvers.document import document, facts
from gate.approvers.inbox.html import environment
from gate.approvers.inbox.seal import digest
from gate.ask import ONCE, Scope
from gate.testing import FakeClock
from tests.approvers.inbox.kit import Browser, ask, like, put, states
from tests.kit import log

LASTING = Scope(
    "this note, in this session",
    {"text": {"constraint_type": "exact", "value": "hello"}, "place": {"constraint_type": "exact", "value": "notes.md"}},
    5,
    1800.0,
)


def written(page: str) -> str:
    """What a reader sees of a page."""
    import html

    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


@pytest.fixture
def low(gate: Gate, ann: Browser) -> Question:
    return ask(gate, "note", {"text": "hello"}, words="please")


def test_every_fact_of_the_document_is_on_the_page(gate: Gate, ann: Browser) -> None:
    asked = ask(gate, "remove", {"path": "/a/<b>\u202e x"}, words="one\ntwo <b>", task="tidy & up")
    case = gate.home.desk.case(asked.id)
    assert case is not None
    page = written(ann.get(f"/questions/{asked.id}").text).replace(" ", "")
    for fact in facts(document(case, now=gate.home.now())):
        assert fact.replace(" ", "") in page, fact


def test_the_order_is_call_number_consequences_reasons_and_the_agent_s_words_last(gate: Gate, ann: Browser) -> None:
    asked = ask(gate, "remove", {"path": "/a"}, words="trust me")
    page = ann.get(f"/questions/{asked.id}").text
    places = [
        page.index(text)
        for text in (
            "<h2",
            "Exact call",
            f"<b>{asked.number}</b>",
            "What will happen",
            "Why you are asked",
            "Who asks",
            "trust me",
            'id="deny"',
            'id="approve"',
        )
    ]
    assert places == sorted(places)


def test_no_emphasis_and_no_bar_that_stays_above_low(gate: Gate, ann: Browser) -> None:
    """The style gives an emphasised Approve, and a bar that stays in sight, to low risk alone."""
    style = ann.get("/static/inbox.css").text
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", style)
    assert all(".risk-low" in name for name, body in rules if "button.approve" in name and "background" in body)
    assert all(".risk-low" in name for name, body in rules if "position: sticky" in body and ".answer" in name)


def test_the_digest_kept_is_that_of_the_bytes_shown(gate: Gate, ann: Browser, low: Question) -> None:
    """Anybody can make the article again from the case and the moment, and gets the same bytes."""
    page = ann.get(f"/questions/{low.id}").text
    article = re.search(r"(?s)<article.*?</article>", page)
    assert article
    assert ann.answer(low, "deny", ann.seal(low)).status_code == 303
    case = gate.home.desk.case(low.id)
    assert case is not None and case.closing is not None
    assert case.closing.shown == digest(article[0].encode()) and case.closing.shown_at == gate.home.now() and case.closing.method == "page"
    assert environment().get_template("article.html")


def test_the_record_says_what_was_shown_to_whom(gate: Gate, ann: Browser, low: Question) -> None:
    ann.approve(low)
    told = [record for record in log(gate, "answer") if record.get("question") == low.id]
    assert told and "page" in str(told[-1]) and gate.home.desk.case(low.id).closing.shown in str(told[-1])  # type: ignore[union-attr]


def test_the_list_is_in_order_of_urgency_and_paged(gate: Gate, ann: Browser, low: Question, clock: FakeClock) -> None:
    high, wire = ask(gate, "remove", {"path": "/a"}), ask(gate, "wire", {"eur": 1, "to": "x"})
    page = ann.get("/").text
    assert re.findall(r'href="/questions/([^"/]+)" class', page) == [wire.id, high.id, low.id]
    assert "<title>(3) Approvals</title>" in page and "3 waiting" in page and "0 of 2 approvals" in page
    for number in range(60):
        put(gate, like(low, id=f"n{number:03}", expires=low.expires + number))
    first, second = ann.get("/").text, ann.get("/?page=2").text
    assert first.count("<li><a") == 50 and second.count("<li><a") == 13 and "?page=2" in first and "?page=1" in second
    for odd in ("0", "-1", "x", "9" * 30, "٣", ""):
        assert ann.get("/", params={"page": odd}).status_code == 200
    only = ann.get("/", headers={"x-inbox": "list"}).text
    assert only.startswith('<ol class="cards" id="waiting"') and "<html" not in only


def test_the_deadline_is_warned_of_without_a_script(gate: Gate, ann: Browser, low: Question, clock: FakeClock) -> None:
    for seconds, stage in ((0, 0), (301, 1), (240, 2)):
        clock.advance(seconds)
        assert f'data-stage="{stage}" data-announce="yes"' in ann.get(f"/questions/{low.id}").text
    clock.advance(60)
    page = ann.get(f"/questions/{low.id}").text
    assert "Too late" in page and 'id="deny"' in page and 'id="approve"' not in page


def test_deny_with_a_reason_stops_the_call_and_the_agent_reads_it(gate: Gate, ann: Browser, low: Question) -> None:
    reply = ann.answer(low, "deny", reason="not on a Friday <b>")
    assert reply.headers["location"] == f"/questions/{low.id}"
    page = ann.get(reply.headers["location"]).text
    assert "not on a Friday &lt;b&gt;" in page and "<h2>Denied</h2>" in page and "<form" not in page.split("<article")[1].split("</article>")[0]
    closing = gate.home.desk.case(low.id).closing  # type: ignore[union-attr]
    assert closing is not None and (closing.reason, closing.stop) == ("not on a Friday <b>", False)


def test_deny_and_stop_the_agent(gate: Gate, ann: Browser, low: Question) -> None:
    assert ann.answer(low, "deny", stop="yes").status_code == 303
    case = gate.home.desk.case(low.id)
    assert case is not None and case.closing is not None and case.closing.stop


def test_ask_back_and_hand_over(gate: Gate, ann: Browser, low: Question) -> None:
    assert ann.answer(low, "ask-back", reason=" ").status_code == 400
    assert ann.answer(low, "hand-over", to="").status_code == 400
    assert ann.answer(low, "hand-over", to="agent-7").status_code == 409
    assert ann.answer(low, "hand-over", to="bob").status_code == 303
    assert "with bob" in written(ann.get("/").text)
    assert ann.answer(low, "ask-back", reason="which file?").status_code == 303
    assert states(gate)(low) == "returned" and "which file?" in ann.get(f"/questions/{low.id}").text


def test_the_narrowest_grant_is_chosen_and_a_wider_one_is_cut_down(gate: Gate, ann: Browser, low: Question) -> None:
    asked = put(gate, like(low, id="wider", scopes=(ONCE, LASTING)))
    page = ann.get("/questions/wider").text
    assert re.findall(r'name="scope" value="([0-9])"( checked)?', page) == [("0", " checked"), ("1", "")]
    assert 'name="uses" min="1" max="5"' in page
    for fields in ({"uses": "6"}, {"minutes": "31"}, {"uses": "0"}, {"minutes": "0.5"}):
        assert ann.answer(asked, "approve", scope="1", **fields).status_code in {400, 409}
    assert states(gate)(asked) == "open"
    assert ann.answer(asked, "approve", scope="1", uses="3", minutes="10").status_code == 303
    closing = gate.home.desk.case("wider").closing  # type: ignore[union-attr]
    assert closing is not None and closing.lasting and closing.granted


def test_edit_leads_to_another_call(gate: Gate, ann: Browser, clock: FakeClock) -> None:
    """The agent calls again, gets the changed call, which is asked about anew, and the page leads from the one to the other."""
    granted = gate.grant("agent-7", principal="dana", tools={"note": ANY})

    def call() -> Question:
        with gate.acting(granted, session="s9", task="t"), pytest.raises(NeedsApproval) as caught:
            gate.call("note", {"text": "hello\nthere"})
        assert caught.value.question is not None
        return caught.value.question

    asked = call()
    seal = ann.seal(asked, "/edit")
    page = ann.get(f"/questions/{asked.id}/edit").text
    assert "hello\nthere</textarea>" in page and "notes.md</textarea>" in page
    same = ann.answer(asked, "edit", seal, **{"argument-0": "hello\r\nthere", "argument-1": "notes.md"})
    assert same.status_code == 409 and "nothing is changed" in same.text
    assert ann.answer(asked, "edit", seal, **{"argument-0": "x"}).status_code == 400
    assert ann.answer(asked, "edit", seal, **{"argument-0": "hello\r\nall", "argument-1": "notes.md"}).status_code == 303
    assert states(gate)(asked) == "edited"
    assert "The call was changed" in ann.get(f"/questions/{asked.id}").text
    clock.advance(1)
    follow = call()
    assert follow.arguments["text"] == "hello\nall"
    assert f'href="/questions/{follow.id}"' in ann.get(f"/questions/{asked.id}").text


def test_what_is_no_json_is_said_and_what_was_typed_stays(gate: Gate, ann: Browser) -> None:
    asked = put(gate, like(ask(gate, "note", {"text": "x"}), id="jsons", arguments={"n": 5, "t": "tab\there"}))
    page = ann.get("/questions/jsons/edit").text
    assert "as JSON" in page and "&#34;tab\\there&#34;</textarea>" in page
    reply = ann.answer(asked, "edit", ann.seal(asked, "/edit"), **{"argument-0": "{<b>", "argument-1": '"x"'})
    assert reply.status_code == 400 and "is no JSON" in reply.text and "{&lt;b&gt;</textarea>" in reply.text
    assert states(gate)(asked) == "open"


def three(gate: Gate, **more: str) -> list[Question]:
    """Questions of one agent and task, under one capability."""
    granted = gate.grant("agent-7", principal="dana", tools={"note": ANY, "send": ANY, "remove": ANY})
    found = []
    with gate.acting(granted, session="s1", task="tidy up"):
        for tool, arguments in (
            ("note", {"text": "one"}),
            ("note", {"text": "two"}),
            ("note", {"text": "three"}),
            ("send", {"to": "x", "text": "y"}),
            ("remove", {"path": "/"}),
        ):
            with pytest.raises(NeedsApproval) as caught:
                gate.call(tool, arguments)
            assert caught.value.question is not None
            found.append(caught.value.question)
    return found


def batch(browser: Browser, first: Question, verdict: str, *ticked: Question, also: tuple[Question, ...] = (), **more: str) -> int:
    """Posts the form of a batch as its page has it, with the seals of the pages of others where `also` says so; the status."""
    page = browser.get(f"/questions/{first.id}/batch").text
    seals = dict(re.findall(r'name="(seal-[^"]+)" value="([^"]+)"', page)) | {f"seal-{one.id}": browser.seal(one) for one in also}
    return browser.post(
        f"/questions/{first.id}/batch", {"verdict": verdict, **seals, **{f"tick-{one.id}": "yes" for one in ticked}, **more}
    ).status_code


def test_a_batch_shows_every_call_in_full_and_never_mixes_risks(gate: Gate, ann: Browser) -> None:
    one, two, three_, send, remove = three(gate)
    assert any(f'href="/questions/{asked.id}/batch"' in ann.get("/").text for asked in (one, two, three_))  # whichever stands first
    page = ann.get(f"/questions/{one.id}/batch").text
    assert all(f'name="tick-{asked.id}"' in page for asked in (one, two, three_)) and send.id not in page.split("<main")[1] and "checked" not in page
    assert ann.get(f"/questions/{remove.id}/batch").status_code == 404 and ann.get(f"/questions/{send.id}/batch").status_code == 404


def test_a_batch_approves_what_is_ticked(gate: Gate, ann: Browser) -> None:
    one, two, three_, *_ = three(gate)
    assert batch(ann, one, "approve") == 409
    assert batch(ann, one, "approve", one, three_) == 303
    assert [states(gate)(asked) for asked in (one, two, three_)] == ["approved", "open", "approved"]


def test_a_batch_denies_all(gate: Gate, ann: Browser) -> None:
    one, two, three_, send, remove = three(gate)
    assert batch(ann, one, "deny", one, reason="none of these") == 303
    assert [states(gate)(asked) for asked in (one, two, three_, send, remove)] == ["denied"] * 3 + ["open"] * 2


def test_a_batch_is_no_way_around_what_is_answered_alone(gate: Gate, ann: Browser) -> None:
    """A grave call, one of another risk, one that is over, or somebody else's: then none of those ticked is approved."""
    one, two, three_, send, remove = three(gate)
    other = ask(gate, "note", {"text": "z"}, agent="agent-8")
    for wrong in (remove, send, other):
        assert batch(ann, one, "approve", one, wrong, also=(wrong,)) == 409
    seal = {f"seal-{asked.id}": ann.seal(asked) for asked in (one, two)}
    Browser(gate, "bob").answer(two, "deny")
    both = {f"tick-{one.id}": "yes", f"tick-{two.id}": "yes"}
    assert ann.post(f"/questions/{one.id}/batch", {"verdict": "approve", **seal, **both}).status_code == 409
    assert ann.post(f"/questions/{one.id}/batch", {"verdict": "approve", **both, f"seal-{one.id}": seal[f"seal-{two.id}"]}).status_code == 403
    assert [states(gate)(asked) for asked in (one, two, send, remove, other)] == ["open", "denied", "open", "open", "open"]


def test_a_batch_that_somebody_else_cuts_in_on_says_what_was_approved(gate: Gate, ann: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three_, *_ = three(gate)
    desk = type(gate.home.desk)
    approve = desk.approve

    def slow(self: Any, *args: Any, **given: Any) -> Any:
        made = approve(self, *args, **given)
        self.deny(two.id, by="bob", reason="no")
        return made

    monkeypatch.setattr(desk, "approve", slow)
    page = ann.get(f"/questions/{one.id}/batch").text
    seals = dict(re.findall(r'name="(seal-[^"]+)" value="([^"]+)"', page))
    reply = ann.post(f"/questions/{one.id}/batch", {"verdict": "approve", **seals, **{f"tick-{asked.id}": "yes" for asked in (one, two, three_)}})
    assert reply.status_code == 409 and "1 of the 3 that you ticked are approved" in reply.text and "Nothing was decided" not in reply.text
    assert [states(gate)(asked) for asked in (one, two, three_)] == ["approved", "denied", "open"]


def test_what_is_over_is_in_the_list_of_what_is_decided(gate: Gate, ann: Browser, low: Question) -> None:
    ann.answer(low, "deny", reason="no")
    page = written(ann.get("/decided").text)
    assert "denied" in page and "ann" in page and "Nothing is waiting" in written(ann.get("/").text)


def test_figures(gate: Gate, ann: Browser, low: Question) -> None:
    ann.answer(low, "deny")
    page = written(ann.get("/figures").text)
    assert "Figures of the last 30 days" in page and "ann" in page and "questions 1" in page


def test_the_next_question_is_offered(gate: Gate, ann: Browser, low: Question) -> None:
    high = ask(gate, "remove", {"path": "/a"})
    ann.answer(low, "deny")
    assert f'<a href="/questions/{high.id}">Next:' in ann.get(f"/questions/{low.id}").text


def test_a_yes_that_waits_for_its_call_can_be_taken_back(gate: Gate, ann: Browser, low: Question) -> None:
    ann.approve(low)
    page = ann.get(f"/questions/{low.id}").text
    assert "A no still counts" in page
    assert ann.answer(low, "deny").status_code == 303 and states(gate)(low) == "denied"


def test_a_page_that_is_not_there(ann: Browser) -> None:
    for path in ("/questions/none", "/questions/none/edit", "/none"):
        reply = ann.get(path)
        assert reply.status_code == 404 and "no such page" in reply.text
    assert ann.send("PUT", "/").status_code == 405


def test_the_state_of_a_question_for_a_page_that_is_open(gate: Gate, ann: Browser, low: Question) -> None:
    before = ann.get(f"/questions/{low.id}/state").json()
    ann.answer(low, "deny")
    after = ann.get(f"/questions/{low.id}/state").json()
    assert before["state"] == "open" and after["state"] == "denied" and before["turn"] != after["turn"]


def test_where_the_gate_cannot_do_its_work_nothing_is_decided(gate: Gate, ann: Browser, low: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    from gate.errors import Unavailable

    def broken(*_: object, **__: object) -> None:
        raise Unavailable("the disk is full")

    seal = ann.seal(low)
    monkeypatch.setattr(type(gate.home.desk), "_say", broken)
    reply = ann.answer(low, "approve", seal)
    assert reply.status_code == 503 and "the disk is full" in reply.text and "Nothing was decided" in reply.text
    monkeypatch.undo()
    assert states(gate)(low) == "open"


def test_a_thousand_waiting_questions(gate: Gate, ann: Browser, low: Question) -> None:
    """Every one of them is on exactly one page of the list, and a page is no larger than with fifty."""
    for number in range(999):
        put(gate, like(low, id=f"n{number:04}", expires=low.expires + number + 1))
    found: list[str] = []
    for page in range(1, 22):
        reply = ann.get(f"/?page={page}")
        assert len(reply.content) < 60_000 and "1000 waiting" in reply.text
        found += re.findall(r'href="/questions/([^"/]+)" class', reply.text)
    assert len(found) == len(set(found)) == 1000 and found[0] == low.id
    question = ann.get(f"/questions/{found[-1]}").text
    assert question.count('<li><a href="/questions/') == 25 and "All 1000" in question
    assert ann.answer(like(low, id=found[-1]), "deny", ann.seal(like(low, id=found[-1]))).status_code == 303
    assert "999 waiting" in ann.get("/").text
