"""The home of a gate: made at the first use, owned by one person, opened lazily, and never half open."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, ConfigError, Gate, GateError, NeedsApproval, tally
from gate.home import Home, new_session
from gate.policy import rulesfile
from gate.testing import FakeClock
from tests.children import child, ended
from tests.kit import ASK, denied, log, python, short, sign_as, write_rules


def modes(folder: Path) -> dict[str, str]:
    """The permissions of everything in a folder."""
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode)) for path in [folder, *folder.rglob("*")]}


def test_a_program_that_only_wraps_functions_touches_no_file(tmp_path: Path) -> None:
    gate = Gate(tmp_path / ".gate")
    gate.wrap(lambda eur: eur, name="pay")
    gate.close()
    assert list(tmp_path.iterdir()) == []


def test_everything_in_it_is_for_the_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        with Gate(tmp_path / ".gate") as gate:
            gate.wrap(lambda eur: eur, name="pay")
            with gate.acting(gate.grant("a", tools={"pay": ANY}, calls=5)):
                gate.call("pay", {"eur": 5})
            found = modes(tmp_path / ".gate")
    finally:
        os.umask(old)
    assert set(found.values()) <= {"0o700", "0o600"}, found
    assert {"gate.db", "origin", "keys/issuer.jwk", "keys/log.jwk"} <= found.keys()


@pytest.mark.parametrize(
    ("what", "mode"),
    [(".", 0o022), ("keys", 0o022), ("keys/issuer.jwk", 0o044), ("keys/log-hmac.secret", 0o040), ("keys/log.jwk", 0o004)],
)
def test_what_others_can_read_or_change_is_not_used(tmp_path: Path, what: str, mode: int) -> None:
    ran: list[int] = []
    with Gate(tmp_path / ".gate") as gate:
        capability = gate.grant("a", tools={"pay": ANY})
        gate.stop(agent="nobody")
    path = tmp_path / ".gate" / what
    path.chmod(path.stat().st_mode | mode)
    with Gate(tmp_path / ".gate") as again:
        again.wrap(lambda eur: ran.append(eur), name="pay")
        with pytest.raises(GateError), again.acting(capability):
            again.call("pay", {"eur": 5})
    assert ran == []


def test_a_home_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / ".gate").symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError), Gate(tmp_path / ".gate") as gate:
        gate.grant("a", tools={"pay": ANY})


# ---- its name ---------------------------------------------------------------------------------------------------------------------------


def test_it_has_a_name_that_stays(tmp_path: Path) -> None:
    with Gate(tmp_path / ".gate", origin="example.com/agents") as gate:
        assert gate.home.origin == "example.com/agents"
    with Gate(tmp_path / ".gate") as gate:
        assert gate.home.origin == "example.com/agents"
    with Gate(tmp_path / ".gate", origin="example.com/other") as gate, pytest.raises(ConfigError, match="is called 'example.com/agents'"):
        _ = gate.home.origin


def test_without_one_it_is_called_by_its_key(tmp_path: Path) -> None:
    names = set()
    for folder in ("a", "b"):
        with Gate(tmp_path / folder) as gate:
            names.add(gate.home.origin)
    assert len(names) == 2
    assert all(name.startswith("capgate.local/") for name in names)


@pytest.mark.parametrize("origin", ["a b", "a+b", "ä", "a\nb", "x" * 201, "\x00"], ids=ascii)
def test_names_that_a_log_cannot_have(tmp_path: Path, origin: str) -> None:
    with Gate(tmp_path / ".gate", origin=origin) as gate, pytest.raises(ConfigError, match="cannot name a gate"):
        _ = gate.home.origin
    assert not (tmp_path / ".gate" / "origin").exists()


def test_a_capability_of_another_gate_is_refused(tmp_path: Path) -> None:
    with Gate(tmp_path / "a") as one, Gate(tmp_path / "b") as other:
        capability = one.grant("a", tools={"pay": ANY})
        with pytest.raises(GateError), other.acting(capability):
            pass
        key = one.home.keys.signing("issuer").public
        other.home.keys.trust("issuer", "one", key)
        with pytest.raises(GateError, match="not for this gate"), other.acting(capability):
            pass


# ---- opening and closing ----------------------------------------------------------------------------------------------------------------


def test_it_opens_again_when_it_is_used_again(gate: Gate) -> None:
    gate.wrap(lambda eur: eur, name="pay")
    with gate.acting(gate.grant("a", tools={"pay": ANY})):
        for _ in range(3):
            assert gate.call("pay", {"eur": 5}) == 5
            gate.close()
            gate.close()
    assert len(log(gate, "intent")) == 3


@pytest.mark.parametrize("audit", ["durable", "buffered", "off"])
def test_also_calls_that_leave_no_record(gate: Gate, audit: str) -> None:
    write_rules(gate, f'[[rule]]\nid = "r"\nallow = {{ tool = "*" }}\naudit = "{audit}"')
    gated = gate.wrap(lambda eur: eur, name="pay")
    with gate.acting(gate.grant("a", tools={"pay": ANY}, calls=5)):
        assert [gated(1), gated(2)] == [1, 2]
        gate.close()
        assert [gated(3), gated(4), gated(5)] == [3, 4, 5]
        short(lambda: gated(6), "/calls")


def test_many_threads_open_it_once(tmp_path: Path) -> None:
    with Gate(tmp_path / ".gate") as gate:
        capability = gate.grant("a", tools={"pay": ANY})
    with Gate(tmp_path / ".gate") as gate:
        gate.wrap(lambda eur: eur, name="pay")
        together, ledgers = threading.Barrier(8), set[int]()

        def call() -> None:
            together.wait(20)
            with gate.acting(capability):
                gate.call("pay", {"eur": 5})
            ledgers.add(id(gate.home.ledger))

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ledgers) == 1
        assert len(log(gate, "intent")) == 8


def test_a_forked_child_has_a_ledger_of_its_own(gate: Gate) -> None:
    gated = gate.wrap(lambda eur: eur, name="pay")
    with gate.acting(gate.grant("a", tools={"pay": ANY}, calls=4)):
        assert gated(1) == 1
        child = os.fork()
        if not child:
            code = 1
            try:
                assert [gated(2), gated(3)] == [2, 3]
                gate.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert gated(4) == 4
        short(lambda: gated(5), "/calls")
    assert sorted(record["args"]["eur"] for record in log(gate, "intent")) == [1, 2, 3, 4]
    assert len({record["call"] for record in log(gate, "intent")}) == 4


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_amid_opening_reading_and_taking(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child waited forever for the lock of a thread that it does not have."""
    write_rules(gate, ASK)
    within, go_on = threading.Event(), threading.Event()
    real = {"home": Home._open, "rules": rulesfile._read, "asking": tally.persons}

    def slow(name: str) -> Callable[..., Any]:
        def waits(*args: Any) -> Any:
            within.set()
            go_on.wait(0.2)  # not for good: before a fork, a home is opened to the end
            return real[name](*args)

        return waits

    gated = gate.wrap(lambda eur: eur, name="pay")
    with gate.acting(gate.grant("a", tools={"pay": ANY}, calls=99), session="s"):
        with pytest.raises(NeedsApproval) as caught:
            gated(1)
        assert caught.value.question is not None
        tokens = [sign_as(gate, "alice", caught.value.question) for _ in range(6)]
        for name, owner, attribute in (("home", Home, "_open"), ("rules", rulesfile, "_read"), ("asking", tally, "persons")):
            gate.close()
            within.clear()
            monkeypatch.setattr(owner, attribute, slow(name))
            with gate.approving(tokens.pop()):
                thread = threading.Thread(target=copy_context().run, args=(gated, 1))
                thread.start()
                assert within.wait(10)
            monkeypatch.setattr(owner, attribute, real[name])

            def work() -> None:
                with gate.approving(tokens[-1]):
                    assert gated(1) == 1
                gate.close()

            process = child(work)
            thread.join()
            assert ended(process) == 0
            tokens.pop()


