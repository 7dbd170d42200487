"""The key ring on the command line: private keys never leave it, rotation keeps what was signed, trust is by public key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.kit import run

GRANT = ["grant", "x", "--tool", "save a=1"]


def test_rotating_the_issuer_keeps_tokens_valid(made: Path) -> None:
    old = run(*GRANT).out.strip()
    before = run("keys", "list", "--json").data["keys"]
    assert run("keys", "rotate", "issuer").code == 0
    listed = run("keys", "list", "--json").data
    assert listed["keys"] != before
    assert [key["name"] for key in listed["retired"]] == ["issuer"]
    new = run(*GRANT).out.strip()
    assert [run("show", token).code for token in (old, new)] == [0, 0]
    assert "retired" in run("keys", "list").out


def test_an_exported_key_is_public_and_can_be_trusted_by_another_gate_of_that_name(folder: Path) -> None:
    for where in ("here", "there"):
        run("init", where, "--origin", "example.com/agents")
    token = run(*GRANT, "--home", "there/.gate").out.strip()
    assert run("show", token, "--home", "here/.gate").code == 1
    exported = run("keys", "export", "issuer", "--home", "there/.gate").out
    assert "d" not in json.loads(exported)
    (folder / "key.jwk").write_text(exported)
    assert run("keys", "trust", "issuer", "partner", "key.jwk", "--home", "here/.gate").code == 0
    assert run("show", token, "--home", "here/.gate").code == 0
    assert run("keys", "list", "--json", "--home", "here/.gate").data["trusted"][0]["name"] == "partner"
    again = run("keys", "trust", "issuer", "partner", "-", "--home", "here/.gate", stdin=exported)
    assert (again.code, "exists already" in again.err) == (2, True)


def test_the_logs_key_is_one_line_for_verify(made: Path) -> None:
    key = run("keys", "export", "log").out.strip()
    run(*GRANT)
    assert run("verify", "--key", key).code == 0
    assert run("keys", "export", "log", "--json").data["verifier_key"] == key


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kty": "oct", "k": "x"}', '{"kty": "OKP", "crv": "Ed25519", "x": "AA"}'])
def test_what_is_no_public_key_is_not_trusted(made: Path, text: str) -> None:
    result = run("keys", "trust", "issuer", "who", "-", stdin=text)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert run("keys", "list", "--json").data["trusted"] == []


def test_attack_a_private_key_is_not_taken_as_public(made: Path) -> None:
    private = (made / ".gate" / "keys" / "issuer.jwk").read_text()
    result = run("keys", "trust", "issuer", "who", "-", stdin=private)
    assert (result.code, "private" in result.err) == (2, True)


@pytest.mark.parametrize("name", ["nobody", "../issuer", "holders/x", "", "."])
@pytest.mark.parametrize("verb", ["rotate", "export"])
def test_only_keys_that_are_there(made: Path, verb: str, name: str) -> None:
    result = run("keys", verb, name)
    assert (result.code, result.out) == (2, "")


def test_the_logs_key_is_not_rotated(made: Path) -> None:
    assert run("keys", "rotate", "log").code == 2


def test_without_a_subcommand_the_help_is_shown(made: Path) -> None:
    for group in ("keys", "rules"):
        result = run(group)
        assert (result.code, f"gate {group}" in result.out) == (0, True)
