"""The form of a rules file as pydantic models: the slow and obvious reference of `gate.policy.rulesform`, which must say the same of any document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gate.constraint import show
from gate.constraints.value import is_array
from gate.effect import Risk
from gate.policy.decision import Durability, Verdict
from gate.policy.rulesform import FormError, Path, _agent, _approver, _hours, _id, _line, _risk, _technique, _tool, duration
from gate.policy.rulesform import _effect as _effect

_MAX_QUORUM: Final = 100


def _several(check: Callable[[str], object], example: str) -> BeforeValidator:
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

    return BeforeValidator(validate)


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SelectorForm(_Form):
    """What follows `allow =` or `deny =`."""

    tool: Annotated[tuple[str, ...], _several(_tool, '"shell.run"')] = ()
    agent: Annotated[tuple[str, ...], _several(_agent, '"researcher"')] = ()
    effect: Annotated[tuple[str, ...], _several(_effect, '"egress"')] = ()
    risk: Annotated[Risk | None, BeforeValidator(_risk)] = None
    technique: Annotated[tuple[str, ...], _several(_technique, '"T1572"')] = ()
    arguments: Annotated[dict[str, object], Field(min_length=1)] | None = None
    unless: Annotated[dict[str, object], Field(min_length=1)] | None = None
    hours: Annotated[str, AfterValidator(_hours)] | None = None
    tz: Annotated[str, AfterValidator(_line)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> SelectorForm:
        if not (self.tool or self.agent or self.effect or self.risk or self.technique or self.arguments or self.hours):
            raise ValueError('no condition would match every call; if that is meant, write { tool = "*" }')
        if self.tz and not self.hours:
            raise ValueError("'tz' is the time zone of 'hours', and there are none")
        return self


class AskForm(SelectorForm):
    """What follows `ask =`."""

    approvers: Annotated[tuple[str, ...], _several(_approver, '"oncall"')] = ()
    quorum: Annotated[int, Field(ge=1, le=_MAX_QUORUM)] = 1
    expires: Annotated[str, AfterValidator(duration)] = "10m"

    @model_validator(mode="after")
    def _reachable(self) -> AskForm:
        if self.approvers and self.quorum > len(self.approvers) and not any(name.startswith("@") for name in self.approvers):
            raise ValueError(
                f"a quorum of {self.quorum} can never be reached by {len(self.approvers)} named approver{'s'[: len(self.approvers) - 1]}"
            )
        return self


class RuleForm(_Form):
    """One `[[rule]]`."""

    id: Annotated[str, AfterValidator(_id)]
    allow: SelectorForm | None = None
    ask: AskForm | None = None
    deny: SelectorForm | None = None
    audit: Durability | None = None
    reason: Annotated[str, AfterValidator(_line)] = ""
    remedy: Annotated[str, AfterValidator(_line)] = ""
    spares: Annotated[list[Annotated[str, AfterValidator(_id)]], Field(min_length=1)] | None = None
    match: list[str] = []
    not_match: list[str] = []

    @model_validator(mode="after")
    def _one_verdict(self) -> RuleForm:
        if sum(said is not None for said in (self.allow, self.ask, self.deny)) != 1:
            raise ValueError("write exactly one of allow, ask and deny")
        if self.allow and self.allow.unless:
            raise ValueError("'unless' belongs to a rule that denies or asks; a rule that allows names what it allows under 'arguments'")
        if self.audit and not self.allow:
            raise ValueError("'audit' belongs to a rule that allows; what is asked is always durable, what is denied does not run")
        if self.spares and not self.allow:
            raise ValueError("'spares' belongs to a rule that allows; it names rules that ask and then need not")
        if self.remedy and not self.deny:
            raise ValueError("'remedy' belongs to a rule that denies; write 'reason'")
        return self

    @property
    def verdict(self) -> Verdict:
        """Which of the three it is."""
        return "allow" if self.allow else "ask" if self.ask else "deny"

    @property
    def selector(self) -> SelectorForm:
        """What follows it."""
        said = self.allow or self.ask or self.deny
        if said is None:
            raise ValueError("a rule without a verdict is refused by its form")
        return said


class DefaultForm(_Form):
    """`[default]`."""

    low: Verdict | None = None
    medium: Verdict | None = None
    high: Verdict | None = None
    critical: Verdict | None = None


class FileForm(_Form):
    """The whole file."""

    default: DefaultForm = DefaultForm()
    rule: list[RuleForm] = []


def read(data: Mapping[str, object], line: Callable[[Path], int]) -> FileForm:
    """The form of a document; FormError for the mistake that comes first in the file."""
    try:
        return FileForm.model_validate(data)
    except ValidationError as error:
        found = [(tuple(one["loc"]), one) for one in error.errors(include_url=False, include_input=False)]
        path, first = min(found, key=lambda one: line(one[0]))
        raise FormError(path, _message(path, first["type"], first["msg"], first.get("ctx", {}))) from None


_KEYS: Final[Mapping[str, type[BaseModel]]] = {"default": DefaultForm, "rule": RuleForm, "allow": SelectorForm, "deny": SelectorForm, "ask": AskForm}
_MUST: Final[Mapping[str, str]] = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "too_short": "is empty; leave it out instead",
    "missing": "is missing",
}


def _message(path: Path, kind: str, said: str, context: Mapping[str, object]) -> str:
    words = [part for part in path if isinstance(part, str)]
    place = ".".join(words[1:] if words[0] == "rule" and len(words) > 1 else words)
    if kind == "extra_forbidden":
        known = list((_KEYS[words[-2]] if len(words) > 1 else FileForm).model_fields)
        near = get_close_matches(words[-1], known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"the keys are {', '.join(known)}"
        return f"there is no key {show(words[-1])}{f' in {words[-2]}' if len(words) > 1 else ''}; {hint}"
    if kind == "value_error":
        return f"{place}: {context.get('error', said)}" if place != "rule" else str(context.get("error", said))
    if kind == "literal_error":
        return f"'{place}' must be {context.get('expected', 'another word')}"
    return f"'{place}' {_MUST.get(kind, said.lower())}"
