"""Ask: what a person is asked, and what they said.

A `Question` is written by the engine from the frozen call; the agent's own words come last and are marked as unchecked.  It is bound to
one call by the `binding_hash` of the AuthZEN Access Request and Approval Profile, draft 1:

    base64url(SHA-256(JCS({"subject": …, "resource": …, "action": …, "context": …})))

where context holds the arguments, the capability, the session, the task, and the version of the rules in force, so that an approval is
worth nothing for another argument, another session or after the rules changed.

>>> from gate.effect import UNDECLARED
>>> from gate.call import NOBODY, Call
>>> from types import MappingProxyType
>>> call = Call("pay", MappingProxyType({"eur": 5}), frozenset(), NOBODY._replace(agent="a"), UNDECLARED, "c1")
>>> sorted(binding(call, "sha256:0")["context"])
['arguments', 'capability', 'rules', 'session', 'task']
>>> binding_hash(call, "v1") == binding_hash(call._replace(serial="c2"), "v1")     # the same call asked again
True
>>> binding_hash(call, "v1") == binding_hash(call, "v2")                       # the rules changed
False
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from gate.answer import Answer
from gate.call import b64url, canonical
from gate.effect import Risk, parse_risk
from gate.frozen import Frozen, members, thaw
from gate.preview import Panel, facts
from gate.shown import visible

if TYPE_CHECKING:
    from gate.call import Call
    from gate.decide import Ask
    from gate.kind import KindTool

APPROVAL_SECONDS: Final = 300
LASTING_TYP: Final = "gate-lasting-approval+jwt"
HEADLINE: Final = 300
_log: Final = logging.getLogger("gate")


class Scope(NamedTuple):
    """What a yes may cover. arguments: by name a constraint as JSON, None for exactly this call; uses: calls; seconds: for how long."""

    label: str
    arguments: Mapping[str, object] | None
    uses: int
    seconds: float

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return self._asdict()


ONCE: Final = Scope("exactly this call, once", None, 1, float(APPROVAL_SECONDS))


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked about one call. `arguments` are whole and exact; `words` are the agent's own, unchecked.

    preview: what its kind shows of the consequences.  requires: what the operating system must hold around the tool.  chain: the agents
    that passed the capability on, the first first.  scopes: what a yes may cover, the narrowest first; wider is the approver's choice.
    history: what was asked before about such calls.  earlier: what people and agent said before it came to this question; follows: the
    question before it.  uninspected: what could not be looked at, so that the risk is at least high.  passkey: a yes needs one.
    """

    id: str
    headline: str
    tool: str
    arguments: Mapping[str, Frozen]
    agent: str
    principal: str
    session: str
    task: str
    capability: str
    effects: tuple[str, ...]
    techniques: tuple[str, ...]
    risk: Risk
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    rules_version: str
    binding_hash: str
    approvers: tuple[str, ...]
    quorum: int
    created: float
    expires: float
    words: str = ""
    preview: tuple[Panel, ...] = ()
    requires: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    scopes: tuple[Scope, ...] = (ONCE,)
    history: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    follows: str = ""
    uninspected: tuple[str, ...] = ()
    passkey: bool = False

    @property
    def number(self) -> str:
        """Three digits of this question: whoever must type them has found the exact call they stand under. No secret."""
        return str(100 + int.from_bytes(sha256(f"{self.id} {self.binding_hash}".encode()).digest()[:4]) % 900)

    @property
    def grave(self) -> bool:
        """High risk or worse: the number must be typed, and nothing but the page and the terminal may take a yes."""
        return self.risk >= Risk.HIGH

    def to_json(self) -> dict[str, object]:
        """Plain data, the same facts for every channel."""
        data: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        data["arguments"] = thaw(self.arguments)
        data["risk"] = self.risk.word
        data["preview"] = [panel.to_json() for panel in self.preview]
        data["scopes"] = [scope.to_json() for scope in self.scopes]
        return {name: list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value for name, value in data.items()}


def parse(data: Mapping[str, object]) -> Question:
    """The question that `to_json` gave. ValueError or TypeError for anything else."""
    rest: dict[str, object] = {name: tuple(cast("list[object]", value)) if isinstance(value, list) else value for name, value in data.items()}
    rest["arguments"] = members(data["arguments"])
    rest["risk"] = parse_risk(str(data["risk"]))
    rest["preview"] = tuple([Panel.of(panel) for panel in cast("list[Mapping[str, object]]", data["preview"])])
    rest["scopes"] = tuple([Scope(**scope) for scope in cast("list[Mapping[str, object]]", data["scopes"])])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what to_json wrote
    made = Question(**rest)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # as above
    if made.binding_hash != hashed(binding_of(made)):
        raise ValueError("the question is not about the call that it names")
    return made


def counted(identifier: str, tool: str, agent: str, session: str, risk: Risk, quorum: int, created: float, expires: float) -> Question:
    """A question of which only so much is known; to be counted, and never to be shown or answered."""
    nothing = dict.fromkeys(("headline", "principal", "task", "capability", "rules_version", "binding_hash"), "")
    none: dict[str, tuple[str, ...]] = dict.fromkeys(("effects", "techniques", "reasons", "rules", "approvers"), ())
    known = {"tool": tool, "agent": agent, "session": session, "risk": risk, "quorum": quorum, "created": created, "expires": expires}
    return Question(id=identifier, arguments={}, **known, **nothing, **none)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # as named


