"""Around: what all adapters share. A framework's call goes the path of every call; the framework's own way of running it is the tool.

    around = Around(gate, capability=cap)
    around.declare("read_file", json_schema)
    value = around.run(Sent("read_file", {"path": "a"}, id="call_1"), lambda arguments: handler(arguments))

Who acts is, in this order: the capability the adapter was given; the one in the framework's own context; whoever acts by `gate.acting`.
Nobody: refused.  The session is the one that `gate.acting` was told, else the framework's own.  `part` narrows what was found, for a sub-agent.
Whatever goes wrong here is a `Denied`, and then the tool did not run.

What the framework's own pause and resume brings back is `answered`: tokens of approvers, or a plain yes or no.  A plain yes is worth something only
where the adapter was told whose it is (`answers`), because an agent that runs in this process could say it, too; and never about a grave call,
which is approved on the page or at a terminal.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from gate import ref
from gate.agents.part import part
from gate.constraints.value import is_array, is_object
from gate.declare import Declared, continuing
from gate.errors import Denied, GateError, NeedsApproval, TokenError, Unavailable
from gate.home import new_session
from gate.run import held
from gate.wrap import wrapper

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.capability import Capability
    from gate.gate import Gate, Scope
    from gate.kind import KindTool
    from gate.tool import Options

T = TypeVar("T")

MOST: Final = 1024
_log: Final = logging.getLogger("gate")
NO_CAPABILITY: Final = "no capability: nobody acts here"


class Sent(NamedTuple):
    """One call as a framework hands it over. id: the framework's own of the call.

    capability, session: what the framework's own context says, where it says it.
    """

    tool: str
    arguments: Any
    id: str = ""
    capability: Capability | str | None = None
    session: str = ""


class Around:
    """The tools of one framework, or of one agent in it, behind a gate.

    capability: of this agent, whatever else there is.  part: what of the capability that was found this agent has, as `gate.attenuate` takes it;
    it must name the agent, `{"agent": "reader", "tools": ["read_file"]}`.  session: for calls for which the framework names none.
    tools: name → options, see `gate.tool.Options`.  answers: the approver whose yes the framework's own resume brings.  noted: puts what the
    model must be told besides a result (that a person changed the arguments) into the framework's form of a result.  once: a call id is one call's,
    so that what changes something does not run twice under it; False for a model whose ids repeat.
    """

    def __init__(
        self,
        gate: Gate,
        *,
        capability: Capability | str | None = None,
        part: Mapping[str, Any] | None = None,
        session: str = "",
        tools: Mapping[str, Options] | None = None,
        answers: str = "",
        noted: Callable[[Any, Sequence[str]], Any] | None = None,
        once: bool = True,
    ) -> None:
        self.gate = gate
        self._noted, self._once = noted or note, once
        self._capability, self._part, self._session = capability, part, session or new_session()
        self._options, self._answers = tools or {}, answers
        self._gated: dict[str, tuple[Declared, Callable[..., Any], Callable[..., Any]]] = {}
        self._scopes: OrderedDict[tuple[str, str, str, str], Scope] = OrderedDict()

    def declare(self, name: str, schema: Mapping[str, object] | KindTool | None = None) -> None:
        """Puts a tool of the framework behind the gate. ConfigError when it cannot be, or its name is another tool's."""
        made = self.gate.declare(name, schema, **self._options.get(name, {}))
        if name not in self._gated or self._gated[name][0] is not made:
            plain, looping = (wrapper(self.gate, tool, held(tool)) for tool in (made.plain, made.looping))
            self._gated[name] = made, plain, looping

    def run(self, sent: Sent, run: Callable[[dict[str, object]], T]) -> T:
        """Runs a call by `run`, which gets the checked arguments. Denied when it did not run; what `run` raises passes through."""
        (_, gated, _), scope = self._prepared(sent)
        gate = self.gate
        with gate.within(scope), continuing(run, sent.id, once=self._once), gate.noticing() as notices:
            value = gated(**sent.arguments)
        return self._noted(value, notices) if notices else value  # type: ignore[no-any-return]  # what `run` gives

    async def arun(self, sent: Sent, run: Callable[[dict[str, object]], Awaitable[T]]) -> T:
        """The same in an event loop."""
        (_, _, gated), scope = self._prepared(sent)
        gate = self.gate
        with gate.within(scope), continuing(run, sent.id, once=self._once), gate.noticing() as notices:
            value = await gated(**sent.arguments)
        return self._noted(value, notices) if notices else value  # type: ignore[no-any-return]  # as above

    def asks(self, sent: Sent) -> bool:
        """Whether a person would be asked about the call now. False also when it is refused: whoever runs it is told."""
        from gate.decide import Ask

        try:
            _, scope = self._prepared(sent)
            with self.gate.within(scope):
                return isinstance(self.gate.check(sent.tool, sent.arguments), Ask)
        except Exception:
            return False

    @contextmanager
    def answered(self, question: Question | None, said: object) -> Generator[None]:
        """The call inside is made with what the framework's resume brought about the question: True, False, or an object.

            {"approve": true}  {"approve": false, "reason": "…"}  {"approve": true, "arguments": {…}}  {"approvals": ["eyJ…"]}

        Denied when it is a no.  Whatever else it is, only the gate's own desk is looked at.
        """
        told: Mapping[str, object] = said if is_object(said) else {"approve": said}
        tokens = told.get("approvals", [])
        presented = [token for token in tokens if isinstance(token, str)] if is_array(tokens) else []
        if question is not None and isinstance(approve := told.get("approve"), bool):
            presented += self._say(question, told, approve=approve)
        with self.gate.approving(*presented):
            yield

    def session_of(self, sent: Sent) -> str:
        """The session that the framework says, or the adapter's own."""
        return sent.session or self._session

    # ---- what it takes ------------------------------------------------------------------------------------------------------------------

    def _prepared(self, sent: Sent) -> tuple[tuple[Declared, Callable[..., Any], Callable[..., Any]], Scope]:
        """The gated tool, plain and for a loop, and who acts. Denied for whatever goes wrong on the way; then nothing ran."""
        try:
            scope = self._scope(sent)
            found = self._gated.get(sent.tool)
            arguments: object = sent.arguments
            if found is None or type(arguments) is not dict or not set(map(type, cast("dict[object, object]", arguments))) <= {str}:
                with self.gate.within(scope):
                    self.gate.find_tool(sent.tool, sent.arguments)  # says what is wrong, and records it
                raise Denied("the tool is not behind this adapter")
        except Denied as denial:
            raise self._refused(denial, sent) from denial.__cause__
        except TokenError as error:
            raise self._refused(_unusable(error, self._capability or sent.capability), sent) from error
        except Exception as error:
            raise self._refused(Unavailable(f"the gate failed: {error}"), sent) from error
        return found, scope

    def _refused(self, denial: Denied, sent: Sent) -> Denied:
        """Records a refusal that the gate has not recorded itself. It is one also when that fails."""
        if not denial.tool:
            denial.tool = sent.tool if type(sent.tool) is str else f"a {type(sent.tool).__name__}"
            try:
                with ref.under(sent.id):
                    self.gate.home.records.refusal(denial, self.gate.current(), None)
            except Exception:
                _log.exception("the refusal of '%s' could not be recorded", denial.tool)
        return denial

    def _scope(self, sent: Sent) -> Scope:
        """Who acts. Kept, because it holds the short way of calls that were allowed."""
        known, found = self.gate.scope(), self._capability or sent.capability
        acting, session, agent = known[0], self.session_of(sent), ""
        if found is None:
            found = acting.capability
            if found is None:
                raise Denied(NO_CAPABILITY, remedy="Call inside gate.acting(capability), or give the adapter capability=…")
            session = (acting.unnamed and sent.session) or acting.session
            if self._part is None:
                if session == acting.session:
                    return known
                agent = acting.agent  # whoever acts under another's name must go on to be refused
        key = (found if isinstance(found, str) else found.token, session, acting.task, agent)
        scope = self._scopes.get(key)
        if scope is None:
            capability = found if self._part is None else part(self.gate, found, session, self._part)
            scope = self._scopes[key] = self.gate.scope_of(capability, agent=agent, session=session, task=acting.task)
            if len(self._scopes) > MOST:
                self._scopes.popitem(last=False)
        return scope

    def _say(self, question: Question, told: Mapping[str, object], *, approve: bool) -> list[str]:
        """Leaves at the desk what the framework's person said; the approval's token for a yes to be presented."""
        from gate.approvers.callback import Callback

        reason, changed = str(told.get("reason", "")), told.get("arguments")
        desk = self.gate.home.desk
        if not self._answers:
            if not approve:
                raise Denied(f"refused where the framework asks: {reason or 'no reason given'}", tool=question.tool)
            return []
        if approve and question.grave:
            return []  # such a call is approved where the whole of it was shown: on the page, or at a terminal
        if approve and is_object(changed):
            desk.edit(question.id, by=self._answers, arguments=changed, method="framework")
            return []
        answer = Callback(self.gate, lambda _: True if approve else reason, name=self._answers).ask(question)
        if answer is not None and not approve:
            desk.answer(question.id, answer)
        return [answer.token] if answer is not None and approve else []


