"""Authority: who may do what. Capabilities are granted, narrowed, verified, revoked; agents are stopped. Nothing here widens."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from gate import given
from gate.constraints.value import is_object
from gate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gate.capability import Capability, Limits
    from gate.home import Home
    from gate.quota import Quota


_TOOLS: Final = "{'pay': {'to': ['alice'], 'euros': Range(max=50)}}, or {'pay': ANY}"
_COST: Final = "{'usd': '1.50'}"
_PER_TOOL: Final = "{'pay': Limits(calls=3)}"
_BY, _REASON = "'ann'", "'looks odd'"
_NARROWER: Final = given.Sort(
    "names of tools to keep, or a mapping to narrower arguments,", lambda value: given.MAYBE_NAMES.admits(value) or is_object(value)
)
_GRANTED: Final = given.Sort("a mapping from tools to their arguments,", is_object)
_TOTALS: Final = given.Sort("a mapping from units to totals", given.MAYBE_BY_NAME.admits)
_CAPABILITY: Final = given.Sort("what grant or attenuate gave, or the text of its token,", lambda _: False)


def _all_limits(value: object) -> bool:
    from gate.limits import Limits

    return value is None or (is_object(value) and all(isinstance(limits, Limits) for limits in value.values()))


_MAYBE_LIMITS: Final = given.Sort("a mapping from tools to Limits", _all_limits)


class Authority:
    """The part of a gate that makes, checks and ends authority."""

    home: Home

    def grant(
        self,
        agent: str,
        *,
        tools: Mapping[str, object],
        minutes: float = 15,
        calls: int | None = None,
        rate: tuple[int, int] | None = None,
        wall: float | None = None,
        cost: Mapping[str, int | float | str | Decimal] | None = None,
        quota: Iterable[Quota] = (),
        per_tool: Mapping[str, Limits] | None = None,
        not_before: float | None = None,
        delegations: int = 3,
        principal: str = "",
        labels: Collection[str] = (),
    ) -> Capability:
        """A capability for `agent`, signed by this gate.

        tools: name → argument → constraint, or name → ANY.  calls, wall (seconds), cost (unit → total), rate (calls, seconds) and quota
        are budgets of the whole capability; `per_tool` gives a tool budgets of its own.  not_before: seconds since the epoch.  delegations: how many
        times it may be passed on, each time narrower.  principal: on whose behalf.  ValueError says what is not understood.
        """
        from gate import token

        given.check(
            "grant",
            agent=(agent, given.TEXT, "'researcher'"),
            tools=(tools, _GRANTED, _TOOLS),
            minutes=(minutes, given.NUMBER, "15"),
            not_before=(not_before, given.MAYBE_NUMBER, "time.time() + 60"),
            delegations=(delegations, given.WHOLE, "3"),
            principal=(principal, given.TEXT, "'ann@example.com'"),
            labels=(labels, given.NAMES, "['public']"),
            cost=(cost, _TOTALS, _COST),
            per_tool=(per_tool, _MAYBE_LIMITS, _PER_TOOL),
        )
        home, now = self.home, self.home.now()
        made = token.grant(
            home.keys,
            agent=agent,
            principal=principal,
            tools=tools,
            limits=_limits(calls, rate, wall, cost, quota),
            tool_limits=per_tool or {},
            expires=now + minutes * 60,
            not_before=not_before,
            max_depth=delegations,
            labels=labels,
            audience=home.origin,
            now=now,
        )
        capability = self.verify(made)
        home.records.authority(
            "grant", agent=agent, principal=principal, capability=capability.jti, expires=capability.expires, tools=sorted(capability.grants)
        )
        return capability

    def attenuate(
        self,
        capability: Capability | str,
        agent: str,
        *,
        tools: Mapping[str, object] | Iterable[str] | None = None,
        minutes: float | None = None,
        calls: int | None = None,
        rate: tuple[int, int] | None = None,
        wall: float | None = None,
        cost: Mapping[str, int | float | str | Decimal] | None = None,
        quota: Iterable[Quota] = (),
        per_tool: Mapping[str, Limits] | None = None,
        delegations: int | None = None,
        labels: Collection[str] | None = None,
    ) -> Capability:
        """A narrower capability for a sub-agent, made offline with the holder's key. What is left out is inherited.

        tools: names to keep as they are, or names with narrower constraints.  Its calls spend the budgets of every capability above it too.
        TokenError names everything that would be wider.
        """
        from gate import token

        given.check(
            "attenuate",
            agent=(agent, given.TEXT, "'helper'"),
            tools=(tools, _NARROWER, "['load'], or {'load': {'path': 'notes.md'}}"),
            minutes=(minutes, given.MAYBE_NUMBER, "5"),
            delegations=(delegations, given.MAYBE_WHOLE, "0"),
            labels=(labels, given.MAYBE_NAMES, "['public']"),
            cost=(cost, _TOTALS, _COST),
            per_tool=(per_tool, _MAYBE_LIMITS, _PER_TOOL),
        )
        home, now = self.home, self.home.now()
        parent = self.verify(capability)
        made = token.delegate(
            home.keys,
            parent.chain,
            agent=agent,
            tools=tools,
            limits=_limits(calls, rate, wall, cost, quota),
            tool_limits=per_tool or {},
            expires=None if minutes is None else now + minutes * 60,
            max_depth=None if delegations is None else parent.depth + 1 + delegations,
            labels=labels,
            now=now,
        )
        child = self.verify(made)
        home.records.authority("attenuate", agent=agent, parent=parent.jti, capability=child.jti, expires=child.expires, tools=sorted(child.grants))
        return child

    def verify(self, capability: Capability | str) -> Capability:
        """The capability of a presented token chain: signatures, format, invariants, audience. TokenError says which check failed.

        Cached by the exact text; expiry, revocation and budgets are looked at again at every call.
        """
        from gate import token

        if isinstance(capability, str):
            return self.home.verify(capability)
        return self.home.verify(token.format_presentation(_capability(capability).chain))

    def revoke(self, capability: Capability | str, *, by: str = "", reason: str = "") -> None:
        """Ends a capability (or the token id of one) and everything delegated from it, from the next call on in every process."""
        jti = capability if isinstance(capability, str) else _capability(capability).jti
        given.check("revoke", by=(by, given.TEXT, _BY), reason=(reason, given.TEXT, _REASON))
        self.home.ledger.revoke(jti, by=by, reason=reason)

    def stop(self, *, agent: str = "", session: str = "", everything: bool = False, by: str = "", reason: str = "") -> None:
        """The kill switch: refuses every call of an agent, of a session, or of all, from the next call on in every process."""
        _check_stop("stop", agent, session, everything=everything, by=by, reason=reason)
        self.home.ledger.stop(agent=agent, session=session, all=everything, by=by, reason=reason)

    def resume(self, *, agent: str = "", session: str = "", everything: bool = False, by: str = "", reason: str = "") -> None:
        """Takes a stop back."""
        _check_stop("resume", agent, session, everything=everything, by=by, reason=reason)
        self.home.ledger.resume(agent=agent, session=session, all=everything, by=by, reason=reason)


def _capability(value: object) -> Capability:
    """The capability, if it is one."""
    from gate.capability import Capability

    if not isinstance(value, Capability):
        raise ConfigError(given.wrong("a capability", _CAPABILITY, "gate.grant('assistant', tools=…)", value))
    return value


def _check_stop(what: str, agent: object, session: object, *, everything: object, by: object, reason: object) -> None:
    given.check(
        what,
        agent=(agent, given.TEXT, "'researcher'"),
        session=(session, given.TEXT, "'s-17'"),
        everything=(everything, given.FLAG, "True"),
        by=(by, given.TEXT, _BY),
        reason=(reason, given.TEXT, _REASON),
    )


def _limits(
    calls: int | None,
    rate: tuple[int, int] | None,
    wall: float | None,
    cost: Mapping[str, int | float | str | Decimal] | None,
    quota: Iterable[Quota],
) -> Limits:
    from gate.capability import Limits

    try:
        return Limits(calls, rate, wall, {unit: Decimal(str(total)) for unit, total in (cost or {}).items()}, tuple(quota))
    except ArithmeticError as error:
        raise ConfigError("a cost is an amount such as 1.50") from error
