"""The laws of the gate, one group of tests each. Every one of them is the reason why some other gate lets something through."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, AlreadyUsed, Answer, BadCall, Denied, Exhausted, Gate, NeedsApproval, Question, Range, TokenError, Unavailable
from gate.call import b64url, canonical
from gate.effect import Assessment, Risk
from gate.testing import FakeClock, ScriptedApprover
from tests.kit import ASK, SOURCES, denied, finished, intents, log, look_again, outcomes, python, refusals, short, sign_as, spent, write_rules


def using(gate: Gate, *tools: str, **limits: Any) -> Any:
    return gate.acting(gate.grant("agent-7", tools=dict.fromkeys(tools, ANY), **limits), session="s1")


@pytest.fixture
def ran() -> list[Any]:
    """What the tool was really given."""
    return []


def tool_of(gate: Gate, ran: list[Any], annotation: Any = Any, name: str = "t") -> Callable[..., Any]:
    """A tool with one argument, which remembers it."""

    def remember(value: Any) -> None:
        ran.append(value)

    remember.__annotations__["value"] = annotation
    return gate.wrap(remember, name=name)


# ---- One value --------------------------------------------------------------------------------------------------------------------------


class TestOneValue:
    """What is checked, shown, digested, recorded and run is one frozen value."""

    @pytest.mark.parametrize("how", ["wrapped", "call", "acall", "authorize"])
    def test_an_argument_that_is_changed_while_a_person_thinks(self, gate: Gate, ran: list[Any], how: str) -> None:
        write_rules(gate, ASK)
        gated = tool_of(gate, ran, dict[str, Any])
        mine: dict[str, Any] = {"to": "bob", "items": [1, 2]}
        sent = {"value": mine}

        def change() -> None:
            mine["to"] = "eve"
            mine["items"].append(1000)
            sent["value"] = {"to": "eve"}

        thread = threading.Thread(target=change)
        gate.approvers = (person := ScriptedApprover(gate, [True], meanwhile=lambda: (thread.start(), thread.join())),)  # type: ignore[arg-type]
        with using(gate, "t"):
            if how == "wrapped":
                gated(mine)
            elif how == "call":
                gate.call("t", sent)
            elif how == "acall":
                asyncio.run(gate.acall("t", sent))
            else:
                ran.append(gate.authorize("t", sent, ref="r1").arguments["value"])
        good = {"to": "bob", "items": [1, 2]}
        assert mine["to"] == "eve", "the attack took place"
        assert ran == [good]
        assert person.questions[0].to_json()["arguments"] == {"value": good}
        (intent,) = intents(gate)
        assert intent["args"] == {"value": good}
        assert intent.get("digest", b64url_of("t", good)) == b64url_of("t", good)

    def test_the_tool_gets_a_copy_of_its_own(self, gate: Gate, ran: list[Any]) -> None:
        """What a tool does to its arguments changes neither the record nor the caller's object."""

        @gate.tool(idempotent=True)
        def greedy(value: list[int]) -> int:
            ran.append(list(value))
            value.append(99)
            return len(value)

        mine = [1]
        with using(gate, "greedy"):
            assert greedy(mine) == greedy(mine) == 2
        assert mine == [1]
        assert ran == [[1], [1]]
        assert [intent["args"]["value"] for intent in intents(gate)] == [[1], [1]]

    def test_an_object_that_reads_differently_each_time_is_read_once(self, gate: Gate, ran: list[Any]) -> None:
        class Shifty(dict[str, Any]):
            reads = 0

            def items(self) -> Any:
                type(self).reads += 1
                return {"to": "bob" if self.reads == 1 else "eve"}.items()

            def __getitem__(self, key: str) -> Any:
                return dict(self.items())[key]

            def __iter__(self) -> Iterator[str]:
                return iter(("to",))

            def keys(self) -> Any:
                return {"to": 0}.keys()

        gate.approvers = (person := ScriptedApprover(gate, [True]),)
        write_rules(gate, ASK)
        gated = tool_of(gate, ran)
        with using(gate, "t"):
            gated(Shifty(to="original"))
        seen = {
            json.dumps(one, sort_keys=True)
            for one in [ran[0], person.questions[0].to_json()["arguments"]["value"], intents(gate)[0]["args"]["value"]]
        }  # type: ignore[index, call-overload]
        assert len(seen) == 1, seen

    @pytest.mark.parametrize(
        ("kind", "members", "held"),
        [
            (
                str,
                {"__str__": lambda self: "evil", "__eq__": lambda self, other: True, "__hash__": lambda self: 0, "isascii": lambda self: True},
                "good",
            ),
            (
                int,
                {
                    "__int__": lambda self: 10**400,
                    "__index__": lambda self: 999,
                    "__le__": lambda self, other: True,
                    "__ge__": lambda self, other: True,
                },
                7,
            ),
            (float, {"__float__": lambda self: 1e300, "is_integer": lambda self: True, "__sub__": lambda self, other: 0.0}, 7.5),
        ],
        ids=["str", "int", "float"],
    )
    @pytest.mark.parametrize("typed", [True, False], ids=["typed", "any"])
    def test_a_subclass_that_lies_is_taken_for_what_it_holds(
        self, gate: Gate, ran: list[Any], kind: Any, members: dict[str, Any], held: Any, typed: bool
    ) -> None:
        lying = type("Lying", (kind,), members)(held)
        gated = tool_of(gate, ran, kind if typed else Any)
        with using(gate, "t"):
            gated(lying)
        assert type(ran[0]) is kind
        assert ran == [held]
        assert intents(gate)[0]["args"]["value"] == held

    def test_a_lying_list_is_a_plain_one_afterwards(self, gate: Gate, ran: list[Any]) -> None:
        class Lying(list[Any]):
            def __iter__(self) -> Iterator[Any]:
                return iter(["bob"])

            def __len__(self) -> int:
                return 1

            def __eq__(self, other: object) -> bool:
                return True

            __hash__ = None  # type: ignore[assignment]

        gated, typed = tool_of(gate, ran), tool_of(gate, ran, list[str], name="typed")
        with using(gate, "t", "typed"):
            gated(Lying(["eve"]))
            typed(Lying(["eve"]))
        for value, intent in zip(ran, intents(gate), strict=True):
            assert type(value) is list
            assert value == intent["args"]["value"]

    def test_a_lying_mapping_of_arguments(self, gate: Gate, ran: list[Any]) -> None:
        """Whatever it says first or last: the values that are judged are the values that run."""

        class Lying(Mapping[str, Any]):
            def __init__(self) -> None:
                self.reads = 0

            def __getitem__(self, key: str) -> Any:
                self.reads += 1
                return 5 if self.reads % 2 else 5000

            def __iter__(self) -> Iterator[str]:
                return iter(["value"])

            def __len__(self) -> int:
                return 1

        tool_of(gate, ran, int)
        with gate.acting(gate.grant("agent-7", tools={"t": {"value": Range(max=10)}})):
            for _ in range(6):
                try:
                    gate.call("t", Lying())
                except Denied as denial:
                    assert "5000" in str(denial)
        assert ran
        assert set(ran) == {5}
        assert {intent["args"]["value"] for intent in intents(gate)} == {5}

    def test_defaults_are_part_of_the_value(self, gate: Gate, ran: list[Any]) -> None:
        """The naive way checks what was sent, and the tool's own default runs unchecked."""

        @gate.tool
        def send(to: str, copy: str = "everybody") -> None:
            ran.append((to, copy))

        with gate.acting(gate.grant("agent-7", tools={"send": {"to": ANY, "copy": "nobody"}})):
            denied(lambda: send("bob"), "copy")
            send("bob", "nobody")
        with gate.acting(gate.grant("agent-7", tools={"send": {"to": ANY}})):
            send("bob")
            denied(lambda: send("bob", "nobody"), "copy")
        assert ran == [("bob", "nobody"), ("bob", "everybody")]
        assert intents(gate)[1]["args"] == {"to": "bob", "copy": "everybody"}

    def test_a_mutable_default_is_not_shared_between_calls(self, gate: Gate, ran: list[Any]) -> None:
        @gate.tool
        def add(value: list[int] = []) -> None:  # noqa: B006  # the classic mistake
            value.append(1)
            ran.append(value)

        with using(gate, "add"):
            add()
            add()
        assert ran == [[1], [1]]


