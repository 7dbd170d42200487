"""Profiles for `gate check`: ready-made rules and grants of the installed kinds, such as `workstation`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gate.effect import Risk
from gate.errors import ConfigError
from gate.rules import BUILT_IN, Rules, parse

if TYPE_CHECKING:
    from gate.capability import Capability
    from gate.policy.catalogue import Catalogue
    from gate.policy.decision import Verdict

SOMEBODY: Final = "agent"
_STRICTNESS: Final[tuple[Verdict, ...]] = ("allow", "ask", "deny")
_MODULE: Final = "capabilities.profiles"  # by name: the engine never imports kinds, and its command line finds them as any program may


class Profile(NamedTuple):
    """What a profile comes to: rules, and a capability for whoever calls."""

    rules: Rules
    capability: Capability


def load(name: str, catalogue: Catalogue) -> Profile:
    """The profile of that name for the current folder; ConfigError when there is none of that name."""
    try:
        found: Any = import_module(_MODULE).profile(name)
    except ImportError as error:
        raise ConfigError(f"there are no profiles here: {error}") from error
    except ValueError as error:
        raise ConfigError(str(error)) from None
    from gate.policy.rulesfile import named_zone

    return Profile(parse(found.rules, file=f"profile {name}", catalogue=catalogue, zone=named_zone), _capability(found.grants))


def together(one: Rules, other: Rules) -> Rules:
    """The rules of both; what no rule speaks about is decided as the stricter of the two says."""
    default: dict[Risk, Verdict] = {}
    for risk in Risk:
        said: list[Verdict] = [rules.default.get(risk, BUILT_IN[risk]) for rules in (one, other)]
        default[risk] = said[0] if _STRICTNESS.index(said[0]) >= _STRICTNESS.index(said[1]) else said[1]
    return Rules([*one.rules, *other.rules], default=MappingProxyType(default), version=one.version, file=f"{one.file} and {other.file}")


def _capability(grants: Mapping[str, object]) -> Capability:
    """A capability of these grants, signed by a key that nobody has: good for asking what would be, and for nothing else."""
    from gate.token import mint, verify
    from gate.tokens.jwk import SigningKey, TrustAnchors

    key, now = SigningKey.generate(), time.time()
    token = mint(key, agent=SOMEBODY, tools=grants, expires=now + 86400, holder=key.public, now=now)
    return verify([token], TrustAnchors.of(key.public), audience=None, now=now)
