"""Telling people for real: over loopback, through restarts, past a channel that is slow or down."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import Gate
from gate.approvers.notify import Notifier
from gate.approvers.notifyplan import Told
from gate.approvers.notifytold import NAME, ToldFile
from gate.approvers.slack import SlackChannel
from gate.approvers.webhook import WebhookChannel
from gate.approvers.webhooksign import check
from gate.errors import ConfigError
from gate.people import Asking, Inbox, Kept, People, Person, Settings, Slack, Webhook
from tests.approvers.receivers import KEYS, SECRET, FakeSlack, Got, answer, receiver, webhook_headers
from tests.approvers.test_webhookanswer import RULES, asked, call, home, says
from tests.kit import log, look_again, python, write_rules

__all__ = ["home"]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    made = FakeSlack()
    monkeypatch.setenv("GATE_SLACK", made.token)
    yield made
    made.close()


def book(*people: Person, hooks: tuple[tuple[str, str], ...] = (), slack: FakeSlack | None = None, channel: str = "") -> People:
    kept = Kept("env", "GATE_SLACK")
    where = Slack(kept, kept, channel=channel, api=slack.api) if slack else None
    webhooks = tuple([Webhook(name, url, Kept("env", "GATE_PAGER")) for name, url in hooks])
    return People(people, Settings(webhooks, where, Inbox("https://approve.example.com"), Asking((0.5, 0.9), 60.0)))


def notifier(gate: Gate, people: People, **more: Any) -> Notifier:
    now = gate.home.now
    return Notifier(
        gate.home.desk, lambda: people, {"slack": SlackChannel(now, pace=0.01), "webhook": WebhookChannel(now, pace=0.01)}, every=0.05, **more
    )


def until(held: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def settled(each: Notifier) -> None:
    """Looks until nothing is due and nothing on its way."""
    until(lambda: each.step() == 0 and not each._flying)


BOB = Person("bob", slack="UBOB", notify=("slack",))
CY = Person("cy", slack="UCY", notify=("slack",))


def test_a_question_a_reminder_and_how_it_went(home: Gate, slack: FakeSlack, clock: Any) -> None:
    each = notifier(home, book(BOB, CY, slack=slack))
    question = asked(home)
    settled(each)
    assert list(slack.messages) == [("DBOB", "1.000100")] and not slack.replies_to
    clock.advance(61)
    settled(each)
    assert list(slack.messages) == [("DBOB", "1.000100"), ("DCY", "2.000100")], "the next person after escalate_after"
    clock.advance(240)
    settled(each)
    assert sorted(reply["thread_ts"] for reply in slack.replies_to) == ["1.000100", "2.000100"] and "4 min 59 s left" in json.dumps(
        slack.replies_to[0]["blocks"]
    )
    home.home.desk.deny(question.id, by="bob", method="page")
    settled(each)
    assert all("denied" in json.dumps(message["blocks"]) and "gate-deny" not in json.dumps(message["blocks"]) for message in slack.messages.values())
    told = log(home, "told")
    assert [(record["person"], record["what"], record["ok"]) for record in told[:2]] == [("bob", "question", True), ("cy", "question", True)]
    assert {record["question"] for record in told} == {question.id} and len(told) == 6
    each.close()


def test_a_common_channel_calls_each_person_and_has_one_message(home: Gate, slack: FakeSlack, clock: Any) -> None:
    each = notifier(home, book(BOB, CY, slack=slack, channel="C0PS"))
    question = asked(home)
    settled(each)
    clock.advance(61)
    settled(each)
    assert list(slack.messages) == [("C0PS", "1.000100")] and slack.messages["C0PS", "1.000100"]["text"].startswith("<@UBOB> ")
    assert [reply["blocks"][0]["elements"][0]["elements"][0] for reply in slack.replies_to] == [{"type": "user", "user_id": "UCY"}]
    home.home.desk.deny(question.id, by="cy", method="page")
    settled(each)
    assert sum(got.path.endswith("chat.update") for got in slack.got) == 1
    each.close()


def test_what_an_agent_writes_calls_nobody_in_slack(home: Gate, slack: FakeSlack, clock: Any) -> None:
    each = notifier(home, book(BOB, slack=slack, channel="C0PS"))

    @home.tool(name="say")
    def say(text: str) -> None: ...

    from gate import ANY, NeedsApproval

    write_rules(home, '[[rule]]\nid = "a"\nask = { tool = "*" }\n')
    look_again(home)
    with home.acting(home.grant("<!channel>", tools={"say": ANY})), pytest.raises(NeedsApproval):
        home.call("say", {"text": "<!here> <@UEVE> <https://evil.example|ok> *bold*"})
    settled(each)
    message = next(iter(slack.messages.values()))
    assert "<!" not in message["text"] and "<@UEVE>" not in message["text"] and message["text"].startswith("<@UBOB> &lt;!channel&gt;")
    clock.advance(301)
    settled(each)
    said = [*message["blocks"], *slack.replies_to[0]["blocks"]]
    assert said[0]["elements"][0]["elements"] == [{"type": "user", "user_id": "UBOB"}]
    assert "mrkdwn" not in json.dumps(said) and json.dumps(said).count('"user_id"') == 2 and "<!" not in slack.replies_to[0]["text"]
    each.close()


def test_slack_asks_to_wait(home: Gate, slack: FakeSlack) -> None:
    slack.limits = ["0", "1"]
    each = notifier(home, book(BOB, slack=slack))
    asked(home)
    settled(each)
    assert len(slack.messages) == 1 and len(slack.got) == 3
    each.close()


def test_a_wrong_token_is_said_and_not_shown(home: Gate, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_SLACK", "xoxb-wrong")
    each = notifier(home, book(BOB, slack=slack))
    asked(home)
    settled(each)
    (record,) = log(home, "told")
    assert (record["ok"], record["error"]) == (False, "Slack said invalid_auth to chat.postMessage")
    each.close()


def test_a_webhook_gets_signed_messages_with_everything_that_is_shown(home: Gate) -> None:
    with receiver() as pager, receiver() as tickets:
        each = notifier(home, book(Person("bob", notify=("webhook:pager",)), hooks=(("pager", pager.url + "/x"), ("tickets", tickets.url))))
        question = asked(home)
        settled(each)
        got, other = pager.got[0], tickets.got[0]
        for one in (got, other):
            headers = [one.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")]
            check(KEYS, *headers, one.body, now=time.time())
        data = got.json["data"]
        assert (got.path, got.json["type"], data["person"], other.json["data"]["person"]) == ("/x", "approval.question", "bob", "")
        assert data["binding_hash"] == question.binding_hash and data["approvable"] and data["document"]["number"] == question.number
        assert data["url"] == f"https://approve.example.com/questions/{question.id}"
        home.home.desk.approve(question.id, by="bob", binding_hash=question.binding_hash, method="page", number=question.number)
        settled(each)
        assert [one.json["type"] for one in pager.got] == ["approval.question", "approval.answered"]
        assert pager.got[1].json["data"]["state"] == "approved" and pager.got[1].headers["webhook-id"] != got.headers["webhook-id"]
        each.close()


def test_a_receiver_that_is_down_is_passed_over_and_tried_again_later(home: Gate, slack: FakeSlack, clock: Any) -> None:
    with receiver(answer(410)) as pager:
        ann = Person("ann", notify=("webhook:pager",))
        each = notifier(home, book(ann, BOB, hooks=(("pager", pager.url),), slack=slack))
        asked(home)
        settled(each)
        assert len(pager.got) == 1 and list(slack.messages) == [("DBOB", "1.000100")]
        pager.replies = [answer(200)]
        clock.advance(61)
        settled(each)
        assert len(pager.got) == 2
        assert pager.got[0].headers["webhook-id"] == pager.got[1].headers["webhook-id"], "the same message, sent again"
        each.close()


def test_a_slow_receiver_holds_up_neither_calls_nor_other_channels(home: Gate, slack: FakeSlack) -> None:
    import threading

    release = threading.Event()

    def slow(handler: Any, got: Got) -> None:
        release.wait(20)
        answer(200)(handler, got)

    with receiver(slow) as tickets:
        each = notifier(home, book(BOB, hooks=(("tickets", tickets.url),), slack=slack))
        each.start()
        questions = [asked(home, eur=number) for number in range(4)]
        until(lambda: len(slack.messages) == 4)
        assert len(tickets.got) <= 2, "at most two on their way"
        home.home.desk.deny(questions[0].id, by="bob", method="page")
        until(lambda: any("denied" in json.dumps(message["blocks"]) for message in slack.messages.values()))
        release.set()
        until(lambda: len(tickets.got) >= 4)
        each.close()


def test_a_restart_neither_repeats_nor_forgets(home: Gate, slack: FakeSlack, clock: Any) -> None:
    people = book(BOB, slack=slack)
    first = notifier(home, people)
    question = asked(home)
    settled(first)
    first.close()
    home.home.desk.deny(question.id, by="bob", method="page")
    other = asked(home, eur=6)
    second = notifier(home, people)
    settled(second)
    assert len(slack.messages) == 2 and "denied" in json.dumps(slack.messages["DBOB", "1.000100"])
    second.close()
    third = notifier(home, people)
    before = len(slack.got)
    settled(third)
    assert len(slack.got) == before and third.told.find(other.id, "slack") is not None
    third.close()


def test_only_one_process_tells(home: Gate, slack: FakeSlack) -> None:
    people = book(BOB, slack=slack)
    first, second = notifier(home, people), notifier(home, people)
    asked(home)
    settled(first)
    assert second.step() == 0 and len(slack.messages) == 1
    with pytest.raises(ConfigError, match="another process"):
        second.told.add(Told("q", "", "question", "slack", ok=True, at=0.0))
    first.close()
    settled(second)
    assert len(slack.messages) == 1
    second.close()


def test_what_was_told_is_its_owners_alone_and_a_torn_line_is_none(tmp_path: Path) -> None:
    folder = tmp_path / ".gate"
    one = ToldFile(folder)
    assert one.hold(now=1000.0)
    told = Told("q", "bob", "question", "slack", ok=True, at=1000.0, mark="D1 1.1 x")
    one.add(told)
    one.close()
    path = folder / NAME
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("ab") as file:
        file.write(b'["q2","bob","question","slack",true,1')
    two = ToldFile(folder)
    assert two.hold(now=1001.0) and two.all() == [told] and two.find("q", "slack", "D1 1.1 ") == told and two.find("q", "slack", "D2") is None
    two.close()
    late = ToldFile(folder)
    assert late.hold(now=1000.0 + 8 * 86400) and late.all() == [told], "a question may wait for seven days"
    late.add(told._replace(question="q9", at=1000.0 + 8 * 86400))
    assert late.hold(now=1000.0 + 9 * 86400 + 3601) and [each.question for each in late.all()] == ["q9"]
    late.add(told._replace(question="q10", at=1000.0 + 9 * 86400))
    late.close()
    assert [json.loads(line)[0] for line in path.read_text().splitlines()] == ["q9", "q10"]
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="can be used by others"):
        ToldFile(folder).hold(now=0.0)
    path.unlink()
    os.symlink(tmp_path / "elsewhere", path)
    with pytest.raises(OSError, match="symbolic"):
        ToldFile(folder).hold(now=0.0)


def test_a_wrong_people_file_ends_nothing_and_is_said_once(home: Gate, slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    wrong = [True]

    def people() -> People:
        if wrong:
            raise ConfigError("approvers.toml:1: wrong")
        return book(BOB, slack=slack)

    each = Notifier(home.home.desk, people, {"slack": SlackChannel(home.home.now)}, every=0.02)
    each.start()
    asked(home)
    time.sleep(0.2)
    assert [record.getMessage() for record in caplog.records] == ["people cannot be told of questions: approvers.toml:1: wrong"]
    wrong.clear()
    until(lambda: len(slack.messages) == 1)
    each.close()


def test_many_questions_at_once_are_told_two_at_a_time(home: Gate) -> None:
    with receiver() as pager:
        each = notifier(home, book(Person("bob", per_hour=5, notify=("webhook:pager",)), hooks=(("pager", pager.url),)))
        for number in range(12):
            asked(home, eur=number)
        assert each.step() == 12 and len(each._flying) <= 2
        settled(each)
        assert len(pager.got) == 12
        each.close()


INBOX = """
import sys
from gate import Gate
from gate.approvers.inbox.serve import Settings, run

