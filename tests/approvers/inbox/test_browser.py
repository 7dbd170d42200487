"""The page in a real Chromium behind the real server: by keyboard, without JavaScript, on a phone, in the dark; and what axe-core says of it.

Skipped, visibly, where there is no Chromium. With GATE_SCREENSHOTS=DIR every state is kept as a picture there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import Gate
from gate.approvers.inbox import serve
from gate.frozen import freeze
from tests.approvers.inbox.kit import ask, like, put, states, swap, wrap
from tests.approvers.inbox.live import PHONE, Scene, axe, chromium, page, serving, shot

pytest.importorskip("uvicorn")
LOOKS: dict[str, dict[str, Any]] = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": PHONE}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Gate]:
    """A gate in the time that it is."""
    (tmp_path / "home").mkdir()
    made = Gate(tmp_path / "home" / ".gate", clear={"*": ["*"]})
    yield made
    made.close()


@pytest.fixture
def scene(browser: Any, real: Gate, tmp_path: Path) -> Scene:
    return Scene(real, tmp_path / "repo")


@pytest.fixture
def base(real: Gate) -> Iterator[str]:
    with serving(real) as address:
        yield address


def named(scene: Scene) -> dict[str, str]:
    """Every state that a page has, by name."""
    ids = {
        "critical": scene.tunnel.id,
        "two-people": scene.wire.id,
        "high-diff": scene.write.id,
        "medium-everything": scene.sql.id,
        "low": scene.notes[2].id,
    }
    return {
        "list": "/",
        **{f"question-{name}": f"/questions/{one}" for name, one in ids.items()},
        "batch": f"/questions/{scene.notes[0].id}/batch",
        "edit": f"/questions/{scene.sql.id}/edit",
        "decided": "/decided",
        "figures": "/figures",
        "no-such-page": "/none",
    }


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_and_nothing_overflows(browser: Any, scene: Scene, base: str, look: str) -> None:
    """Every state in light and dark, wide and phone: no violation, no sideways scrolling, no word of the console, no small target."""
    desk = scene.gate.home.desk
    desk.deny(scene.notes[1].id, by="bob", reason="not this one")
    desk.approve(scene.wire.id, by="ann", binding_hash=scene.wire.binding_hash, number=scene.wire.number)
    opened = page(browser, base, **LOOKS[look])
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    for name, path in {**named(scene), "denied": f"/questions/{scene.notes[1].id}"}.items():
        opened.goto(base + path)
        for more in opened.locator("summary").all():
            more.click()
        shot(opened, f"{name}-{look}")
        assert axe(opened) == [], name
        assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert opened.evaluate(SMALL) == [], name
    assert [line for line in said if "404" not in line] == []
    opened.context.close()


SMALL = """[...document.querySelectorAll("button, .button, input:not([type=hidden]), select, textarea, summary, header a, .cards a")]
    .filter(one => one.getClientRects().length && !one.matches("[type=radio], [type=checkbox]"))
    .filter(one => one.getBoundingClientRect().height < 43.9).map(one => one.outerHTML.slice(0, 100))"""


def test_a_new_question_reaches_an_open_page(browser: Any, scene: Scene, base: str) -> None:
    opened = page(browser, base)
    opened.goto(base)
    opened.locator("#waiting a").first.wait_for()
    asked = ask(scene.gate, "remove", {"path": "/new"}, agent="new-agent")
    opened.wait_for_selector(f'a[href="/questions/{asked.id}"]', timeout=5000)
    assert opened.title() == "(8) Approvals" and "New question. 8 waiting." in opened.locator("#live").inner_text()
    scene.gate.home.desk.deny(asked.id, by="bob")
    opened.wait_for_selector(f'a[href="/questions/{asked.id}"]', state="detached", timeout=5000)
    assert opened.title() == "(7) Approvals"
    opened.context.close()


def test_a_question_that_somebody_else_answers_takes_its_buttons_away(browser: Any, scene: Scene, base: str) -> None:
    opened = page(browser, base)
    opened.goto(f"{base}/questions/{scene.sql.id}")
    opened.wait_for_timeout(200)
    scene.gate.home.desk.deny(scene.sql.id, by="bob", reason="no")
    opened.wait_for_selector("#changed:not([hidden])", timeout=5000)
    assert opened.locator("#approve button.approve").is_disabled() and opened.locator("#deny button.deny").is_disabled()
    shot(opened, "changed-while-read")
    assert axe(opened) == []
    opened.get_by_role("link", name="Load it again").click()
    assert "Denied" in opened.locator(".told:not([hidden])").inner_text()
    opened.context.close()


def test_swapped_after_it_was_shown_then_enter_on_approve(browser: Any, scene: Scene, base: str) -> None:
    """The page is from before; the answer to it is not counted, and the page says so."""
    opened = page(browser, base, java_script_enabled=False)
    opened.goto(f"{base}/questions/{scene.sql.id}")
    swap(scene.gate, scene.sql, arguments=freeze({"database": "shop-prod", "statement": "DROP TABLE customers"}))
    opened.locator("#approve button.approve").focus()
    with opened.expect_response(lambda reply: reply.request.method == "POST") as reply:
        opened.keyboard.press("Enter")
    assert reply.value.status == 409 and "not counted" in opened.locator("main").inner_text()
    shot(opened, "not-counted")
    assert states(scene.gate)(scene.sql) == "open"
    opened.context.close()


def test_by_keyboard_alone(browser: Any, scene: Scene, base: str) -> None:
    """Keys move the focus; nothing happens until Enter on a button."""
    opened = page(browser, base)
    opened.goto(base)
    focused = "document.activeElement.outerHTML.slice(0, 200)"
    assert "list-title" in opened.evaluate(focused)
    opened.keyboard.press("j")
    assert scene.tunnel.id in opened.evaluate(focused)
    opened.keyboard.press("j")
    opened.keyboard.press("k")
    assert scene.tunnel.id in opened.evaluate(focused)
    with opened.expect_navigation():
        opened.keyboard.press("Enter")
    assert "question-what" in opened.evaluate(focused)
    opened.keyboard.press("a")
    assert 'name="number"' in opened.evaluate(focused)
    opened.keyboard.type(scene.tunnel.number)
    opened.keyboard.press("Enter")
    assert 'class="approve"' in opened.evaluate(focused) and states(scene.gate)(scene.tunnel) == "open"
    with opened.expect_navigation():
        opened.keyboard.press("Enter")
    assert states(scene.gate)(scene.tunnel) == "approved" and "Approved" in opened.locator(".told:not([hidden]) h2").inner_text()
    opened.goto(f"{base}/questions/{scene.sql.id}")
    opened.keyboard.press("d")
    assert 'class="deny"' in opened.evaluate(focused) and states(scene.gate)(scene.sql) == "open"
    opened.keyboard.press("r")
    opened.keyboard.type("a d j k ? are letters here")
    with opened.expect_navigation():
        opened.keyboard.press("Enter")
    assert states(scene.gate)(scene.sql) == "denied"
    opened.context.close()


def test_help_and_keys_that_can_be_turned_off(browser: Any, scene: Scene, base: str) -> None:
    opened = page(browser, base)
    opened.goto(f"{base}/questions/{scene.sql.id}")
    opened.keyboard.press("?")
    assert opened.locator("#help").is_visible()
    shot(opened, "help")
    assert axe(opened) == []
    opened.get_by_label("Use these keys").uncheck()
    opened.keyboard.press("Escape")
    opened.keyboard.press("d")
    assert "deny" not in opened.evaluate("document.activeElement.className")
    opened.reload()
    opened.keyboard.press("d")
    assert "deny" not in opened.evaluate("document.activeElement.className")
    opened.context.close()


@pytest.mark.parametrize("script", [True, False])
def test_enter_on_a_choice_or_in_a_field_is_no_yes(browser: Any, scene: Scene, base: str, script: bool) -> None:
    """What a browser does with Enter in a form without a focused button must not approve, with or without JavaScript."""
    opened = page(browser, base, java_script_enabled=script)
    for field in ('input[name="scope"]:checked', 'input[name="scope"]:not(:checked) >> nth=0', 'input[name="uses"]'):
        opened.goto(f"{base}/questions/{scene.sql.id}")
        opened.locator("#approve summary", has_text="Fewer calls").click()
        opened.locator(f"#approve {field}").focus()
        if script:
            opened.keyboard.press("Enter")
            assert "approve" in opened.evaluate("document.activeElement.className"), field
        else:
            with opened.expect_navigation():  # leads back to the question
                opened.keyboard.press("Enter")
            assert opened.locator("#approve").is_visible()
        assert states(scene.gate)(scene.sql) == "open", field
    opened.context.close()


def test_every_answer_without_javascript(browser: Any, scene: Scene, base: str) -> None:
    opened = page(browser, base, java_script_enabled=False)
    opened.goto(base)
    assert opened.get_by_role("link", name="Look for new questions").is_visible()

    def post(question: Any, act: Any) -> str:
        opened.goto(f"{base}/questions/{question.id}")
        with opened.expect_response(lambda reply: reply.request.method == "POST") as reply:
            act()
        assert reply.value.status == 303, opened.inner_text("main")
        return states(scene.gate)(question)

    def typed() -> None:
        opened.get_by_label("Number of this call").fill(scene.tunnel.number)
        opened.get_by_role("button", name="Approve").click()

    assert post(scene.tunnel, typed) == "approved"

    def stop() -> None:
        opened.get_by_label("Reason").fill("stop it")
        opened.get_by_role("button", name="Deny and stop the agent").click()

    assert post(scene.write, stop) == "denied"

    def back() -> None:
        opened.get_by_text("Ask back, hand over, change the call").click()
        opened.get_by_label("Ask the agent").fill("which?")
        opened.get_by_role("button", name="Ask back").click()

    assert post(scene.notes[0], back) == "returned"

    def edit() -> None:
        opened.get_by_text("Ask back, hand over, change the call").click()
        opened.get_by_role("link", name="Change the call").click()
        opened.locator("textarea").first.fill("another\ntext")
        opened.get_by_role("button", name="Send the changed call").click()

    assert post(scene.notes[1], edit) == "edited"

    def over() -> None:
        opened.get_by_text("Ask back, hand over, change the call").click()
        opened.get_by_label("Somebody else shall answer").fill("bob")
        opened.get_by_role("button", name="Hand over").click()

    assert post(scene.notes[2], over) == "open"

    def narrower() -> None:
        opened.get_by_label(re.compile("this statement, in this session")).check()
        opened.get_by_text("Fewer calls, or less time").click()
        opened.get_by_label("At most so many calls").fill("2")
        opened.get_by_role("button", name="Approve").click()

    assert post(scene.sql, narrower) == "approved"
    opened.context.close()


def test_the_clock_warns_at_a_half_and_at_nine_tenths(browser: Any, scene: Scene, base: str) -> None:
    opened = page(browser, base)
    opened.clock.install()
    opened.goto(f"{base}/questions/{scene.sql.id}")
    opened.clock.run_for(1000)
    live = opened.locator("#live")
    opened.clock.fast_forward("05:00")
    opened.clock.run_for(1100)
    assert "Half of the time is over" in live.inner_text()
    opened.clock.fast_forward("04:05")
    opened.clock.run_for(1100)
    assert "Nine tenths of the time is over" in live.inner_text()
    opened.clock.fast_forward("01:00")
    opened.clock.run_for(1100)
    assert "The time is over: this counts as a no." in live.inner_text()
    opened.context.close()


def test_a_decision_is_not_in_reach_before_the_call_was_in_view(browser: Any, scene: Scene, base: str) -> None:
    """On a phone, above low risk, the button that approves is below the call, and not on the first screen."""
    opened = page(browser, base, **PHONE)
    for asked in (scene.tunnel, scene.wire, scene.sql):
        opened.goto(f"{base}/questions/{asked.id}")
        call = opened.locator("h3", has_text="Exact call").bounding_box()
        button = opened.locator("#approve button.approve").bounding_box()
        assert call["y"] < 500 and button["y"] > 844, asked.headline
    opened.context.close()


def test_what_the_agent_says_is_text(browser: Any, scene: Scene, base: str) -> None:
    opened = page(browser, base)
    opened.goto(f"{base}/questions/{scene.sql.id}")
    assert "<button>Approve</button>" in opened.locator(".words").inner_text()
    assert opened.locator(".words button").count() == 0 and opened.locator("mark.unseen").count() >= 2
    opened.context.close()


def test_a_browser_that_nobody_signed_in_sees_nothing(browser: Any, scene: Scene, base: str) -> None:
    opened = page(browser, base, name="nobody")
    opened.context.clear_cookies()
    opened.goto(f"{base}/questions/{scene.sql.id}")
    assert "Not signed in" in opened.inner_text("body") and "billing-bot" not in opened.content()
    shot(opened, "not-signed-in")
    assert axe(opened) == []
    opened.context.close()


def test_motion_and_contrast_are_the_reader_s_choice(browser: Any, real: Gate, base: str) -> None:
    wrap(real)
    opened = page(browser, base, reduced_motion="reduce", forced_colors="active")
    opened.goto(base)
    assert opened.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    opened.context.close()


def test_approved_with_a_passkey(browser: Any, scene: Scene) -> None:
    """From the link through the passkey to the yes, as `gate inbox` serves it: Chromium's own authenticator signs exactly this yes."""
    asked = put(scene.gate, like(scene.wire, id="passkey-1", passkey=True, quorum=1, approvers=()))
    links: list[Any] = []

    def made(port: int) -> Any:
        application, signin = serve.made(scene.gate.home, serve.Settings(port=port), port)
        links.append(signin.links)
        return application

    with serving(scene.gate, made) as base:
        opened = browser.new_context().new_page()
        devtools = opened.context.new_cdp_session(opened)
        devtools.send("WebAuthn.enable")
        authenticator = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True}
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator | {"hasResidentKey": True, "automaticPresenceSimulation": True}})
        opened.goto(f"{base}/login/{links[0].make('owner')}")
        opened.get_by_role("button", name="Sign in").click()
        opened.wait_for_url(f"{base}/")
        opened.goto(f"{base}/questions/{asked.id}")
        shot(opened, "question-passkey")
        assert axe(opened) == []
        opened.get_by_label("Number of this call").fill(asked.number)
        opened.get_by_role("button", name="Approve with passkey").click()
        opened.get_by_role("alert").get_by_text("you have no passkey").wait_for()
        assert states(scene.gate)(asked) == "open"
        opened.goto(f"{base}/passkeys")
        assert axe(opened) == []
        with opened.expect_navigation():
            opened.locator("form[data-enrol] button").click()
        opened.goto(f"{base}/questions/{asked.id}")
        opened.get_by_label("Number of this call").fill(asked.number)
        with opened.expect_response(lambda reply: reply.url.endswith("/approve")) as reply:
            opened.get_by_role("button", name="Approve with passkey").click()
        assert reply.value.status == 303, opened.inner_text("main")
        case = scene.gate.home.desk.case(asked.id)
        assert case is not None and case.state == "approved" and case.closing is not None and case.closing.method == "page+passkey"
        opened.context.close()


