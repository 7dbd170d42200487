"""Passkeys in a real Chromium, with an authenticator of its own: enrolled, asked to sign, and attacked."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Generator, Iterator
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the inbox needs capgate[inbox]")
pytest.importorskip("webauthn", reason="the inbox needs capgate[inbox]")

from gate import Gate, Question
from gate.tally import verified
from gate.tokens.jwk import decode
from tests.approvers.inbox.kit import like, put
from tests.approvers.inbox.live import PHONE, axe, chromium, shot
from tests.approvers.inbox.site import served
from tests.approvers.inbox.whole import Inbox, held, records, state


@pytest.fixture(scope="module")
def browser() -> Generator[Any]:
    with chromium() as started:
        yield started


@contextlib.contextmanager
def opened(gate: Gate) -> Iterator[Inbox]:
    """The inbox behind the real server, at a port that it knows."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inbox = Inbox(gate, f"http://localhost:{port}")
    with served(inbox.app, port=port):
        yield inbox


def plug_in(cdp: Any) -> str:
    """A new authenticator, whose owner touches it and is known to it; its id."""
    device = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    return str(cdp.send("WebAuthn.addVirtualAuthenticator", {"options": device})["authenticatorId"])


def person(browser: Any, inbox: Inbox, name: str, **look: Any) -> Any:
    """A page of somebody who holds an authenticator, and signs in by a link."""
    page = browser.new_context(**look).new_page()
    page.violations = []
    page.on("console", lambda message: page.violations.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.violations.append(str(error)))
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    page.cdp, page.added = cdp, plug_in(cdp)
    page.goto(f"{inbox.origin}/login/{inbox.links.make(name)}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{inbox.origin}/")
    return page


def enrol(page: Any, inbox: Inbox, count: int = 1) -> None:
    page.goto(f"{inbox.origin}/passkeys")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("for this page").nth(count - 1).wait_for()


def approve(page: Any, inbox: Inbox, question: Question) -> None:
    page.goto(f"{inbox.origin}/questions/{question.id}")
    page.locator('#approve input[name="number"]').fill(question.number)
    page.locator("#approve button.approve").click()


def test_enrol_and_approve(gate: Gate, tools: None, browser: Any) -> None:
    with opened(gate) as inbox:
        page = person(browser, inbox, "ann")
        enrol(page, inbox)
        question = inbox.question("q1")
        approve(page, inbox, question)
        page.locator("#approve").wait_for(state="detached")
        case = gate.home.desk.case("q1")
        assert case
        assert (case.state, case.answers[0].method) == ("approved", "page+passkey")
        found = verified(gate.home, case.answers[0].token, question)
        assert found.passkey
        client: dict[str, Any] = json.loads(decode(found.passkey["response"]["clientDataJSON"]))  # type: ignore[index]
        assert client["origin"] == inbox.origin
        assert page.violations == []


def test_another_passkey(gate: Gate, tools: None, browser: Any) -> None:
    """The person puts the first authenticator away, makes a passkey with the second, and takes the first again when it shall sign for that."""
    with opened(gate) as inbox:
        page = person(browser, inbox, "ann")
        enrol(page, inbox)
        [old] = page.cdp.send("WebAuthn.getCredentials", {"authenticatorId": page.added})["credentials"]
        page.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": page.added})
        second = plug_in(page.cdp)

        def now_the_first(route: Any) -> None:
            page.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": second})
            page.cdp.send("WebAuthn.addCredential", {"authenticatorId": plug_in(page.cdp), "credential": old})
            route.continue_()

        page.route("**/passkeys/new", now_the_first)
        enrol(page, inbox, 2)
        one, other = held(inbox)
        assert [record["by"] for record in records(inbox, "passkey")] == ["link", one.id]
        assert one.id != other.id


def test_a_person_who_is_not_verified(gate: Gate, tools: None, browser: Any) -> None:
    with opened(gate) as inbox:
        page = person(browser, inbox, "ann")
        enrol(page, inbox)
        page.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": page.added, "isUserVerified": False})
        question = inbox.question("q1")
        approve(page, inbox, question)
        page.get_by_role("alert").get_by_text("Nothing was signed").wait_for()
        assert state(inbox, question) == "open"


def test_a_swapped_amount_and_a_replay(gate: Gate, tools: None, browser: Any) -> None:
    with opened(gate) as inbox:
        page = person(browser, inbox, "ann")
        enrol(page, inbox)
        small = inbox.question("small")
        same = put(gate, like(small, id="same"))
        large = inbox.question("large", 5000)
        page.goto(f"{inbox.origin}/questions/small")
        signed = page.evaluate("async () => sign(await ask('/questions/small/challenge', {}))")
        for other in (large, same):
            page.goto(f"{inbox.origin}/questions/{other.id}")
            page.evaluate(
                "([signed, number]) => { const form = document.querySelector('#approve'); form.elements.passkey.value = signed;"
                " form.elements.number.value = number; form.dataset.signed = 'yes'; form.requestSubmit(); }",
                [signed, other.number],
            )
            page.get_by_text("signed something else").wait_for()
            assert state(inbox, other) == "open"


def test_another_persons_passkey(gate: Gate, tools: None, browser: Any) -> None:
    with opened(gate) as inbox:
        ann, bob = person(browser, inbox, "ann"), person(browser, inbox, "bob")
        enrol(ann, inbox)
        enrol(bob, inbox)
        question = inbox.question("q1")
        ann.goto(f"{inbox.origin}/questions/q1")
        bob.goto(f"{inbox.origin}/questions/q1")
        signed = bob.evaluate("async () => sign(await ask('/questions/q1/challenge', {}))")
        ann.evaluate(
            "([signed, number]) => { const form = document.querySelector('#approve'); form.elements.passkey.value = signed;"
            " form.elements.number.value = number; form.dataset.signed = 'yes'; form.requestSubmit(); }",
            [signed, question.number],
        )
        ann.get_by_text("none of this person").wait_for()
        assert state(inbox, question) == "open"


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_pages_around_a_sign_in_for_everybody(gate: Gate, tools: None, browser: Any, look: str) -> None:
    with opened(gate) as inbox:
        page = person(browser, inbox, "ann", **(PHONE if look == "phone" else {"color_scheme": look}))
        link = inbox.links.make("ann")
        for name, path in (("passkeys", "/passkeys"), ("sign-in", f"/login/{link}"), ("used-up", "/login/x")):
            page.goto(inbox.origin + path)
            shot(page, f"door-{name}-{look}")
            assert axe(page) == []
        page.context.clear_cookies()
        page.goto(inbox.origin)
        shot(page, f"door-stranger-{look}")
        assert axe(page) == []
