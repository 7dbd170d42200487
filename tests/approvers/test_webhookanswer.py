"""Signed answers: what a forger, an eavesdropper, an honest sender and two senders at once get."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from gate import ANY, Denied, Gate, NeedsApproval, Question
from gate.approvers.notifyplan import Telling, Told
from gate.approvers.notifyroutes import routes
from gate.approvers.notifytold import ToldFile
from gate.approvers.webhook import message
from gate.approvers.webhooksign import parse_secrets
from gate.people import Inbox, Kept, People, Person, Settings, Webhook
from tests.approvers.receivers import SECRET, sent, webhook_headers
from tests.kit import finished, look_again, python, write_rules

HOOK = Webhook("pager", "http://127.0.0.1:1/", Kept("env", "GATE_PAGER"), answers=("bob", "@crew"))
OTHER = Webhook("other", "http://127.0.0.1:1/", Kept("env", "GATE_OTHER"))
INBOX = Inbox("https://approve.example.com")
PEOPLE = People(
    [Person("bob"), Person("cy", groups=("crew",)), Person("dee"), Person("key", groups=("crew",), passkey=True)],
    Settings((OTHER, HOOK), inbox=INBOX),
)
OTHER_SECRET = b"whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
RULES = """
    [[rule]]
    id = "a-person"
    ask = {{ tool = "pay", expires = "10m", quorum = {quorum} }}
    [[rule]]
    id = "grave"
    ask = {{ tool = "wipe", expires = "10m" }}
