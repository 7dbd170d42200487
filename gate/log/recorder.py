"""Recorder: writes the records of one gate, fast, in the format of `gate.audit`.

What a record says is fixed when it is made: the call is frozen, errors are turned into text, the time is taken.  Its bytes are written
later, by whoever commits it.  Members that are the same for every call of a tool are kept as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json import JSONEncoder
from json.encoder import encode_basestring as quoted
from time import gmtime, strftime
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from gate.log.redact import Redactor

if TYPE_CHECKING:
    from gate.call import Acting, Call
    from gate.clock import Clock
    from gate.decide import Decision
    from gate.effect import Assessment

VERSION: Final = 1
MOST_TEXT: Final = 500
MOST_FRAGMENTS: Final = 4096
_ENCODE: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Approved(Protocol):
    """What a record tells of an approval; `gate.approval.Approval` has it."""

    @property
    def jti(self) -> str: ...
    @property
    def approver(self) -> str: ...
    @property
    def binding_hash(self) -> str: ...


class Form(NamedTuple):
    """What the records of calls that are decided alike have in common: the text before the arguments and the text after them."""

    before: str
    after: str


class Recorder:
    """Writes the records of one gate. origin: the log's name. Its `now` may be replaced, when a better clock is known."""

    def __init__(self, origin: str, redactor: Redactor, clock: Clock) -> None:
        self.origin, self.redactor, self.now = origin, redactor, clock.now
        self._gate = f',"gate":{quoted(origin)}'
        self._forms: dict[str, tuple[Acting, Decision | None, Assessment, str, str, Form]] = {}
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
        about = (digest, ref, approvals, trace_id) if digest or ref or approvals or trace_id else None
        return Intent(self, call, self.form(call, decision, durability, rules_version), about)

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
        fields: dict[str, object] = {"reasons": [shown(reason) for reason in reasons], "error": error, "remedy": shown(remedy), "ref": ref}
        fields |= {"trace_id": trace_id, "rules_version": rules_version}
        if call is None:
            return self.event("refusal", **_who(acting), tool=shown(tool), **_known(fields))
        if decision is not None:
            fields |= {"rules": decision.rules, "grants": decision.grants}
        return encoded(f"{Intent(self, call, self.form(call, None, '', '')).text('refusal')}{_members(_known(fields))}}}")

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
        session: str = "",
        ref: str = "",
        trace_id: str = "",
    ) -> Outcome:
        """How a call ended: microseconds, what it cost by unit, what it raised, bytes of output."""
        more = _rare(cost, error, reason) if cost or error is not None or reason else ""
        size = "" if output_bytes is None else f',"output_bytes":{output_bytes}'
        ended = f'"outcome":{{"status":{quoted(status)},"duration_us":{duration_us}{size}{more}}}'
        return Outcome(self, call_id, ended, (session, ref, trace_id), self.now())

    def event(self, kind: str, /, **fields: object) -> bytes:
        """Any other record: opened, granted, stopped, asked. Fields are JSON data; ValueError for what is not."""
        return encoded(f'{{"v":{VERSION},"type":"{kind}","time":"{self.time(self.now())}"{self._gate}{_members(fields)}}}')

    # ---- parts of a record ------------------------------------------------------------------------------------------------------------

    def time(self, now: float) -> str:
        """RFC 3339 in UTC with microseconds."""
        second = int(now)
        if second != self._second:
            self._prefix, self._second = strftime("%Y-%m-%dT%H:%M:%S.", gmtime(second)), second
        return "%s%06dZ" % (self._prefix, (now - second) * 1_000_000)  # noqa: UP031  # quicker by a fifth, and every record has one

    def form(self, call: Call, decision: Decision | None, durability: str, rules_version: str) -> Form:
        """The form of the records of such calls; made once for as long as a tool's calls are decided alike."""
        known = self._forms.get(call.tool)
        if (
            known is not None
            and known[0] is call.acting
            and known[1] is decision
            and (known[2] is call.assessment or known[2] == call.assessment)
            and known[3] == durability
            and known[4] == rules_version
        ):
            return known[5]
        before = f'{self._gate}{self._who(call.acting)},"tool":{quoted(call.tool)},"args":'
        after = self._verdict(decision, call.assessment) + _members(_known({"rules_version": rules_version, "durability": durability}))
        if len(self._forms) > MOST_FRAGMENTS:
            self._forms.clear()
        made = Form(before, after)
        self._forms[call.tool] = (call.acting, decision, call.assessment, durability, rules_version, made)
        return made

    def _who(self, acting: Acting) -> str:
        known = self._acting.get(id(acting))
        if known is not None and known[0] is acting:
            return known[1]
        if len(self._acting) > MOST_FRAGMENTS:
            self._acting.clear()
        fragment = _members(_who(acting))
        self._acting[id(acting)] = (acting, fragment)
        return fragment

    def _verdict(self, decision: Decision | None, assessment: Assessment) -> str:
        key = (decision, assessment)
        fragment = self._verdicts.get(key)
        if fragment is None:
            if len(self._verdicts) > MOST_FRAGMENTS:
                self._verdicts.clear()
            fragment = self._verdicts[key] = _members(_verdict(decision, assessment))
        return fragment


