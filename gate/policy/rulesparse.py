"""Reads a rules document: from text to rules whose examples hold, or to an error that names file, line, rule and reason."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from gate.call import Acting
from gate.constraint import Entry, coerce, parse_entry, show, unknown_types
from gate.constraints.value import is_array, is_object
from gate.effect import Risk
from gate.errors import Denied, RulesError
from gate.policy.example import Example, minutes, moment, parse_example
from gate.policy.rule import Hours, Rule, Selector, Zone, fixed_zone
from gate.policy.rulesform import AskForm, FormError, RuleForm, SelectorForm, read, seconds
from gate.policy.tomllines import Lines
from gate.regex import regex

if TYPE_CHECKING:
    from gate.call import Call
    from gate.policy.catalogue import Catalogue
    from gate.policy.decision import Verdict

_WHERE: Final = regex(r" \((?:at line (\d+), column \d+|at end of document)\)$")
_SOME_DAY: Final = 20_000 * 86400.0  # in October 2024, when no clock changes


def read_rules(source: bytes, file: str, catalogue: Catalogue | None, zone: Callable[[str], Zone]) -> tuple[list[Rule], dict[Risk, Verdict]]:
    """The rules and stated defaults of a document; RulesError for the first mistake."""
    reader = _Reader(source, file, catalogue, zone)
    try:
        form = read(reader.data, lambda path: reader.lines.of(*path))
        rules = [reader.rule(number, rule) for number, rule in enumerate(form.rule)]
        reader.distinct(rules)
        reader.check_spared(rules)
        for number, rule in enumerate(rules):
            reader.check_examples(number, rule)
    except FormError as error:
        reader.fail(error.path, error.reason)
    stated = {risk: getattr(form.default, risk.word) for risk in Risk}
    return rules, {risk: verdict for risk, verdict in stated.items() if verdict}


class _Reader:
    """One document being read."""

    def __init__(self, source: bytes, file: str, catalogue: Catalogue | None, zone: Callable[[str], Zone]) -> None:
        self.file, self.catalogue, self.zone = file, catalogue, zone
        text = _text(source, file)
        self.data = _data(text, file)
        self.lines = Lines(text)

    def fail(self, path: tuple[str | int, ...], reason: str) -> NoReturn:
        """Raises the error about `path`, naming the rule it is in."""
        who = f"{self._name(path[1])}: " if len(path) > 1 and path[0] == "rule" else ""
        raise RulesError(f"{who}{reason}", file=self.file, line=self.lines.of(*path)) from None

    def _name(self, number: str | int) -> str:
        rules = self.data.get("rule")
        entry = rules[number] if is_array(rules) and isinstance(number, int) else None
        name = entry.get("id") if is_object(entry) else None
        return f"rule {show(name)}" if isinstance(name, str) else f"rule {int(number) + 1} of the file"

    def distinct(self, rules: list[Rule]) -> None:
        """Refuses an id that is there twice."""
        seen = dict[str, int]()
        for number, rule in enumerate(rules):
            line = self.lines.of("rule", number, "id")
            if rule.id in seen:
                raise FormError(("rule", number, "id"), f"line {seen[rule.id]} has a rule with this id already")
            seen[rule.id] = line

    def check_spared(self, rules: list[Rule]) -> None:
        """Refuses a rule that spares the question of one that is not there, or that does not ask."""
        asking = {rule.id for rule in rules if rule.verdict == "ask"}
        for number, rule in enumerate(rules):
            for index, other in enumerate(rule.spares):
                if other not in asking:
                    raise FormError(("rule", number, "spares", index), f"no rule {show(other)} asks, so its question cannot be spared")

    def rule(self, number: int, form: RuleForm) -> Rule:
        """The rule of its form."""
        said = form.selector
        path = ("rule", number, form.verdict)
        ask = said if isinstance(said, AskForm) else AskForm()
        return Rule(
            id=form.id,
            verdict=form.verdict,
            selector=self._selector(said, path),
            reason=form.reason,
            remedy=form.remedy,
            audit=form.audit,
            approvers=ask.approvers,
            quorum=ask.quorum,
            expires=seconds(ask.expires),
            match=self._examples(number, "match", form.match),
            not_match=self._examples(number, "not_match", form.not_match),
            spares=tuple(form.spares or ()),
            line=self.lines.of("rule", number, "id"),
        )

    def _selector(self, said: SelectorForm | AskForm, path: tuple[str | int, ...]) -> Selector:
        return Selector(
            said.tool,
            said.agent,
            said.effect,
            said.risk,
            said.technique,
            _entries(said.arguments, (*path, "arguments")),
            _entries(said.unless, (*path, "unless")),
            self._hours(said, path),
        )

    def _hours(self, said: SelectorForm | AskForm, path: tuple[str | int, ...]) -> Hours | None:
        if not said.hours:
            return None
        name = said.tz or "UTC"
        try:
            zone = self.zone(name)
        except ValueError as error:
            raise FormError((*path, "tz"), str(error)) from None
        start, _, end = said.hours.partition("-")
        return Hours(minutes(start), 24 * 60 if end == "24:00" else minutes(end), zone, f"{said.hours} {name}")

    def _examples(self, number: int, key: str, texts: Sequence[str]) -> tuple[Example, ...]:
        made = list[Example]()
        for index, text in enumerate(texts):
            try:
                made.append(parse_example(text))
            except ValueError as error:
                raise FormError(("rule", number, key, index), f"the example {show(text)} is no call: {error}") from None
        return tuple(made)

    def check_examples(self, number: int, rule: Rule) -> None:
        """Refuses a rule that matches a call it should not, or the other way round."""
        for key, examples in (("match", rule.match), ("not_match", rule.not_match)):
            for index, example in enumerate(examples):
                wrong = self._wrong(rule, example, expected=key == "match")
                if wrong:
                    raise FormError(("rule", number, key, index), f"the example {show(example.text)} {wrong}")

    def _wrong(self, rule: Rule, example: Example, *, expected: bool) -> str:
        if rule.selector.hours and not example.time:
            return "needs a time, such as @time=23:30, because the rule has hours"
        now = _when(example, rule.selector.hours)
        call = self._described(example)
        if isinstance(call, str):
            return call
        if rule.matches(call, now) == expected:
            return ""
        if expected:
            return f"should match, and does not: {'; '.join(rule.why_not(call, now))}"
        return f"should not match, and does: {'; '.join(rule.why(call, now))}"

    def _described(self, example: Example) -> Call | str:
        """The call of an example, or why it is none."""
        if self.catalogue is None:
            return "cannot be checked, because nothing here knows the tools"
        try:
            return self.catalogue.describe(example.tool, example.arguments, Acting(example.agent))
        except Denied as denied:
            return f"is no call: {'; '.join(denied.reasons)}"
        except Exception as error:  # a kind that crashes has described nothing, and the file's author must see it
            return f"is no call: {error}"


def _text(source: bytes, file: str) -> str:
    try:
        return source.decode()
    except UnicodeDecodeError as error:
        raise RulesError("the file is not UTF-8 text", file=file, line=source.count(b"\n", 0, error.start) + 1) from None


def _data(text: str, file: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise RulesError("values are nested too deep", file=file, line=1) from None
    except ValueError as error:
        found = _WHERE.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        said = _WHERE.sub("", str(error))
        raise RulesError(f"no TOML: {said[:1].lower()}{said[1:]}", file=file, line=line) from None


def _entries(said: Mapping[str, object] | None, path: tuple[str | int, ...]) -> Mapping[str, Entry]:
    return {name: _entry(value, (*path, name)) for name, value in (said or {}).items()}


def _entry(value: object, path: tuple[str | int, ...]) -> Entry:
    """The constraint of an argument: a table, or a value or list of values for short."""
    name = show(str(path[-1]))
    if not (isinstance(value, (str, int, float)) or is_array(value) or is_object(value)):
        raise FormError(path, f"argument {name}: write a value, a list of values, or a table with constraint_type")
    try:
        entry = parse_entry(value) if is_object(value) else Entry(coerce(value))
    except ValueError as error:
        raise FormError(path, f"argument {name}: {error}") from None
    if unknown := unknown_types(entry.constraint):
        raise FormError(path, f"argument {name}: nothing here can check the constraint type {show(unknown[0])}")
    return entry


def _when(example: Example, hours: Hours | None) -> float:
    """The moment of an example: a time of day is one in the time zone of the rule's hours."""
    if not example.time:
        return 0.0
    exact = moment(example.time)
    if exact is not None:
        return exact
    zone = hours.zone if hours else fixed_zone("UTC")
    return _SOME_DAY + (minutes(example.time) * 60 - zone(_SOME_DAY)) % 86400