class Approver(Protocol):
    """A way to reach one person (or one on-call group). `ask` returns None when nobody answered in time."""

    name: str

    def ask(self, question: Question) -> Answer | None:
        """Puts the question to the person and waits until they answer or it expires."""
        ...


def binding(call: Call, rules_version: str) -> dict[str, dict[str, object]]:
    """The ARAP binding object of a call: subject, resource, action, context."""
    acting = call.acting
    jti = acting.capability.jti if acting.capability else ""
    return _binding(acting.agent, acting.principal, call.tool, call.arguments, jti, acting.session, acting.task, rules_version)


def _binding(
    agent: str, principal: str, tool: str, arguments: Mapping[str, Frozen], capability: str, session: str, task: str, rules: str
) -> dict[str, dict[str, object]]:
    return {
        "subject": {"type": "agent", "id": agent, "principal": principal},
        "resource": {"type": "tool", "id": tool},
        "action": {"name": "tools/call"},
        "context": {"arguments": thaw(arguments), "capability": capability, "session": session, "task": task, "rules": rules},
    }


def binding_hash(call: Call, rules_version: str) -> str:
    """What an approval of this call is bound to."""
    return hashed(binding(call, rules_version))


def binding_of(asked: Question) -> dict[str, dict[str, object]]:
    """The same of the call that a question is about, made again from what the question says."""
    return _binding(asked.agent, asked.principal, asked.tool, asked.arguments, asked.capability, asked.session, asked.task, asked.rules_version)


def hashed(request: Mapping[str, object]) -> str:
    """The binding hash of a binding object; ValueError for what RFC 8785 cannot carry."""
    return b64url(sha256(canonical(request)).digest())


BOUND: Final = (
    *("tool", "agent", "principal", "chain", "session", "task", "capability", "risk", "effects", "techniques"),
    *("rules", "rules_version", "approvers", "quorum", "binding_hash"),
)
"""What a question says that decides who must answer it, and about what. The arguments are in the binding hash."""


def bound(asked: Question) -> str:
    """A digest of all that: the same call that is asked about for other reasons is another question."""
    plain = asked.to_json()
    return b64url(sha256(canonical([plain[name] for name in BOUND])).digest())


def question(call: Call, decision: Ask, *, rules_version: str, now: float, words: str = "", like: KindTool | None = None) -> Question:
    """The question about a call, for `decision.expires` seconds. like: the tool of a kind that it calls, for its headline."""
    acting = call.acting
    return Question(
        id=call.id,
        headline=headline(call, like),
        tool=call.tool,
        arguments=call.arguments,
        agent=acting.agent,
        principal=acting.principal,
        session=acting.session,
        task=acting.task,
        capability=acting.capability.jti if acting.capability else "",
        effects=tuple(sorted(call.assessment.effects)),
        techniques=tuple(sorted(call.assessment.techniques)),
        risk=decision.risk,
        reasons=_reasons(call, decision),
        rules=decision.rules,
        rules_version=rules_version,
        binding_hash=binding_hash(call, rules_version),
        approvers=decision.approvers,
        quorum=decision.quorum,
        created=now,
        expires=now + decision.expires,
        words=words,
        requires=tuple(sorted(like.requires)) if like else (),
        chain=tuple(sorted(acting.capability.agents - {acting.agent})) if acting.capability else (),
    )


def _reasons(call: Call, decision: Ask) -> tuple[str, ...]:
    """Why it is asked about: what the decision says, then what was assessed, each once."""
    assessed = [visible(reason) for reason in call.assessment.reasons]
    said = list(decision.reasons)
    for most in range(len(assessed), 0, -1):  # a decision by default ends with the first of them
        said = [reason.removesuffix(f": {'; '.join(assessed[:most])}") for reason in said]
    return tuple(dict.fromkeys([*said, *assessed]))


def headline(call: Call, like: KindTool | None = None) -> str:
    """One sentence by the engine: who wants to do what. Values are escaped and cut; the question holds them whole."""
    who = visible(call.acting.agent) or "an agent without a name"
    if like and like.headline:
        try:
            said = visible(like.headline(call.arguments))
            return f"{who} wants to {said if len(said) <= HEADLINE else said[:HEADLINE] + '…'}"
        except Exception:  # then the sentence that fits every tool; a headline decides nothing
            _log.exception("the headline of '%s' could not be made", call.tool)
    shown = ", ".join(f"{name}={_short(value)}" for name, value in call.arguments.items())
    return f"{who} wants to run {call.tool}({shown})"


def previewed(call: Call, like: KindTool | None) -> tuple[Panel, ...]:
    """What the kind shows of the call's consequences. That it could not look is shown as such: the person decides knowing that."""
    if like is None or like.preview is None:
        return ()
    try:
        return tuple(like.preview(call.arguments))
    except Exception as error:
        return (facts("preview", [("cannot be inspected", str(error) or type(error).__name__)]),)


def _short(value: Frozen) -> str:
    text = visible(canonical(thaw(value)).decode())
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"
