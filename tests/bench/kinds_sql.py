"""What reading a statement costs: the first time, when its text was seen before, and the whole check; and an amount of money."""

from __future__ import annotations

import itertools

from tests.bench.measure import Row, below, interleaved, repeat

TYPICAL = "SELECT u.name, count(*) AS n FROM users u JOIN orders o ON o.uid = u.id WHERE o.total > 100 AND u.name LIKE 'a%' GROUP BY u.name LIMIT {n}"
SHORT = "SELECT name FROM users WHERE id = {n}"


def rows(rounds: int = 15) -> list[Row]:
    """The figures; one row that says so where the parser is not installed."""
    from capabilities import payments, sql

    try:
        sql.STATEMENTS["postgres"].parse("SELECT 1")
    except ValueError:
        return [Row("SQL checks: sqlglot is not installed", 0.0, "us")]
    kind, numbers = sql.STATEMENTS["postgres"], itertools.count(1)
    one = sql.allow("postgres", select=["users", "orders"]).compile()
    many = sql.allow("postgres", select=["users", "orders", *(f"t{n}" for n in range(1000))]).compile()
    seen = TYPICAL.format(n=5)
    kind.parse(seen)
    limit = payments.at_most("50 EUR").compile()

    def fresh(text: str) -> object:
        return kind.parse(text.format(n=next(numbers)))

    def check(admits: object) -> object:
        return admits(kind.parse(seen)), kind.assess(seen)  # type: ignore[operator]  # a compiled constraint

    found = interleaved(
        {
            "typical": repeat(lambda: fresh(TYPICAL)),
            "short": repeat(lambda: fresh(SHORT)),
            "seen": repeat(lambda: check(one)),
            "seen, 1,000 tables": repeat(lambda: check(many)),
            "money": repeat(lambda: limit(payments.AMOUNT.parse("12.5 EUR"))),
        },
        rounds=rounds,
    )
    us = {name: seconds * 1e6 for name, seconds in found.items()}
    return [
        below("SQL, a typical statement never seen before", us["typical"], "us", 1000.0),
        below("SQL, a short statement never seen before", us["short"], "us", 1000.0),
        below("SQL, parse + check + assess of a text seen before", us["seen"], "us", 1000.0),
        below("SQL, the same under a grant of 1,000 tables", us["seen, 1,000 tables"], "us", 1000.0),
        below("money, parse + check", us["money"], "us", 15.0),
    ]


if __name__ == "__main__":
    from tests.bench.measure import table

    print(table(rows()))
