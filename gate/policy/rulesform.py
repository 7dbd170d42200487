"""The form of a rules file: which keys there are and what may be written under each. Imported only when a file is read.

`read` checks the data of a TOML document strictly: an unknown key, a word that is no effect, a number in quotes are refused, with the path of
the mistake so that the line can be named.

>>> read({"rule": [{"id": "no-tunnels", "deny": {"technique": "T1572"}}]}, lambda path: 1).rule[0].selector.technique
('T1572',)
>>> read({"rule": [{"id": "no-tunnels", "deny": {"technik": "T1572"}}]}, lambda path: 1)
Traceback (most recent call last):
gate.policy.rulesform.FormError: there is no key 'technik' in deny; did you mean 'technique'?

A hook reads the rules for every call, and the same models in pydantic took longer to build than all the rest of it; the tests hold this reader to
them (`tests/reference_rulesform.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar, get_args

from gate.constraint import show
from gate.constraints.value import is_array, is_object
from gate.effect import EFFECTS, Risk, parse_risk
from gate.names import check_written
from gate.policy.decision import Durability, Verdict
from gate.policy.rule import UNDECLARED_EFFECT
from gate.regex import regex

Path: TypeAlias = "tuple[str | int, ...]"
T = TypeVar("T")

_ID: Final = regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TOOL: Final = regex(r"[A-Za-z0-9_.:/*-]{1,128}")
_TECHNIQUE: Final = regex(r"T[0-9]{4}(\.[0-9]{3})?")
_DURATION: Final = regex(r"([1-9][0-9]{0,5})(s|m|h|d)")
_HOURS: Final = regex(r"([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_SECONDS: Final = 7 * 86400
_MAX_TEXT: Final = 500
_MAX_QUORUM: Final = 100


class FormError(ValueError):
    """A mistake at `path` of the document."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


