"""Authority: who may do what. Capabilities are granted, narrowed, verified, revoked; agents are stopped. Nothing here widens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gate.errors import ConfigError, TokenError

if TYPE_CHECKING:
    from decimal import Decimal

    from gate.capability import Capability
    from gate.home import Home


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
        not_before: float | None = None,
        delegations: int = 3,
        principal: str = "",
        labels: Iterable[str] = (),
        per_tool: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Capability:
        """A capability for `agent`, signed by this gate.

        tools: name → argument → constraint, or name → ANY.  calls, wall (seconds), cost (unit → total) and rate (n, seconds) are budgets of
        the whole capability; `per_tool` gives a tool the same of its own.  not_before: seconds since the epoch.  delegations: how many
        times it may be passed on, each time narrower.  ValueError says what is not understood.
        """
        from gate import token
        from gate.capability import Limits

        home = self.home
        now = home.now()
        presentation = token.grant(
            home.keys,
            agent=agent,
            principal=principal,
            tools=tools,
            limits=Limits.of(calls=calls, rate=rate, wall=wall, cost=cost or {}),
            tool_limits={name: Limits.of(**one) for name, one in (per_tool or {}).items()},
            expires=now + minutes * 60,
            not_before=not_before,
            max_depth=delegations,
            labels=frozenset(labels),
            audience=home.origin,
            now=now,
        )
        made = self.verify(presentation)
        home.event("grant", agent=agent, principal=principal, capability=made.jti, expires=made.expires, tools=sorted(made.grants))
        return made

    def verify(self, capability: Capability | str) -> Capability:
        """The capability of a presented token chain: signatures, format, invariants, audience. TokenError says which check failed.

        Cached by the exact text; expiry, revocation and budgets are looked at again at every call.
        """
        return self.home.verify(capability if isinstance(capability, str) else capability.presentation)
