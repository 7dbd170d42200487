"""Passkeys at the page: whose first one it is, what signs for another, and that one signs exactly one yes."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")
pytest.importorskip("webauthn", reason="the inbox needs capgate[inbox]")

import httpx
from cryptography.exceptions import InvalidSignature

from gate import Gate, Question, approval
from gate.approvers.inbox import passkeys
from gate.approvers.inbox.passkeys import checked
from gate.approvers.inbox.signin import TrustedHeader
from gate.ask import ONCE, Scope
from gate.constraint import Exact, Range
from gate.effect import Risk
from gate.errors import ConfigError, TokenError
from gate.tally import verified
from gate.tokens import assertion, passkey
from gate.tokens.jwk import decode, encode
from tests.approvers.inbox.kit import like, put
from tests.approvers.inbox.whole import ORIGIN, Inbox, held, records, state
from tests.authenticator import Authenticator


class Visitor:
    """One person's browser, without a window; `device` is what they hold."""

    def __init__(self, inbox: Inbox, name: str = "ann", **headers: str) -> None:
        self.inbox, self.name, self.headers = inbox, name, {"sec-fetch-site": "same-origin"} | headers
        self.jar = httpx.Cookies()
        self.device = Authenticator(origin=inbox.origin)

    def send(self, method: str, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self.inbox.app, client=("192.0.2.7", 4711))
            async with httpx.AsyncClient(transport=transport, base_url=self.inbox.origin, cookies=self.jar, headers=self.headers) as client:
                form = {"content-type": "application/x-www-form-urlencoded"} if method == "POST" else {}
                reply = await client.request(method, path, content=urlencode(data or {}), headers=form)
                self.jar = client.cookies
                return reply

        return asyncio.run(one())

    def post(self, path: str, status: int = 200, **data: str) -> Any:
        reply = self.send("POST", path, data)
        assert reply.status_code == status, reply.text
        return reply.json()

    def sign_in(self) -> Visitor:
        assert self.send("POST", "/login", {"token": self.inbox.links.make(self.name)}).status_code == 200
        return self

    def create(self, device: Authenticator | None = None, **how: Any) -> str:
        options = self.post("/passkeys/options")
        assert options["authenticatorSelection"]["userVerification"] == "required"
        return json.dumps((device or self.device).create(decode(options["challenge"]), **how))

    def enrol(self) -> Visitor:
        assert self.post("/passkeys/new", credential=self.create())["enrolled"]
        return self

    def challenge(self, question: Question, **form: str) -> bytes:
        return decode(self.post(f"/questions/{question.id}/challenge", **form)["challenge"])

    def approve(self, question: Question, signed: dict[str, Any] | str | None, **form: str) -> httpx.Response:
        seal = re.search(r'name="seal" value="([^"]+)"', self.send("GET", f"/questions/{question.id}").text)
        assert seal
        said = signed if isinstance(signed, str) else json.dumps(signed) if signed else ""
        return self.send(
            "POST", f"/questions/{question.id}/approve", {"seal": seal[1], "number": question.number, "scope": "0", "passkey": said} | form
        )


@pytest.fixture
def inbox(gate: Gate, tools: None) -> Inbox:
    return Inbox(gate)


@pytest.fixture
def ann(inbox: Inbox) -> Visitor:
    return Visitor(inbox).sign_in()


# The first one


def test_by_who_came_by_a_link(inbox: Inbox, ann: Visitor) -> None:
    ann.enrol()
    [one] = held(inbox)
    assert (one.id, one.origin, one.rp_id) == (ann.device.credential.id, ORIGIN, "localhost")
    [record] = records(inbox, "passkey")
    assert (record["action"], record["approver"], record["by"], record["id"]) == ("enrol", "ann", "link", one.id)
    assert decode(record["public_key"]) == one.public_key
    assert b64decode(record["spki"]) == one.spki
    assert ann.send("GET", "/passkeys").text.count("for this page") == 1


def test_not_by_who_came_by_a_link_long_ago(inbox: Inbox, ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "FRESH_SECONDS", -1)
    assert "needs a code" in ann.post("/passkeys/new", 409, credential=ann.create())["error"]
    assert held(inbox) == ()
    assert records(inbox, "passkey") == []