class Intent:
    """An intent record that is not written yet. What it says is fixed: the call is frozen and the time is taken.

    about: digest, ref, approvals and trace id, where there is any of them.
    """

    __slots__ = ("_about", "_call", "_form", "_now", "_recorder")

    def __init__(self, recorder: Recorder, call: Call, form: Form, about: tuple[str, str, Sequence[Approved], str] | None = None) -> None:
        self._recorder, self._call, self._form, self._about, self._now = recorder, call, form, about, recorder.now()

    def __call__(self) -> bytes:
        return encoded(self.text("intent") + "}")

    def merged(self, outcome: str) -> bytes:
        """One record of type "call" for an intent whose outcome is known. outcome: the member, as `Outcome.fragment` gives it."""
        return encoded(f"{self.text('call')},{outcome}}}")

    def text(self, kind: str) -> str:
        """The record without its closing brace."""
        recorder, call, (before, after) = self._recorder, self._call, self._form
        arguments, hidden = recorder.redactor.arguments(call.tool, call.arguments)
        text = f'{{"v":{VERSION},"type":"{kind}","time":"{recorder.time(self._now)}","call":{quoted(call.id)}{before}{arguments}{after}'
        return text if self._about is None else text + self._bound(*self._about, hidden=hidden)

    def _bound(self, digest: str, ref: str, approvals: Sequence[Approved], trace_id: str, *, hidden: bool) -> str:
        """What binds the record to something outside it."""
        told = self._recorder.redactor.commitment if hidden else str
        if ref and not (digest or approvals or trace_id):
            return f',"ref":{quoted(ref)}'
        named = [{"jti": each.jti, "approver": each.approver, "digest": told(each.binding_hash)} for each in approvals]
        digest = told(digest or self._call.digest()) if digest or named else ""
        return _members(_known({"digest": digest, "ref": ref, "trace_id": trace_id, "approvals": named}))


class Outcome:
    """An outcome record that is not written yet."""

    __slots__ = ("_about", "_call_id", "_ended", "_now", "_recorder")

    def __init__(self, recorder: Recorder, call_id: str, ended: str, about: tuple[str, str, str], now: float) -> None:
        self._recorder, self._call_id, self._ended, self._about, self._now = recorder, call_id, ended, about, now

    def __call__(self) -> bytes:
        recorder, (session, ref, trace_id) = self._recorder, self._about
        about = _members(_known({"session": session, "ref": ref, "trace_id": trace_id})) if session or ref or trace_id else ""
        head = f'{{"v":{VERSION},"type":"outcome","time":"{recorder.time(self._now)}","call":{quoted(self._call_id)},"gate":{quoted(recorder.origin)}'
        return encoded(f"{head}{about},{self._ended}}}")

    def fragment(self) -> str:
        """The member "outcome"."""
        return self._ended


def _who(acting: Acting | None) -> dict[str, object]:
    if acting is None:
        return {}
    chain = acting.capability.ancestors if acting.capability else ()
    fields = {"agent": acting.agent, "session": acting.session, "task": acting.task, "principal": acting.principal, "capability": list(chain)}
    return _known(fields)


def _verdict(decision: Decision | None, assessment: Assessment) -> dict[str, object]:
    fields: dict[str, object] = {"risk": assessment.risk.word, "effects": sorted(assessment.effects), "techniques": sorted(assessment.techniques)}
    if decision is not None:
        fields["risk"] = decision.risk.word
        decided = {"decision": type(decision).__name__.lower(), "reasons": decision.reasons, "rules": decision.rules, "grants": decision.grants}
        fields = _known(decided) | fields
    return fields


def _rare(cost: Mapping[str, str | int] | None, error: BaseException | None, reason: str) -> str:
    raised = {"type": shown(type(error).__name__), "message": shown(_message(error))} if error is not None else None
    return _members(_known({"cost": dict(cost or {}), "error": raised, "reason": shown(reason)}))


def _known(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _members(fields: Mapping[str, object]) -> str:
    return f",{_ENCODE(fields)[1:-1]}" if fields else ""


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # an exception of the tool may fail even at that, in any way
        return ""


def shown(text: str) -> str:
    """Foreign text for the log: what a reader cannot see is escaped, and what is too long is cut."""
    if len(text) > MOST_TEXT:
        text = f"{text[: MOST_TEXT - 1]}…"
    return text if text.isprintable() else "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def encoded(text: str) -> bytes:
    """UTF-8; a lone surrogate, which UTF-8 cannot carry, becomes the text of its escape."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return "".join([c if not 0xD800 <= ord(c) < 0xE000 else f"\\\\u{ord(c):04x}" for c in text]).encode()