def b64url_of(tool: str, value: Any) -> str:
    """The digest of a call of a tool with one argument, computed by hand."""
    from hashlib import sha256

    return b64url(sha256(canonical({"tool": tool, "arguments": {"value": value}})).digest())


# ---- Closed world -----------------------------------------------------------------------------------------------------------------------


class TestClosedWorld:
    """What nobody allowed is refused, and so is whatever cannot be told."""

    @pytest.mark.parametrize(
        "value",
        [
            float("nan"),
            float("inf"),
            float("-inf"),
            True,
            False,
            10**400,
            -(10**400),
            2**53,
            None,
            "500",
            "abc",
            "nan",
            [50],
            {"value": 5},
            b"5",
            5.5,
            "5 ",
            "5_0",
            "５",
            object(),
        ],
        ids=lambda value: str(value)[:12],
    )
    @pytest.mark.parametrize("annotation", [int, Any], ids=["int", "any"])
    def test_an_amount_that_is_none_does_not_pass_a_maximum(self, gate: Gate, ran: list[Any], value: Any, annotation: Any) -> None:
        """NaN, booleans and huge integers pass the maxima of a dozen other gates."""
        gated = tool_of(gate, ran, annotation)
        with gate.acting(gate.grant("agent-7", tools={"t": {"value": Range(min=0, max=99)}})):
            if annotation is Any and value == 5.5:
                gated(value)
                assert ran == [5.5]
                return
            denied(lambda: gated(value))
            denied(lambda: gate.call("t", {"value": value}))
            gated(99)
        assert ran == [99]
        assert len(refusals(gate)) == 2

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [
            ((), {}),
            ((), {"amount": 5}),
            (("bob",), {}),
            (("bob", 5, "more"), {}),
            (("bob", 5), {"to": "eve"}),
            (("bob", 5), {"extra": 1}),
            (("bob", 5), {"аmount": 500}),
            (("bob", 5), {"amount\u200b": 500}),
            (("bob",), {"Amount": 5}),
            (("bob", 500), {}),
            ((), {"to": "bob", "amount": 500}),
        ],
        ids=str,
    )
    def test_arguments_that_are_missing_surplus_doubled_or_look_alike(self, gate: Gate, ran: list[Any], args: Any, kwargs: Any) -> None:
        @gate.tool
        def pay(to: str, amount: int) -> None:
            ran.append((to, amount))

        with gate.acting(gate.grant("agent-7", tools={"pay": {"to": ANY, "amount": Range(max=10)}})):
            denied(lambda: pay(*args, **kwargs))
            if not args:
                denied(lambda: gate.call("pay", kwargs))
            pay("bob", 5)
        assert ran == [("bob", 5)]

    @pytest.mark.parametrize(
        "name",
        [
            "pаy",
            "pay\u200b",
            "\u202epay",
            "Pay",
            "PAY",
            " pay",
            "pay ",
            "pay\n",
            "pay\x00",
            "",
            "ｐａｙ",
            "pay.pay",
            "payy",
            None,
            5,
            b"pay",
            ("pay",),
        ],
        ids=ascii,
    )
    def test_a_tool_name_that_is_another(self, gate: Gate, ran: list[Any], name: Any) -> None:
        gate.wrap(lambda eur: ran.append(eur), name="pay")
        with gate.acting(gate.grant("agent-7", tools={"pay": ANY, "*": ANY})):
            with pytest.raises(BadCall, match="there is no tool"):
                gate.call(name, {"eur": 5})
            gate.call("pay", {"eur": 5})
        assert ran == [5]
        assert refusals(gate)[0].isascii(), "a look-alike is recorded so that a person sees that it is one"

    def test_no_capability_no_grant_no_argument(self, gate: Gate, ran: list[Any]) -> None:
        gated, other = tool_of(gate, ran), tool_of(gate, ran, name="other")
        denied(lambda: gated(1), "no capability")
        with gate.acting(gate.grant("agent-7", tools={"other": ANY})):
            denied(lambda: gated(1), "'t'")
        with gate.acting(gate.grant("agent-7", tools={"t": {"something": ANY}, "other": {"value": 1}})):
            denied(lambda: gated(1))
            denied(lambda: other(2))
            other(1)
        assert ran == [1]

    def test_a_constraint_nobody_here_knows_admits_nothing(self, gate: Gate, ran: list[Any]) -> None:
        from gate import token

        gated = tool_of(gate, ran)
        home = gate.home
        strange = {"t": {"value": ANY}}
        made = token.grant(home.keys, agent="agent-7", tools=strange, expires=home.now() + 60, now=home.now(), audience=home.origin)
        head, body, _ = json.loads(made)["aat_chain"][0].split(".")
        from base64 import urlsafe_b64decode

        claims = json.loads(urlsafe_b64decode(body + "=="))
        claims["authorization_details"][0]["tools"]["t"]["value"] = {"constraint_type": "from-the-future", "value": 1}
        from gate.tokens import jose

        again = jose.sign(json.dumps(claims).encode(), home.keys.signing("issuer"), "aat+jwt")
        with pytest.raises(TokenError, match="from-the-future"), gate.acting(again):
            gated(1)
        assert ran == []
        assert head

    def test_surrogates_deep_and_endless_values(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        deep: Any = 1
        for _ in range(100):
            deep = [deep]
        endless: list[Any] = []
        endless.append(endless)
        with using(gate, "t"):
            for value in (
                "\ud800",
                {"\udfff": 1},
                deep,
                endless,
                {1: 2},
                {None: 1},
                {1, 2},
                float("nan"),
                [float("inf")],
                [10**400],
                lambda: 1,
                type,
            ):
                denied(lambda value=value: gated(value))
        assert ran == []


# ---- Exactly once -----------------------------------------------------------------------------------------------------------------------


RACE = """
    import sys, threading
    from gate import Gate, Denied, ANY
    home, chain, out, token, n = sys.argv[1:]
    gate = Gate(home)

    @gate.tool
    def pay(eur: int) -> None:
        with open(out, "a") as file:
            file.write("x")

    def one():
        with gate.acting(chain, session="s1"), gate.approving(*[token] if token else []):
            for _ in range(int(n)):
                try:
                    pay(5)
                except Denied as denial:
                    sys.stdout.write(type(denial).__name__ + "\\n")

    print("ready", flush=True)
    sys.stdin.readline()
    threads = [threading.Thread(target=one) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    gate.close()
"""


def race(home: Path, chain: str, out: Path, token: str, each: int, processes: int = 8) -> list[str]:
    """What processes of two threads each were told when all of them call at the same moment; what ran is in the file."""
    import subprocess
    import sys
    import textwrap

    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(RACE), str(home), chain, str(out), token, str(each)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, cwd=SOURCES, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(processes)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [line for process in started for line in finished(process).split()]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Gate]:
    """A gate by the system's clock, which other processes can share."""
    (tmp_path / "real").mkdir()
    with Gate(tmp_path / "real" / ".gate", clear={"*": ["*"]}) as gate:

        @gate.tool
        def pay(eur: int) -> None:
            raise AssertionError("this process does not pay")

        yield gate