def _unusable(error: TokenError, capability: object) -> Denied:
    """The refusal of whoever comes with what is no capability, or no part of one."""
    token = not isinstance(capability, str) or capability.lstrip().startswith(("eyJ", "{"))
    remedy = "" if token else "Give the adapter the capability, or its text: capability.token, or what gate grant prints"
    return Denied(f"the capability cannot be used: {error}", remedy=remedy)


def note(value: Any, notices: Sequence[str]) -> Any:
    """A text with what the model must be told before it; anything else, as text, after it."""
    before = f"Note: {'; '.join(notices)}."
    return f"{before}\n{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)}"


def told(error: GateError) -> str:
    """What a model is told about a call that was refused or whose result is withheld; begins with "Refused by Gate" or "Gate"."""
    if isinstance(error, NeedsApproval):
        return f"Refused by Gate for now: {error}. Make the same call again when it is answered; do not try to reach the same another way"
    if isinstance(error, Denied):
        return f"Refused by Gate, it did not run: {error}"
    return f"Gate: {error}"


def asked(question: Question | None) -> dict[str, object]:
    """What a framework hands to its own person: plain data, the engine's words about the call."""
    if question is None:
        return {"gate": "question"}
    return {
        "gate": "question",
        "question": question.id,
        "headline": question.headline,
        "tool": question.tool,
        "arguments": question.to_json().get("arguments"),
        "risk": question.risk.word,
        "reasons": list(question.reasons),
        "expires": question.expires,
        "binding_hash": question.binding_hash,
    }
