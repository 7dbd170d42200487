"""Records: one JSON object per event of the gate. (Format text follows.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json import JSONEncoder
from json.encoder import encode_basestring
from time import gmtime, strftime
from typing import TYPE_CHECKING, Final, Protocol

from gate.redact import Redactor

if TYPE_CHECKING:
    from gate.call import Acting, Call
    from gate.clock import Clock
    from gate.decide import Decision
    from gate.effect import Assessment

VERSION: Final = 1
MOST_TEXT: Final = 500
_ENCODE: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
MOST_FRAGMENTS: Final = 4096


class Approved(Protocol):
    """What a record tells of an approval; `gate.approval.Approval` has it."""

    @property
    def jti(self) -> str: ...
    @property
    def approver(self) -> str: ...
    @property
    def binding_hash(self) -> str: ...


class Recorder:
    """Writes the records of one gate. origin: the log's name."""

    def __init__(self, origin: str, redactor: Redactor, clock: Clock) -> None:
        self.origin, self.redactor, self.clock = origin, redactor, clock
        self._acting: dict[int, tuple[Acting, str]] = {}
        self._verdicts: dict[object, str] = {}
        self._second, self._prefix = -1, ""

    def intent(
        self,
        call: Call,
        decision: Decision,
        *,
        digest: str = "",
        ref: str = "",
        approvals: Sequence[Approved] = (),
        trace_id: str = "",
        durability: str = "durable",
        rules_version: str = "",
    ) -> Intent:
        """The intent of a call that may run: bytes when called, or one record with its outcome when both are written together."""
        return Intent(self, call, decision, digest, ref, approvals, trace_id, durability, rules_version)

    def refusal(
        self,
        call: Call | None,
        *,
        reasons: Sequence[str],
        tool: str = "",
        acting: Acting | None = None,
        decision: Decision | None = None,
        remedy: str = "",
        ref: str = "",
        trace_id: str = "",
        rules_version: str = "",
        error: str = "",
    ) -> bytes:
        """A call that did not run. `call` is None when it was no valid call; then `tool` and `acting` tell what is known."""
        fields: dict[str, object] = {"reasons": [_text(reason) for reason in reasons], "error": error, "remedy": _text(remedy), "ref": ref}
        fields |= {"trace_id": trace_id, "rules_version": rules_version}
        if call is None:
            return self.event("refusal", **_who(acting), tool=_text(tool), **_known(fields))
        fields |= {} if decision is None else {"rules": decision.rules, "grants": decision.grants}
        return Intent(self, call, None, "", "", (), "", "", "")(kind="refusal", more=_known(fields))

    def outcome(
        self,
        call_id: str,
        *,
        status: str = "ok",
        duration_us: int = 0,
        cost: Mapping[str, str | int] | None = None,
        error: BaseException | None = None,
        output_bytes: int | None = None,
        reason: str = "",
        call: Call | None = None,
        session: str = "",
        ref: str = "",
        trace_id: str = "",
    ) -> Outcome:
        """How a call ended."""
        ended: dict[str, object] = {"status": status, "duration_us": duration_us}
        ended |= _known({"cost": cost, "reason": _text(reason)})
        if error is not None:
            ended["error"] = {"type": type(error).__name__, "message": _text(_message(error))}
        if output_bytes is not None:
            ended["output_bytes"] = output_bytes
        who = _who(call.acting) | {"tool": call.tool} if call else _known({"session": session})
        return Outcome(self, call_id, who | _known({"ref": ref, "trace_id": trace_id}), ended)

    def event(self, kind: str, /, **fields: object) -> bytes:
        """Any other record: opened, granted, stopped, asked. Fields are JSON data; ValueError for what is not."""
        return _bytes(f"{self.head(kind, self.clock.now())}{_members(fields)}}}")

    # ---- fragments ------------------------------------------------------------------------------------------------------------------

    def head(self, kind: str, now: float) -> str:
        """The members every record starts with."""
        return f'{{"v":{VERSION},"type":"{kind}","time":"{self.time(now)}","gate":{encode_basestring(self.origin)}'

    def time(self, now: float) -> str:
        """RFC 3339 in UTC with microseconds."""
        second = int(now)
        if second != self._second:
            self._prefix, self._second = strftime("%Y-%m-%dT%H:%M:%S.", gmtime(second)), second
        return f"{self._prefix}{int((now - second) * 1_000_000):06d}Z"

    def acting(self, acting: Acting) -> str:
        """The members about who acts, the same for every call under one `acting`."""
        known = self._acting.get(id(acting))
        if known is not None and known[0] is acting:
            return known[1]
        if len(self._acting) > MOST_FRAGMENTS:
            self._acting.clear()
        fragment = _members(_who(acting))
        self._acting[id(acting)] = (acting, fragment)
        return fragment

    def verdict(self, decision: Decision | None, assessment: Assessment) -> str:
        """The members about what was decided and why, the same for most calls of a tool."""
        key = (decision, assessment)
        fragment = self._verdicts.get(key)
        if fragment is None:
            if len(self._verdicts) > MOST_FRAGMENTS:
                self._verdicts.clear()
            fragment = self._verdicts[key] = _members(_verdict(decision, assessment))
        return fragment