def chain_of(gate: Gate, **limits: Any) -> str:
    """A capability for paying, as text."""
    from gate.token import format_presentation

    return format_presentation(gate.grant("agent-7", tools={"pay": ANY}, **limits).chain)


def question_for(gate: Gate, chain: str) -> Question:
    with gate.acting(chain, session="s1"), pytest.raises(NeedsApproval) as caught:
        gate.call("pay", {"eur": 5})
    assert caught.value.question is not None
    return caught.value.question


class TestExactlyOnce:
    """One approval runs one call once, and a legitimate identical call runs with its own."""

    def test_one_after_the_other(self, gate: Gate, ran: list[Any]) -> None:
        write_rules(gate, ASK)
        gated = tool_of(gate, ran)
        with using(gate, "t"):
            question = denied(lambda: gated(5)).question  # type: ignore[attr-defined]
            token = sign_as(gate, "alice", question)
            for _ in range(3):
                with gate.approving(token):
                    try:
                        gated(5)
                    except AlreadyUsed:
                        ran.append("refused")
            with gate.approving(sign_as(gate, "alice", question)):
                gated(5)
        assert ran == [5, "refused", "refused", 5]
        assert len(intents(gate)) == 2

    @pytest.mark.parametrize("attempt", range(5))
    def test_two_threads(self, gate: Gate, ran: list[Any], attempt: int) -> None:
        write_rules(gate, ASK)
        gated = tool_of(gate, ran)
        together, refused = threading.Barrier(2), list[str]()
        with using(gate, "t") as acting:
            token = sign_as(gate, "alice", denied(lambda: gated(5)).question)  # type: ignore[attr-defined]

            def one() -> None:
                with gate.acting(acting.capability, session="s1"), gate.approving(token):
                    together.wait(20)
                    try:
                        gated(5)
                    except AlreadyUsed as denial:
                        refused.append(str(denial))

            threads = [threading.Thread(target=one) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert ran == [5]
        assert len(refused) == 1

    @pytest.mark.slow
    def test_eight_processes(self, real: Gate, tmp_path: Path) -> None:
        write_rules(real, ASK)
        chain, out = chain_of(real), tmp_path / "out"
        token = sign_as(real, "alice", question_for(real, chain))
        told = race(real.home.path, chain, out, token, each=1)
        assert out.read_text() == "x"
        assert told == ["AlreadyUsed"] * 15
        assert len(log(real, "intent")) == 1

    def test_after_a_restart(self, real: Gate, tmp_path: Path) -> None:
        write_rules(real, ASK)
        chain = chain_of(real)
        token = sign_as(real, "alice", question_for(real, chain))
        ran: list[int] = []
        for _ in range(2):
            with Gate(real.home.path) as again:
                again.wrap(lambda eur: ran.append(eur), name="pay")
                with again.acting(chain, session="s1"), again.approving(token):
                    try:
                        again.call("pay", {"eur": 5})
                    except AlreadyUsed:
                        ran.append(-1)
        assert ran == [5, -1]

    def test_a_replay_after_the_used_ones_were_forgotten(self, gate: Gate, clock: FakeClock, ran: list[Any]) -> None:
        """The list of used approvals is pruned after a day; an approval that old has expired."""
        from gate.store import Prune

        write_rules(gate, ASK)
        gated = tool_of(gate, ran)
        with using(gate, "t", minutes=3000):
            token = sign_as(gate, "alice", denied(lambda: gated(5)).question)  # type: ignore[attr-defined]
            with gate.approving(token):
                gated(5)
            clock.advance(90_000)
            gate.home.ledger._group.submit(Prune(gate.home.now() - 86_400))
            with gate.approving(token):
                denied(lambda: gated(5), "expired")
            clock.advance(-90_000)
            with gate.approving(token):
                denied(lambda: gated(5), "expired")
        assert ran == [5]


# ---- Written before done ----------------------------------------------------------------------------------------------------------------


def on_disk(path: Path) -> list[dict[str, Any]]:
    """The records as anybody else sees them, through a connection that can only read."""
    db = sqlite3.connect(f"file:{path / 'gate.db'}?mode=ro", uri=True)
    try:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]
    finally:
        db.close()


