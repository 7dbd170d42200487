"""Records: from tickets, outcomes and refusals to what the ledger is given: what to charge, what to write.

The format of a record is `gate.audit`'s; here is only who is told what, and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gate.call import b64url, canonical
from gate.charges import is_wall, micro
from gate.decide import Ask
from gate.frozen import thaw
from gate.log.recorder import Intent
from gate.ref import KEPT, current, once, ran
from gate.store import Burn, Open, Settlement, Spend
from gate.store.questions import Use
from gate.trace import trace_id

if TYPE_CHECKING:
    from gate.answer import Answer, State
    from gate.approval import Approval
    from gate.ask import Question
    from gate.audit import Recorder
    from gate.call import Acting, Call
    from gate.decide import Allow
    from gate.errors import Denied
    from gate.home import Home
    from gate.log.recorder import Approved, Form
    from gate.rules import Rules
    from gate.run import Outcome
    from gate.store import Charge
    from gate.ticket import Ticket


_AS_RESERVED: Final[Mapping[str, int]] = {}


class Records:
    """Writes what happens at one gate."""

    def __init__(self, home: Home, recorder: Recorder) -> None:
        self._home, self._recorder = home, recorder

    def spend(self, ticket: Ticket) -> Spend:
        """Everything that happens in one transaction before the tool runs: charges, used approvals, the open call, the intent record."""
        permit = ticket.permit
        call = permit.call
        durability = permit.decision.durability
        ref = ticket.ref or current()
        digest = call.digest() if ticket.ref or (ref and durability == "durable") else ""
        decision = permit.decision
        if isinstance(decision, Ask):
            decision = decision._replace(reasons=self._conceal(decision.reasons, call))
        intent = self._recorder.intent(
            call,
            decision,
            digest=digest,
            ref=ref,
            approvals=permit.approvals,
            trace_id=trace_id(),
            durability=durability,
            rules_version=self._home.rules().version,
        )
        given = permit.approvals
        burns = tuple([Burn(approval.jti, approval.expires) for approval in given if not approval.uses]) if given else ()
        name = current()  # not the ref of a ticket alone: a hook is told a model's ids, which may come again
        if name and not given and durability == "durable" and once():  # an approval is used up itself
            burns += (Burn(ran(call, name), self._home.now() + KEPT),)
        uses = _uses(given, call, ticket.edits) if given or ticket.edits else ()
        opened = Open(call.acting.session, ticket.ref, call.claim()) if ticket.ref else None
        return Spend(call.id, ticket.taken, burns, intent, "buffered" if durability == "off" else durability, opened, uses)

    def elsewhere(self, ticket: Ticket, by: Approved) -> Spend:
        """`spend` of a call that ran on somebody else's yes, which is no approval of this gate: who said it stands where approvals stand."""
        call, decision = ticket.permit.call, ticket.permit.decision
        told = decision._replace(reasons=self._conceal(decision.reasons, call))
        intent = self._recorder.intent(call, told, ref=ticket.ref, approvals=(by,), trace_id=trace_id(), rules_version=self._home.rules().version)
        return Spend(call.id, ticket.taken, (), intent)

    def form(self, call: Call, allow: Allow, rules: Rules) -> Form:
        """What the records of calls that are decided like this one have in common."""
        return self._recorder.form(call, allow, allow.durability, rules.version)

    def entry(self, call: Call, taken: tuple[Charge, ...], form: Form) -> Spend:
        """`spend` of a call that a clearance lets through: no approvals, nothing that is done once, and nobody waits for the disk."""
        trace, ref = trace_id(), current()
        return Spend(call.id, taken, (), Intent(self._recorder, call, form, ("", ref, (), trace) if trace or ref else None), "buffered")

    def settlement(self, ticket: Ticket, outcome: Outcome) -> Settlement:
        """What a run really took, and how it ended."""
        said = dict(outcome.cost) if outcome.cost else {}  # a copy: a tool that ran into its time-out may still be adding to it
        cost = {unit: micro(amount) for unit, amount in said.items()}
        settled = self.settled(ticket.permit.call, outcome, cost, ticket.ref)
        if ticket.varies:
            settled.actual = _actual(ticket, outcome, cost)
        return settled

    def settled(self, call: Call, outcome: Outcome, cost: Mapping[str, int] = _AS_RESERVED, ref: str = "") -> Settlement:
        """How a run ended that took what was reserved."""
        call_id = call.id
        record = self._recorder.outcome(
            call_id,
            status=outcome.status,
            duration_us=int(outcome.seconds * 1e6),
            cost=cost,
            error=outcome.error,
            output_bytes=outcome.output_bytes,
            session=call.acting.session,
            ref=ref,
            trace_id=trace_id(),
        )
        return Settlement(call_id, _AS_RESERVED, record, outcome.status)

    def refusal(self, denial: Denied, acting: Acting, call: Call | None) -> None:
        """A call that did not run, with every reason."""
        self._home.ledger.append(
            self._recorder.refusal(
                call,
                reasons=self._conceal(denial.reasons, call),
                tool=denial.tool,
                acting=acting,
                decision=denial.decision,
                remedy=self._conceal((denial.remedy,), call)[0],
                ref=current(),
                trace_id=trace_id(),
                rules_version=self._home.rules_version,
                error=type(denial).__name__,
            )
        )

    def _conceal(self, texts: tuple[str, ...], call: Call | None) -> tuple[str, ...]:
        """What the agent and the approver read whole, without what the log must not show."""
        return texts if call is None else self._recorder.redactor.conceal(texts, call.tool, call.arguments)

    def asked(self, asked: Question, call: Call) -> bytes:
        """That a person is asked, about which binding, until when."""
        return self._recorder.event(
            "question",
            call=call.id,
            question=asked.id,
            follows=asked.follows,
            agent=asked.agent,
            session=asked.session,
            tool=asked.tool,
            risk=asked.risk.word,
            rules=asked.rules,
            reasons=self._conceal(asked.reasons, call),
            binding=self._recorder.redactor.commitment(asked.binding_hash),
            approvers=asked.approvers,
            quorum=asked.quorum,
            expires=asked.expires,
        )

    def answered(self, answer: Answer, asked: Question, state: State) -> bytes:
        """What a person said, how, what they were shown and when, what it grants, and what became of the question."""
        kept = {name: value for name, value in answer.to_json().items() if name not in {"token", "arguments"}}
        if answer.arguments is not None:
            changed = f"{asked.tool} {b64url(sha256(canonical(thaw(answer.arguments))).digest())}"
            kept["arguments"] = self._recorder.redactor.commitment(changed)
        if answer.granted:
            kept["granted"] = self._recorder.redactor.commitment(answer.granted)
        binding = self._recorder.redactor.commitment(asked.binding_hash)
        return self._recorder.event("answer", call=asked.id, question=asked.id, state=state, binding=binding, token=answer.token, **kept)

    def withdrawn(self, answer: Answer, question: str, state: State) -> bytes:
        """That an administrator ended a question, whatever it was about."""
        return self._recorder.event("answer", call=question, question=question, state=state, **answer.to_json())

    def event(self, kind: str, **fields: object) -> None:
        """Any other record: granted, revoked, rules changed."""
        self._home.ledger.append(self._recorder.event(kind, **fields))

    def authority(self, kind: str, **fields: object) -> None:
        """A record that must be on disk before what it tells of can be used: granted, attenuated."""
        self._home.ledger.append(self._recorder.event(kind, **fields), durable=True)

    def rules_changed(self, version: str) -> None:
        """That other rules are in force."""
        self.event("rules", rules_version=version)


