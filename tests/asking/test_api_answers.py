"""The approvers' half of the HTTP API: what a person reads, what counts as their answer, and what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate import ANY, Gate, NeedsApproval
from gate.approval import sign as sign_approval
from gate.call import b64url
from gate.testing import FakeClock
from gate.tokens.jwk import SigningKey
from tests.asking.api import BASE, Api, Client, api, approver, holder, problem
from tests.asking.kit import TWO, asked, pay
from tests.kit import denied, intents, log, write_rules

__all__ = ["api"]
pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def ann(api: Api) -> Client:
    return approver(api, "ann")


def states(api: Api) -> list[str]:
    return [case.state for case in api.desk.cases("open", "approved", "used", "denied", "returned", "edited", "withdrawn", "expired")]


class TestReading:
    """What waits for a person, and all that they must see before they sign."""

    def test_a_list_and_one_whole(self, gate: Gate, ann: Client) -> None:
        question = asked(gate)
        told = ann.get("/access/v1/questions").json()
        assert [each["id"] for each in told["questions"]] == [question.id]
        links = told["questions"][0]["links"]
        assert links["review"].startswith(BASE)
        whole = ann.get(links["self"].removeprefix(BASE)).json()
        assert whole["headline"] == question.headline
        assert whole["binding"]["context"]["arguments"] == {"eur": 5}
        assert whole["binding_hash"] == question.binding_hash
        assert whole["audience"] == gate.home.origin
        assert whole["why_not"] == ""
        assert [section["name"] for section in whole["document"]["sections"]][:3] == ["headline", "who", "call"]
        assert len(whole["shown"]) == 43

    def test_only_the_states_that_are_asked_for(self, gate: Gate, api: Api, ann: Client) -> None:
        question = asked(gate)
        api.desk.deny(question.id, by="ann", method="page")
        assert ann.get("/access/v1/questions").json()["questions"] == []
        assert len(ann.get("/access/v1/questions?state=denied&state=used").json()["questions"]) == 1
        for wrong in ("state=gone", "limit=-1", "limit=x", "skip=1.5", "wait=x&turn=0"):
            assert ann.get(f"/access/v1/questions?{wrong}").status_code in {200, 400}
        problem(ann.get("/access/v1/questions?state=gone"), 400)
        problem(ann.get("/access/v1/questions?limit=x"), 400)

    def test_page_by_page(self, gate: Gate, ann: Client) -> None:
        questions, at, found = {asked(gate, eur).id for eur in range(5)}, "/access/v1/questions?limit=2", []
        while at:
            told = ann.get(at).json()
            found += [each["id"] for each in told["questions"]]
            at = f"/access/v1/questions?limit=2&skip={told['next']}" if "next" in told else ""
        assert sorted(found) == sorted(questions)
        assert len(ann.get("/access/v1/questions?limit=0").json()["questions"]) == 1

    def test_a_question_to_others_is_not_there(self, gate: Gate, api: Api, ann: Client) -> None:
        write_rules(gate, TWO)
        question = asked(gate)
        assert ann.get("/access/v1/questions").json()["questions"] == []
        there = problem(ann.get(f"/access/v1/questions/{question.id}"), 404)
        assert there == problem(ann.get("/access/v1/questions/nothing"), 404)
        problem(ann.answer(question.id, verdict="deny"), 404)
        assert states(api) == ["open"]
        assert len(approver(api, "alice").get("/access/v1/questions").json()["questions"]) == 1

    def test_who_is_not_in_the_file_of_approvers_reads_nothing(self, gate: Gate, api: Api, ann: Client) -> None:
        """Their key is still trusted for what it signed."""
        question = asked(gate)
        (gate.home.path.parent / "approvers.toml").write_text('[[person]]\nname = "bob"\n')
        gate.home.people = gate.home._first_people
        assert ann.get("/access/v1/questions").json()["questions"] == []
        problem(ann.get(f"/access/v1/questions/{question.id}"), 404)
        problem(ann.answer(question.id, verdict="deny"), 404)
        assert len(approver(api, "bob").get("/access/v1/questions").json()["questions"]) == 1

    def test_waiting_for_the_next_question(self, gate: Gate, api: Api, ann: Client) -> None:
        import asyncio

        turn = ann.get("/access/v1/questions").json()["turn"]
        at = f"/access/v1/questions?turn={turn}&wait=55"

        async def main() -> Any:
            waiting = asyncio.create_task(api.asend("GET", at, headers=ann.headers("GET", at)))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            with pytest.raises(NeedsApproval):
                await gate.acall("pay", {"eur": 5})
            return await asyncio.wait_for(waiting, 20)

        told = asyncio.run(main()).json()
        assert len(told["questions"]) == 1 and told["turn"] != turn


class TestAnswering:
    """Each answer, and what the agent then gets."""

    def test_a_yes_runs_the_call_once(self, gate: Gate, ann: Client, paid: list[int]) -> None:
        question = asked(gate)
        shown = ann.get(f"/access/v1/questions/{question.id}").json()["shown"]
        said = ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=ann.approval(question), shown=shown, shown_at=1.5)
        assert said.status_code == 200 and said.json()["state"] == "approved"
        assert said.json()["approved_by"] == ["ann"]
        assert pay(gate) == 5
        with pytest.raises(NeedsApproval):
            pay(gate)
        assert paid == [5]
        assert [each["approver"] for each in intents(gate)[0]["approvals"]] == ["ann"]
        assert any(shown in json.dumps(record) for record in log(gate)), "what was shown is recorded"

    def test_a_no_with_its_reason(self, gate: Gate, ann: Client, paid: list[int]) -> None:
        question = asked(gate)
        assert ann.answer(question.id, verdict="deny", reason="too much").json()["state"] == "denied"
        denied(lambda: pay(gate), "too much")
        assert paid == []

    def test_a_no_that_stops_the_agent(self, gate: Gate, ann: Client) -> None:
        question = asked(gate)
        assert ann.answer(question.id, verdict="deny", stop=True).status_code == 200
        denied(lambda: pay(gate, 7), "stopped")

    def test_asking_back(self, gate: Gate, ann: Client) -> None:
        question = asked(gate)
        assert ann.answer(question.id, verdict="ask-back", reason="for whom?").json()["state"] == "returned"
        denied(lambda: pay(gate), "for whom?")

    def test_handing_over(self, gate: Gate, api: Api) -> None:
        write_rules(gate, TWO)
        question = asked(gate)
        assert approver(api, "alice").answer(question.id, verdict="hand-over", to="bob").json()["state"] == "open"

    def test_a_second_answer_is_void(self, gate: Gate, ann: Client) -> None:
        question = asked(gate)
        assert ann.answer(question.id, verdict="deny").status_code == 200
        told = problem(ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=ann.approval(question)), 409, "void")
        assert "refused" in told["detail"]

    def test_a_late_yes_is_void(self, gate: Gate, api: Api, ann: Client, clock: FakeClock) -> None:
        question = asked(gate)
        token = ann.approval(question)
        clock.advance(601)
        problem(ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=token), 409, "void")
        assert "approved" not in states(api)


class TestNoYes:
    """Whatever a client sends, without the person's own signature over exactly this question it is no yes."""

    def refused(self, api: Api, response: Any, paid: list[int], *statuses: int) -> None:
        assert response.status_code in statuses, response.text
        assert states(api) == ["open"]
        with pytest.raises(NeedsApproval):
            pay(api.gate)
        assert paid == []

    def test_without_a_signature(self, gate: Gate, api: Api, ann: Client, paid: list[int]) -> None:
        question = asked(gate)
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash), paid, 400)
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=""), paid, 400)
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token="ann"), paid, 403)
        for name in ("approved", "approved_by", "state", "approver", "by", "method", "number", "passkey", "scope", "granted"):
            more = {"verdict": "approve", "binding_hash": question.binding_hash, "token": "ann", name: True}
            self.refused(api, ann.post(f"/access/v1/questions/{question.id}/answers", more), paid, 400)

    def test_of_another_question(self, gate: Gate, api: Api, ann: Client, paid: list[int]) -> None:
        question, other = asked(gate, 5), asked(gate, 500)
        mixed = ann.answer(other.id, verdict="approve", binding_hash=other.binding_hash, token=ann.approval(question))
        assert mixed.status_code == 409, mixed.text
        mixed = ann.answer(other.id, verdict="approve", binding_hash=question.binding_hash, token=ann.approval(question))
        assert mixed.status_code == 409, mixed.text
        assert states(api) == ["open", "open"]

    def test_with_another_binding_than_the_one_shown(self, gate: Gate, api: Api, ann: Client, paid: list[int]) -> None:
        """The page was stale: the number of bytes changed, the rules did, somebody swapped the question."""
        question = asked(gate)
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash="A" * 43, token=ann.approval(question)), paid, 409)
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash="A", token=ann.approval(question)), paid, 400)
        self.refused(api, ann.answer(question.id, verdict="approve", token=ann.approval(question)), paid, 400)

    def test_for_another_gate(self, gate: Gate, api: Api, ann: Client, paid: list[int]) -> None:
        question = asked(gate)
        token = ann.approval(question, audience="example.com/other")
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=token), paid, 409)

    def test_in_another_s_name(self, gate: Gate, api: Api, ann: Client, paid: list[int]) -> None:
        question = asked(gate)
        forged = ann.approval(question, approver="bob")
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=forged), paid, 403)
        bobs = approver(api, "bob").approval(question)
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=bobs), paid, 403)

    def test_by_a_key_that_nobody_trusts(self, gate: Gate, api: Api, ann: Client, paid: list[int]) -> None:
        question = asked(gate)
        home = gate.home
        forged = sign_approval(question, SigningKey.generate(), approver="ann", audience=home.origin, now=home.now())
        self.refused(api, ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=forged), paid, 409)

    def test_by_the_agent_with_its_own_key(self, gate: Gate, api: Api, acting: Any, paid: list[int]) -> None:
        question = asked(gate)
        agent = holder(api, acting.capability)
        answer = {"verdict": "approve", "binding_hash": question.binding_hash, "token": agent.approval(question)}
        self.refused(api, agent.post(f"/access/v1/questions/{question.id}/answers", answer), paid, 403)
        bare = Client(api, agent.key, "ann")
        self.refused(api, bare.post(f"/access/v1/questions/{question.id}/answers", answer), paid, 401)
        self.refused(api, agent.post(f"/access/v1/questions/{question.id}/answers", {"verdict": "deny"}), paid, 403)

    def test_by_an_approver_who_is_the_agent(self, gate: Gate, api: Api, paid: list[int]) -> None:
        """Somebody gave the agent a key of its own among the approvers' keys."""
        question = asked(gate)
        for name in ("agent-7", "AGENT-7"):
            itself = approver(api, name)
            answer = itself.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=itself.approval(question))
            self.refused(api, answer, paid, 403, 409)
            self.refused(api, itself.answer(question.id, verdict="deny"), paid, 403, 409)

    def test_one_person_is_not_two(self, gate: Gate, api: Api, paid: list[int]) -> None:
        write_rules(gate, TWO)
        question = asked(gate)
        alice = approver(api, "alice")
        first = alice.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=alice.approval(question))
        assert first.status_code == 200
        again = alice.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=alice.approval(question))
        self.refused(api, again, paid, 409)


