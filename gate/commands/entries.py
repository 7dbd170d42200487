"""Records of the log for the command line: which are wanted, and each in one line for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import click

from gate.commands.shared import bold, dim, plain, verdict
from gate.commands.words import value_words
from gate.constraints.value import is_array, is_object
from gate.frozen import freeze
from gate.log.redact import PREFIX

Entry: TypeAlias = "Mapping[str, object]"
"""A record as data, with its number in the log as `index`."""

_SHOWN: Final = 8


class Wanted(NamedTuple):
    """Which records are wanted; an empty member is no condition. since: seconds since the epoch. values: a redacted or plain value, any of these."""

    agent: str = ""
    tool: str = ""
    session: str = ""
    call: str = ""
    types: tuple[str, ...] = ()
    decision: str = ""
    since: float | None = None
    values: tuple[object, ...] = ()

    def matches(self, entry: Entry) -> bool:
        """Whether a record is one of them."""
        for name in ("agent", "tool", "session", "call"):
            wanted = getattr(self, name)
            if wanted and entry.get(name) != wanted:
                return False
        if (self.types and entry.get("type") not in self.types) or (self.decision and decision_of(entry) != self.decision):
            return False
        if self.since is not None and moment_of(entry) < self.since:
            return False
        return not self.values or appears(entry, self.values)


def decision_of(entry: Entry) -> str:
    """What was decided: a refusal is a deny, whatever led to it."""
    return "deny" if entry.get("type") == "refusal" else str(entry.get("decision", ""))


def moment_of(entry: Entry) -> float:
    """When, in seconds since the epoch; 0 when the record does not say."""
    try:
        return datetime.fromisoformat(str(entry.get("time"))).timestamp()
    except ValueError:
        return 0.0


def appears(entry: Entry, values: tuple[object, ...]) -> bool:
    """Whether an argument of the record has one of the values."""
    args = entry.get("args")
    return is_object(args) and any(type(value) is type(one) and value == one for value in args.values() for one in values)


def line(entry: Entry) -> str:
    """One record for a person."""
    when = plain(entry.get("time", ""))[:23].replace("T", " ")
    kind = plain(entry.get("type", "?"))
    number = str(entry.get("index")).rjust(6)
    return f"{dim(f'{number}  {when}')}  {bold(f'{kind:<9}')} {_TEXTS.get(kind, _other)(entry)}"


def _intent(entry: Entry) -> str:
    asked = " after a yes" if entry.get("approvals") else ""
    return f"{verdict(decision_of(entry), 5)}{asked} {_who(entry)} {_call(entry)}{_ended(entry.get('outcome'))}{_because(entry)}"


def _refusal(entry: Entry) -> str:
    return f"{verdict('deny', 5)} {_who(entry)} {_call(entry)}{_because(entry)}"


def _outcome(entry: Entry) -> str:
    return f"      {plain(entry.get('call', ''))}{_ended(entry.get('outcome'))}"


def _question(entry: Entry) -> str:
    return f"{verdict('ask', 5)} {_who(entry)} {plain(entry.get('tool', ''))}: {_texts(entry.get('reasons'))}"


def _answer(entry: Entry) -> str:
    said = entry.get("verdict")
    word = verdict("allow" if said == "approve" else "deny", 5)
    return f"{word} {plain(entry.get('approver', ''))} said {plain(said)} to {plain(entry.get('question', ''))}{_reason(entry)}"


def _grant(entry: Entry) -> str:
    return f"      {_who(entry)} may call {_texts(entry.get('tools'))}: capability {plain(entry.get('capability', ''))}"


def _change(entry: Entry) -> str:
    by = f" by {plain(entry['by'])}" if entry.get("by") else ""
    return f"      {plain(entry.get('subject', ''))} {plain(entry.get('name', ''))}{by}{_reason(entry)}"


def _other(entry: Entry) -> str:
    known = {"index", "v", "type", "time", "gate"}
    return "      " + " ".join(
        [f"{plain(name)}={plain(value)}" for name, value in entry.items() if name not in known and value not in ("", [], None)]
    )


_TEXTS: Final[Mapping[str, Callable[[Entry], str]]] = {
    "intent": _intent,
    "call": _intent,
    "refusal": _refusal,
    "outcome": _outcome,
    "question": _question,
    "answer": _answer,
    "grant": _grant,
    "attenuate": _grant,
    "revoke": _change,
    "stop": _change,
    "resume": _change,
}


def _who(entry: Entry) -> str:
    return plain(entry.get("agent", "")) or "nobody"


def _call(entry: Entry) -> str:
    args = entry.get("args")
    shown = ", ".join([f"{plain(name)}={_value(value)}" for name, value in args.items()]) if is_object(args) else ""
    return bold(f"{plain(entry.get('tool', ''))}({shown})")


def _value(value: object) -> str:
    """A value; a redacted one by the first letters of its keyed hash, so that equal ones are seen to be equal."""
    if isinstance(value, str) and value.startswith(PREFIX):
        return f"<hidden {plain(value[len(PREFIX) :][:_SHOWN])}>"
    text = value_words(freeze(value))
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"


def _ended(outcome: object) -> str:
    if not is_object(outcome):
        return ""
    status, micros = plain(outcome.get("status", "")), outcome.get("duration_us", 0)
    took = f" in {micros / 1000:.1f} ms" if isinstance(micros, int) else ""
    error = outcome.get("error")
    said = f": {plain(error.get('type', ''))}: {plain(error.get('message', ''))}" if is_object(error) else ""
    return f" → {status if status == 'ok' else click.style(status, fg='yellow')}{took}{said}"


def _because(entry: Entry) -> str:
    """Why, on lines of their own: not for what is allowed by default."""
    reasons = entry.get("reasons")
    if not is_array(reasons) or (decision_of(entry) == "allow" and not entry.get("rules")):
        return ""
    return "".join([f"\n{'':>45}{dim(plain(reason))}" for reason in reasons])


def _reason(entry: Entry) -> str:
    return f": {plain(entry['reason'])}" if entry.get("reason") else ""


def _texts(value: object) -> str:
    return ", ".join(map(plain, value)) if is_array(value) else plain(value or "")
