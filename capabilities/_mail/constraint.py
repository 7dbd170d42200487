"""addresses: the constraint over recipients, one address or a list of them.

    {"constraint_type": "addresses", "addresses": ["ann@corp.example"], "domains": ["corp.example", "*.corp.example"], "max": 5}

Every address of the value must be listed, or its domain be: `corp.example` is that domain alone, `*.corp.example` every domain below it and not
itself.  `max`: how many addresses a value may hold.

>>> some = Addresses(["ann@partner.example"], ["corp.example"], 2)
>>> some.check(("ann@partner.example", "bob@corp.example")), some.check("bob@sub.corp.example"), some.check("eve@corp.example.evil.example")
(True, False, False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from capabilities._mail.address import address, domain_of, lies_below, pattern, under
from gate.constraint import Check, Constraint, Subset, by_parts, members, register, show
from gate.constraints.value import array, is_array
from gate.frozen import Frozen

_MOST: Final = 1000


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class Addresses(Constraint):
    """Recipients of these addresses and domains; made by `email.to`."""

    type: ClassVar[str] = "addresses"
    addresses: tuple[str, ...]
    domains: tuple[str, ...]
    max: int | None

    def __init__(self, addresses: object = (), domains: object = (), max: int | None = None) -> None:  # noqa: A002  # the wire's word
        put = object.__setattr__
        put(self, "addresses", tuple(sorted({address(one) for one in array(addresses, "addresses")})))
        put(self, "domains", tuple(sorted({pattern(one) for one in array(domains, "domains")})))
        put(self, "max", max)
        if not self.addresses and not self.domains:
            raise ValueError("name at least one of 'addresses' and 'domains'")
        if max is not None and (type(max) is not int or not 1 <= max <= _MOST):
            raise ValueError(f"'max' must be a whole number from 1 to {_MOST}")

    def compile(self) -> Check:
        known, exact = frozenset(self.addresses), frozenset(one for one in self.domains if one[0] != "*")
        below, most = frozenset(one[2:] for one in self.domains if one[0] == "*"), self.max or _MOST

        def check(value: Frozen) -> bool:
            items = value if is_array(value) else (value,)
            if len(items) > most:
                return False
            for item in items:
                try:
                    found = address(item)
                except ValueError:
                    return False
                domain = domain_of(found)
                if found not in known and domain not in exact and not (below and lies_below(domain, below)):
                    return False
            return True

        return check

    def explain(self, value: Frozen) -> str:
        items = value if is_array(value) else (value,)
        if len(items) > (self.max or _MOST):
            return f"{len(items)} recipients are over the maximum {self.max or _MOST}"
        for item in items:
            try:
                found = address(item)
            except ValueError as error:
                return str(error)
            if not self.check(found):
                return f"{show(found)} is not {', '.join([*self.addresses, *(f'of {one}' for one in self.domains)][:5])}"
        return "it is not admitted"

    def subsumes(self, other: Constraint) -> bool:
        if isinstance(other, Subset):  # its arrays may be of any length
            return False
        if (known := by_parts(self, other)) is not None:
            return known
        if not isinstance(other, Addresses) or (self.max is not None and (other.max is None or other.max > self.max)):
            return False
        return all(map(self.check, other.addresses)) and all(any(_covers(mine, theirs) for mine in self.domains) for theirs in other.domains)

    def to_json(self) -> dict[str, object]:
        given = {"addresses": list(self.addresses), "domains": list(self.domains)}
        made: dict[str, object] = {"constraint_type": self.type, **{name: values for name, values in given.items() if values}}
        return made if self.max is None else made | {"max": self.max}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        addresses, domains, most = members(data, cls.type, (), ("addresses", "domains", "max"))
        if most is not None and type(most) is not int:
            raise ValueError("'max' must be a whole number")
        return cls(() if addresses is None else addresses, () if domains is None else domains, most)


def _covers(mine: str, theirs: str) -> bool:
    """Whether every domain of one pattern is one of the other."""
    if mine == theirs:
        return True
    return mine.startswith("*.") and (theirs.removeprefix("*.")).endswith(mine[1:])


def inside(text: str, domains: tuple[str, ...]) -> bool:
    """Whether an address is of one of these domains."""
    return any(under(domain_of(text), one) for one in domains)