def test_a_program_that_just_ends_leaves_everything_written(tmp_path: Path) -> None:
    python(
        """
        import sys
        from gate import ANY, Gate
        gate = Gate(sys.argv[1])
        gated = gate.wrap(lambda eur: eur, name="pay", effects="reads")
        with gate.acting(gate.grant("a", tools={"pay": ANY}, calls=100)):
            for eur in range(50):
                gated(eur)
        """,
        tmp_path / ".gate",
    )
    with Gate(tmp_path / ".gate") as gate:
        assert len(log(gate, "intent", "call")) == 50
        assert gate.home.findings == []


# ---- what is remembered -----------------------------------------------------------------------------------------------------------------


def test_a_verified_capability_is_remembered_by_its_exact_text(gate: Gate) -> None:
    from gate.token import format_presentation

    made = gate.grant("a", tools={"pay": ANY})
    text = format_presentation(made.chain)
    assert gate.verify(text) is gate.verify(text)
    assert gate.verify(made) is gate.verify(text)
    with pytest.raises(GateError):
        gate.verify(text[:-5] + "AAA" + text[-2:])


def test_what_is_remembered_does_not_grow_without_end(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    from gate import home

    monkeypatch.setattr(home, "_VERIFIED", 4)
    monkeypatch.setattr(home, "_PLANS", 4)
    gate.wrap(lambda eur: eur, name="pay")
    for _ in range(10):
        with gate.acting(gate.grant("a", tools={"pay": ANY}, calls=1)):
            gate.call("pay", {"eur": 5})
            short(lambda: gate.call("pay", {"eur": 5}), "/calls")
    assert len(gate.home._verified) <= 4
    assert len(gate.home._plans) <= 4


def test_rules_that_are_named_must_be_there(tmp_path: Path) -> None:
    with Gate(tmp_path / ".gate", rules=tmp_path / "rules.toml") as gate:
        gate.wrap(lambda eur: eur, name="pay")
        with gate.acting(gate.grant("a", tools={"pay": ANY})):
            denied(lambda: gate.call("pay", {"eur": 5}), "rules.toml")
            (tmp_path / "rules.toml").write_text("")
            assert gate.call("pay", {"eur": 5}) == 5


def test_the_version_of_the_rules_is_known_or_empty(gate: Gate) -> None:
    assert gate.home.rules_version.startswith("sha256:")
    broken = Home(gate.home.path, rules=gate.home.path / "nothing")
    assert broken.rules_version == ""
    broken.close()


def test_sessions_are_fresh() -> None:
    assert len({new_session() for _ in range(100)}) == 100


def test_a_clock_that_is_set_back_is_not_believed(gate: Gate, clock: FakeClock) -> None:
    before = gate.home.now()
    clock.advance(-1000)
    assert gate.home.now() == before
    _ = gate.home.ledger
    assert gate.home.now() == gate.home.ledger.now() == before
    clock.advance(1001)
    assert gate.home.now() == before + 1