def test_behind_a_proxy_only_with_a_code(gate: Gate, tools: None) -> None:
    inbox = Inbox(gate, header=TrustedHeader.of("X-Login", ["192.0.2.7"]))
    from gate.people import People, Person

    inbox.signin.people = lambda: People([Person(name, logins=(name,)) for name in ("ann", "bob")])
    ann, code = Visitor(inbox, **{"x-login": "ann"}), inbox.links.make("ann", purpose="passkey")
    assert 'name="code"' in ann.send("GET", "/passkeys").text
    for wrong in ("", "x" * 43, inbox.links.make("bob", purpose="passkey"), inbox.links.make("ann")):
        assert "code" in ann.post("/passkeys/new", 409, credential=ann.create(), code=wrong)["error"]
    assert ann.post("/passkeys/new", credential=ann.create(), code=f" {code} ")["enrolled"]
    bob = Visitor(inbox, "bob", **{"x-login": "bob"})
    assert "code" in bob.post("/passkeys/new", 409, credential=bob.create(), code=code)["error"]
    assert [record["by"] for record in records(inbox, "passkey")] == ["code"]


def test_by_nobody_who_is_not_signed_in(inbox: Inbox) -> None:
    stranger = Visitor(inbox)
    for path in ("/passkeys/options", "/passkeys/new", "/passkeys/confirm", f"/questions/{inbox.question('q1').id}/challenge"):
        assert stranger.post(path, 401)["error"] == "sign in first"
    assert stranger.send("GET", "/passkeys").status_code == 401


def test_not_by_another_site(inbox: Inbox, ann: Visitor) -> None:
    ann.headers["sec-fetch-site"] = "same-site"  # another port of this machine
    for path in ("/passkeys/options", "/passkeys/new", "/passkeys/confirm", "/questions/q1/challenge"):
        assert ann.send("POST", path, {}).status_code == 403
        assert ann.send("GET", path).status_code in {404, 405}


@pytest.mark.parametrize(
    "how", [{"origin": "http://localhost:3000"}, {"rp_id": "evil.example"}, {"flags": 1}, {"kind": "webauthn.get"}, {"crossOrigin": True}], ids=repr
)
def test_what_is_no_new_passkey(inbox: Inbox, ann: Visitor, how: dict[str, Any]) -> None:
    ann.post("/passkeys/new", 403, credential=ann.create(**how))
    assert held(inbox) == ()