"""


@pytest.fixture
def home(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setenv("GATE_PAGER", SECRET.decode())
    monkeypatch.setenv("GATE_OTHER", OTHER_SECRET.decode())
    write_rules(gate, RULES.format(quorum=1))
    gate.home.people = lambda: PEOPLE
    gate.home.paid = []
    gate.home.granted = []

    @gate.tool
    def pay(eur: int) -> int:
        gate.home.paid.append(eur)
        return eur

    @gate.tool(effects=["writes", "irreversible"])
    def wipe(disk: str) -> None:
        gate.home.paid.append(disk)

    return gate


@pytest.fixture
def app(home: Gate) -> Starlette:
    return Starlette(routes=routes(home.home.desk, home.home.people))


def call(gate: Gate, tool: str = "pay", **arguments: Any) -> Any:
    gate.home.granted = gate.home.granted or [gate.grant("agent-7", tools={"pay": ANY, "wipe": ANY})]
    with gate.acting(gate.home.granted[0], session="s1"):
        return gate.call(tool, arguments or {"eur": 5})


def asked(gate: Gate, tool: str = "pay", **arguments: Any) -> Question:
    with pytest.raises(NeedsApproval) as caught:
        call(gate, tool, **arguments)
    assert caught.value.question is not None
    return caught.value.question


def says(about: Question, verdict: str = "approve", **changed: Any) -> bytes:
    data = {"question": about.id, "binding_hash": about.binding_hash, "approver": "bob", "verdict": verdict} | changed
    return json.dumps({"type": "approval.answer", "data": data}).encode()


def state(gate: Gate, question: Question) -> str:
    case = gate.home.desk.case(question.id)
    assert case is not None
    return case.state


def post(app: Starlette, body: bytes, **more: Any) -> tuple[int, dict[str, Any]]:
    reply = sent(app, "/webhook/answer", body, webhook_headers(body, **more))
    return reply.status_code, reply.json()


def test_a_yes_and_then_the_call_runs_once(home: Gate, app: Starlette) -> None:
    question = asked(home)
    assert post(app, says(question)) == (200, {"question": question.id, "state": "approved"})
    assert call(home) == 5 and home.home.paid == [5]
    with pytest.raises(NeedsApproval):
        call(home)


def test_a_no_with_its_reason_for_the_agent(home: Gate, app: Starlette) -> None:
    question = asked(home)
    assert post(app, says(question, "deny", reason="too much"))[1]["state"] == "denied"
    with pytest.raises(Denied, match="too much"):
        call(home)


def test_what_was_shown_is_in_the_answer(home: Gate, tmp_path: Path) -> None:
    question, told = asked(home), ToldFile(home.home.path)
    told.hold(0.0)
    told.add(Told(question.id, "bob", "question", "webhook:pager", ok=True, at=7.0, mark="digest-of-what-was-sent"))
    post(Starlette(routes=routes(home.home.desk, home.home.people, told)), says(question))
    case = home.home.desk.case(question.id)
    assert case is not None and case.answers[0].shown == "digest-of-what-was-sent" and case.answers[0].shown_at == 7.0
    assert (case.answers[0].approver, case.answers[0].method) == ("bob", "webhook")
    told.close()


def test_a_forged_an_old_and_an_altered_message(home: Gate, app: Starlette) -> None:
    question = asked(home)
    body = says(question)
    forged = parse_secrets(b"whsec_QkFEREVGR0hJSktMTU5PUFFSU1RVVldY")
    altered = says(question).replace(b'"approve"', b'"approve" ')
    attempts = [
        (body, webhook_headers(body, keys=forged)),
        (body, webhook_headers(body, at=time.time() - 301)),
        (body, webhook_headers(body, at=time.time() + 360)),
        (altered, webhook_headers(body)),
        (body, webhook_headers(body) | {"webhook-id": "msg_2"}),
        (body, webhook_headers(body) | {"webhook-timestamp": str(int(time.time()) - 1)}),
        (body, {"content-type": "application/json"}),
    ]
    for each, headers in attempts:
        assert sent(app, "/webhook/answer", each, headers).status_code == 401
    assert state(home, question) == "open"


def test_a_header_that_is_there_twice(home: Gate, app: Starlette) -> None:
    question = asked(home)
    body = says(question)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type"):
        headers = list(webhook_headers(body).items())
        assert sent(app, "/webhook/answer", body, [*headers, (name, "other")]).status_code == 400
    assert state(home, question) == "open"


def test_a_replay_has_the_first_answer_and_no_second_effect(home: Gate, app: Starlette) -> None:
    question = asked(home)
    body = says(question)
    headers = webhook_headers(body)
    first = sent(app, "/webhook/answer", body, headers)
    assert call(home) == 5
    again = sent(app, "/webhook/answer", body, headers)
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    other = says(question, "deny")
    assert post(app, other)[0] == 409, "the same id with another body"
    elsewhere = Starlette(routes=routes(home.home.desk, home.home.people))  # another process, which has not seen the id
    assert sent(elsewhere, "/webhook/answer", body, headers).status_code == 409
    assert home.home.paid == [5]


def test_our_own_message_sent_back_to_us_is_no_answer(home: Gate, app: Starlette) -> None:
    question = asked(home)
    case = home.home.desk.case(question.id)
    assert case is not None
    body = message(Telling(question.id, "bob", "question", "webhook:pager"), case, PEOPLE, home.home.now())
    assert post(app, body)[0] == 400 and state(home, question) == "open"


def test_a_form_is_no_json_and_json_says_nothing_twice(home: Gate, app: Starlette) -> None:
    question = asked(home)
    body = says(question)
    for kind in ("application/x-www-form-urlencoded", "text/plain", "", "application/json, text/plain"):
        assert sent(app, "/webhook/answer", body, webhook_headers(body) | {"content-type": kind}).status_code == 415
    twice = body.replace(b'"verdict"', b'"verdict": "deny", "verdict"')
    assert post(app, twice)[0] == 400
    for n, odd in enumerate([b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"type": NaN}', b'{"type": "approval.answer", "data": []}']):
        assert post(app, odd, name=f"odd_{n}")[0] == 400
    assert post(app, says(question, extra=1), name="x")[0] == 400
    assert post(app, says(question, approver=["bob"]), name="y")[0] == 400
    assert sent(app, "/webhook/answer", b"x" * (256 * 1024 + 1), webhook_headers(b"")).status_code == 413
    assert state(home, question) == "open"


@pytest.mark.parametrize("who", ["dee", "eve", "", "agent-7", "BOB", "@crew"])
def test_one_for_whom_the_webhook_does_not_speak(home: Gate, app: Starlette, who: str) -> None:
    question = asked(home)
    for number, verdict in enumerate(("approve", "deny")):
        assert post(app, says(question, verdict, approver=who), name=f"msg_{number}")[0] == 403
    assert state(home, question) == "open"


def test_a_webhook_that_may_not_answer_answers_nothing(home: Gate, app: Starlette) -> None:
    question = asked(home)
    assert post(app, says(question), keys=parse_secrets(OTHER_SECRET))[0] == 403
    assert state(home, question) == "open"


def test_another_call_than_the_one_that_was_shown(home: Gate, app: Starlette) -> None:
    question, other = asked(home), asked(home, eur=500)
    for number, wrong in enumerate([other.binding_hash, "", question.binding_hash[:-1], question.binding_hash + "=", "é"]):
        assert post(app, says(question, binding_hash=wrong), name=f"a{number}")[0] == 409
        assert post(app, says(question, "deny", binding_hash=wrong), name=f"b{number}")[0] == 409
    assert post(app, says(question, question="none"), name="c")[0] == 404
    assert {state(home, question), state(home, other)} == {"open"}


def test_a_grave_question_takes_a_no_and_never_a_yes(home: Gate, app: Starlette) -> None:
    question = asked(home, "wipe", disk="sda")
    status, said = post(app, says(question))
    assert status == 403 and said["error"].endswith(f"see https://approve.example.com/questions/{question.id}")
    assert post(app, says(question, number=question.number), name="n")[0] == 400
    assert state(home, question) == "open"
    assert post(app, says(question, "deny"), name="d")[1]["state"] == "denied"


def test_a_person_whose_yes_needs_a_passkey(home: Gate, app: Starlette) -> None:
    question = asked(home)
    assert post(app, says(question, approver="key"))[0] == 403
    assert post(app, says(question, "deny", approver="key"), name="d")[0] == 200


def test_an_answer_that_comes_too_late(home: Gate, app: Starlette, clock: Any) -> None:
    question = asked(home)
    clock.advance(601)
    status, said = post(app, says(question))
    assert status == 409 and "expired" in said["error"]
    assert post(app, says(question, "deny"), name="d")[1]["state"] == "denied"


def test_one_person_is_not_two(home: Gate, app: Starlette) -> None:
    """What needs several people takes its yeses on the page, where each sees who else has answered; a webhook gives none of them."""
    write_rules(home, RULES.format(quorum=2))
    look_again(home)
    question = asked(home)
    assert [post(app, says(question, approver=who), name=who)[0] for who in ("bob", "cy")] == [403, 403]
    assert state(home, question) == "open" and post(app, says(question, "deny"), name="d")[1]["state"] == "denied"


def test_a_wrong_people_file_lets_nobody_answer(home: Gate) -> None:
    def broken() -> People:
        raise RuntimeError("approvers.toml:1: wrong")

    question = asked(home)
    status, said = post(Starlette(routes=routes(home.home.desk, broken)), says(question))
    assert status == 503 and "wrong" not in said["error"] and state(home, question) == "open"


def test_a_message_that_could_not_be_worked_at_may_be_sent_again(home: Gate) -> None:
    calls = iter([True])

    def flaky() -> People:
        if next(calls, False):
            raise RuntimeError("locked")
        return PEOPLE

    question = asked(home)
    app = Starlette(routes=routes(home.home.desk, flaky))
    body = says(question)
    headers = webhook_headers(body)
    assert [sent(app, "/webhook/answer", body, headers).status_code for _ in range(2)] == [503, 200]


def test_two_processes_answering_at_once(home: Gate) -> None:
    """Eight senders, each to an endpoint with a memory of its own, as other processes have; one of them counts."""
    question = asked(home)
    apps = [Starlette(routes=routes(home.home.desk, home.home.people)) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        sending = [pool.submit(post, app, says(question, "approve" if n % 2 else "deny"), name=f"m{n}") for n, app in enumerate(apps)]
        found = [each.result() for each in sending]
    counted = [said["state"] for status, said in found if status == 200]
    case = home.home.desk.case(question.id)
    assert case is not None and case.state == "denied", "a no counts whenever it comes before the call has run"
    assert counted.count("approved") <= 1 and counted.count("denied") == 1
    assert all("error" in said for status, said in found if status != 200)


ANSWERING = """
import json, sys, time
from pathlib import Path
from starlette.applications import Starlette
from gate import Gate
from gate.approvers.notifyroutes import routes
from tests.approvers.receivers import sent, webhook_headers

