"""What constraints and grants mean, slowly and obviously: on plain JSON, with RFC 8785 bytes as the only notion of equality.

`tests/test_constraint.py` and `tests/test_capability.py` compare the compiled checks with this, for random constraints and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import rfc8785


def same(one: Any, other: Any) -> bool:
    """Whether two values are one: their canonical bytes are."""
    return rfc8785.dumps(one) == rfc8785.dumps(other)


def among(value: Any, values: list[Any]) -> bool:
    """Whether a value is one of several."""
    return any(same(value, each) for each in values)


def admits(constraint: Mapping[str, Any], value: Any) -> bool:
    """Whether a constraint on the wire admits a value: draft -02, section 3.4, word for word."""
    match constraint["constraint_type"]:
        case "exact":
            return same(value, constraint["value"])
        case "range":
            return is_number(value) and above(constraint, value) and below(constraint, value)
        case "one_of":
            return among(value, constraint["values"])
        case "not_one_of":
            return not among(value, constraint["excluded"])
        case "contains":
            return isinstance(value, list) and all(among(each, value) for each in constraint["required"])
        case "subset":
            return isinstance(value, list) and all(among(each, constraint["allowed"]) for each in value)
        case "wildcard":
            return True
        case "all":
            return all(admits(clause, value) for clause in constraint["constraints"])
        case "any":
            return any(admits(clause, value) for clause in constraint["constraints"])
        case _:
            return False


def is_number(value: Any) -> bool:
    """A JSON number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def above(constraint: Mapping[str, Any], value: float) -> bool:
    """Whether the lower bound holds."""
    if "min" not in constraint:
        return True
    return value >= constraint["min"] if constraint.get("min_inclusive", True) else value > constraint["min"]


def below(constraint: Mapping[str, Any], value: float) -> bool:
    """Whether the upper bound holds."""
    if "max" not in constraint:
        return True
    return value <= constraint["max"] if constraint.get("max_inclusive", True) else value < constraint["max"]


def covers(entries: Mapping[str, Any], arguments: Mapping[str, Any], defaulted: frozenset[str] = frozenset()) -> bool:
    """Whether a constraint map on the wire allows these arguments: section 8, step 6b, and what the caller left out (`defaulted`)."""
    entries = entries or {"*": {"constraint_type": "wildcard"}}
    named = {name: entry for name, entry in entries.items() if name != "*"}
    for name, entry in named.items():
        if name not in arguments and not entry.get("optional", False):
            return False
        if name in arguments and not admits(entry, arguments[name]):
            return False
    return all(name in named or name in defaulted or "*" in entries for name in arguments)


def within_quota(quota: Mapping[str, Any], payments: list[Mapping[str, Any]]) -> bool:
    """Whether these calls keep a quota on the wire: add up each window's, for each value of the argument, and compare."""
    sums: dict[Any, Decimal] = {}
    for payment in payments:
        cost = Decimal(1) if quota["unit"] == "calls" else Decimal(payment["cost"].get(quota["unit"], "0"))
        whose = rfc8785.dumps(payment[quota["by"]]) if "by" in quota else None
        bucket = payment["time"] // quota["seconds"], whose
        sums[bucket] = sums.get(bucket, Decimal(0)) + cost
    return all(total <= Decimal(quota["total"]) for total in sums.values())