class TestSignedIn:
    """Who is signed in at the page may answer by it, from the page only."""

    def post(self, api: Api, question: str, said: dict[str, Any], **headers: str) -> Any:
        sent = {"Content-Type": "application/json", "Origin": BASE, "Sec-Fetch-Site": "same-origin"} | headers
        return api.send("POST", f"/access/v1/questions/{question}/answers", body=json.dumps(said).encode(), headers=sent)

    def test_a_yes_that_this_machine_signs(self, gate: Gate, api: Api, paid: list[int]) -> None:
        question = asked(gate)
        api.signed_in = "ann"
        gate.home.keys.signing("approver-ann")
        gate.home.anchors("approver", fresh=True)
        assert len(api.send("GET", "/access/v1/questions").json()["questions"]) == 1
        assert self.post(api, question.id, {"verdict": "approve", "binding_hash": question.binding_hash}).json()["state"] == "approved"
        assert pay(gate) == 5

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "https://gate.example"},
            {"Origin": "http://gate.example:81"},
            {"Origin": ""},
        ],
        ids=str,
    )
    def test_from_another_site(self, gate: Gate, api: Api, headers: dict[str, str]) -> None:
        question = asked(gate)
        api.signed_in = "ann"
        problem(self.post(api, question.id, {"verdict": "deny"}, **headers), 403, "cross-site")
        assert states(api) == ["open"]

    def test_a_form_cannot_send_it(self, gate: Gate, api: Api) -> None:
        question = asked(gate)
        api.signed_in = "ann"
        for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
            problem(self.post(api, question.id, {"verdict": "deny"}, **{"Content-Type": media}), 415)
        assert states(api) == ["open"]

    def test_nobody_is_signed_in(self, gate: Gate, api: Api) -> None:
        question = asked(gate)
        problem(self.post(api, question.id, {"verdict": "deny"}), 401)
        problem(api.send("GET", "/access/v1/questions"), 401)


