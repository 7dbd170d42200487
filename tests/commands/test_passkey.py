"""Passkeys on the command line: who may enrol their first, whose they are, and that one taken away is gone and recorded."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("webauthn", reason="passkeys need capgate[inbox]")

from gate.approvers.inbox.login import Links
from gate.tokens import passkey
from tests.authenticator import Authenticator
from tests.commands.kit import run


def test_a_code_for_the_first_and_for_no_other(made: Path) -> None:
    code = run("passkey", "enrol", "ann").out.strip()
    links = Links(made / ".gate", time.time)
    assert links.use(code) is None  # it signs nobody in
    link = links.use(code, "passkey")
    assert link
    assert link.name == "ann"
    passkey.add(made / ".gate" / "keys", "ann", Authenticator().credential)
    refused = run("passkey", "enrol", "ann")
    assert (refused.code, "signs for every further one" in refused.err) == (2, True)


def test_for_nobody_who_is_no_approver(made: Path) -> None:
    (made / "approvers.toml").write_text('[[person]]\nname = "ann"\n')
    (made / "approvers.toml").chmod(0o600)
    refused = run("passkey", "enrol", "eve")
    assert (refused.code, "approvers.toml" in refused.err) == (2, True)
    assert run("passkey", "enrol", "../eve").code == 2
    assert run("passkey", "enrol", "ann").code == 0


def test_one_taken_away_is_gone_and_recorded(made: Path) -> None:
    keys, one, other = made / ".gate" / "keys", Authenticator().credential, Authenticator().credential
    passkey.add(keys, "ann", one)
    passkey.add(keys, "ann", other)
    assert one.id in run("passkey", "list").out
    assert run("passkey", "remove", "ann", one.id, "--by", "root").code == 0
    assert [each["id"] for each in run("passkey", "list", "--json").data["passkeys"]] == [other.id]
    again = run("passkey", "remove", "ann", one.id)
    assert again.code in {1, 2}
    assert "no passkey" in again.err
    assert run("passkey", "remove", "bob", other.id).code in {1, 2}
    told = run("log", "--json").out
    assert one.id in told
    assert '"root"' in told
