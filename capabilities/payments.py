"""payments: so much money to one payee.

    payments.pay  amount="12.50 EUR"  to="DE89 3704 0044 0532 0130 00"  reference="invoice 7"

A grant bounds each payment, `{"amount": payments.at_most("50 EUR"), "to": payments.payees("DE89…"), "reference": ANY}`, and a quota what they
add up to, per payee and period: `per_tool={"payments.pay": Limits.of(quota=[Quota.of(unit="EUR", total=200, seconds=2592000, by="to")])}`.
The call's cost is its amount in its own currency, so a quota in EUR does not let a payment in USD pass.

What a payment service takes for one account under two ids is two payees here; a list of payees keeps to the spellings in it.

>>> AMOUNT.parse("12.5 EUR"), PAYEE.parse("de89 3704 0044 0532 0130 00")
('12.50 EUR', 'DE89370400440532013000')
>>> at_most("50 EUR").check("50.00 EUR"), at_most("50 EUR").check("50.00 USD")
(True, False)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Final, TypeAlias

from capabilities._money import amount as amounts
from capabilities._money import payee as payee_of
from capabilities._money.constraint import AtMost
from capabilities._plain import NOTHING
from gate.constraint import OneOf
from gate.effect import Assessment, Risk
from gate.frozen import Frozen, freeze
from gate.kind import Kind, KindTool, ready
from gate.preview import Panel, facts

Send: TypeAlias = Callable[[Decimal, str, str, str], object]
Left: TypeAlias = Callable[[str, str], "Decimal | None"]


class AmountKind:
    """An amount of money in its one spelling; paying it cannot be taken back."""

    name = "payments.amount"

    def parse(self, value: object) -> str:
        """`12.50 EUR`; ValueError for anything that could be read as another amount."""
        return amounts.canonical(value)

    def assess(self, value: object) -> Assessment:
        """Spending that nobody can undo, whatever the amount."""
        found = amounts.spelled(value)
        why = f"pays {found}" if found else "pays an amount that cannot be told"
        return Assessment(frozenset(["spends", "irreversible"]), Risk.HIGH, (why,), frozenset(["T1657"]))


class PayeeKind:
    """Who gets it: an IBAN whose check digits are right, or an account's id."""

    name = "payments.payee"

    def parse(self, value: object) -> str:
        """An IBAN in capitals without blanks, or the id itself; ValueError for anything else."""
        return payee_of.canonical(value)

    def assess(self, value: object) -> Assessment:
        """Money leaves to somebody."""
        return Assessment(frozenset(["egress"]), Risk.MEDIUM, (f"to {value}" if isinstance(value, str) and len(value) <= 100 else "to nobody known",))


class ReferenceKind:
    """What the payee reads: one short line."""

    name = "payments.reference"

    def parse(self, value: object) -> str:
        """At most 140 printable characters (SEPA's limit for a remittance text); ValueError otherwise."""
        if not isinstance(value, str) or len(value) > 140 or not value.isprintable():
            raise ValueError("a reference is one line of at most 140 printable characters")
        return str(freeze(str.__str__(value)))

    def assess(self, value: object) -> Assessment:
        """Nothing beyond the payment."""
        return NOTHING


AMOUNT: Final = AmountKind()
PAYEE: Final = PayeeKind()
REFERENCE: Final = ReferenceKind()
Amount: TypeAlias = Annotated[str, AMOUNT]
Payee: TypeAlias = Annotated[str, PAYEE]


def at_most(*most: str) -> AtMost:
    """Payments of at most one amount per currency: `at_most("50 EUR", "60 USD")`. Any other currency is refused."""
    return AtMost.of([amounts.money(each) for each in most])


def payees(*accounts: str) -> OneOf:
    """Payments to these: IBANs or ids of accounts, in any spelling that is taken."""
    return OneOf([PAYEE.parse(each) for each in accounts])


def cost(arguments: Mapping[str, Frozen]) -> dict[str, Decimal]:
    """All that a payment costs: its amount, in its currency."""
    found = amounts.money(arguments["amount"])
    return {found.currency: found.amount}


def _described(left: Left | None = None) -> KindTool:
    def headline(arguments: Mapping[str, Frozen]) -> str:
        return f"pay {arguments['amount']} to {arguments['to']}"

    def preview(arguments: Mapping[str, Frozen]) -> list[Panel]:
        found, to = amounts.money(arguments["amount"]), str(arguments["to"])
        rest = left(found.currency, to) if left else None
        rows = [("amount", str(found)), ("to", to), ("reference", str(arguments.get("reference") or "")), ("can be undone", "no")]
        if rest is not None:
            rows += [("left before it", f"{rest} {found.currency}"), ("left after it", f"{rest - found.amount} {found.currency}")]
        return [facts("payment", rows)]

    kinds: dict[str, Kind] = {"amount": AMOUNT, "to": PAYEE, "reference": REFERENCE}
    return KindTool("payments.pay", kinds, frozenset(["reference"]), headline=headline, preview=preview, cost=cost)


def tool(send: Send, *, left: Left | None = None) -> Callable[..., object]:
    """A tool `payments.pay(amount, to, reference="")`. For `gate.wrap`.

    send: called with the exact amount, its currency, the payee and the reference; what it gives is the result.  left: what is left of a limit
    that the program knows, by currency and payee, for the approver to see; None where none is known.
    """

    def pay(amount: str, to: str, reference: str = "") -> object:
        """Pays an amount such as "12.50 EUR" to an IBAN or account; reference: one line that the payee reads. It cannot be undone."""
        found = amounts.money(amount)
        return send(found.amount, found.currency, to, reference)

    return ready(_described(left), pay)


TOOLS: Final[dict[str, KindTool]] = {"payments.pay": _described()}