def _uses(approvals: tuple[Approval, ...], call: Call, edits: tuple[str, ...]) -> tuple[Use, ...]:
    """The questions whose answers let a call run."""
    once = {approval.question: False for approval in approvals} | {approval.question: True for approval in approvals if not approval.uses}
    session, claim = call.acting.session, call.claim()
    answered = [Use(question, single, session, claim) for question, single in sorted(once.items())]
    return (*answered, *[Use(question, edited=True) for question in edits])


def _actual(ticket: Ticket, outcome: Outcome, cost: Mapping[str, int]) -> dict[str, int]:
    """The real amount for every budget whose reservation was an estimate: wall time, and cost when the tool reported it."""
    actual: dict[str, int] = {}
    for charge in ticket.taken:
        _, is_cost, unit = charge.key.rpartition("/cost/")
        if is_cost and unit in cost:
            actual[charge.key] = cost[unit]
        elif is_wall(charge.key):
            actual[charge.key] = int(outcome.seconds * 1e6)
        elif (unit := _quota_unit(charge.key)) in cost:
            actual[charge.key] = cost[unit]
    return actual


def _quota_unit(key: str) -> str:
    """The unit of a quota's key, which ends in unit, seconds, whose and window; "" for any other key."""
    parts = key.rpartition("/quota/")[2].split("/")
    return parts[0] if len(parts) == 4 and parts[3].isdigit() and (parts[2] == "all" or "=" in parts[2]) else ""
