"""The requester's half of the HTTP API: the denial, the task, waiting for it, and who may not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gate import ANY, Gate, Question
from gate.approvers.inbox import arap
from gate.approvers.inbox.bound import hash_of
from gate.ask import binding_of
from gate.call import b64url, canonical
from gate.testing import FakeClock
from gate.tokens.jwk import SigningKey
from tests.asking.api import BASE, Api, Client, api, approver, holder, problem
from tests.asking.kit import TWO, asked, pay
from tests.kit import sign_as, write_rules

__all__ = ["api"]


@pytest.fixture
def agent(api: Api, acting: Any) -> Client:
    return holder(api, acting.capability)


def submission(question: Question, **changes: Any) -> dict[str, Any]:
    denial = {"evaluation_id": question.id, "expires_at": arap.rfc3339(question.expires)}
    return {**binding_of(question), "denial": denial, **changes}


def task_of(agent: Client, question: Question) -> dict[str, Any]:
    response = agent.post("/access/v1/requests", submission(question))
    assert response.status_code == 202, response.text
    assert response.headers["location"] == response.json()["task"]["status_endpoint"]
    made: dict[str, Any] = response.json()["task"]
    return made


def path(task: dict[str, Any]) -> str:
    return str(task["status_endpoint"]).removeprefix(BASE)


def test_what_is_bound_is_what_the_engine_bound(gate: Gate, agent: Client) -> None:
    question = asked(gate)
    assert hash_of(binding_of(question)) == question.binding_hash


def test_a_denial_says_where_to_go(gate: Gate, agent: Client) -> None:
    question = asked(gate)
    told = agent.get(f"/access/v1/evaluations/{question.id}").json()
    assert told["decision"] is False
    assert told["context"]["evaluation_id"] == question.id
    assert told["context"]["reason"] == "approval_required"
    hint = told["context"]["access_request"]
    assert hint["endpoint"] == f"{BASE}/access/v1/requests"
    assert hint["expires_at"] == arap.rfc3339(question.expires)


def test_from_the_denial_to_the_run(gate: Gate, api: Api, agent: Client, paid: list[int]) -> None:
    question = asked(gate)
    task = task_of(agent, question)
    assert task["status"] == "pending"
    assert task["id"] not in {question.id, question.binding_hash}
    assert "result" not in agent.get(path(task)).json()
    ann = approver(api, "ann")
    said = ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=ann.approval(question))
    assert said.status_code == 200, said.text
    told = agent.get(path(task)).json()
    assert told["task"]["status"] == "approved"
    assert told["result"]["mode"] == "reevaluate"
    assert set(told["result"]["approval"]) == {"id", "approved_at", "approved_until"}
    assert paid == []
    assert pay(gate) == 5
    assert agent.get(path(task)).json()["task"]["display"]["state"] == "used"


def test_submitting_again_gives_the_same_task(gate: Gate, agent: Client) -> None:
    question = asked(gate)
    assert task_of(agent, question) == task_of(agent, question)
    assert len(agent.api.desk.cases()) == 1


def test_one_idempotency_key_is_one_body(gate: Gate, agent: Client) -> None:
    import json

    question = asked(gate)

    def submit(data: Any) -> Any:
        body = json.dumps(data).encode()
        headers = agent.headers("POST", "/access/v1/requests", body) | {"Content-Type": "application/json", "Idempotency-Key": "k1"}
        return agent.api.send("POST", "/access/v1/requests", body=body, headers=headers)

    assert submit(submission(question)).status_code == 202
    assert submit(submission(question)).status_code == 202
    problem(submit(submission(question, client={"id": "x"})), 409, "duplicate_request")


@pytest.mark.parametrize("wait", ["0", "55"])
def test_waiting_ends_with_the_answer(gate: Gate, api: Api, agent: Client, wait: str) -> None:
    question = asked(gate)
    waits = path(task_of(agent, question)) + f"?wait={wait}"

    async def main() -> Any:
        polling = asyncio.create_task(api.asend("GET", waits, headers=agent.headers("GET", waits)))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(lambda: api.desk.deny(question.id, by="ann", method="page", reason="too much"))
        return await asyncio.wait_for(polling, 20)

    told = asyncio.run(main()).json()["task"]
    assert told["status"] == ("pending" if wait == "0" else "denied")
    assert "ann" not in str(told)
    assert wait == "0" or "too much" in told["display"]["description"]


def test_waiting_is_bounded_and_a_number(gate: Gate, agent: Client, clock: FakeClock) -> None:
    question = asked(gate)
    task = task_of(agent, question)
    for wrong in ("-1", "1.5", "nan", "inf", "٣", "1e3", "9" * 30):
        problem(agent.get(f"{path(task)}?wait={wrong}"), 400)
    clock.advance(601)
    told = agent.get(f"{path(task)}?wait=55").json()["task"]
    assert told["status"] == "expired"


def test_two_people_are_two_steps_and_nobody_is_named(gate: Gate, api: Api, agent: Client) -> None:
    write_rules(gate, TWO)
    question = asked(gate)
    task = task_of(agent, question)
    assert task["progress"] == {"current_step": 1, "total_steps": 2}
    alice = approver(api, "alice")
    assert alice.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=alice.approval(question)).status_code == 200
    told = agent.get(path(task)).json()
    assert told["task"]["status"] == "pending"
    assert told["task"]["progress"]["current_step"] == 2
    assert "alice" not in str(told)


def test_no_approval_leaves_through_here(gate: Gate, api: Api, agent: Client) -> None:
    question = asked(gate)
    task = task_of(agent, question)
    ann = approver(api, "ann")
    token = ann.approval(question)
    told = [ann.answer(question.id, verdict="approve", binding_hash=question.binding_hash, token=token)]
    told += [agent.get(path(task)), ann.get(f"/access/v1/questions/{question.id}"), ann.get("/access/v1/questions?state=approved")]
    for response in told:
        assert response.status_code == 200
        assert token not in response.text and token.rpartition(".")[2] not in response.text


class TestStrangers:
    """Whoever may not, learns nothing: not even that there is such a question."""

    def test_poll_by_a_stranger(self, gate: Gate, api: Api, agent: Client) -> None:
        task = task_of(agent, asked(gate))
        problem(api.send("GET", path(task)), 401)
        stranger = Client(api, SigningKey.generate(), "agent-7")
        problem(stranger.get(path(task)), 401)
        stolen = Client(api, SigningKey.generate(), "agent-7", agent.capability)
        problem(stolen.get(path(task)), 401)

    def test_poll_by_another_agent_that_knows_the_task(self, gate: Gate, api: Api, agent: Client) -> None:
        question = asked(gate)
        task = task_of(agent, question)
        other = holder(api, gate.grant("agent-8", tools={"pay": ANY}))
        for told in (other.get(path(task)), other.get(f"/access/v1/evaluations/{question.id}")):
            problem(told, 404, "unknown_task")
        nothing = other.get("/access/v1/evaluations/nothing").json()
        assert other.get(f"/access/v1/evaluations/{question.id}").json() == nothing, "as if there were none"
        problem(other.post("/access/v1/requests", submission(question)), 400, "invalid_denial_binding")

    def test_another_capability_of_the_same_agent_is_another_caller(self, gate: Gate, api: Api, agent: Client) -> None:
        task = task_of(agent, asked(gate))
        problem(holder(api, gate.grant("agent-7", tools={"pay": ANY})).get(path(task)), 404)

    def test_an_id_alone_opens_nothing(self, gate: Gate, agent: Client) -> None:
        """Ids of questions count on within a process; handles of tasks are made of what nobody guesses."""
        question = asked(gate)
        task = task_of(agent, question)
        for guess in (question.id, f"{question.id}~", f"{question.id}~{'A' * 22}", task["id"][:-1], task["id"] + "A", "~", "x"):
            problem(agent.get(f"/access/v1/requests/{guess}"), 404)

    def test_an_approver_polls_no_task_and_a_holder_reads_no_question(self, gate: Gate, api: Api, agent: Client) -> None:
        question = asked(gate)
        task = task_of(agent, question)
        problem(approver(api, "ann").get(path(task)), 404)
        for told in (agent.get("/access/v1/questions"), agent.get(f"/access/v1/questions/{question.id}")):
            problem(told, 403, "no-approver")

    def test_a_revoked_or_expired_capability_polls_nothing(self, gate: Gate, api: Api, agent: Client, clock: FakeClock) -> None:
        task = task_of(agent, asked(gate))
        assert agent.capability is not None
        gate.revoke(agent.capability)
        assert "revoked" in problem(agent.get(path(task)), 401)["detail"]
        late = holder(api, gate.grant("agent-7", tools={"pay": ANY}, minutes=1))
        assert late.get("/access/v1/evaluations/x").status_code == 404
        clock.advance(61)
        assert "expired" in problem(late.get("/access/v1/evaluations/x"), 401)["detail"]

    def test_the_agent_ends_no_question(self, gate: Gate, api: Api, agent: Client) -> None:
        """Cancelling would let an agent withdraw what a person was about to refuse, and ask again."""
        question = asked(gate)
        task = task_of(agent, question)
        assert "cancel" not in str(task)
        for method in ("POST", "DELETE"):
            cancel = path(task) + "/cancel"
            problem(api.send(method, cancel, headers=agent.headers(method, cancel)), 405)
        assert api.desk.cases()[0].state == "open"


class TestSubmitting:
    """What is submitted must be the call that was denied, member by member."""

    @pytest.mark.parametrize(
        "change",
        [
            {"subject": {"type": "agent", "id": "agent-8", "principal": ""}},
            {"resource": {"type": "tool", "id": "refund"}},
            {"action": {"name": "tools/list"}},
            {"context": {}},
            {"context": None},
            {"subject": None},
            {"denial": {}},
            {"denial": {"evaluation_id": "x", "expires_at": "x"}},
        ],
        ids=str,
    )
    def test_another_call(self, gate: Gate, agent: Client, change: dict[str, Any]) -> None:
        problem(agent.post("/access/v1/requests", submission(asked(gate), **change)), 400, "invalid_denial_binding")

    def test_other_arguments(self, gate: Gate, agent: Client) -> None:
        question = asked(gate)
        data = submission(question)
        data["context"]["arguments"] = {"eur": 500}
        problem(agent.post("/access/v1/requests", data), 400, "invalid_denial_binding")
        data["context"]["arguments"] = {"eur": True}
        problem(agent.post("/access/v1/requests", data), 400, "invalid_denial_binding")

    def test_what_is_added_to_the_context_binds_nothing(self, gate: Gate, agent: Client) -> None:
        data = submission(asked(gate))
        data["context"]["business_justification"] = "please"
        assert agent.post("/access/v1/requests", data).status_code == 202

    def test_the_denial_is_echoed_unchanged(self, gate: Gate, agent: Client) -> None:
        question = asked(gate)
        denial = {"evaluation_id": question.id, "expires_at": arap.rfc3339(question.expires + 3600)}
        problem(agent.post("/access/v1/requests", submission(question, denial=denial)), 400, "invalid_denial_binding")

    def test_after_it_expired(self, gate: Gate, agent: Client, clock: FakeClock) -> None:
        question = asked(gate)
        clock.advance(601)
        problem(agent.post("/access/v1/requests", submission(question)), 410, "expired_denial")

    @pytest.mark.parametrize("member", ["items", "callback"])
    def test_what_is_not_supported_is_said(self, gate: Gate, agent: Client, member: str) -> None:
        problem(agent.post("/access/v1/requests", submission(asked(gate), **{member: {}})), 400, "unsupported")


def test_the_hash_can_be_computed_by_anybody(gate: Gate, agent: Client) -> None:
    from hashlib import sha256

    question = asked(gate)
    assert b64url(sha256(canonical(binding_of(question))).digest()) == question.binding_hash
    assert sign_as(gate, "ann", question)
