r"""Rules: the organisation's policy over all calls, as people write it in `gate.toml`. Deny beats ask beats allow; order means nothing.

    [default]                       # what happens to a call that no rule speaks about, by its risk; these are built in
    low = "allow"
    medium = "allow"
    high = "ask"
    critical = "ask"

    [[rule]]
    id = "no-tunnels"
    deny = { technique = "T1572" }                       # exactly one of allow, ask, deny, with the conditions that must all hold
    reason = "tunnels are never needed here"             # for the agent
    remedy = "Ask the network team for an exit"          # for a person; only where it denies
    match = ['shell.run command="ssh -fNR 2222:localhost:22 gw"']
    not_match = ['shell.run command="ssh gw uptime"']

    [[rule]]
    id = "a-person-for-what-cannot-be-undone"
    ask = { risk = "high", approvers = ["oncall"], quorum = 1, expires = "10m" }

Conditions: tool and agent (`*` stands for any text), effect, risk, technique, arguments, hours with tz; docs/reference/rules.md has every key.
What a rule cannot tell counts against the call: a value that cannot be compared matches a rule that denies or asks, and no rule that allows.

>>> from gate.call import NOBODY, Call
>>> from gate.effect import UNDECLARED
>>> rules = parse('''
... [[rule]]
... id = "large-payments"
... ask = { tool = "pay.*", arguments = { eur = { constraint_type = "range", min = 100 } } }
... ''')
>>> call = Call("pay.out", {"eur": 250}, frozenset(), NOBODY, UNDECLARED, "c1")
>>> rules.match(call, 0.0).verdict, rules.match(call._replace(arguments={"eur": 25}), 0.0).verdict
('ask', 'allow')
>>> rules.explain(call._replace(arguments={"eur": "25"}), 0.0)[0].why[1]
"argument 'eur' is '25', which cannot be compared with range min=100"
>>> parse('[[rule]]\nid = "x"\ndeny = { tool = "rm", rsk = "low" }')
Traceback (most recent call last):
gate.errors.RulesError: gate.toml:3: rule 'x': there is no key 'rsk' in deny; did you mean 'risk'?
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from gate.effect import Risk
from gate.policy.rule import Rule, Zone, fixed_zone
from gate.policy.ruling import Candidates, Ruling

if TYPE_CHECKING:
    from gate.call import Call
    from gate.policy.catalogue import Catalogue
    from gate.policy.decision import Verdict
    from gate.policy.rule import Sight

BUILT_IN: Final[Mapping[Risk, Verdict]] = MappingProxyType({Risk.LOW: "allow", Risk.MEDIUM: "allow", Risk.HIGH: "ask", Risk.CRITICAL: "ask"})
FILE: Final = "gate.toml"
_MAX_SORTS: Final = 4096


def version_of(source: bytes) -> str:
    """The version of a rules file: the hash of its bytes."""
    return f"sha256:{sha256(source).hexdigest()}"


_NO_FILE: Final = version_of(b"")


class Explained(NamedTuple):
    """A rule that matches a call, and what was compared."""

    rule: str
    verdict: Verdict
    why: tuple[str, ...]


class Rules:
    """Rules in force. Immutable; what it learns about sorts of calls is a cache of at most 4,096 of them.

    `default` is what the file says about calls that no rule speaks about; a tier it leaves out is as built in.  `version` is "sha256:" and
    the hex digest of the file's bytes, `file` the name for messages.
    """

    __slots__ = ("_sorts", "default", "file", "rules", "version")

    EMPTY: ClassVar[Rules]

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        *,
        default: Mapping[Risk, Verdict] = MappingProxyType({}),
        version: str = "",
        file: str = FILE,
    ) -> None:
        self.rules = tuple(rules)
        self.default = MappingProxyType(dict(default))
        self.version = version or _NO_FILE
        self.file = file
        self._sorts: dict[Sight, Candidates] = {}

    def match(self, call: Call, now: float) -> Ruling:
        """What the rules say of a call at `now` (seconds since the epoch). Never raises; its cost does not grow with the number of rules."""
        effects, risk, _, techniques = call.assessment
        found = self._candidates_of((call.tool, effects, risk, techniques))
        return found.base if found.plain else found.match(call, now)

    def plain(self, call: Call) -> bool:
        """Whether every call of this sort gets the same ruling: no rule about it looks at agent, arguments or time."""
        effects, risk, _, techniques = call.assessment
        return self._candidates_of((call.tool, effects, risk, techniques)).plain

    def explain(self, call: Call, now: float) -> list[Explained]:
        """Every rule that matches the call, also those that a stronger one overrules, and why."""
        return [Explained(rule.id, rule.verdict, rule.why(call, now)) for rule in self.match(call, now).matched]

    def _candidates_of(self, sight: Sight) -> Candidates:
        return self._sorts.get(sight) or self._candidates(sight)

    def _candidates(self, sight: Sight) -> Candidates:
        """Those for a sort of calls met for the first time. Calls exist only for tools that exist, so an agent cannot make up sorts at will."""
        if len(self._sorts) >= _MAX_SORTS:
            self._sorts.clear()
        made = self._sorts[sight] = Candidates(self.rules, sight, self._default)
        return made

    def _default(self, risk: Risk) -> tuple[Verdict, bool]:
        stated = self.default.get(risk)
        return (stated, True) if stated else (BUILT_IN[risk], False)


Rules.EMPTY = Rules()


def parse(
    source: str | bytes,
    *,
    file: str = FILE,
    catalogue: Catalogue | None = None,
    zone: Callable[[str], Zone] = fixed_zone,
) -> Rules:
    """The rules of a document; RulesError names file, line, rule and reason.

    catalogue: describes the calls of the examples; without one, a file with examples is refused because nothing could check them.
    zone: finds time zones by name (ValueError for an unknown one); without it only UTC and fixed offsets are known.
    """
    from gate.policy.rulesparse import read_rules  # here, because a process without a rules file never needs pydantic

    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    rules, default = read_rules(data, file, catalogue, zone)
    return Rules(rules, default=default, version=version_of(data), file=file.rpartition("/")[2])