class Intent:
    """An intent record that is not written yet. What it says is fixed: the call is frozen and the time is now."""

    __slots__ = ("_approvals", "_call", "_decision", "_digest", "_durability", "_now", "_recorder", "_ref", "_rules_version", "_trace_id")

    def __init__(
        self,
        recorder: Recorder,
        call: Call,
        decision: Decision | None,
        digest: str,
        ref: str,
        approvals: Sequence[Approved],
        trace_id: str,
        durability: str,
        rules_version: str,
    ) -> None:
        self._recorder, self._call, self._decision, self._digest, self._ref = recorder, call, decision, digest, ref
        self._approvals, self._trace_id, self._durability, self._rules_version = approvals, trace_id, durability, rules_version
        self._now = recorder.clock.now()

    def __call__(self, kind: str = "intent", more: Mapping[str, object] | None = None) -> bytes:
        return _bytes(f"{self._text(kind)}{_members(more) if more else ''}}}")

    def merged(self, outcome: bytes) -> bytes:
        """One record of type "call" for an intent whose outcome is known. outcome: the member, as `Outcome.fragment` gives it."""
        return b"%b,%b}" % (_bytes(self._text("call")), outcome)

    def _text(self, kind: str) -> str:
        recorder, call = self._recorder, self._call
        shown, hidden = recorder.redactor.arguments(call.tool, call.arguments)
        digest = self._digest or call.digest()
        text = (
            f'{recorder.head(kind, self._now)},"call":"{call.id}"{recorder.acting(call.acting)},"tool":{encode_basestring(call.tool)},"args":{shown}'
            f',"digest":"{recorder.redactor.commitment(digest) if hidden else digest}"{recorder.verdict(self._decision, call.assessment)}'
        )
        if self._rules_version:
            text += f',"rules_version":"{self._rules_version}"'
        if self._durability:
            text += f',"durability":"{self._durability}"'
        if self._ref or self._trace_id or self._approvals:
            text += self._rare(hidden=hidden)
        return text

    def _rare(self, *, hidden: bool) -> str:
        digest = self._recorder.redactor.commitment if hidden else str
        approvals = [{"jti": each.jti, "approver": each.approver, "digest": digest(each.binding_hash)} for each in self._approvals]
        return _members(_known({"ref": self._ref, "trace_id": self._trace_id, "approvals": approvals}))


class Outcome:
    """An outcome record that is not written yet."""

    __slots__ = ("_call_id", "_ended", "_now", "_recorder", "_who")

    def __init__(self, recorder: Recorder, call_id: str, who: Mapping[str, object], ended: Mapping[str, object]) -> None:
        self._recorder, self._call_id, self._who, self._ended = recorder, call_id, who, ended
        self._now = recorder.clock.now()

    def __call__(self) -> bytes:
        head = f'{self._recorder.head("outcome", self._now)},"call":{encode_basestring(self._call_id)}{_members(self._who)}'
        return b"%b,%b}" % (_bytes(head), self.fragment())

    def fragment(self) -> bytes:
        """The member "outcome"."""
        return _bytes(f'"outcome":{_ENCODE(self._ended)}')


def _who(acting: Acting | None) -> dict[str, object]:
    if acting is None:
        return {}
    chain = acting.capability.ancestors if acting.capability else ()
    fields = {"agent": acting.agent, "session": acting.session, "task": acting.task, "principal": acting.principal, "capability": list(chain)}
    return _known(fields)


def _verdict(decision: Decision | None, assessment: Assessment) -> dict[str, object]:
    fields: dict[str, object] = {"risk": assessment.risk.word, "effects": sorted(assessment.effects), "techniques": sorted(assessment.techniques)}
    if decision is not None:
        fields = {
            "decision": type(decision).__name__.lower(),
            "reasons": decision.reasons,
            "rules": decision.rules,
            "grants": decision.grants,
        } | fields
        fields["risk"] = decision.risk.word
    return fields


def _known(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _members(fields: Mapping[str, object]) -> str:
    return "".join([f",{encode_basestring(name)}:{_ENCODE(value)}" for name, value in fields.items()])


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an exception of the tool may fail even at that
        return ""


def _text(text: str) -> str:
    """Foreign text for the log: what a reader cannot see is escaped, and what is too long is cut."""
    if len(text) > MOST_TEXT:
        text = f"{text[: MOST_TEXT - 1]}…"
    return text if text.isprintable() else "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