class TestGrave:
    """What must be looked at closely is approved where the number is typed; a no is taken here too."""

    @pytest.fixture(autouse=True)
    def grave(self, gate: Gate) -> None:
        gate.wrap(lambda eur: eur, name="wire", risk="high")

    def asked(self, gate: Gate) -> Any:
        with gate.acting(gate.grant("agent-7", tools={"wire": ANY}), session="s1"), pytest.raises(NeedsApproval) as caught:
            gate.call("wire", {"eur": 5})
        return caught.value.question

    def test_a_yes(self, gate: Gate, api: Api, ann: Client) -> None:
        question = self.asked(gate)
        told = problem(ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=ann.approval(question)), 403, "page-only")
        assert "number" in told["detail"]
        assert states(api) == ["open"]

    def test_a_no(self, gate: Gate, ann: Client) -> None:
        question = self.asked(gate)
        assert ann.answer(question.id, verdict="deny").json()["state"] == "denied"


def test_a_very_long_argument(gate: Gate, api: Api, ann: Client) -> None:
    """What is too long to be shown at once is there whole in the binding, cut openly in the document, and approved at the page."""
    gate.wrap(lambda text: len(text), name="note", effects="reads", risk="medium")
    with gate.acting(gate.grant("agent-7", tools={"note": ANY}), session="s1"), pytest.raises(NeedsApproval) as caught:
        gate.call("note", {"text": "x" * 2_000_000})
    question = caught.value.question
    assert question is not None
    told = ann.get(f"/access/v1/questions/{question.id}").json()
    assert len(told["binding"]["context"]["arguments"]["text"]) == 2_000_000
    assert told["document"]["cut"] and len(json.dumps(told["document"])) < 100_000
    assert len(ann.get("/access/v1/questions").content) < 5_000
    answer = ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=ann.approval(question))
    assert "too long" in problem(answer, 403, "page-only")["detail"]
    assert ann.answer(question.id, verdict="deny").json()["state"] == "denied"


def test_shown_is_the_digest_of_the_document(gate: Gate, ann: Client) -> None:
    from hashlib import sha256

    from gate.call import canonical

    told = ann.get(f"/access/v1/questions/{asked(gate).id}").json()
    assert told["shown"] == b64url(sha256(canonical(told["document"])).digest())
