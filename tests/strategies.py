"""Random constraints, values and grants, from a domain so small that they meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SCALARS = st.sampled_from([None, True, False, -1, 0, 1, 2, 3, -0.0, 0.5, 1.0, 2.5, 1e20, "", "a", "b", "1", "true", "\u00e9", "e\u0301"])
LISTS = st.lists(SCALARS, max_size=3)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b"]), SCALARS, max_size=2)
VALUES = SCALARS | LISTS | OBJECTS | st.lists(LISTS | OBJECTS, max_size=2)
NUMBERS = st.sampled_from([-1, 0, 0.5, 1, 2, 2.5, 3])
NAMES = st.sampled_from(["x", "y", "z"])


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    """A well-formed range."""
    bounds = sorted(draw(st.lists(NUMBERS, min_size=2, max_size=2)))
    made: dict[str, Any] = {"constraint_type": "range"}
    for name, bound in zip(("min", "max"), bounds, strict=True):
        if draw(st.booleans()):
            made[name] = bound
            if draw(st.booleans()):
                made[f"{name}_inclusive"] = draw(st.booleans())
    return made


def _leaf() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.just({"constraint_type": "wildcard"}),
        st.builds(lambda value: {"constraint_type": "exact", "value": value}, SCALARS),
        ranges(),
        st.builds(lambda values: {"constraint_type": "one_of", "values": values}, st.lists(VALUES, min_size=1, max_size=3)),
        st.builds(lambda values: {"constraint_type": "not_one_of", "excluded": values}, st.lists(VALUES, max_size=3)),
        st.builds(lambda values: {"constraint_type": "contains", "required": values}, LISTS),
        st.builds(lambda values: {"constraint_type": "subset", "allowed": values}, LISTS),
    )


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda kind, clauses: {"constraint_type": kind, "constraints": clauses},
        st.sampled_from(["all", "any"]),
        st.lists(inner, min_size=1, max_size=3),
    )


CONSTRAINTS = st.recursive(_leaf(), _nested, max_leaves=5)


@st.composite
def narrower(draw: st.DrawFn, parent: dict[str, Any]) -> dict[str, Any]:
    """Often a narrowing of `parent`, sometimes a widening, sometimes anything: so that both answers come up."""
    kind = parent["constraint_type"]
    if draw(st.integers(0, 3)) == 0:
        return draw(CONSTRAINTS)
    if kind in {"all", "any"}:
        clauses = [draw(narrower(clause)) for clause in parent["constraints"]]
        return {"constraint_type": kind, "constraints": clauses if kind == "all" else clauses[: draw(st.integers(1, len(clauses)))]}
    for member in ("values", "allowed"):
        if member in parent:
            kept = [value for value in parent[member] if draw(st.booleans())]
            return {**parent, member: kept or parent[member][:1]}
    for member in ("excluded", "required"):
        if member in parent:
            return {**parent, member: [*parent[member], *draw(LISTS)]}
    if kind == "range":
        return draw(st.one_of(ranges(), st.builds(lambda value: {"constraint_type": "exact", "value": value}, NUMBERS)))
    return draw(CONSTRAINTS) if kind == "wildcard" else parent


@st.composite
def maps(draw: st.DrawFn) -> dict[str, Any]:
    """A well-formed constraint map."""
    made = {
        name: draw(CONSTRAINTS) | draw(st.sampled_from([{}, {"optional": True}, {"optional": False}])) for name in draw(st.lists(NAMES, unique=True))
    }
    return made | ({"*": {"constraint_type": "wildcard"}} if draw(st.booleans()) else {})


@st.composite
def narrower_maps(draw: st.DrawFn, parent: dict[str, Any]) -> dict[str, Any]:
    """Often a valid attenuation of a constraint map."""
    if draw(st.integers(0, 4)) == 0:
        return draw(maps())
    made: dict[str, Any] = {}
    for name, entry in parent.items():
        if name == "*" or (entry.get("optional") and draw(st.booleans())):
            continue
        bare = {key: value for key, value in entry.items() if key != "optional"}
        made[name] = draw(narrower(bare)) | ({"optional": True} if entry.get("optional") and draw(st.booleans()) else {})
    if "*" in parent or not parent:
        made |= draw(st.dictionaries(NAMES.filter(lambda name: name not in parent), CONSTRAINTS, max_size=1))
        if draw(st.booleans()):
            made["*"] = {"constraint_type": "wildcard"}
    return made


ARGUMENTS = st.dictionaries(NAMES | st.just("*"), VALUES, max_size=4)


@st.composite
def quotas(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Well-formed quotas, one per unit, window and argument."""
    keys = st.tuples(st.sampled_from(["calls", "EUR", "USD"]), st.sampled_from([1, 2, 3, 6]), st.sampled_from([None, "to", "from"]))
    made = []
    for unit, seconds, by in draw(st.lists(keys, max_size=4, unique=True)):
        quota: dict[str, Any] = {"unit": unit, "total": draw(st.sampled_from(["0", "1", "2", "5"])), "seconds": seconds}
        made.append(quota if by is None else quota | {"by": by})
    return made


PAYMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "time": st.integers(0, 11),
            "cost": st.dictionaries(st.sampled_from(["EUR", "USD"]), st.sampled_from(["0.5", "1", "3"]), max_size=1),
            "to": st.sampled_from(["a", "b"]),
            "from": st.sampled_from(["a", "b"]),
        }
    ),
    max_size=6,
)
