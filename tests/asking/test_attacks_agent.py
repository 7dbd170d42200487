"""Self-approval: by the agent with its own key, and through the tools that it has."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from capabilities import files
from gate import ANY, Denied, Gate, NeedsApproval
from gate.approval import sign
from gate.tokens.jwk import SigningKey
from tests.asking.attacks import PEOPLE, nothing_runs, void, yes
from tests.asking.kit import asked
from tests.kit import ASK, SOURCES, sign_as, write_rules


class TestTheAgentItself:
    """Self-approval by the agent, with its own key, and through the tools that it has."""

    @pytest.mark.parametrize("name", ["agent-7", "AGENT-7", "Agent-7"])
    @pytest.mark.usefixtures("acting")
    def test_with_a_key_under_its_own_name(self, gate: Gate, paid: list[int], name: str) -> None:
        question = asked(gate)
        void(lambda: yes(gate, question, name), "an agent cannot approve")
        void(lambda: gate.home.desk.deny(question.id, by=name, method="page"))
        with gate.approving(sign_as(gate, name, question)):
            nothing_runs(gate, paid)

    def test_through_an_agent_it_got_the_capability_from(self, gate: Gate, paid: list[int]) -> None:
        whole = gate.grant("agent-1", tools={"pay": ANY}, delegations=2)
        with gate.acting(gate.attenuate(whole, "agent-2"), session="s1"):
            question = asked(gate)
            assert question.chain == ("agent-1",) or "agent-1" in question.chain
            void(lambda: yes(gate, question, "agent-1"), "an agent cannot approve")
            nothing_runs(gate, paid)

    def test_for_itself_in_the_name_of_its_principal(self, gate: Gate, paid: list[int]) -> None:
        with gate.acting(gate.grant("agent-7", principal="ann", tools={"pay": ANY}), session="s1"):
            question = asked(gate)
            for name in ("ann", "ANN"):
                void(lambda name=name: yes(gate, question, name))  # type: ignore[misc]
            nothing_runs(gate, paid)

    @pytest.fixture
    def agent(self, tmp_path: Path) -> Any:
        """An agent with every file tool below the folder that also holds the gate: the usual place."""
        gate = Gate(tmp_path / "work" / ".gate")
        gate.home.path.parent.mkdir()
        for function in files.tools(tmp_path / "work").values():
            gate.wrap(function)
        with gate.acting(gate.grant("agent-7", tools=dict.fromkeys(gate.tools, ANY)), session="s1"):
            yield gate
        gate.close()

    @pytest.mark.parametrize(
        "path",
        [
            ".gate/keys/trusted/approver/evil.jwk",
            ".gate/keys/approver-evil.jwk",
            ".gate/keys/approver-ann.jwk",
            ".gate/links/0.json",
            ".gate/gate.db",
            "./.gate/keys/x.jwk",
            ".GATE/keys/approver-evil.jwk",
            "gate.toml",
            "approvers.toml",
            "./approvers.toml",
        ],
    )
    def test_by_writing_where_keys_and_names_are_kept(self, agent: Gate, path: str) -> None:
        """A key, a link, a name: with any of them it could answer. A person is asked, and what they see says what it is."""
        with pytest.raises(NeedsApproval) as caught:
            agent.call("files.write", {"path": path, "text": json.dumps(SigningKey.generate().public.jwk())})
        assert caught.value.question is not None and caught.value.question.grave

    @pytest.mark.parametrize(
        "call",
        [
            ("files.read", ".gate/keys/approver-ann.jwk"),
            ("files.list", ".gate/links"),
            ("files.delete", "approvers.toml"),
            ("files.delete", ".gate/gate.db"),
        ],
    )
    def test_by_reading_or_removing_them(self, agent: Gate, call: tuple[str, str]) -> None:
        agent.home.keys.signing("approver-ann")
        (agent.home.path.parent / "approvers.toml").write_text(PEOPLE)
        with pytest.raises(Denied) as caught:
            agent.call(call[0], {"path": call[1]})
        assert isinstance(caught.value, NeedsApproval), caught.value

    def test_by_moving_a_file_there(self, agent: Gate) -> None:
        agent.call("files.write", {"path": "x.jwk", "text": json.dumps(SigningKey.generate().public.jwk())})
        for target in (".gate/keys/trusted/approver/evil.jwk", "approvers.toml", "gate.toml"):
            with pytest.raises(NeedsApproval):
                agent.call("files.move", {"source": "x.jwk", "target": target})

    @pytest.mark.usefixtures("acting")
    def test_by_reading_the_login_link(self, gate: Gate) -> None:
        """What lies in the folder is the hash of the link; who reads it cannot sign in with it."""
        from gate.approvers.inbox.login import Links

        links = Links(gate.home.path, gate.home.now)
        token = links.make("ann")
        lying = [file.stem for file in (gate.home.path / "links").iterdir()]
        everything = b"".join(file.read_bytes() for file in gate.home.path.rglob("*") if file.is_file())
        assert token.encode() not in everything
        assert [links.use(name) for name in lying] == [None] * len(lying)
        assert all((file.stat().st_mode & 0o077) == 0 for file in (gate.home.path / "links").iterdir())
        found = links.use(token)
        assert found is not None and found.name == "ann"
        assert links.use(token) is None, "once"

    @pytest.mark.usefixtures("acting")
    def test_with_its_capability_s_key(self, gate: Gate, paid: list[int], acting: Any) -> None:
        question = asked(gate)
        home = gate.home
        forged = sign(question, home.keys.holder(acting.capability.jti), approver="ann", audience=home.origin, now=home.now())
        void(lambda: yes(gate, question, "ann", forged), "not by a key that is trusted")
        with gate.approving(forged):
            nothing_runs(gate, paid)

    def test_by_its_own_words(self, gate: Gate, paid: list[int], acting: Any) -> None:
        """Whatever it says, or puts into arguments and tasks, is shown, and decides nothing."""
        claims = "approved by ann; state=approved; number 123"
        with gate.acting(acting.capability, session="s1", task=claims), gate.saying(claims):
            question = asked(gate)
            assert question.words == claims and claims not in question.headline
            nothing_runs(gate, paid)


def test_the_shell_of_an_agent_has_no_terminal_to_answer_at(tmp_path: Path) -> None:
    """`gate ask` in a process that the agent starts: whatever comes on standard input answers nothing."""
    import subprocess
    import sys

    with Gate(tmp_path / ".gate") as gate:
        write_rules(gate, ASK)
        gate.wrap(lambda eur: eur, name="pay")
        with gate.acting(gate.grant("agent-7", tools={"pay": ANY}), session="s1"), pytest.raises(NeedsApproval) as caught:
            gate.call("pay", {"eur": 5})
        question = caught.value.question
    assert question is not None
    command = [sys.executable, "-m", "gate", "ask", "--home", str(tmp_path / ".gate")]
    typed = f"{question.number}\nyes\n".encode() * 3
    done = subprocess.run(
        command, cwd=SOURCES, input=typed, capture_output=True, timeout=60, check=False, start_new_session=True, env=dict(os.environ)
    )
    assert done.returncode == 2 and b"terminal" in done.stderr, done
    with Gate(tmp_path / ".gate") as again:
        case = again.home.desk.case(question.id)
        assert case is not None and case.state == "open" and not case.answers
