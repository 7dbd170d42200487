"""Who sends a request to the HTTP API, what it may look like, and what is refused before anybody looks at it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate import Gate
from gate.approvers.inbox.resource import MAX_BODY
from gate.testing import FakeClock
from gate.tokens.jwk import SigningKey
from tests.asking.api import Api, Client, api, approver, problem
from tests.asking.kit import asked

__all__ = ["api"]
pytestmark = pytest.mark.usefixtures("acting")
LIST = "/access/v1/questions"


@pytest.fixture
def ann(api: Api) -> Client:
    return approver(api, "ann")


class TestProofs:
    """A proof is for one request, once."""

    def test_replayed(self, api: Api, ann: Client) -> None:
        headers = ann.headers("GET", LIST)
        assert api.send("GET", LIST, headers=headers).status_code == 200
        assert "used before" in problem(api.send("GET", LIST, headers=headers), 401)["detail"]

    def test_replayed_after_a_restart(self, gate: Gate, api: Api, ann: Client, clock: FakeClock) -> None:
        headers = ann.headers("GET", LIST)
        assert api.send("GET", LIST, headers=headers).status_code == 200
        clock.advance(5)
        problem(Api(gate).send("GET", LIST, headers=headers), 401)

    def test_an_answer_replayed(self, gate: Gate, api: Api, ann: Client) -> None:
        question = asked(gate)
        path, body = f"{LIST}/{question.id}/answers", json.dumps({"verdict": "ask-back", "reason": "why?"}).encode()
        headers = ann.headers("POST", path, body) | {"Content-Type": "application/json"}
        assert api.send("POST", path, body=body, headers=headers).status_code == 200
        problem(api.send("POST", path, body=body, headers=headers), 401)

    @pytest.mark.parametrize(
        "changes",
        [
            {"method": "POST"},
            {"url": "http://gate.example/access/v1/questions/x"},
            {"url": "http://evil.example/access/v1/questions"},
            {"url": "https://gate.example/access/v1/questions"},
            {"audience": "example.com/other"},
            {"who": "bob"},
            {"who": ""},
            {"now": 1_800_000_100.0},
            {"now": 1_700_000_000.0},
            {"body": b"x"},
        ],
        ids=str,
    )
    def test_for_something_else(self, api: Api, ann: Client, changes: dict[str, Any]) -> None:
        problem(api.send("GET", LIST, headers=ann.headers("GET", LIST, b"", **changes)), 401, "unknown-caller")

    def test_the_body_is_part_of_it(self, gate: Gate, api: Api, ann: Client) -> None:
        question = asked(gate)
        path = f"{LIST}/{question.id}/answers"
        headers = ann.headers("POST", path, b'{"verdict":"deny"}') | {"Content-Type": "application/json"}
        problem(api.send("POST", path, body=b'{"verdict":"deny","stop":true}', headers=headers), 401)
        assert api.desk.cases()[0].state == "open"

    def test_by_a_key_that_may_not_approve(self, gate: Gate, api: Api, ann: Client) -> None:
        for name in ("issuer", "log"):
            problem(Client(api, gate.home.keys.signing(name), name).get(LIST), 401)
        problem(Client(api, SigningKey.generate(), "ann").get(LIST), 401)

    def test_by_a_key_that_was_replaced(self, gate: Gate, api: Api) -> None:
        """What it signed before stays good; whoever stole it must not get in with it."""
        old = gate.home.keys.signing("approver-bob")
        gate.home.anchors("approver", fresh=True)
        assert Client(api, old, "bob").get(LIST).status_code == 200
        new = gate.home.keys.rotate("approver-bob")
        gate.home.anchors("approver", fresh=True)
        assert "replaced" in problem(Client(api, old, "bob").get(LIST), 401)["detail"]
        assert Client(api, new, "bob").get(LIST).status_code == 200

    @pytest.mark.parametrize("value", ["", "Gate-Proof", "Gate-Proof ", "Bearer x", "Basic YW5uOng=", "Gate-Proof a.b.c", "Gate-Proof " + "a" * 9000])
    def test_no_proof_at_all(self, api: Api, value: str) -> None:
        assert problem(api.send("GET", LIST, headers={"Authorization": value}), 401)
        assert api.send("GET", LIST).headers["www-authenticate"] == "Gate-Proof"

    def test_two_of_them(self, api: Api, ann: Client) -> None:
        one, two = ann.headers("GET", LIST)["Authorization"], ann.headers("GET", LIST)["Authorization"]
        problem(api.send("GET", LIST, headers=[("Authorization", one), ("Authorization", two)]), 401)

    def test_a_wrong_proof_is_not_made_good_by_a_sign_in(self, api: Api) -> None:
        api.signed_in = "ann"
        problem(api.send("GET", LIST, headers={"Authorization": "Gate-Proof a.b.c"}), 401)


class TestForm:
    """What a request may look like."""

    @pytest.mark.parametrize(
        "body",
        [
            b'{"verdict":"deny","verdict":"approve"}',
            b'{"verdict":"deny","reason":"a","reason":"b"}',
            b'{"verdict":"deny"',
            b"[]",
            b'"deny"',
            b"null",
            b"",
            b'\xef\xbb\xbf{"verdict":"deny"}',
            b'{"verdict":"deny","shown_at":NaN}',
            b'{"verdict":"deny","shown_at":1e999}',
            b'{"verdict":"deny","shown_at":-1}',
            b'{"verdict":"deny","shown_at":true}',
            b'{"verdict":"deny","stop":1}',
            b'{"verdict":"deny","stop":"true"}',
            b'{"verdict":"deny","reason":["a"]}',
            b'{"verdict":"deny","shown":"x"}',
            b'{"verdict":"Deny"}',
            b'{"verdict":["deny"]}',
            b'{"verdict":"expire"}',
            b'{"verdict":"withdraw"}',
            b'{"verdict":"edit"}',
            b'{"verdict":"edit","arguments":[]}',
            b'{"verdict":"hand-over"}',
            b'{"verdict":"ask-back"}',
            b'{"verdict":"deny","to":"bob"}',
            b'{"verdict":"deny","reason":"\\ud800"}',
            b'{"verdict":"deny","x":' + b"[" * 200 + b"]" * 200 + b"}",
            b'{"verdict":"deny","reason":"' + b"x" * 3000 + b'"}',
        ],
        ids=lambda body: body[:50].decode("latin-1"),
    )
    def test_what_is_no_answer(self, gate: Gate, api: Api, ann: Client, body: bytes) -> None:
        question = asked(gate)
        problem(ann.post(f"{LIST}/{question.id}/answers", body), 400)
        assert api.desk.cases()[0].state == "open"

    def test_a_huge_body(self, gate: Gate, api: Api, ann: Client) -> None:
        question = asked(gate)
        body = b'{"verdict":"deny","reason":"' + b"x" * MAX_BODY + b'"}'
        problem(ann.post(f"{LIST}/{question.id}/answers", body), 413)
        assert api.desk.cases()[0].state == "open"

    def test_a_body_without_end_is_not_read_to_its_end(self, api: Api) -> None:
        import asyncio

        import httpx

        sent = 0

        async def endless() -> Any:
            nonlocal sent
            while True:
                sent += 65536
                yield b"x" * 65536

        async def main() -> httpx.Response:
            async with httpx.AsyncClient(transport=api.transport, base_url="http://gate.example") as client:
                return await client.post(f"{LIST}/x/answers", content=endless())

        assert asyncio.run(main()).status_code == 413
        assert sent <= MAX_BODY + 3 * 65536

    def test_other_methods(self, gate: Gate, api: Api, ann: Client) -> None:
        question = asked(gate)
        told = api.send("GET", f"{LIST}/{question.id}/answers?verdict=approve", headers=ann.headers("GET", f"{LIST}/{question.id}/answers"))
        assert problem(told, 405) and told.headers["allow"] == "POST"
        for method in ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "POST"):
            assert api.send(method, f"{LIST}/{question.id}", headers=ann.headers(method, f"{LIST}/{question.id}")).status_code == 405
        assert api.desk.cases()[0].state == "open"

    def test_nothing_is_kept_by_caches(self, gate: Gate, api: Api, ann: Client) -> None:
        for response in (ann.get(LIST), api.send("GET", LIST), ann.get(f"{LIST}/x")):
            assert response.headers["cache-control"] == "no-store"

    def test_a_wrong_file_of_approvers_lets_nobody_answer(self, gate: Gate, api: Api, ann: Client) -> None:
        question = asked(gate)
        (gate.home.path.parent / "approvers.toml").write_text("broken [")
        gate.home.people = gate.home._first_people  # what a second later would see
        for response in (ann.get(LIST), ann.answer(question.id, verdict="deny")):
            assert "broken" not in json.dumps(problem(response, 503, "misconfigured"))
        (gate.home.path.parent / "approvers.toml").unlink()

    def test_what_goes_wrong_inside_answers_nothing(self, gate: Gate, api: Api, ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        question = asked(gate)

        def broken(*_: object, **__: object) -> Any:
            raise OSError("the disk is at /secret/place")

        monkeypatch.setattr(api.desk, "deny", broken)
        told = problem(ann.answer(question.id, verdict="deny"), 500)
        assert "secret" not in json.dumps(told)


class TestBesideThePage:
    """The same behind the page's guard, as `gate inbox` serves it."""

    def test_reading_and_answering(self, gate: Gate) -> None:
        ann = approver(Api(gate, whole=True), "ann")
        question = asked(gate)
        assert len(ann.get(LIST).json()["questions"]) == 1
        assert ann.answer(question.id, verdict="deny").json()["state"] == "denied"

    def test_what_the_guard_refuses(self, gate: Gate) -> None:
        api = Api(gate, whole=True)
        ann, question = approver(api, "ann"), asked(gate)
        path, body = f"{LIST}/{question.id}/answers", b'{"verdict":"deny"}'
        for more in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
            sent = ann.headers("POST", path, body) | {"Content-Type": "application/json"} | more
            assert api.send("POST", path, body=body, headers=sent).status_code in {403, 421}
        assert api.desk.cases()[0].state == "open"

    def test_a_huge_body(self, gate: Gate) -> None:
        ann, question = approver(Api(gate, whole=True), "ann"), asked(gate)
        for size in (MAX_BODY, 10 * MAX_BODY):
            problem(ann.post(f"{LIST}/{question.id}/answers", b'{"verdict":"deny","reason":"' + b"x" * size + b'"}'), 413)

    def test_over_a_real_connection(self, gate: Gate, api: Api) -> None:
        """As `gate inbox` serves it: the address in the proof is the one that the client used."""
        import httpx

        from gate.approvers.inbox.serve import Settings, made
        from gate.tokens.request import sign
        from tests.approvers.inbox.site import served

        ann, question = approver(api, "ann"), asked(gate)
        with served(made(gate.home, Settings(), 8790)[0]) as port:
            url, body = f"http://127.0.0.1:{port}{LIST}/{question.id}/answers", b'{"verdict":"deny"}'

            def post(address: str) -> httpx.Response:
                home = gate.home
                proof = sign(ann.key, who="ann", audience=home.origin, method="POST", url=address, now=home.now(), body=body)
                return httpx.post(url, content=body, headers={"Authorization": f"Gate-Proof {proof}", "Content-Type": "application/json"})

            problem(post(url.replace("127.0.0.1", "localhost")), 401)
            problem(post(url.replace("http:", "https:")), 401)
            assert post(url).json()["state"] == "denied"