class _Place(NamedTuple):
    """Where in the document something is read, and the mistakes that were found in it."""

    path: Path
    mistakes: list[FormError]

    def at(self, step: str | int) -> _Place:
        """One step below."""
        return _Place((*self.path, step), self.mistakes)

    @property
    def words(self) -> list[str]:
        """The names on the way here."""
        return [part for part in self.path if isinstance(part, str)]

    @property
    def name(self) -> str:
        """What a person calls it: `ask.quorum`."""
        words = self.words
        return ".".join(words[1:] if words[0] == "rule" and len(words) > 1 else words)

    def must(self, reason: str) -> None:
        """What is here is no such thing at all."""
        self.mistakes.append(FormError(self.path, f"'{self.name}' {reason}"))

    def wrong(self, error: ValueError) -> None:
        """What is here is one, and not a good one."""
        self.mistakes.append(FormError(self.path, str(error) if self.name == "rule" else f"{self.name}: {error}"))

    def unknown(self, known: Sequence[str]) -> None:
        """The key that leads here is none."""
        from difflib import get_close_matches

        words = self.words
        near = get_close_matches(words[-1], known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"the keys are {', '.join(known)}"
        inside = f" in {words[-2]}" if len(words) > 1 else ""
        self.mistakes.append(FormError(self.path, f"there is no key {show(words[-1])}{inside}; {hint}"))


Field: TypeAlias = Callable[[_Place, object], object]
"""Reads a value at a place. What it gives counts only when it found no mistake."""


def _checked(check: Callable[[Any], object]) -> Field:
    """A value of any sort that `check` turns into what is kept."""

    def field(place: _Place, value: object) -> object:
        try:
            return check(value)
        except ValueError as error:
            return place.wrong(error)

    return field


def _text(check: Callable[[str], str] = str) -> Field:
    passes = _checked(check)
    return lambda place, value: passes(place, value) if isinstance(value, str) else place.must("must be text")


def _word(among: object) -> Field:
    """One of the words of a Literal."""
    words = get_args(among)
    *first, last = [repr(word) for word in words]

    def field(place: _Place, value: object) -> object:
        return value if isinstance(value, str) and value in words else place.must(f"must be {', '.join(first)} or {last}")

    return field


def _number(least: int, most: int) -> Field:
    def field(place: _Place, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool):
            return place.must("must be a whole number")
        if value < least:
            return place.must(f"input should be greater than or equal to {least}")
        return value if value <= most else place.must(f"input should be less than or equal to {most}")

    return field


def _list(item: Field, *, filled: bool = False) -> Field:
    def field(place: _Place, value: object) -> object:
        if not isinstance(value, list):
            return place.must("must be a list")
        found: list[object] = value  # pyright: ignore[reportUnknownVariableType]  # of anything
        if filled and not found:
            return place.must("is empty; leave it out instead")
        return [item(place.at(number), one) for number, one in enumerate(found)]

    return field


def _filled(place: _Place, value: object) -> object:
    """A table of anything, but not of nothing."""
    if not is_object(value):
        return place.must("must be a table")
    return value or place.must("is empty; leave it out instead")


class _Table(Generic[T]):
    """A table with these keys and no others. whole: raises ValueError for what its values cannot be together."""

    def __init__(
        self, make: Callable[..., T], fields: Mapping[str, Field], *, needs: Sequence[str] = (), whole: Callable[[T], None] | None = None
    ) -> None:
        self._make, self._fields, self._needs, self._whole = make, fields, needs, whole

    def __call__(self, place: _Place, value: object) -> T | None:
        if not is_object(value):
            return place.must("must be a table")
        before = len(place.mistakes)
        said = dict[str, object]()
        for name, field in self._fields.items():
            if name in value:
                said[name] = field(place.at(name), value[name])
            elif name in self._needs:
                place.at(name).must("is missing")
        for name in value:
            if name not in self._fields:
                place.at(name).unknown(list(self._fields))
        return self._together(place, said) if len(place.mistakes) == before else None

    def _together(self, place: _Place, said: Mapping[str, object]) -> T | None:
        made = self._make(**said)
        try:
            if self._whole:
                self._whole(made)
        except ValueError as error:
            return place.wrong(error)
        return made


def _several(check: Callable[[str], object], example: str) -> Field:
    """One text or a list of texts, each of which passes `check`."""

    def validate(value: object) -> tuple[str, ...]:
        if not is_array(value):
            value = [value]
        if not value:
            raise ValueError(f"the list is empty; name at least one, such as {example}")
        for one in value:
            if not isinstance(one, str):
                raise ValueError(f"write text or a list of texts, such as {example}, not {show(one)}")
            check(one)
        return tuple(dict.fromkeys([str(one) for one in value]))

    return _checked(validate)


def _tool(text: str) -> None:
    check_written(text)
    if not _TOOL.fullmatch(text):
        raise ValueError(f"{show(text)} names no tool; write ASCII letters, digits and _ . : / -, and * for any text")


def _line(text: str) -> str:
    if not text.isprintable() or len(text) > _MAX_TEXT:
        raise ValueError(f"{show(text)} must be one line of printable text, at most {_MAX_TEXT} characters")
    return text


def _agent(text: str) -> None:
    if not _line(text):
        raise ValueError("an empty text names no agent; write * for every agent")


def _effect(text: str) -> None:
    if text not in EFFECTS and text != UNDECLARED_EFFECT:
        raise ValueError(f"unknown effect {show(text)}; the effects are {', '.join(sorted(EFFECTS))}, and {UNDECLARED_EFFECT} for none declared")


def _technique(text: str) -> None:
    if not _TECHNIQUE.fullmatch(text):
        raise ValueError(f"{show(text)} is no ATT&CK technique id such as T1572 or T1059.004")


def _approver(text: str) -> None:
    if not _line(text):
        raise ValueError("an empty text names no approver")


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(f"{show(text)} is no id; write at most 64 letters, digits and _ . -")
    return text


def _risk(value: object) -> Risk:
    if not isinstance(value, str):
        raise ValueError(f"unknown risk {show(value)}; the tiers are low, medium, high, critical")
    return parse_risk(value)


def _hours(text: str) -> str:
    if not _HOURS.fullmatch(text):
        raise ValueError(f"{show(text)} is no daily window such as 22:00-06:00")
    start, _, end = text.partition("-")
    if start == end or (start, end) == ("00:00", "24:00"):
        raise ValueError(f"the window {show(text)} is empty or the whole day; leave hours out if that is meant")
    return text


def duration(text: str) -> str:
    """A duration as people write it; ValueError for what is none."""
    if not _DURATION.fullmatch(text) or seconds(text) > _MAX_SECONDS:
        raise ValueError(f"{show(text)} is no duration such as 90s, 10m or 1h (at most 7d)")
    return text


def seconds(text: str) -> float:
    """The seconds that "10m" is."""
    return float(int(text[:-1]) * _SECONDS[text[-1]])


class SelectorForm(NamedTuple):
    """What follows `allow =` or `deny =`."""

    tool: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    effect: tuple[str, ...] = ()
    risk: Risk | None = None
    technique: tuple[str, ...] = ()
    arguments: Mapping[str, object] | None = None
    unless: Mapping[str, object] | None = None
    hours: str | None = None
    tz: str | None = None


class AskForm(NamedTuple):
    """What follows `ask =`."""

    tool: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    effect: tuple[str, ...] = ()
    risk: Risk | None = None
    technique: tuple[str, ...] = ()
    arguments: Mapping[str, object] | None = None
    unless: Mapping[str, object] | None = None
    hours: str | None = None
    tz: str | None = None
    approvers: tuple[str, ...] = ()
    quorum: int = 1
    expires: str = "10m"


def _complete(said: SelectorForm | AskForm) -> None:
    if not (said.tool or said.agent or said.effect or said.risk or said.technique or said.arguments or said.hours):
        raise ValueError('no condition would match every call; if that is meant, write { tool = "*" }')
    if said.tz and not said.hours:
        raise ValueError("'tz' is the time zone of 'hours', and there are none")


def _reachable(said: AskForm) -> None:
    _complete(said)
    if said.approvers and said.quorum > len(said.approvers) and not any(name.startswith("@") for name in said.approvers):
        raise ValueError(f"a quorum of {said.quorum} can never be reached by {len(said.approvers)} named approver{'s'[: len(said.approvers) - 1]}")


_SELECTOR: Final[Mapping[str, Field]] = {
    "tool": _several(_tool, '"shell.run"'),
    "agent": _several(_agent, '"researcher"'),
    "effect": _several(_effect, '"egress"'),
    "risk": _checked(_risk),
    "technique": _several(_technique, '"T1572"'),
    "arguments": _filled,
    "unless": _filled,
    "hours": _text(_hours),
    "tz": _text(_line),
}
_ASK: Final[Mapping[str, Field]] = {
    **_SELECTOR,
    "approvers": _several(_approver, '"oncall"'),
    "quorum": _number(1, _MAX_QUORUM),
    "expires": _text(duration),
}


class RuleForm(NamedTuple):
    """One `[[rule]]`."""

    id: str
    allow: SelectorForm | None = None
    ask: AskForm | None = None
    deny: SelectorForm | None = None
    audit: Durability | None = None
    reason: str = ""
    remedy: str = ""
    spares: Sequence[str] | None = None
    match: Sequence[str] = ()
    not_match: Sequence[str] = ()

    @property
    def verdict(self) -> Verdict:
        """Which of the three it is."""
        return "allow" if self.allow else "ask" if self.ask else "deny"

    @property
    def selector(self) -> SelectorForm | AskForm:
        """What follows it."""
        said = self.allow or self.ask or self.deny
        if said is None:
            raise ValueError("a rule without a verdict is refused by its form")
        return said


def _one_verdict(rule: RuleForm) -> None:
    if sum(said is not None for said in (rule.allow, rule.ask, rule.deny)) != 1:
        raise ValueError("write exactly one of allow, ask and deny")
    if rule.allow and rule.allow.unless:
        raise ValueError("'unless' belongs to a rule that denies or asks; a rule that allows names what it allows under 'arguments'")
    if rule.audit and not rule.allow:
        raise ValueError("'audit' belongs to a rule that allows; what is asked is always durable, what is denied does not run")
    if rule.spares and not rule.allow:
        raise ValueError("'spares' belongs to a rule that allows; it names rules that ask and then need not")
    if rule.remedy and not rule.deny:
        raise ValueError("'remedy' belongs to a rule that denies; write 'reason'")


class DefaultForm(NamedTuple):
    """`[default]`."""

    low: Verdict | None = None
    medium: Verdict | None = None
    high: Verdict | None = None
    critical: Verdict | None = None


class FileForm(NamedTuple):
    """The whole file."""

    default: DefaultForm = DefaultForm()
    rule: Sequence[RuleForm] = ()


_SIDE: Final = _Table(SelectorForm, _SELECTOR, whole=_complete)
_RULE: Final = _Table(
    RuleForm,
    {
        "id": _text(_id),
        "allow": _SIDE,
        "ask": _Table(AskForm, _ASK, whole=_reachable),
        "deny": _SIDE,
        "audit": _word(Durability),
        "reason": _text(_line),
        "remedy": _text(_line),
        "spares": _list(_text(_id), filled=True),
        "match": _list(_text()),
        "not_match": _list(_text()),
    },
    needs=("id",),
    whole=_one_verdict,
)
_FILE: Final = _Table(FileForm, {"default": _Table(DefaultForm, dict.fromkeys(DefaultForm._fields, _word(Verdict))), "rule": _list(_RULE)})


def read(data: Mapping[str, object], line: Callable[[Path], int]) -> FileForm:
    """The form of a document; FormError for the mistake that comes first in the file."""
    mistakes = list[FormError]()
    form = _FILE(_Place((), mistakes), data)
    if mistakes:
        raise min(mistakes, key=lambda one: line(one.path))
    if form is None:
        raise FormError((), "the document could not be read")
    return form
