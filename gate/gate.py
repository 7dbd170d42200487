"""Gate: the one path of every call. Read `_path` first.

    describe → decide → (ask) → spend → run → settle

A *call* needs a *capability*; *decide* says allow, deny or *ask*; the permit is *spent* in the ledger together with the intent record, in one
transaction; the tool is *run*; the outcome is *settled* and recorded.  Frameworks that have only before and after hooks use the two
halves in `gate.halves`, `authorize` and `settle`.  Whatever goes wrong inside the gate, the tool does not run and the caller gets a `Denied`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from gate import given, trace
from gate.asking import Background, Edited, asked_permit
from gate.authority import Authority
from gate.call import NOBODY, Acting, Call
from gate.charges import Plan, charges, is_wall, least, time_outs, use_of
from gate.cleared import Clearance, clearance
from gate.constraints.value import is_object
from gate.decide import Allow, Deny, decide
from gate.edit import edited
from gate.errors import AlreadyUsed, BadCall, ConfigError, Denied, Exhausted, Unavailable
from gate.halves import Halves, reopened
from gate.home import Home, new_session
from gate.inside import Inside
from gate.loops import asyncio_runs
from gate.names import unknown_name
from gate.permit import Permit, allowed
from gate.run import Outcome, arun, run, status_of
from gate.ticket import Ticket
from gate.tool import Tool, timed
from gate.toolbox import Toolbox
from gate.waiting import BLOCKING, LOOPING, Waiting, drive
from gate.wrap import wrapper

if TYPE_CHECKING:
    from gate.ask import Approver
    from gate.capability import Capability
    from gate.clock import Clock
    from gate.decide import Ask, Decision

F = TypeVar("F", bound=Callable[..., Any])
Scope: TypeAlias = tuple[Acting, dict[Tool, "Clearance | None"]]
"""Who acts, and by tool the short way that was found for them."""
_NOTHING: Final[Mapping[str, object]] = {}
_log: Final = logging.getLogger("gate")
_CLOCK: Final = given.Sort("a clock", lambda value: value is None or callable(getattr(value, "now", None)))
_CLEAR: Final = given.Sort(
    "a mapping from tools to argument names",
    lambda value: value is None or (is_object(value) and all(map(given.NAMES.admits, value.values()))),
)
_ASKS: Final = given.Sort(
    "ways to reach a person,", lambda value: callable(getattr(value, "ask", None)) and isinstance(getattr(value, "name", None), str)
)
_WAITS: Final = given.Sort("a time such as '10m', or seconds", lambda value: isinstance(value, (str, int, float)))
MOST_EDITS: Final = 5
_APPROVER: Final = "[Terminal(gate)]"


class Gate(Authority, Halves, Toolbox):
    """Stands between agents and tools.

    home: folder of keys, ledger and log, made at the first use.  rules: the organisation's rules file; without one, `gate.toml` beside
    `home` if it exists.  approvers: ways to reach a person, asked in this order.  origin: the name of this gate's log and the audience of
    its tokens.  clock: where the time comes from.  clear: tool → argument names whose values the log shows instead of a keyed hash ("*" for
    every tool, or every argument).  waits: how long a call waits for an answer that comes from elsewhere (the page, `gate ask`, Slack), such as
    "10m"; 0 refuses it at once with the question, and who calls again finds the answer.
    """

    def __init__(
        self,
        home: str | Path = ".gate",
        *,
        rules: str | Path | None = None,
        approvers: Iterable[Approver] = (),
        origin: str = "",
        clock: Clock | None = None,
        clear: Mapping[str, Iterable[str]] | None = None,
        waits: str | float = 0,
    ) -> None:
        given.check(
            "Gate",
            home=(home, given.PATH, "'.gate'"),
            rules=(rules, given.MAYBE_PATH, "'gate.toml'"),
            origin=(origin, given.TEXT, "'example.com/agents'"),
            clock=(clock, _CLOCK, "gate.testing.FakeClock()"),
            clear=(clear, _CLEAR, "{'*': ['path']}"),
            waits=(waits, _WAITS, "'10m'"),
        )
        Toolbox.__init__(self)
        self.home = Home(Path(home), rules=rules, origin=origin, clock=clock, clear=clear, tools=self._tools)
        self.approvers = approvers
        self._scope: ContextVar[Scope] = ContextVar("gate_scope", default=(NOBODY, {}))
        self.scope = self._scope.get  # who acts now, and by tool the short way of the first four steps, see `gate.cleared`
        self.waits = seconds_of(waits)
        self._words: ContextVar[str] = ContextVar("gate_words", default="")
        self._told: ContextVar[list[str] | None] = ContextVar("gate_told", default=None)
        self._presented: ContextVar[list[str] | None] = ContextVar("gate_presented", default=None)

    @property
    def approvers(self) -> tuple[Approver, ...]:
        """The ways to reach a person, in the order in which they are asked."""
        return self._approvers

    @approvers.setter
    def approvers(self, approvers: Iterable[Approver]) -> None:
        given.check("Gate", approvers=(approvers, given.Sort(_ASKS.words, given.SEVERAL.admits), _APPROVER))
        several = tuple(approvers)
        for one in several:
            given.check("Gate", approvers=(one, _ASKS, _APPROVER))
        self._approvers = several

    # ---- the path of a call ---------------------------------------------------------------------------------------------------

    async def _path(
        self,
        tool: Tool,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        wait: Waiting,
        receiver: tuple[object, ...] = (),
        injected: Mapping[str, object] = _NOTHING,
    ) -> Outcome:
        """One call, from what was sent to its outcome; what the tool raised travels inside the outcome."""
        ticket = await self.begin(tool, args, kwargs, wait)
        start = perf_counter()
        try:
            outcome = await wait.run(ticket.permit, ticket.tool, receiver, injected)
        except BaseException as error:  # an interruption between the gate and its tool: it may have run
            outcome = Outcome(status_of(error), None, error, perf_counter() - start)
        if not ticket.silent:
            await self.finish(ticket, outcome, wait)
        return outcome

    async def begin(self, tool: Tool, args: tuple[object, ...], kwargs: Mapping[str, object], wait: Waiting, ref: str = "") -> Ticket:
        """The first four steps. Raises Denied, and then nothing ran and nothing is spent."""
        home = self.home
        acting, clearances = self._scope.get()
        call: Call | None = None
        try:
            call = tool.describe(args, kwargs, acting)
            rules, standing, now = home.rules(), home.standing(), home.now()
            decision = decide(call, acting.capability, rules, standing, now)
            if isinstance(decision, Deny):
                raise Denied(*decision.reasons, tool=tool.name, decision=decision, remedy=decision.remedy, call_id=call.id)
            if ref and (open_ticket := reopened(home, tool, call, decision, ref)):
                return open_ticket
            budgets = home.plan(acting.capability, tool.name)
            permit, edits = (allowed(call, decision), ()) if isinstance(decision, Allow) else await self._ask(tool, call, decision, budgets, wait)
            if not budgets.varies and not ref:
                clearances[tool] = clearance(home, tool, call, decision, rules, standing, budgets.calls)
                if decision.durability == "off":
                    home.take(budgets.calls)
                    return Ticket(permit, tool, budgets.calls, silent=True)
            try:
                ticket = await self._spend(permit, tool, budgets, wait, ref, edits)
            except AlreadyUsed:
                if not ref or (open_ticket := reopened(home, tool, call, decision, ref)) is None:
                    raise
                return open_ticket  # another hook was authorized under this ref in the meantime
        except Denied as denial:
            raise self._refused(denial, tool.name, acting, call) from denial.__cause__
        except Exception as error:
            raise self._refused(Unavailable(f"the gate failed: {error}"), tool.name, acting, call) from error
        if wait.traced:
            trace.decided(call, decision)
        return ticket

    async def _ask(self, tool: Tool, call: Call, decision: Ask, budgets: Plan, wait: Waiting) -> tuple[Permit, tuple[str, ...]]:
        """The third step, where the decision says so. What a person changes is another call, decided like any other.

        Also the questions in answer to which it was changed.
        """
        edits: list[str] = []
        earlier: tuple[str, ...] = ()
        while len(edits) <= MOST_EDITS:
            takes = least(budgets, tool, call, self.home.now())
            try:
                background = Background(edits[-1] if edits else "", earlier)
                return await asked_permit(self, tool, call, decision, wait, self._presented.get() or [], takes, background), tuple(edits)
            except Edited as edit:
                call, again, changed = edited(self, tool, call, edit)
                edits.append(edit.question)
                earlier += changed
            self.tell(changed)
            if isinstance(again, Allow):
                return allowed(call, again), tuple(edits)
            decision = again
        raise Denied("it was changed again and again", tool=tool.name, call_id=call.id)

    async def _spend(self, permit: Permit, tool: Tool, budgets: Plan, wait: Waiting, ref: str, edits: tuple[str, ...]) -> Ticket:
        """The fourth step. Where a wall-time budget limits the run, the tool gets no more time than could be reserved."""
        home, tries = self.home, time_outs(budgets, tool)
        for seconds in tries:
            limited = tool if seconds == tool.timeout or seconds is None else timed(tool, seconds)
            taken = charges(budgets, limited, permit.call, home.now())
            if permit.approvals:
                taken += tuple([use_of(approval) for approval in permit.approvals if approval.uses])
            ticket = Ticket(permit, limited, taken, ref, budgets.varies, edits, since=home.now())
            try:
                await wait.spend(home.ledger, home.records.spend(ticket))
            except Exhausted as short:
                if seconds == tries[-1] or not _only_time(short):
                    self._let_go(permit)
                    raise
            except BaseException:
                self._let_go(permit)
                raise
            else:
                return ticket
        raise Unavailable("there was no time to try")

    def _let_go(self, permit: Permit) -> None:
        """The call does not run: whoever makes it again may take up the questions that were answered for it."""
        for question in {approval.question for approval in permit.approvals}:
            self.home.ledger.let_go(question)

    def run_recorded(self, permit: Permit, tool: Tool) -> Outcome:
        """The last two steps of a plain call that a clearance let through and recorded."""
        start = perf_counter()
        try:
            outcome = run(permit, tool)
        except BaseException as error:  # as on the path
            outcome = Outcome(status_of(error), None, error, perf_counter() - start)
        try:
            self.home.ledger.settle(self.home.records.settled(permit[0], outcome))
        except Exception:
            _unrecorded(permit)
        return outcome

    async def arun_recorded(self, permit: Permit, tool: Tool) -> Outcome:
        """The same of an async call."""
        start = perf_counter()
        try:
            outcome = await arun(permit, tool)
        except BaseException as error:  # as on the path
            outcome = Outcome(status_of(error), None, error, perf_counter() - start)
        try:
            await self.home.ledger.asettle(self.home.records.settled(permit[0], outcome))
        except Exception:
            _unrecorded(permit)
        return outcome

    async def finish(self, ticket: Ticket, outcome: Outcome, wait: Waiting) -> None:
        """The last step: what was spent is settled and the outcome recorded. The tool has run, so a failure here must not hide its result."""
        try:
            await wait.settle(self.home.ledger, self.home.records.settlement(ticket, outcome))
        except Exception:
            _unrecorded(ticket.permit)

    def start(
        self,
        tool: Tool,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        wait: Waiting,
        receiver: tuple[object, ...] = (),
        injected: Mapping[str, object] = _NOTHING,
    ) -> Coroutine[object, None, Outcome]:
        """The path, inside a span when somebody records spans."""
        if trace.recording():
            return trace.traced(self._path(tool, args, kwargs, wait.tracing(), receiver, injected), tool.name, self._scope.get()[0])
        return self._path(tool, args, kwargs, wait, receiver, injected)

    def _refused(self, denial: Denied, tool: str, acting: Acting, call: Call | None) -> Denied:
        """Records a refusal. It is a refusal also when it cannot be recorded."""
        denial.tool = denial.tool or tool
        denial.call_id = denial.call_id or (call.id if call else "")
        try:
            self.home.records.refusal(denial, acting, call)
        except Exception:
            _log.exception("the refusal of '%s' could not be recorded", denial.tool)
        return denial

    def _wrapper(self, tool: Tool, function: Callable[..., Any]) -> Callable[..., Any]:
        return wrapper(self, tool, function)

    # ---- tools by name ------------------------------------------------------------------------------------------------------------

    def call(self, tool: str, arguments: Mapping[str, object]) -> Any:
        """Runs a tool by name with the arguments an agent sent; for a stream, its chunks."""
        found = self._runnable(tool, arguments, in_loop=asyncio_runs())
        if found.flavour in ("stream", "astream"):
            return self._gated[tool](**arguments)
        return drive(self.start(found, (), arguments, BLOCKING)).result()

    async def acall(self, tool: str, arguments: Mapping[str, object]) -> Any:
        """The same in an event loop; a plain tool runs in a worker thread. For a stream, its chunks."""
        found = self._runnable(tool, arguments)
        if found.flavour in ("stream", "astream"):
            return self._gated[tool](**arguments)
        return (await self.start(found, (), arguments, LOOPING)).result()

    def _runnable(self, name: str, arguments: Mapping[str, object], *, in_loop: bool = False) -> Tool:
        """A tool that can be run knowing no more than its name."""
        found = self.find_tool(name, arguments)
        if found.method:
            raise self._bad_call(name, "it is a method and needs its object; put the bound method behind the gate, or call it on the object")
        if in_loop and found.flavour == "async":
            raise self._bad_call(name, "it is async and an event loop runs here; use acall")
        return found

    def find_tool(self, name: str, arguments: Mapping[str, object]) -> Tool:
        """The tool of a name an agent sent; BadCall, recorded, when there is none or the arguments are no object."""
        try:
            found = self._tools.get(name) if isinstance(name, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]  # an agent may send anything
            wrong = [] if found else [unknown_name(name, self._tools)]
            if not isinstance(arguments, Mapping) or not all(isinstance(key, str) for key in arguments):  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
                wrong.append("the arguments must be a JSON object, name → value")
            if found and not wrong and (supplied := found.inject & arguments.keys()):
                wrong.append(f"argument '{min(supplied)}' is supplied by the program, not by the agent")
        except Exception as error:  # a mapping or a text of the caller's own making may do anything
            raise self._bad_call(name, f"the call cannot be read ({type(error).__name__})") from error
        if wrong or not found:
            raise self._bad_call(name, *wrong)
        return found

    def _bad_call(self, name: object, *reasons: str) -> Denied:
        tool = str.__str__(name)[:128] if isinstance(name, str) else f"a {type(name).__name__}"
        return self._refused(BadCall(*reasons), tool, self._scope.get()[0], None)

    def check(self, tool: str, arguments: Mapping[str, object]) -> Decision:
        """What would be decided about a call now. Nothing is spent, asked or recorded. BadCall when it is none."""
        home, acting = self.home, self._scope.get()[0]
        call = self.find_tool(tool, arguments).describe((), arguments, acting)
        return decide(call, acting.capability, home.rules(), home.standing(), home.now())

    # ---- who acts ---------------------------------------------------------------------------------------------------------------

    def current(self) -> Acting:
        """Who acts now."""
        return self._scope.get()[0]

    @contextmanager
    def acting(self, capability: Capability | str, *, agent: str = "", session: str = "", task: str = "") -> Generator[Acting]:
        """Everything called inside acts under this capability, which is verified now and cleared at every call.

        agent: must be the capability's agent when given.  session: groups calls; without it the thread of the framework
        that an adapter is in, else a fresh one.  task: what the agent is at.
        """
        texts = {
            "agent": (agent, given.TEXT, "'assistant'"),
            "session": (session, given.TEXT, "'s-17'"),
            "task": (task, given.TEXT, "'pay the bills'"),
        }
        given.check("acting", **texts)
        scope = self.scope_of(capability, agent=agent, session=session, task=task)
        with self.within(scope):
            yield scope[0]

    def scope_of(self, capability: Capability | str, *, agent: str = "", session: str = "", task: str = "") -> Scope:
        """What `acting` acts within, for who acts again and again: the capability is verified once."""
        verified = self.verify(capability)
        who = Acting(agent or verified.agent, session or new_session(), task, verified.principal, verified, unnamed=not session)
        return who, {}

    def within(self, scope: Scope) -> Inside[Scope]:
        """Everything called inside acts within it."""
        return Inside(self._scope, scope)

    @contextmanager
    def approving(self, *approvals: str) -> Generator[None]:
        """Presents approval tokens for the calls inside; each is good for exactly one call, once, and is kept for it."""
        for approval in approvals:
            given.check("approving", approvals=(approval, given.TEXT, "answer.token"))
        token = self._presented.set(list(approvals))
        try:
            yield
        finally:
            self._presented.reset(token)

    @contextmanager
    def saying(self, words: str) -> Generator[None]:
        """The agent's own words about the calls inside, for whoever is asked; shown last, and as unchecked."""
        given.check("saying", words=(words, given.TEXT, "'to free some space'"))
        token = self._words.set(words)
        try:
            yield
        finally:
            self._words.reset(token)

    def words(self) -> str:
        """The agent's own words about the call that is made now."""
        return self._words.get()

    def noticing(self) -> Inside[list[str]]:
        """Gathers what the agent must be told besides a call's result: that a person changed its arguments, and how."""
        notices: list[str] = []
        return Inside(self._told, notices)

    def tell(self, notices: Iterable[str]) -> None:
        """Notes what the agent must be told, where somebody gathers it."""
        gathered = self._told.get()
        if gathered is not None:
            gathered += notices

    def close(self) -> None:
        """Flushes and checkpoints the log, returns leased budget, closes the ledger."""
        self.home.close()

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def seconds_of(waits: str | float) -> float:
    """Seconds of "10m" or a number; ConfigError for what is neither."""
    if isinstance(waits, str):
        from gate.policy.rulesform import duration, seconds

        try:
            return seconds(duration(waits))
        except ValueError as error:
            raise ConfigError(f"Gate: waits: {error}") from None
    if not 0 <= waits < 1e9:
        raise ConfigError("Gate: waits is a time such as '10m', or seconds from 0 on")
    return float(waits)


def _only_time(short: Exhausted) -> bool:
    """Whether less time would do. If not, the refusal is about the others alone: a shorter run might fit the time."""
    rest = [(key, reason) for key, reason in zip(short.keys, short.reasons, strict=False) if not is_wall(key)]
    if rest:
        short.keys, short.reasons = tuple([key for key, _ in rest]), tuple([reason for _, reason in rest])
    return not rest


def _unrecorded(permit: Permit) -> None:
    _log.exception("the outcome of call %s could not be recorded; the ledger refuses further calls until it can", permit.call.id)
