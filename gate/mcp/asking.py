"""Asking: how the person behind a client is asked by the gate itself, and what their answer is worth.

    legacy   the gate sends `elicitation/create`; the call is held meanwhile
    modern   the call is answered `input_required` with the question and a sealed `requestState` (`gate.mcp.state`); the client calls again

The client fills the form in, and an agent may be the client: so a form is a person's yes only for whom `--answers` names, and never from high risk
on.  Those are answered elsewhere (`gate ask`, the inbox, Slack): the call is held for `--waits`, then refused with the question's id, and who calls
again finds the answer.

>>> said({"action": "accept", "content": {"approve": True}}), said({"action": "decline"}), said({"action": "accept", "content": {"approve": "yes"}})
(True, False, None)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_object
from gate.mcp import wire
from gate.mcp.era import elicits
from gate.mcp.state import is_ours, resume_of

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.gate import Gate
    from gate.mcp.state import Resume, States
    from gate.mcp.verdict import Hold
    from gate.mcp.wire import Body, Message

INPUT: Final = "gate.approval"
"""The name of the gate's own question among a result's `inputRequests`."""
_ASKABLE: Final = frozenset({"tools/call", "prompts/get", "resources/read"})


def askable(question: Question, hold: Hold, initialized: Mapping[str, object], answers: str) -> bool:
    """Whether the client's own dialogue may answer this."""
    return bool(answers) and not question.grave and question.quorum == 1 and hold.sort == "request" and "form" in elicits(hold.message, initialized)


def form(question: Question) -> Body:
    """The question as a form: the engine's words about the call, the agent's own last."""
    lines = [f"Gate asks: {question.headline}.", f"Risk: {question.risk.word}.", *question.reasons]
    if question.words:
        lines.append(f"The agent says (unchecked): {question.words}")
    schema = {"type": "object", "properties": {"approve": {"type": "boolean", "title": "Let it run, once"}}, "required": ["approve"]}
    return {"message": "\n".join(lines), "requestedSchema": schema}


def said(result: object) -> bool | None:
    """What a form came back with: yes, no, or nothing."""
    if not is_object(result) or result.get("action") not in ("accept", "decline"):
        return None
    if result["action"] == "decline":
        return False
    content = result.get("content")
    approve = content.get("approve") if is_object(content) else None
    return approve if isinstance(approve, bool) else None


def input_required(hold: Hold, question: Question, states: States) -> Body | None:
    """The result that asks a modern client; None for a method that cannot."""
    if hold.pending.method not in _ASKABLE or not hold.pending.modern:
        return None
    asked = {INPUT: {"method": "elicitation/create", "params": {"mode": "form", **form(question)}}}
    up = hold.pending.extra.get("up")
    resume = resume_of(hold, question.rules_version, question.id, up=up if isinstance(up, str) else None)
    return wire.result(hold.pending.id, {"resultType": "input_required", "inputRequests": asked, "requestState": states.seal(resume)})


def unwrapped(message: Message, states: States) -> tuple[Resume | None, object, Message]:
    """What a retry brings: the gate's own state, the answer to its question, and the message as the server would have got it.

    BadMessage for a state that is not acceptable.
    """
    if message.sort != "request" or not is_ours(message.params.get("requestState")):
        return None, None, message
    try:
        resume = states.opened(str(message.params["requestState"]))
    except ValueError as wrong:
        raise wire.BadMessage(str(wrong), -32602) from None
    params = {name: value for name, value in message.params.items() if name != "requestState"}
    if resume.up is not None:
        params["requestState"] = resume.up
    responses = params.pop("inputResponses", None)
    answer: object = None
    if is_object(responses):
        rest = {**responses}
        answer = rest.pop(INPUT, None)
        if rest:
            params["inputResponses"] = rest
    return resume, answer, message._replace(params=params, body=wire.with_params(message, params))


def bound(resume: Resume, hold: Hold, rules: str) -> bool:
    """Whether a state belongs to exactly this call, by the same capability, under the same rules."""
    try:
        mine = resume_of(hold, rules)
    except ValueError:
        return False
    return (mine.key, mine.tool, mine.digest, mine.rules) == (resume.key, resume.tool, resume.digest, resume.rules)


def answered(gate: Gate, question: str, name: str, *, approve: bool) -> None:
    """Leaves at the desk what the person said, where one call takes it up, once. Void when it does not count, as of a second answer."""
    from gate.approvers.callback import Callback

    case = gate.home.desk.case(question)
    if case is None or not name or case.question.grave:
        return
    answer = Callback(gate, lambda _: True if approve else "refused in the client's dialogue", name=name).ask(case.question)
    if answer is not None:
        gate.home.desk.answer(question, answer)
