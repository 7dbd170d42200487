"""money: the constraint "at most so much, in one of these currencies".

    {"constraint_type": "money", "max": {"EUR": "50.00", "USD": "60.00"}}

A currency that is not named is refused; amounts of two currencies are never compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar, Self

from capabilities._money.amount import Money, money, named, spelled
from gate.constraint import Check, Constraint, by_parts, members, register, show_some
from gate.constraints.value import is_object
from gate.frozen import Frozen


@register
@dataclass(frozen=True, slots=True, eq=False)
class AtMost(Constraint):
    """Amounts of at most this, by currency; made by `payments.at_most`."""

    type: ClassVar[str] = "money"
    most: Mapping[str, Decimal]

    @classmethod
    def of(cls, amounts: Iterable[Money]) -> Self:
        """The constraint of one amount per currency; ValueError for two of one, and for none."""
        given = list(amounts)
        most = {each.currency: each.amount for each in given}
        if not most or len(most) < len(given):
            raise ValueError("name at least one currency, and each one once")
        return cls(MappingProxyType(most))

    def compile(self) -> Check:
        most = self.most

        def check(value: Frozen) -> bool:
            found = spelled(value)
            return found is not None and found.currency in most and found.amount <= most[found.currency]

        return check

    def explain(self, value: Frozen) -> str:
        found = spelled(value)
        if found is None:
            return f"{named(value)} is no amount in its one spelling, such as '12.50 EUR'"
        if found.currency not in self.most:
            return f"{found.currency} is not among the currencies {show_some(sorted(self.most))}"
        return f"{found} is over the maximum {Money(self.most[found.currency], found.currency)}"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other)) is not None:
            return known
        return isinstance(other, AtMost) and all(currency in self.most and amount <= self.most[currency] for currency, amount in other.most.items())

    def around(self, value: Frozen) -> Sequence[Constraint]:
        """At most this amount, of its currency only."""
        found = spelled(value)
        return () if found is None else (AtMost.of([found]),)

    def words(self) -> str:
        return f"at most {' or '.join([str(Money(amount, currency)) for currency, amount in self.most.items()])}"

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "max": {currency: str(Money(amount, currency)).split()[0] for currency, amount in self.most.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (most,) = members(data, cls.type, ("max",))
        if not is_object(most):
            raise ValueError('\'max\' is an object of currency to amount, such as {"EUR": "50.00"}')
        return cls.of([money({"amount": amount, "currency": currency}) for currency, amount in most.items()])