gate = Gate(sys.argv[1])
run(gate.home, Settings(port=0), lambda origin, signin: print(origin, flush=True))
"""


def test_the_inbox_tells_and_takes_the_answer_and_the_call_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of its own, a receiver, an agent: through real sockets, from question to call."""
    import httpx

    monkeypatch.setenv("GATE_PAGER", SECRET.decode())
    gate = Gate(tmp_path / ".gate")
    write_rules(gate, RULES.format(quorum=1))
    gate.home.granted = []
    gate.tool(name="pay")(lambda eur: eur)
    with receiver() as pager:
        (tmp_path / "approvers.toml").write_text(
            '[[person]]\nname = "bob"\nnotify = ["webhook:pager"]\n[[webhook]]\nname = "pager"\n'
            f'url = "{pager.url}/"\nsecret = "env:GATE_PAGER"\nanswers = ["bob"]\n'
        )
        process = python(INBOX, gate.home.path, wait=False)
        try:
            origin = process.stdout.readline().strip()
            question = asked(gate)
            data = pager.wait(1, 30)[0].json["data"]
            assert (data["question"], data["person"]) == (question.id, "bob")
            until(lambda: question.id in (gate.home.path / NAME).read_text())  # a person takes longer than that
            body = says(question, binding_hash=data["binding_hash"])
            reply = httpx.post(f"{origin}/webhook/answer", content=body, headers=webhook_headers(body), timeout=30)
            assert (reply.status_code, reply.json()["state"]) == (200, "approved")
            assert call(gate) == 5
            assert [got.json["data"]["state"] for got in pager.wait(2, 30)[1:2]] in (["approved"], ["used"])
            case = gate.home.desk.case(question.id)
            assert case is not None and case.answers[0].shown and case.answers[0].method == "webhook"
        finally:
            process.terminate()
            process.communicate(timeout=30)
    gate.close()