class TestWrittenBeforeDone:
    """The intent is durable before the effect, the outcome comes after, and without a log nothing runs."""

    @pytest.mark.parametrize("how", ["call", "acall", "wrapped", "stream", "authorize"])
    def test_the_tool_finds_its_own_intent_on_disk(self, gate: Gate, how: str) -> None:
        seen: list[list[dict[str, Any]]] = []
        gated = gate.wrap(lambda value: seen.append(on_disk(gate.home.path)), name="t")

        @gate.tool
        def chunks(value: int) -> Iterator[int]:
            seen.append(on_disk(gate.home.path))
            yield value

        with using(gate, "t", "chunks"):
            {
                "call": lambda: gate.call("t", {"value": 5}),
                "acall": lambda: asyncio.run(gate.acall("t", {"value": 5})),
                "wrapped": lambda: gated(5),
                "stream": lambda: list(chunks(5)),
                "authorize": lambda: (gate.authorize("t", {"value": 5}, ref="r1"), seen.append(on_disk(gate.home.path))),
            }[how]()
        kinds = [record["type"] for record in seen[0]]
        assert kinds.count("intent") == 1
        assert "outcome" not in kinds
        assert next(record for record in seen[0] if record["type"] == "intent")["args"] == {"value": 5}
        if how != "authorize":
            assert [record["type"] for record in log(gate, "intent", "outcome")] == ["intent", "outcome"]

    def test_a_pure_read_need_not_wait_for_the_disk_and_is_recorded_all_the_same(self, gate: Gate) -> None:
        seen: list[int] = []
        gated = gate.wrap(lambda value: seen.append(value), name="t", effects="reads")
        with using(gate, "t"):
            gated(5)
        assert [intent["args"] for intent in intents(gate)] == [{"value": 5}]
        assert outcomes(gate) == ["ok"]

    @pytest.mark.parametrize("effects", ["reads", "writes"])
    def test_when_the_log_cannot_be_written_the_call_is_refused(self, tmp_path: Path, effects: str) -> None:
        """A disk that is full, by a limit on the size of files, in a process of its own."""
        out = tmp_path / "out"
        python(
            """
            import resource, signal, sys
            from gate import ANY, Gate, Denied, Unavailable
            home, out, effects = sys.argv[1:]
            gate = Gate(home)

            ran = []

            @gate.tool(effects=effects)
            def save(n: int) -> None:
                ran.append(n)

            with gate.acting(gate.grant("a", tools={"save": ANY})):
                save(0)
                gate.home.ledger.flush()
                import logging; logging.disable()
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
                refused = 0
                for n in range(20):
                    try:
                        save(n)
                    except Unavailable:
                        refused += 1
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                assert refused == 20 if effects == "writes" else len(ran) + refused == 21, (refused, ran)
                for _ in range(200):
                    try:
                        save(0)
                        break
                    except Unavailable:
                        import time; time.sleep(0.05)
                else:
                    raise AssertionError("it never recovered")
            gate.close()
            with open(out, "w") as file:
                file.write("x" * len(ran))
            """,
            tmp_path / "home",
            out,
            effects,
        )
        recorded = [record for record in on_disk(tmp_path / "home") if record["type"] in ("intent", "call")]
        assert len(recorded) == len(out.read_text()), "what ran is in the log, and the other way round"

    def test_a_ledger_that_is_rubbish_refuses(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        with using(gate, "t"):
            gated(1)
            gate.close()
            for name in ("gate.db", "gate.db-wal", "gate.db-shm"):
                (gate.home.path / name).unlink(missing_ok=True)
            (gate.home.path / "gate.db").write_bytes(b"rubbish" * 1000)
            (gate.home.path / "gate.db").chmod(0o600)
            denied(lambda: gated(2))
            denied(lambda: gated(3))
        assert ran == [1]


# ---- Fail closed ------------------------------------------------------------------------------------------------------------------------


class Fault(Exception):
    """Something inside the gate broke."""


class Breaking:
    """A clock that breaks at its n-th reading, for good."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.left = clock, -1

    def now(self) -> float:
        if self.left == 0:
            raise Fault("the clock broke")
        self.left -= 1
        return self.clock.now()


class BrokenKind:
    """A kind that breaks at one of its two duties."""

    name = "broken"

    def __init__(self, duty: str) -> None:
        self.duty, self.broken = duty, False

    def parse(self, value: object) -> object:
        if self.broken and self.duty == "parse":
            raise Fault("the kind broke")
        return value

    def assess(self, value: object) -> Assessment:
        if self.broken and self.duty == "assess":
            raise Fault("the kind broke")
        return Assessment(frozenset({"writes"}), Risk.MEDIUM)


def entry_points(gate: Gate) -> dict[str, Callable[[], Any]]:
    """Every way to make a call of the tools `t`, `at`, `st` and `ast`."""

    async def read(stream: Any) -> None:
        async for _ in stream:
            pass

    async def achunks() -> None:
        await read(await gate.acall("ast", {"value": 5}))

    return {
        "wrapped": lambda: gate._gated["t"](5),
        "wrapped async": lambda: asyncio.run(gate._gated["at"](5)),
        "wrapped stream": lambda: list(gate._gated["st"](5)),
        "wrapped async stream": lambda: asyncio.run(read(gate._gated["ast"](5))),
        "call": lambda: gate.call("t", {"value": 5}),
        "call async": lambda: gate.call("at", {"value": 5}),
        "acall": lambda: asyncio.run(gate.acall("t", {"value": 5})),
        "acall async": lambda: asyncio.run(gate.acall("at", {"value": 5})),
        "acall async stream": lambda: asyncio.run(achunks()),
        "authorize": lambda: gate.authorize("t", {"value": 5}, ref="r1"),
        "aauthorize": lambda: asyncio.run(gate.aauthorize("at", {"value": 5}, ref="r2")),
    }


ENTRIES = list(entry_points(None))  # type: ignore[arg-type]


def all_tools(gate: Gate, ran: list[Any], **options: Any) -> None:
    """The same tool in every flavour."""

    def t(value: int) -> None:
        ran.append(value)

    async def at(value: int) -> None:
        ran.append(value)

    def st(value: int) -> Iterator[int]:
        ran.append(value)
        yield value

    async def ast(value: int) -> Any:
        ran.append(value)
        yield value

    for each in (t, at, st, ast):
        gate.wrap(each, **options)


NAMES = ("t", "at", "st", "ast")


@pytest.mark.usefixtures("quiet")
class TestFailClosed:
    """Any error inside the gate means that the tool did not run, and the caller gets a denial."""

    @pytest.fixture
    def quiet(self, caplog: pytest.LogCaptureFixture) -> None:
        """What could not be recorded is logged; that is not shown here."""
        caplog.set_level("CRITICAL", "gate")

    @pytest.mark.parametrize("entry", ENTRIES)
    @pytest.mark.parametrize("seam", ["rules", "standing", "now", "plan"])
    def test_when_what_a_call_reads_breaks(self, gate: Gate, ran: list[Any], entry: str, seam: str) -> None:
        def broken(*_: object) -> Any:
            raise Fault(f"{seam} broke")

        all_tools(gate, ran)
        with using(gate, *NAMES):
            entry_points(gate)["wrapped"]()  # everything is open
            ran.clear()
            setattr(gate.home, seam, broken)
            with pytest.raises(Unavailable, match=f"{seam} broke"):
                entry_points(gate)[entry]()
            assert ran == []

    @pytest.mark.parametrize("entry", ENTRIES)
    def test_when_the_ledger_cannot_be_opened(self, gate: Gate, ran: list[Any], entry: str) -> None:
        all_tools(gate, ran)
        cap = gate.grant("agent-7", tools=dict.fromkeys(NAMES, ANY))
        with gate.acting(cap):
            gate.close()
            gate.home.path.chmod(0o777)  # everybody could change it now
            with pytest.raises(Denied):
                entry_points(gate)[entry]()
            gate.home.path.chmod(0o700)
        assert ran == []

    @pytest.mark.parametrize("entry", ENTRIES)
    @pytest.mark.parametrize("step", ["begin", "applied", "written"])
    def test_when_the_transaction_of_the_intent_breaks(self, tmp_path: Path, clock: FakeClock, ran: list[Any], entry: str, step: str) -> None:
        from gate.home import Home

        armed = [False]

        def pause(name: str) -> None:
            if armed[0] and name == step:
                raise OSError(28, "no space left on device")

        gate = Gate(tmp_path / ".gate", clock=clock)
        gate.home = Home(tmp_path / ".gate", clock=clock, pause=pause)
        all_tools(gate, ran)
        with using(gate, *NAMES):
            entry_points(gate)["wrapped"]()
            gate.home.ledger.flush()
            ran.clear()
            armed[0] = True
            with pytest.raises(Unavailable):
                entry_points(gate)[entry]()
            assert ran == []
            armed[0] = False
            gate.home.ledger.flush()
            entry_points(gate)[entry]()
            assert ran == ([] if "auth" in entry else [5]), "and it recovers"
        gate.close()

    @pytest.mark.parametrize("entry", ENTRIES)
    @pytest.mark.parametrize("duty", ["parse", "assess"])
    def test_when_a_kind_breaks(self, gate: Gate, ran: list[Any], entry: str, duty: str) -> None:
        kind = BrokenKind(duty)
        all_tools(gate, ran, kinds={"value": kind})
        with using(gate, *NAMES):
            entry_points(gate)["wrapped"]()
            ran.clear()
            kind.broken = True
            with pytest.raises(Denied):
                entry_points(gate)[entry]()
        assert ran == []

    @pytest.mark.parametrize("entry", ENTRIES)
    def test_when_the_cost_cannot_be_told(self, gate: Gate, ran: list[Any], entry: str) -> None:
        def price(arguments: Mapping[str, object]) -> float:
            raise Fault("no price")

        all_tools(gate, ran, cost={"usd": price})
        with using(gate, *NAMES, cost={"usd": 5}), pytest.raises(BadCall, match="no price"):
            entry_points(gate)[entry]()
        assert ran == []

    @pytest.mark.parametrize("entry", ENTRIES)
    def test_when_an_approver_breaks(self, gate: Gate, ran: list[Any], entry: str) -> None:
        class Broken:
            name = "alice"

            def ask(self, question: Question) -> Answer | None:
                raise Fault("the line is dead")

        write_rules(gate, ASK)
        gate.approvers = (Broken(),)
        all_tools(gate, ran)
        with using(gate, *NAMES), pytest.raises(Unavailable, match="the line is dead"):
            entry_points(gate)[entry]()
        assert ran == []

    @pytest.mark.parametrize("entry", ENTRIES)
    @pytest.mark.parametrize("text", ["nonsense", "", '[[rule]]\nid = "x"', None], ids=["nonsense", "empty", "half", "gone"])
    def test_when_the_rules_break_while_it_runs(self, gate: Gate, ran: list[Any], entry: str, text: str | None) -> None:
        path = write_rules(gate, '[[rule]]\nid = "fine"\nallow = { tool = "*" }')
        all_tools(gate, ran)
        with using(gate, *NAMES):
            entry_points(gate)["wrapped"]()
            ran.clear()
            if text is None:
                path.unlink()
            else:
                write_rules(gate, text)
            look_again(gate)
            if text == "":
                entry_points(gate)[entry]()  # an empty file is one without rules
                return
            with pytest.raises(Unavailable, match="gate.toml"):
                entry_points(gate)[entry]()
        assert ran == []

    @pytest.mark.parametrize("entry", ["wrapped", "wrapped async", "wrapped stream", "authorize"])
    def test_when_the_clock_breaks_at_any_reading(self, tmp_path: Path, ran: list[Any], entry: str) -> None:
        clock = Breaking(FakeClock())
        gate = Gate(tmp_path / ".gate", clock=clock)
        all_tools(gate, ran)
        denials = 0
        with using(gate, *NAMES):
            entry_points(gate)["wrapped"]()
            for reading in range(100):
                ran.clear()
                clock.left = reading
                try:
                    entry_points(gate)[entry]()
                except Denied:
                    denials += 1
                    assert ran == [], f"it ran, and the clock had broken at reading {reading}"
                else:
                    if clock.left > 0:
                        break
            else:
                raise AssertionError("it never passed")
        assert denials >= 3
        clock.left = -1
        gate.close()

    @pytest.mark.parametrize("entry", ENTRIES)
    @pytest.mark.parametrize(
        "where",
        [
            ["gate.gate.decide"],
            ["gate.gate.allowed"],
            ["gate.gate.charges"],
            ["gate.log.records.Records.spend"],
            ["gate.tool.Tool.describe"],
            ["gate.ledger.Ledger.spend", "gate.ledger.Ledger.aspend"],
        ],
        ids=lambda where: where[0],
    )
    def test_when_any_step_breaks(self, gate: Gate, ran: list[Any], entry: str, where: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> Any:
            raise Fault("it broke")

        all_tools(gate, ran)
        with using(gate, *NAMES):
            entry_points(gate)["wrapped"]()
            ran.clear()
            for each in where:
                monkeypatch.setattr(each, broken)
            with pytest.raises(Unavailable, match="it broke"):
                entry_points(gate)[entry]()
        assert ran == []

    @pytest.mark.parametrize("entry", ENTRIES)
    def test_when_the_refusal_itself_cannot_be_recorded(self, gate: Gate, ran: list[Any], entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> Any:
            raise Fault("it broke")

        all_tools(gate, ran)
        with gate.acting(gate.grant("agent-7", tools={"other": ANY})):
            monkeypatch.setattr("gate.log.records.Records.refusal", broken)
            with pytest.raises(Denied, match="refused"):
                entry_points(gate)[entry]()
        assert ran == []

    def test_when_the_outcome_cannot_be_recorded_the_caller_gets_the_result_all_the_same(self, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
        """The effect has happened; a caller that is told otherwise does it again."""

        def broken(*_: object, **__: object) -> Any:
            raise Fault("it broke")

        gated = gate.wrap(lambda value: value * 2, name="t")
        with using(gate, "t"):
            monkeypatch.setattr("gate.log.records.Records.settlement", broken)
            assert gated(5) == 10

    @pytest.mark.parametrize("entry", ENTRIES)
    @pytest.mark.parametrize("sent", ["evil mapping", "evil name", "evil key"])
    def test_when_what_is_sent_breaks(self, gate: Gate, ran: list[Any], entry: str, sent: str) -> None:
        """Objects of the caller's own making whose every method fails."""

        def broken(*_: object) -> Any:
            raise Fault("it broke")

        class Broken(Mapping[str, Any]):
            __getitem__ = __iter__ = __len__ = __contains__ = keys = items = broken

        class Text(str):
            __slots__ = ()
            __hash__ = __eq__ = __str__ = __repr__ = isascii = encode = broken  # type: ignore[assignment]

        all_tools(gate, ran)
        value = {"evil mapping": Broken(), "evil name": Text("5"), "evil key": {Text("a"): 1} if False else Text("a")}[sent]
        with using(gate, *NAMES):
            for call in (lambda: gate.call("t", value), lambda: gate._gated["t"](value), lambda: gate.authorize("t", value)):
                denied(call)
            for call in (lambda: gate.call(value, {"value": 5}), lambda: gate.authorize(value, {"value": 5})):
                denied(call)
        assert ran == []
        assert entry


# ---- Only narrowing ---------------------------------------------------------------------------------------------------------------------


class TestOnlyNarrowing:
    """A delegated capability is a subset, and spends from everything above it."""

    def test_a_sub_agent_may_do_less(self, gate: Gate, ran: list[Any]) -> None:
        gated, other = tool_of(gate, ran), tool_of(gate, ran, name="other")
        parent = gate.grant("lead", tools={"t": {"value": Range(max=100)}, "other": ANY})
        child = gate.attenuate(parent, "sub", tools={"t": {"value": Range(max=10)}})
        with gate.acting(child):
            gated(10)
            denied(lambda: gated(11), "maximum 10")
            denied(lambda: other(1))
        with gate.acting(parent):
            gated(100)
        assert ran == [10, 100]
        assert intents(gate)[0]["capability"] == [parent.jti, child.jti]

    @pytest.mark.parametrize(
        "wider",
        [
            {"tools": {"t": {"value": Range(max=101)}}},
            {"tools": {"t": ANY}},
            {"tools": {"new": ANY}},
            {"tools": ["new"]},
            {"minutes": 16},
            {"calls": 11},
            {"cost": {"usd": 6}},
            {"wall": 61},
            {"rate": (11, 60)},
            {"labels": ["b", "a"]},
            {"delegations": 3},
        ],
        ids=str,
    )
    def test_never_more(self, gate: Gate, wider: dict[str, Any]) -> None:
        limits: dict[str, Any] = {"calls": 10, "cost": {"usd": 5}, "wall": 60, "rate": (10, 60), "labels": ["a"], "delegations": 3}
        parent = gate.grant("lead", minutes=15, tools={"t": {"value": Range(max=100)}}, **limits)
        with pytest.raises(TokenError):
            gate.attenuate(parent, "sub", **wider)
        assert gate.attenuate(parent, "sub").limits.calls == 10

    def test_children_spend_their_parents_budget(self, gate: Gate, ran: list[Any]) -> None:
        """Two with sixty calls each never make more than their parent's hundred."""
        gated = tool_of(gate, ran)
        parent = gate.grant("lead", tools={"t": ANY}, calls=5)
        children = [gate.attenuate(parent, "sub", calls=3) for _ in range(3)]
        for child in children:
            with gate.acting(child):
                for _ in range(4):
                    try:
                        gated(1)
                    except Exhausted as denial:
                        ran.append(denial.keys[0])
        assert ran.count(1) == 5
        assert ran[:4] == [1, 1, 1, f"{children[0].jti}/calls"]
        assert f"{parent.jti}/calls" in ran
        with gate.acting(parent):
            short(lambda: gated(1), f"{parent.jti}/calls")

    def test_what_is_made_in_memory_is_worth_nothing(self, gate: Gate, ran: list[Any]) -> None:
        """A capability is what its signature says, whatever the object at hand claims."""
        gated = tool_of(gate, ran)
        cap = gate.grant("agent-7", tools={"t": {"value": 1}}, calls=1)
        other = gate.grant("agent-7", tools={"other": ANY})
        for forged in (replace(cap, expires=cap.expires + 1e6, budgets=()), replace(other, grants=cap.grants), replace(cap, agent="root")):
            with gate.acting(forged) as acting:
                assert acting.capability in (cap, other)
        with gate.acting(replace(other, grants=cap.grants)):
            denied(lambda: gated(1))
        assert ran == []

    def test_only_its_own_agent_may_use_it(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        cap = gate.grant("agent-7", tools={"t": ANY})
        with gate.acting(cap, agent="agent-8"):
            denied(lambda: gated(1), "agent-8")
        assert ran == []


# ---- revoked, stopped, expired: from the next call on, in every process -----------------------------------------------------------------


ELSEWHERE = """
    import sys
    from gate import Gate, Denied, ANY
    gate = Gate(sys.argv[1])

    @gate.tool
    def pay(eur: int) -> int:
        return eur

    with gate.acting(sys.argv[2], session="s1"):
        for line in sys.stdin:
            try:
                pay(5)
                print("ran", flush=True)
            except Denied as denial:
                print(denial, flush=True)
    gate.close()
"""


class Elsewhere:
    """Another process that makes a call whenever it is told to."""

    def __init__(self, gate: Gate, chain: str) -> None:
        import subprocess
        import sys
        import textwrap

        pipe = subprocess.PIPE
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(ELSEWHERE), str(gate.home.path), chain]
        self.process = subprocess.Popen(command, cwd=SOURCES, stdin=pipe, stdout=pipe, text=True)

    def call(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0


class TestCutOff:
    """Authority ends at once: revoked or stopped is refused at the next call, in another process too."""

    def test_in_another_process(self, real: Gate) -> None:
        from gate.token import format_presentation

        root = real.grant("lead", tools={"pay": ANY})
        child = real.attenuate(root, "sub")
        chain = format_presentation(child.chain)
        with Elsewhere(real, chain) as other:
            assert other.call() == "ran"
            for who in ({"agent": "sub"}, {"session": "s1"}, {"everything": True}):
                real.stop(**who, by="ann", reason="drill")
                assert "stopped" in other.call(), who
                real.resume(**who)
                assert other.call() == "ran", who
            real.stop(agent="somebody-else")
            real.stop(session="s2")
            assert other.call() == "ran"
            real.revoke(root, by="ann", reason="enough")
            assert "revoked" in other.call(), "everything delegated from it is revoked with it"
        assert {"stop", "resume", "revoke"} <= {record["type"] for record in log(real)}

    def test_a_revoked_child_leaves_its_parent_alone(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        parent = gate.grant("lead", tools={"t": ANY})
        child = gate.attenuate(parent, "sub")
        grandchild = gate.attenuate(child, "subsub")
        gate.revoke(child.jti)
        for cut in (child, grandchild):
            with gate.acting(cut):
                denied(lambda: gated(1), "revoked")
        with gate.acting(parent):
            gated(1)
        assert ran == [1]

    def test_a_stop_outlives_the_process(self, real: Gate) -> None:
        chain = chain_of(real)
        real.stop(agent="agent-7")
        real.close()
        with Elsewhere(real, chain) as other:
            assert "stopped" in other.call()

    def test_before_its_time_and_after_it(self, gate: Gate, clock: FakeClock, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        cap = gate.grant("agent-7", tools={"t": ANY}, minutes=10, not_before=clock.now() + 60)
        with gate.acting(cap):
            denied(lambda: gated(1), "not valid")
            clock.advance(60)
            gated(2)
            clock.advance(540 - 0.001)
            gated(3)
            clock.advance(0.002)
            denied(lambda: gated(4), "expired")
            clock.advance(-300)
            denied(lambda: gated(5), "expired")
        assert ran == [2, 3]

    def test_the_clock_of_the_host_is_set_back(self, tmp_path: Path) -> None:
        """Between two processes: the ledger knows the latest time that was seen."""
        from gate.token import format_presentation

        early = Gate(tmp_path / ".gate")
        early.wrap(lambda eur: eur, name="pay")
        chain = format_presentation(early.grant("agent-7", tools={"pay": ANY}, minutes=15).chain)
        hour = early.home.now() + 3600
        early.close()
        late = Gate(tmp_path / ".gate", clock=FakeClock(hour))
        late.revoke("something")
        late.close()
        with Gate(tmp_path / ".gate") as again:  # the system's clock is an hour behind what the ledger has seen
            again.wrap(lambda eur: eur, name="pay")
            with pytest.raises((Denied, TokenError), match="expired"), again.acting(chain):
                again.call("pay", {"eur": 5})


# ---- budgets ----------------------------------------------------------------------------------------------------------------------------


class TestBudgets:
    """Never overspent: by threads, tasks, processes, whatever."""

    @pytest.mark.slow
    @pytest.mark.parametrize("durability", ["durable", "buffered", "off"])
    def test_eight_processes_race_for_it(self, real: Gate, tmp_path: Path, durability: str) -> None:
        write_rules(real, f'[[rule]]\nid = "r"\nallow = {{ tool = "*" }}\naudit = "{durability}"')
        out, chain = tmp_path / "out", chain_of(real, calls=41)
        told = race(real.home.path, chain, out, "", each=10)
        ran = len(out.read_text())
        assert ran <= 41, "overspent"
        assert ran + len(told) == 160
        assert set(told) == {"Exhausted"}
        assert spent(real, "/calls") <= 41
        assert ran == 41, "and with every process ended, nothing of it is lost"

    @pytest.mark.slow
    def test_eight_processes_race_for_the_last_unit(self, real: Gate, tmp_path: Path) -> None:
        out, chain = tmp_path / "out", chain_of(real, calls=1)
        told = race(real.home.path, chain, out, "", each=1)
        assert out.read_text() == "x"
        assert told == ["Exhausted"] * 15

    def test_threads_and_tasks(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        cap = gate.grant("agent-7", tools={"t": ANY}, calls=50)

        def thread() -> None:
            with gate.acting(cap):
                for _ in range(10):
                    try:
                        gated(1)
                    except Exhausted:
                        return

        threads = [threading.Thread(target=thread) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(ran) == 50

        async def main() -> list[Any]:
            with gate.acting(gate.grant("agent-7", tools={"t": ANY}, calls=7)):
                return await asyncio.gather(*[gate.acall("t", {"value": 2}) for _ in range(20)], return_exceptions=True)

        results = asyncio.run(main())
        assert sum(isinstance(result, Exhausted) for result in results) == 13
        assert ran.count(2) == 7

    def test_a_rate_has_windows(self, gate: Gate, clock: FakeClock, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        clock.advance(60 - clock.now() % 60)
        with using(gate, "t", rate=(3, 60)):
            for minute in range(3):
                for call in range(5):
                    if call < 3:
                        gated(minute)
                    else:
                        short(lambda: gated(minute), "/rate/60/")
                clock.advance(59.9 if minute == 0 else 60.1)
                if minute == 0:
                    short(lambda: gated(9), "/rate/60/")
                    clock.advance(0.1)
        assert ran == [0] * 3 + [1] * 3 + [2] * 3

    def test_setting_the_clock_back_does_not_open_a_window_again(self, gate: Gate, clock: FakeClock, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        clock.advance(60 - clock.now() % 60)
        with using(gate, "t", rate=(1, 60)):
            gated(1)
            clock.advance(60)
            gated(2)
            clock.advance(-3600)
            short(lambda: gated(3), "/rate/60/")
        assert ran == [1, 2]

    @pytest.mark.parametrize("price", [4, "4", "0.5", "eur", "callable"], ids=str)
    def test_a_cost_in_any_form(self, gate: Gate, ran: list[Any], price: Any) -> None:
        spec: Any = {"eur": "eur", "callable": lambda arguments: arguments["eur"]}.get(price, None if False else price)

        @gate.tool(cost={"credits": spec if price in ("eur", "callable") else float(price)})
        def buy(eur: float) -> None:
            ran.append(eur)

        each = 2.0 if price in ("eur", "callable") else float(price)
        with using(gate, "buy", cost={"credits": 10}):
            for _ in range(int(10 / each)):
                buy(2.0)
            short(lambda: buy(2.0), "/cost/credits")
        assert len(ran) == int(10 / each)

    @pytest.mark.parametrize("amount", [-5.0, -0.001], ids=str)
    def test_a_negative_cost_refunds_nothing(self, gate: Gate, ran: list[Any], amount: float) -> None:
        @gate.tool(cost={"usd": "price"})
        def buy(price: float) -> None:
            ran.append(price)

        with using(gate, "buy", cost={"usd": 10}):
            buy(8.0)
            denied(lambda: buy(amount), "cost cannot be told")
            short(lambda: buy(8.0), "/cost/usd")
        assert ran == [8.0]

    def test_a_tool_that_does_not_say_its_cost_cannot_be_paid_for(self, gate: Gate, ran: list[Any]) -> None:
        gated = tool_of(gate, ran)
        with using(gate, "t", cost={"usd": 10}):
            denied(lambda: gated(1), "does not say what it costs")
        assert ran == []

    def test_a_refused_call_spends_nothing(self, gate: Gate, ran: list[Any]) -> None:
        """Neither of several budgets when one of them is short."""
        gated = tool_of(gate, ran)
        big, small = gate.grant("agent-7", tools={"t": ANY}, calls=10), None
        small = gate.attenuate(big, "agent-7", calls=1)
        with gate.acting(small):
            gated(1)
            for _ in range(20):
                short(lambda: gated(1), small.jti)
        with gate.acting(big):
            for _ in range(9):
                gated(2)
            denied(lambda: gated(2))
        assert ran.count(2) == 9

    def test_a_tool_has_budgets_of_its_own(self, gate: Gate, ran: list[Any]) -> None:
        from gate import Limits

        gated, other = tool_of(gate, ran), tool_of(gate, ran, name="other")
        with gate.acting(gate.grant("agent-7", tools={"t": ANY, "other": ANY}, calls=5, per_tool={"t": Limits(calls=2)})):
            gated(1)
            gated(1)
            short(lambda: gated(1), "/t/calls")
            for _ in range(3):
                other(2)
            short(lambda: other(2), "/calls")
        assert ran == [1, 1, 2, 2, 2]


def test_a_rule_about_an_agent_is_about_whom_it_passes_its_capability_to(tmp_path: Path) -> None:
    """The hole: `deny = {agent = "bot"}` was left behind by attenuating to another name."""
    (tmp_path / "gate.toml").write_text(
        '[[rule]]\nid = "not-bot"\ndeny = { agent = "bot", tool = "pay" }\n[[rule]]\nid = "trusted"\nallow = { agent = "clerk", tool = "wire" }\n'
    )
    with Gate(tmp_path / ".gate", rules=tmp_path / "gate.toml") as gate:
        ran: list[str] = []
        pay, wire = gate.wrap(lambda: ran.append("pay"), name="pay"), gate.wrap(lambda: ran.append("wire"), name="wire", risk="high")
        bot = gate.grant("bot", tools={"pay": ANY, "wire": ANY})
        for name in ("tob", "clerk"):
            with gate.acting(gate.attenuate(bot, name)):
                with pytest.raises(Denied, match="not-bot"):
                    pay()
                with pytest.raises(Denied):  # a name that an allow rule names is not enough: everyone it came through must be named
                    wire()
        with gate.acting(gate.grant("clerk", tools={"pay": ANY, "wire": ANY})):
            pay()
            wire()
        assert ran == ["pay", "wire"]