folder, who, begin = sys.argv[1:]
gate = Gate(folder)
app = Starlette(routes=routes(gate.home.desk, gate.home.people))
gate.home.ledger
time.sleep(max(float(begin) - time.time(), 0))
counted = []
for case in gate.home.desk.cases():
    asked = case.question
    data = {"question": asked.id, "binding_hash": asked.binding_hash, "approver": who, "verdict": "approve"}
    body = json.dumps({"type": "approval.answer", "data": data}).encode()
    if sent(app, "/webhook/answer", body, webhook_headers(body, name=f"{who}_{time.monotonic_ns()}")).status_code == 200:
        counted.append(asked.id)
gate.close()
print(json.dumps(counted))
"""


def test_two_real_processes_answering_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people, two processes, twenty questions that need one yes each: every question has exactly one."""
    monkeypatch.setenv("GATE_PAGER", SECRET.decode())
    (tmp_path / "approvers.toml").write_text(
        '[[person]]\nname = "bob"\n[[person]]\nname = "cy"\n'
        '[[webhook]]\nname = "pager"\nurl = "http://127.0.0.1:1/"\nsecret = "env:GATE_PAGER"\nanswers = ["bob", "cy"]\n'
    )
    gate = Gate(tmp_path / ".gate")
    write_rules(gate, RULES.format(quorum=1))
    gate.home.granted, runs = [], list[int]()
    gate.tool(name="pay")(lambda eur: runs.append(eur))
    questions = [asked(gate, eur=number) for number in range(20)]
    begin = time.time() + 3
    processes = [python(ANSWERING, gate.home.path, who, begin, wait=False) for who in ("bob", "cy")]
    counted = [json.loads(finished(each)) for each in processes]
    assert sorted(counted[0] + counted[1]) == sorted(question.id for question in questions)
    for question in questions:
        case = gate.home.desk.case(question.id)
        assert case is not None and len(case.approved_by) == 1 and case.state == "approved"
    gate.close()


def test_the_page_lets_signed_answers_through_and_nothing_else_in(home: Gate) -> None:
    """Mounted in the inbox, behind its guard: no cookie, no seal, only the signature; and never from another site's page."""
    from gate.approvers.inbox.app import app as inbox

    question = asked(home)
    app = inbox(home.home, identify=lambda _: None, routes=routes(home.home.desk, home.home.people))
    body = says(question)
    cross = webhook_headers(body) | {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert sent(app, "/webhook/answer", body, cross).status_code == 403
    assert sent(app, "/webhook/answer", body, {"content-type": "application/json"}).status_code == 401
    assert state(home, question) == "open"
    assert sent(app, "/webhook/answer", body, webhook_headers(body)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_a_post_answers(app: Starlette, method: str) -> None:
    import asyncio

    import httpx

    async def send() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return (await client.request(method, "/webhook/answer")).status_code

    assert asyncio.run(send()) == 405
