"""Fail closed: whatever breaks inside the gate, the tool did not run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gate import ANY, Answer, BadCall, Denied, Gate, Question, Unavailable
from gate.effect import Assessment, Risk
from gate.testing import FakeClock
from tests.kit import ASK, denied, look_again, using, write_rules


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