def test_one_try_in_five_minutes_in_one_session(inbox: Inbox, ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ann.create()
    other = Visitor(inbox).sign_in()
    assert "begin again" in other.post("/passkeys/new", 409, credential=made)["error"]
    ann.post("/passkeys/new", 403, credential="{}")
    assert "begin again" in ann.post("/passkeys/new", 409, credential=made)["error"]
    monkeypatch.setattr(passkeys, "PENDING_SECONDS", 0)
    assert "begin again" in ann.post("/passkeys/new", 409, credential=ann.create())["error"]
    ann.post("/passkeys/new", 409)
    ann.post("/passkeys/confirm", 409)
    assert held(inbox) == ()


def test_one_passkey_of_two_people(inbox: Inbox, ann: Visitor) -> None:
    ann.enrol()
    bob = Visitor(inbox, "bob").sign_in()
    assert "enrolled already" in bob.post("/passkeys/new", 409, credential=bob.create(ann.device))["error"]
    assert len(records(inbox, "passkey")) == 1


# Another one


def test_another_is_signed_for_by_the_first(inbox: Inbox, ann: Visitor) -> None:
    ann.enrol()
    second = Authenticator(kind="EdDSA")
    asked = ann.post("/passkeys/new", credential=ann.create(second))["confirm"]
    assert [one["id"] for one in asked["allowCredentials"]] == [ann.device.credential.id]
    assert len(held(inbox)) == 1
    ann.post("/passkeys/confirm", assertion=json.dumps(ann.device.sign(decode(asked["challenge"]))))
    first, other = held(inbox)
    assert other.id == second.credential.id
    record = records(inbox, "passkey")[1]
    assert record["by"] == first.id
    bound = assertion.enrolment("ann", other, audience=inbox.gate.home.origin)
    assert assertion.check(record["assertion"], challenge=bound, credentials=[first], fresh=False)  # from the log alone


def test_a_stolen_session_adds_none(inbox: Inbox, ann: Visitor) -> None:
    """A fresh link session, and the code of an administrator even, once there is one."""
    ann.enrol()
    thief, code = Authenticator(), inbox.links.make("ann", purpose="passkey")
    asked = ann.post("/passkeys/new", credential=ann.create(thief), code=code)["confirm"]
    ann.post("/passkeys/confirm", 403, assertion=json.dumps(thief.sign(decode(asked["challenge"]))))
    ann.post("/passkeys/confirm", 409, assertion=json.dumps(ann.device.sign(decode(asked["challenge"]))))  # one try
    for other in (inbox.question("q1"),):  # nor does what signs a yes sign for a passkey
        yes = ann.device.sign(ann.challenge(other))
        ann.post("/passkeys/new", credential=ann.create(thief))
        ann.post("/passkeys/confirm", 403, assertion=json.dumps(yes))
    assert len(held(inbox)) == 1


def test_another_of_somebody_else(inbox: Inbox, ann: Visitor) -> None:
    ann.enrol()
    bob = Visitor(inbox, "bob").sign_in().enrol()
    asked = ann.post("/passkeys/new", credential=ann.create(Authenticator()))["confirm"]
    ann.post("/passkeys/confirm", 403, assertion=json.dumps(bob.device.sign(decode(asked["challenge"]))))
    assert len(held(inbox)) == 1


# A yes


def test_signs_a_yes(inbox: Inbox, ann: Visitor) -> None:
    question = inbox.question("q1")
    ann.enrol()
    signed = ann.device.sign(ann.challenge(question, scope="0", uses="", minutes=""))
    reply = ann.approve(question, signed)
    assert reply.status_code == 303, reply.text
    case = inbox.gate.home.desk.case("q1")
    assert case
    assert case.state == "approved"
    assert case.answers[0].method == "page+passkey"
    found = verified(inbox.gate.home, case.answers[0].token, question)
    assert found.passkey == assertion.kept(signed)
    assert held(inbox)[0].sign_count == 1
    [record] = records(inbox, "answer")  # and somebody else, from the log alone
    claims = json.loads(decode(record["token"].split(".")[1]))
    challenge = approval.challenge(claims["question"], claims["iss"], claims["binding_hash"])
    assert json.loads(decode(claims["passkey"]["response"]["clientDataJSON"]))["challenge"] == encode(challenge)


def documented() -> Any:
    """The verifier of the page that says how somebody else verifies it."""
    text = (Path(__file__).parents[3] / "docs/how-to/verify-a-passkey.md").read_text()
    names: dict[str, Any] = {}
    exec(compile(text.split("```python\n")[1].split("```")[0], "verify-a-passkey.md", "exec"), names)
    return names["signed_by_passkey"]


@pytest.mark.parametrize("kind", ["ES256", "EdDSA", "RS256"])
@pytest.mark.parametrize("scope", ["0", "1"])
def test_somebody_else_verifies_it_as_the_page_says(inbox: Inbox, ann: Visitor, kind: str, scope: str) -> None:
    wide = Scope("up to a hundred", {"eur": Range(max=100).to_json(), "to": Exact("acme").to_json()}, 5, 1800.0)
    question = inbox.question("q1", scopes=(ONCE, wide), risk=Risk.HIGH)
    ann.device = Authenticator(origin=ORIGIN, kind=kind)
    ann.enrol()
    assert ann.approve(question, ann.device.sign(ann.challenge(question, scope=scope)), scope=scope).status_code == 303
    [answer], [enrolled], verify = records(inbox, "answer"), records(inbox, "passkey"), documented()
    case = inbox.gate.home.desk.case("q1")
    assert case
    assert verify(answer, enrolled) == case.answers[0].granted
    other = Authenticator(origin=ORIGIN, kind=kind).credential
    for wrong in ({"id": other.id}, {"spki": b64encode(other.spki).decode()}, {"origin": "http://localhost"}, {"rp_id": "evil"}, {"approver": "bob"}):
        with pytest.raises((AssertionError, InvalidSignature)):
            verify(answer, enrolled | wrong)
    head, payload, signature = answer["token"].split(".")
    for name, value in (("question", "q2"), ("iss", "bob"), ("binding_hash" if scope == "0" else "uses", 7)):
        changed = encode(json.dumps(json.loads(decode(payload)) | {name: value}).encode())
        with pytest.raises((AssertionError, InvalidSignature)):
            verify(answer | {"token": f"{head}.{changed}.{signature}"}, enrolled)


def test_without_it_there_is_no_yes(inbox: Inbox, ann: Visitor) -> None:
    question = inbox.question("q1")
    assert "see /passkeys" in ann.post("/questions/q1/challenge", 409)["error"]
    for signed in (None, "{}", "[]", "null", "nonsense", json.dumps(Authenticator().sign(bytes(32)))):
        assert ann.approve(question, signed).status_code in {400, 409}
    ann.enrol()
    assert ann.approve(question, None).status_code == 409
    assert state(inbox, question) == "open"


def test_a_swapped_amount(inbox: Inbox, ann: Visitor) -> None:
    small = inbox.question("small")
    large = inbox.question("large", 5000)
    ann.enrol()
    assert ann.approve(large, ann.device.sign(ann.challenge(small))).status_code == 409
    assert state(inbox, large) == "open"


def test_a_replay_for_a_second_question_of_the_same_call(inbox: Inbox, ann: Visitor) -> None:
    first = inbox.question("first")
    second = put(inbox.gate, like(first, id="second"))
    ann.enrol()
    signed = ann.device.sign(ann.challenge(first))
    assert ann.approve(second, signed).status_code == 409
    assert state(inbox, second) == "open"
    assert ann.approve(first, signed).status_code == 303


def test_another_persons_passkey(inbox: Inbox, ann: Visitor) -> None:
    question = inbox.question("q1")
    ann.enrol()
    bob = Visitor(inbox, "bob").sign_in().enrol()
    for challenge in (ann.challenge(question), bob.challenge(question)):
        assert ann.approve(question, bob.device.sign(challenge)).status_code == 409
    assert ann.approve(question, ann.device.sign(bob.challenge(question))).status_code == 409
    assert state(inbox, question) == "open"


def test_a_wider_grant_than_was_signed(inbox: Inbox, ann: Visitor) -> None:
    wide = Scope("any amount", {"eur": Range(max=100).to_json(), "to": Exact("acme").to_json()}, 5, 1800.0)
    question = inbox.question("q1", scopes=(ONCE, wide), risk=Risk.HIGH)
    ann.enrol()
    narrow = ann.device.sign(ann.challenge(question, scope="1", uses="2"))
    for form in ({"scope": "1", "uses": "3"}, {"scope": "1"}, {"scope": "0"}, {"scope": "1", "uses": "2", "minutes": "5"}):
        assert ann.approve(question, narrow, **form).status_code == 409
    reply = ann.approve(question, narrow, scope="1", uses="2")
    assert reply.status_code == 303, reply.text


def test_challenges_that_are_refused(inbox: Inbox, ann: Visitor) -> None:
    inbox.question("q1")
    ann.enrol()
    assert "no such question" in ann.post("/questions/none/challenge", 409)["error"]
    for form in ({"scope": "1"}, {"scope": "-1"}, {"scope": "x"}, {"uses": "0"}, {"uses": "x"}, {"minutes": "999999"}):
        ann.post("/questions/q1/challenge", 400, **form)
    other = inbox.question("q2", approvers=("bob",))
    assert ann.post(f"/questions/{other.id}/challenge", 409)["error"]


def test_a_removed_passkey_signs_nothing_more(inbox: Inbox, ann: Visitor) -> None:
    question = inbox.question("q1")
    ann.enrol()
    signed = ann.device.sign(ann.challenge(question))
    assert ann.approve(question, signed).status_code == 303
    case = inbox.gate.home.desk.case("q1")
    assert case
    passkey.remove(inbox.gate.home.keys.directory, "ann", ann.device.credential.id)
    with pytest.raises(TokenError, match="none of this person's"):
        verified(inbox.gate.home, case.answers[0].token, question)


def test_a_passkey_of_another_page(inbox: Inbox, ann: Visitor, gate: Gate) -> None:
    inbox.question("q1")
    ann.enrol()
    moved = Inbox(gate, "http://localhost:9000")
    again = Visitor(moved).sign_in()
    assert f"enrolled at {ORIGIN}" in again.post("/questions/q1/challenge", 409)["error"]
    assert f"for {ORIGIN}, not for this page" in again.send("GET", "/passkeys").text


@pytest.mark.parametrize(
    ("origin", "rp_id"),
    [
        ("http://gate.example.com", ""),
        ("http://127.0.0.1:8766", ""),
        ("https://192.0.2.1", ""),
        ("http://[::1]:8766", ""),
        ("https://gate.example.com/", ""),
        ("https://a@gate.example.com", ""),
        ("gate.example.com", ""),
        ("", ""),
        ("https://gate.example.com", "other.example.com"),
        ("https://gate.example.com", "com"),
        ("https://gate.example.com", "ate.example.com"),
    ],
)
def test_pages_where_browsers_make_none(origin: str, rp_id: str) -> None:
    with pytest.raises(ConfigError):
        checked(origin, rp_id)


def test_whose_page_it_is() -> None:
    assert checked("https://gate.example.com:8443") == "gate.example.com"
    assert checked("https://gate.example.com", "example.com") == "example.com"
    assert checked("http://gate.localhost:8766") == "gate.localhost"


def test_the_script_is_small_and_builds_no_html() -> None:
    script = (Path(passkeys.__file__).with_name("static") / "passkey.js").read_text()
    assert len(script.splitlines()) <= 60
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script)
