"""From `init` to a token that says what was typed, can be narrowed and ended; and what is refused on the way."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from gate import Denied, Gate, TokenError
from gate.testing import assert_denied
from gate.token import inspect
from tests.commands.kit import process, run

SAVE = "save path=out/notes.md text=*"


def granted(*more: str) -> str:
    """A token for saving one file."""
    made = run("grant", "researcher", "--tool", SAVE, *more)
    assert made.code == 0, made.err
    return made.out.strip()


# ---- init ------------------------------------------------------------------------------------------------------------------------------


def test_init_makes_keys_that_only_the_owner_can_read_and_rules_that_load(folder: Path) -> None:
    made = run("init", "--json")
    assert (made.code, made.data["made"]) == (0, [".gate", "gate.toml"])
    for path in (folder / ".gate").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert made.data["log_key"].startswith(made.data["origin"])
    checked = run("rules", "check", "--json")
    assert (checked.code, checked.data["findings"], checked.data["rules"]) == (0, [], ["no-tunnels", "no-mining"])
    assert checked.data["examples"] >= 4


def test_init_overwrites_nothing(folder: Path) -> None:
    run("init")
    (folder / "gate.toml").write_text("# mine")
    before = {path: path.read_bytes() for path in (folder / ".gate").rglob("*") if path.is_file()}
    again = run("init", "--json")
    assert (again.data["made"], again.data["kept"]) == ([], [".gate", "gate.toml"])
    assert (folder / "gate.toml").read_text() == "# mine"
    assert {path: path.read_bytes() for path in before} == before


def test_init_elsewhere_and_by_another_name(folder: Path) -> None:
    made = run("init", "there", "--origin", "example.com/agents", "--json")
    assert made.data["origin"] == "example.com/agents"
    assert (folder / "there" / "gate.toml").exists()
    assert run("init", "other", "--origin", "two words").code == 2


# ---- grant -----------------------------------------------------------------------------------------------------------------------------


def test_the_token_alone_goes_to_standard_output_and_works_in_a_gate(made: Path) -> None:
    result = run("grant", "researcher", "--tool", SAVE, "--calls", "1", "--minutes", "5")
    assert result.out.count("\n") == 1
    assert "researcher may, until" in result.err
    with Gate() as gate:

        @gate.tool
        def save(path: str, text: str) -> str:
            return f"{path}: {text}"

        with gate.acting(result.out):
            assert save("out/notes.md", "hello") == "out/notes.md: hello"
            assert_denied(gate, "save", {"path": "out/notes.md", "text": "again"}, because="budget")
            assert_denied(gate, "save", {"path": "elsewhere", "text": "hello"}, because="path")


def test_everything_that_can_be_said(made: Path) -> None:
    options = ["--calls", "100", "--rate", "10/60", "--wall", "30", "--cost", "usd=1.50", "--per-tool", "save calls=3", "--delegations", "1"]
    token = granted(*options, "--principal", "alice", "--label", "web", "--not-before", "10m", "--minutes", "20")
    said = run("show", token, "--json").data
    assert (said["agent"], said["principal"], said["labels"], said["max_depth"]) == ("researcher", "alice", ["web"], 1)
    assert said["limits"] == {"calls": 100, "rate": [10, 60], "wall": 30.0, "cost": {"usd": "1.50"}}
    assert said["tool_limits"] == {"save": {"calls": 3}}
    assert 590 < said["not_before"] - said["chain"][0]["issued"] < 610
    text = run("show", token).out
    assert f"may {SAVE}   [calls=3]" in text
    assert "not valid for another" in text
    assert "in all: calls=100 rate=10/60 wall=30 cost.usd=1.50" in text


def test_tools_from_a_file(made: Path) -> None:
    (made / "tools.json").write_text(json.dumps({"fetch": {"method": ["GET", "HEAD"], "size": {"constraint_type": "range", "max": 9}}}))
    said = run("show", granted("--tools", "tools.json"), "--json").data
    assert set(said["tools"]) == {"save", "fetch"}
    assert said["tools"]["fetch"]["method"] == {"constraint_type": "one_of", "values": ["GET", "HEAD"]}


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (["x"], "at least one tool"),
        (["x", "--tool", "save"], "save *"),
        (["x", "--tool", "save a=1", "--minutes", "0"], "minutes"),
        (["x", "--tool", "save a=1", "--minutes", "1e9"], "90 days"),
        (["x", "--tool", "save a=1", "--minutes", "nan"], ""),
        (["x", "--tool", "save a=1", "--calls", "-1"], "calls"),
        (["x", "--tool", "save a=1", "--rate", "ten"], "10/60"),
        (["x", "--tool", "save a=1", "--cost", "usd"], "usd=1.50"),
        (["x", "--tool", "save a=1", "--per-tool", "load calls=1"], "not granted"),
        (["x", "--tool", "save a=1", "--delegations", "9"], "delegations"),
        (["x", "--tool", "save a=1", "--not-before", "tomorrow"], "no time"),
        (["x", "--tool", "save a=1", "--tools", "missing.json"], "cannot be read"),
        (["", "--tool", "save a=1"], "agent"),
    ],
)
def test_what_is_not_understood_is_one_line_and_grants_nothing(made: Path, arguments: list[str], because: str) -> None:
    result = run("grant", *arguments)
    assert (result.code, result.out) == (2, ""), result
    assert result.err.count("\n") == 1
    assert because in result.err


def test_without_a_gate_nothing_is_made(folder: Path) -> None:
    result = run("grant", "x", "--tool", "save a=1")
    assert (result.code, result.err) == (2, "gate: there is no gate in '.gate'; make one with: gate init, or name its folder with --home\n")
    assert not (folder / ".gate").exists()


def test_a_gate_is_found_by_option_and_by_environment(made: Path) -> None:
    home = str(made / ".gate")
    away = made / "away"
    away.mkdir()
    assert process("grant", "x", "--tool", "save a=1", cwd=away).code == 2
    assert process("grant", "x", "--tool", "save a=1", "--home", home, cwd=away).code == 0
    assert process("grant", "x", "--tool", "save a=1", cwd=away, GATE_HOME=home).code == 0


# ---- show ------------------------------------------------------------------------------------------------------------------------------


def test_show_takes_text_a_file_and_standard_input(made: Path) -> None:
    token = granted()
    (made / "token").write_text(token + "\n")
    shown = [run("show", token, "--json").data, run("show", "token", "--json").data, run("show", "-", "--json", stdin=token).data]
    assert shown[0]["verified"] is True
    assert shown[0] == shown[1] == shown[2]


def test_attack_a_changed_token_is_shown_as_not_genuine(made: Path) -> None:
    import base64

    data = json.loads(granted())
    head, payload, signature = data["aat_chain"][0].split(".")
    claims = base64.urlsafe_b64decode(payload + "==").replace(b"researcher", b"supervisor")
    data["aat_chain"][0] = f"{head}.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.{signature}"
    result = run("show", json.dumps(data))
    assert result.code == 1
    assert "supervisor" in result.out
    assert "not genuine" in result.out


def test_a_token_of_another_gate_is_not_genuine_here_and_not_verified_without_a_gate(made: Path) -> None:
    run("init", "other")
    token = run("grant", "x", "--tool", "save a=1", "--home", "other/.gate").out
    (made / "token").write_text(token)
    assert run("show", "token").code == 1
    assert run("show", "token", "--home", "other/.gate").code == 0
    nowhere = run("show", "token", "--home", "nowhere", "--json")
    assert (nowhere.code, nowhere.data["verified"]) == (0, None)
    assert not (made / "nowhere").exists()


@pytest.mark.parametrize("text", ["nonsense", "a.b.c", "{}", '{"aat_chain": []}', '{"aat_chain": ["a.b.c"], "aat_chain": []}', "{", "{" * 100_000])
def test_what_is_no_token_is_one_line(made: Path, text: str) -> None:
    result = run("show", text)
    assert result.code in (1, 2)
    assert (result.out, result.err.count("\n")) == ("", 1)


def test_attack_names_in_a_token_cannot_steer_the_terminal(made: Path) -> None:
    token = run("grant", "evil\x1b[2J\u202e", "--tool", r'save a="\u001b[31m\u202e"', "--principal", "\x07", "--label", "\x1b]0;x").out
    shown = run("show", "-", stdin=token)
    assert shown.code == 0
    assert "evil" in shown.out
    assert not any(c in shown.out for c in "\x1b\x07\u202e")


# ---- attenuate -------------------------------------------------------------------------------------------------------------------------


def test_a_narrower_token(made: Path) -> None:
    token = granted("--tool", "load path=*", "--calls", "10")
    child = run("attenuate", token, "helper", "--tool", "load path=a|b", "--calls", "2", "--minutes", "1", "--json").data
    said = run("show", child["token"], "--json").data
    assert (said["verified"], said["agent"], said["depth"], said["limits"]) == (True, "helper", 1, {"calls": 2})
    assert set(said["tools"]) == {"load"}
    kept = run("attenuate", "-", "helper", "--keep", "save", stdin=token).out
    assert set(run("show", kept.strip(), "--json").data["tools"]) == {"save"}
    same = run("attenuate", "-", "helper", stdin=token).out
    assert set(run("show", same.strip(), "--json").data["tools"]) == {"save", "load"}


WIDER: list[tuple[list[str], str]] = [
    (["--tool", "save path=* text=*"], "wildcard is not within"),
    (["--tool", "load path=a"], "is not granted"),
    (["--keep", "load"], "is not granted"),
    (["--calls", "11"], "calls: 11 is over 10"),
    (["--minutes", "100"], "later"),
    (["--label", "web"], "label"),
]


@pytest.mark.parametrize(("options", "because"), WIDER)
@pytest.mark.parametrize("offline", [[], ["--offline"]])
def test_attack_a_wider_token_is_refused(made: Path, options: list[str], because: str, offline: list[str]) -> None:
    result = run("attenuate", granted("--calls", "10"), "helper", *options, *offline)
    assert (result.code, result.out) == (1, "")
    assert because in result.err


def test_offline_needs_only_the_holders_key_and_records_nothing(made: Path) -> None:
    token = granted()
    before = len(run("log", "--json").lines)
    (made / ".gate" / "keys" / "issuer.jwk").rename(made / "issuer.jwk")
    child = run("attenuate", token, "helper", "--calls", "1", "--offline")
    assert child.code == 0
    assert not (made / ".gate" / "keys" / "issuer.jwk").exists()
    (made / "issuer.jwk").rename(made / ".gate" / "keys" / "issuer.jwk")
    assert len(run("log", "--json").lines) == before
    assert run("show", child.out.strip(), "--json").data["verified"] is True


def test_whoever_does_not_hold_the_key_cannot_pass_it_on(made: Path) -> None:
    token = granted()
    run("init", "thief")
    for offline in ([], ["--offline"]):
        result = run("attenuate", token, "helper", "--home", "thief/.gate", *offline)
        assert (result.code, result.out) == (1, "")


def test_keep_and_tool_do_not_mix(made: Path) -> None:
    assert run("attenuate", granted(), "helper", "--keep", "save", "--tool", "save path=out/notes.md text=x").code == 2


# ---- revoke, stop, resume ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def gate(made: Path) -> Any:
    """A gate in this process, with one tool; the commands run in processes of their own."""
    with Gate() as opened:
        opened.wrap(lambda path, text: path, name="save")
        yield opened


def call(gate: Gate, token: str, *, session: str = "") -> str:
    """What a call under the token gives, or why it was refused."""
    try:
        with gate.acting(token, session=session):
            return str(gate.call("save", {"path": "out/notes.md", "text": "x"}))
    except (Denied, TokenError) as error:
        return str(error)


@pytest.mark.parametrize("by", ["jti", "token", "file", "stdin"])
def test_revoking_ends_a_token_and_its_children_in_a_running_gate(gate: Gate, folder: Path, by: str) -> None:
    token = granted()
    child = run("attenuate", token, "helper").out.strip()
    other = granted()
    assert [call(gate, one) for one in (token, child, other)] == ["out/notes.md"] * 3
    (folder / "token").write_text(token)
    jti = run("show", token, "--json").data["jti"]
    what = {"jti": jti, "token": token, "file": "token", "stdin": "-"}[by]
    result = process("revoke", what, "--reason", "stolen", cwd=folder, stdin=token.encode())
    assert (result.code, jti in result.out) == (0, True), result
    assert "revoked" in call(gate, token)
    assert "revoked" in call(gate, child)
    assert call(gate, other) == "out/notes.md"
    shown = run("show", token)
    assert (shown.code, "revoked" in shown.out) == (1, True)


@pytest.mark.parametrize("who", [["--agent", "researcher"], ["--session", "s1"], ["--all"]])
def test_stop_and_resume_hold_from_the_next_call_of_a_running_gate(gate: Gate, folder: Path, who: list[str]) -> None:
    token = granted()
    assert call(gate, token, session="s1") == "out/notes.md"
    assert process("stop", *who, "--by", "me", "--reason", "because", cwd=folder).code == 0
    assert "stopped" in call(gate, token, session="s1")
    assert process("resume", *who, cwd=folder).code == 0
    assert call(gate, token, session="s1") == "out/notes.md"
    stop = run("log", "--type", "stop", "--json").lines[0]
    assert (stop["by"], stop["reason"]) == ("me", "because")


@pytest.mark.parametrize("word", ["stop", "resume"])
@pytest.mark.parametrize("who", [[], ["--agent", "a", "--all"], ["--agent", "a", "--session", "s"], ["--agent", ""]])
def test_exactly_one_must_be_named(made: Path, word: str, who: list[str]) -> None:
    result = run(word, *who)
    assert (result.code, "exactly one" in result.err) == (2, True)


def test_an_id_that_this_gate_has_never_seen_is_revoked_and_said_to_be_unknown(gate: Gate, folder: Path) -> None:
    token = granted()
    jti = run("show", token, "--json").data["jti"]
    for _ in range(2):  # the first try is in the log afterwards, and no evidence
        mistyped = process("revoke", f"{jti[:-1]}x", cwd=folder)
        assert (mistyped.code, "never seen" in mistyped.out, mistyped.out.count("\n")) == (1, True, 2)
    assert call(gate, token) == "out/notes.md"
    assert process("revoke", "nobody", "--json", cwd=folder).data == {"revoked": "nobody", "seen": False}
    assert run("log", "--type", "revoke", "--json").lines[-1]["name"] == "nobody"
    seen = process("revoke", jti, "--json", cwd=folder)
    assert (seen.code, seen.data) == (0, {"revoked": jti, "seen": True})


def test_a_token_made_elsewhere_is_known_by_its_signature_or_by_its_use(gate: Gate, folder: Path) -> None:
    root = granted()
    unused = run("attenuate", root, "helper", "--offline").out.strip()
    assert process("revoke", unused, "--json", cwd=folder).data["seen"] is True
    used = run("attenuate", root, "helper", "--offline").out.strip()
    assert call(gate, used) == "out/notes.md"
    assert process("revoke", inspect(used)[-1].jti, "--json", cwd=folder).data["seen"] is True
    forged = run("attenuate", root, "helper", "--offline").out.strip()
    signature = forged.rpartition(".")[2]
    changed = forged.replace(signature, ("B" if signature[0] == "A" else "A") + signature[1:])
    assert process("revoke", changed, cwd=folder).code in (1, 2)


def test_a_revocation_holds_for_a_token_that_comes_later(gate: Gate, folder: Path) -> None:
    child = run("attenuate", granted(), "helper", "--offline").out.strip()
    assert process("revoke", inspect(child)[-1].jti, cwd=folder).code == 1
    assert "revoked" in call(gate, child)


def test_an_id_among_the_arguments_of_a_call_is_not_one_that_was_seen(made: Path) -> None:
    with Gate(clear={"*": ["*"]}) as gate:
        gate.wrap(lambda path, text: path, name="save")
        with gate.acting(granted()):
            gate.call("save", {"path": "out/notes.md", "text": "some-id"})
    assert run("revoke", "some-id").code == 1