def test_after_ones_own_answer_nothing_has_changed_behind_ones_back(browser: Any, scene: Scene, base: str) -> None:
    """What is said after the page that tells the outcome is a line in it, no alarm."""
    opened = page(browser, base)
    opened.goto(f"{base}/questions/{scene.notes[0].id}")
    with opened.expect_navigation():
        opened.locator("#approve button.approve").click()
    opened.wait_for_timeout(300)
    scene.gate.home.desk.deny(scene.notes[0].id, by="bob", reason="no")
    opened.wait_for_selector("#since:not([hidden])", timeout=5000)
    assert "Denied" in opened.locator("#since").inner_text() and not opened.locator("#changed").is_visible()
    opened.context.close()


def test_a_time_that_ends_while_somebody_reads_takes_the_yes_away(browser: Any, scene: Scene, base: str) -> None:
    late = put(scene.gate, like(scene.sql, id="late-1", created=time.time() - 100, expires=time.time() + 4))
    opened = page(browser, base)
    opened.goto(f"{base}/questions/{late.id}")
    assert opened.locator("#approve").is_visible()
    opened.wait_for_selector("#late:not([hidden])", timeout=10_000)
    assert not opened.locator("#approve").is_visible() and opened.locator("#deny button.deny").is_enabled()
    assert "no time left" in opened.locator("article .kicker").inner_text() and axe(opened) == []
    opened.context.close()
