"""What is pressed in Slack: by whom, about what, how often, and what a forger of it gets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from gate import Denied, Gate, NeedsApproval, Question
from gate.approvers.blocks import APPROVE, DENY, PAGE, buttons
from gate.approvers.notifyplan import Telling
from gate.approvers.notifytold import ToldFile
from gate.approvers.slack import SlackChannel, shown
from gate.approvers.slackanswer import SlackAnswers
from gate.people import Inbox, Kept, People, Person, Settings, Slack
from tests.approvers.receivers import FakeSlack, sent
from tests.approvers.test_webhookanswer import asked, call, home, state

__all__ = ["home"]


@pytest.fixture
def slack(home: Gate, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    made = FakeSlack()
    monkeypatch.setenv("GATE_SLACK", made.token)
    monkeypatch.setenv("GATE_SLACK_SIGNING", made.secret.decode())
    people = [Person("bob", slack="UBOB", notify=("slack",)), Person("cy", slack="UCY", passkey=True), Person("dee")]
    where = Slack(Kept("env", "GATE_SLACK"), Kept("env", "GATE_SLACK_SIGNING"), "T1", api=made.api)
    book = People(people, Settings((), where, Inbox("https://approve.example.com")))
    home.home.people = lambda: book
    yield made
    made.close()


def endpoint(gate: Gate, told: ToldFile | None = None) -> Starlette:
    return Starlette(routes=[SlackAnswers(gate.home.desk, gate.home.people, told, pace=0.01).route()])


@pytest.fixture
def app(home: Gate, slack: FakeSlack) -> Starlette:
    return endpoint(home)


def value(question: Question) -> str:
    return f"{question.id} {question.binding_hash}"


def pressed(app: Starlette, slack: FakeSlack, body: bytes, **more: Any) -> int:
    return sent(app, "/slack/answer", body, slack.signed(body, **more)).status_code


def whispered(slack: FakeSlack) -> str:
    assert slack.whispers, "nobody was told why"
    assert slack.whispers[-1]["user"].startswith("U")
    return str(slack.whispers[-1]["text"])


def test_a_yes_by_the_button_of_the_very_message(home: Gate, slack: FakeSlack) -> None:
    question, told = asked(home), ToldFile(home.home.path)
    told.hold(0.0)
    telling = Telling(question.id, "bob", "question", "slack")
    case = home.home.desk.case(question.id)
    assert case is not None
    mark = SlackChannel(home.home.now).tell(telling, case, home.home.people())
    from gate.approvers.notifyplan import Told

    told.add(Told(*telling[:4], ok=True, at=7.0, mark=mark))
    (channel, ts), message = next(iter(slack.messages.items()))
    assert (channel, message["channel"]) == ("DBOB", "UBOB") and buttons(message) == [APPROVE, DENY, PAGE]
    element = next(e for block in message["blocks"] if block["type"] == "actions" for e in block["elements"] if e["action_id"] == APPROVE)
    assert pressed(endpoint(home, told), slack, slack.press("UBOB", APPROVE, element["value"], channel=channel, ts=ts)) == 200
    assert call(home) == 5 and home.home.paid == [5]
    after = home.home.desk.case(question.id)
    assert after is not None and (after.answers[0].approver, after.answers[0].method, after.answers[0].shown_at) == ("bob", "slack", 7.0)
    assert after.answers[0].shown == mark.split(" ")[2]
    told.close()


def test_a_no_with_a_reason_from_the_window(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home)
    assert pressed(app, slack, slack.press("UBOB", DENY, value(question))) == 200
    assert state(home, question) == "open" and len(slack.windows) == 1
    assert pressed(app, slack, slack.submit("UBOB", "not <!channel> today")) == 200
    with pytest.raises(Denied, match="not <!channel> today"):
        call(home)


def test_a_no_without_a_window_or_a_reason(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    slack.no_windows = True
    question = asked(home)
    assert pressed(app, slack, slack.press("UBOB", DENY, value(question))) == 200
    assert state(home, question) == "denied"
    slack.no_windows, other = False, asked(home, eur=6)
    pressed(app, slack, slack.press("UBOB", DENY, value(other)))
    assert pressed(app, slack, slack.submit("UBOB", None)) == 200 and state(home, other) == "denied"


def test_a_forged_an_old_and_an_altered_request(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question, other = asked(home), asked(home, eur=500)
    body = slack.press("UBOB", APPROVE, value(question))
    now = time.time()
    for each in (slack.signed(body, secret=b"guess"), slack.signed(body, at=now - 301), slack.signed(body, at=now + 360)):
        assert sent(app, "/slack/answer", body, each).status_code == 401
    swapped = body.replace(quote_plus(value(question)).encode(), quote_plus(value(other)).encode())
    assert swapped != body
    for altered in (swapped, body + b"&", body.replace(b"UBOB", b"UEVE"), b""):
        assert sent(app, "/slack/answer", altered, slack.signed(body)).status_code == 401
    later = slack.signed(body) | {"x-slack-request-timestamp": str(int(now) + 60)}
    assert sent(app, "/slack/answer", body, later).status_code == 401
    assert sent(app, "/slack/answer", body, {"content-type": "application/x-www-form-urlencoded"}).status_code == 401
    twice = [*slack.signed(body).items(), ("x-slack-signature", "v0=" + "0" * 64)]
    assert sent(app, "/slack/answer", body, twice).status_code == 400
    assert {state(home, question), state(home, other)} == {"open"}


def test_a_replayed_request(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home)
    body = slack.press("UBOB", APPROVE, value(question))
    headers = slack.signed(body)
    assert [sent(app, "/slack/answer", body, headers).status_code for _ in range(2)] == [200, 409]
    assert call(home) == 5
    assert sent(endpoint(home), "/slack/answer", body, headers).status_code == 200  # another process, which has not seen it
    assert "does not count" in whispered(slack) and home.home.paid == [5]


def test_a_double_click(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home)
    body = slack.press("UBOB", APPROVE, value(question))
    now = time.time()
    assert [pressed(app, slack, body, at=now), pressed(app, slack, body, at=now + 1)] == [200, 200]
    assert "already" in whispered(slack)
    case = home.home.desk.case(question.id)
    assert case is not None and case.approved_by == ("bob",)


def test_json_is_no_form_and_a_form_has_one_payload(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home)
    form = slack.press("UBOB", APPROVE, value(question))
    payload = parse_qs(form.decode())["payload"][0].encode()
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        for body in (payload, form):
            assert sent(app, "/slack/answer", body, slack.signed(body) | {"content-type": kind}).status_code == 415
    for body in (payload, form + b"&" + form, form + b"&x=1", b"x=1&" + form, b"payload", b"payload=", b"payload=[]", b"payload=%FF", b"\xff"):
        assert pressed(app, slack, body) == 400, body
    repeated = form.replace(quote_plus('"user"').encode(), quote_plus('"user": {"id": "UEVE"}, "user"').encode())
    assert repeated != form and pressed(app, slack, repeated) == 400
    assert state(home, question) == "open"


@pytest.mark.parametrize("member", ["UEVE", "", "ubob", "UBOB ", "DEE"])
def test_a_user_who_is_not_in_the_map(home: Gate, slack: FakeSlack, app: Starlette, member: str) -> None:
    question = asked(home)
    for action in (APPROVE, DENY):
        pressed(app, slack, slack.press(member, action, value(question)))
    assert state(home, question) == "open" and not slack.windows
    if member == "UEVE":
        assert "You cannot answer" in whispered(slack)


def test_another_team_with_the_same_app(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home)
    assert pressed(app, slack, slack.press("UBOB", APPROVE, value(question), team="TEVIL")) == 403
    assert state(home, question) == "open"


def test_a_window_that_somebody_else_sends(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home)
    pressed(app, slack, slack.press("UBOB", DENY, value(question)))
    pressed(app, slack, slack.submit("UEVE", "no"))
    assert state(home, question) == "open"


def test_approve_of_a_grave_question_from_slack(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home, "wipe", disk="sda")
    case = home.home.desk.case(question.id)
    assert case is not None and APPROVE not in buttons(shown(case, home.home.people(), home.home.now()))
    assert pressed(app, slack, slack.press("UBOB", APPROVE, value(question))) == 200
    assert f"https://approve.example.com/questions/{question.id}|Open" in whispered(slack) and state(home, question) == "open"
    pressed(app, slack, slack.press("UBOB", DENY, value(question)))
    pressed(app, slack, slack.submit("UBOB", ""))
    assert state(home, question) == "denied"


def test_a_yes_that_needs_a_passkey_or_more_room_than_a_message_has(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home)
    pressed(app, slack, slack.press("UCY", APPROVE, value(question)))
    assert "passkey" in whispered(slack) and state(home, question) == "open"
    long = home.home.desk.case(question.id)
    assert long is not None
    long = replace(long, question=replace(long.question, words="x" * 9000))
    assert APPROVE not in buttons(shown(long, home.home.people(), home.home.now()))


def test_a_wrong_digest(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question, other = asked(home), asked(home, eur=500)
    for wrong in (f"{question.id} {other.binding_hash}", question.id, f"{question.id} ", f"x {question.binding_hash}", "", f" {value(question)}"):
        for action in (APPROVE, DENY):
            assert pressed(app, slack, slack.press("UBOB", action, wrong), at=time.time() - len(slack.got) % 200) == 200
            assert "not about a question that waits here" in whispered(slack)
    assert {state(home, question), state(home, other)} == {"open"}


def test_two_processes_answering_at_once(home: Gate, slack: FakeSlack) -> None:
    question = asked(home)
    apps = [endpoint(home) for _ in range(6)]
    body = slack.press("UBOB", APPROVE, value(question))
    with ThreadPoolExecutor(6) as pool:
        assert [each.result() for each in [pool.submit(pressed, app, slack, body) for app in apps]] == [200] * 6
    case = home.home.desk.case(question.id)
    assert case is not None and case.approved_by == ("bob",) and len(slack.whispers) == 5
    assert call(home) == 5
    with pytest.raises(NeedsApproval):
        call(home)


def test_what_means_nothing_to_us_is_acknowledged(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    question = asked(home)
    assert pressed(app, slack, slack.press("UBOB", PAGE, value(question))) == 200
    for odd in (b'{"type": "shortcut", "team": {"id": "T1"}, "user": {"id": "UBOB"}}',):
        body = b"payload=" + quote_plus(odd).encode()
        assert pressed(app, slack, body) == 200
    assert state(home, question) == "open" and not slack.got


def test_the_address_to_answer_to_is_never_used(home: Gate, slack: FakeSlack, app: Starlette) -> None:
    """A signed request may name any `response_url`; what is said goes to the Web API that `approvers.toml` names, and nowhere else."""
    pressed(app, slack, slack.press("UEVE", APPROVE, value(asked(home))))
    assert {got.path for got in slack.got} == {"/api/chat.postEphemeral"}


def test_the_acknowledgement_does_not_wait_for_slack(home: Gate, slack: FakeSlack) -> None:
    import asyncio
    import threading

    import httpx

    def slow(handler: Any, got: Any) -> None:
        assert released.wait(20)
        FakeSlack._reply(slack, handler, got)

    released, started = threading.Event(), list[float]()
    slack.replies = [slow]
    question, app = asked(home), endpoint(home)
    body = slack.press("UEVE", APPROVE, value(question))

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def noted(message: Any) -> None:
            if message["type"] == "http.response.body":
                started.append(time.monotonic())
                released.set()
            await send(message)

        await app(scope, receive, noted)

    async def post() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(watched), base_url="http://127.0.0.1") as client:
            return (await client.post("/slack/answer", content=body, headers=slack.signed(body))).status_code

    assert asyncio.run(post()) == 200 and started and len(slack.whispers) == 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["block_actions", "view_submission", APPROVE, DENY, "gate-deny", "UBOB", "T1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "type team user id actions action_id value container message_ts channel view state values reason private_metadata callback_id".split()
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(JSON, st.integers(0, 200))
def test_whatever_slack_signs_is_done_or_refused_and_never_fails(home: Gate, slack: FakeSlack, payload: Any, ago: int) -> None:
    body = b"payload=" + quote_plus(json.dumps(payload)).encode()
    slack.got.clear()
    assert pressed(endpoint(home), slack, body, at=time.time() - ago) in {200, 400, 403}
    assert home.home.desk.count() == 0
