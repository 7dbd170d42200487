"""Whether the condition of an UPDATE or DELETE picks rows, or lets (nearly) all of them through: none, `1=1`, `id = id`, `id > 0`, `x LIKE '%'`.

It says yes only where, in every branch of an OR, a column is compared with something else by `=`, `IN`, `IS NULL`, `BETWEEN`, `LIKE` or an
order.  What that condition finds in the data nobody can tell from the text; a dry run counts it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Node: TypeAlias = Any
"""A node of sqlglot's tree; its members depend on its class, which no type says."""


def selective(node: Node) -> bool:
    """Whether the condition surely depends on a column's value in a way that is not always true."""
    todo = [node]
    while todo:  # every branch of an OR must be selective; an AND needs one that is
        one = todo.pop()
        match type(one).__name__:
            case "Paren":
                todo.append(one.this)
            case "Or":
                todo += [one.this, one.expression]
            case "And":
                if not any(map(_picks, _parts(one))):
                    return False
            case _:
                if not _picks(one):
                    return False
    return True


def _parts(node: Node) -> list[Node]:
    """The conditions of a chain of ANDs."""
    found, todo = list[Node](), [node]
    while todo:
        one = todo.pop()
        while type(one).__name__ == "Paren":
            one = one.this
        if type(one).__name__ == "And":
            todo += [one.this, one.expression]
        else:
            found.append(one)
    return found


def _picks(node: Node) -> bool:
    match type(node).__name__:
        case "Or":
            return selective(node)
        case "EQ" | "NullSafeEQ":
            return _apart(node.this, node.expression)
        case "Is":
            return not node.args.get("negate") and _columns(node.this) != set() and type(node.expression).__name__ in {"Null", "Boolean"}
        case "In":
            items: list[Node]
            query: Node
            items, query = node.args.get("expressions") or [], node.args.get("query")
            if query is not None and not any(query.this.args.get(part) for part in ("where", "having", "limit", "joins")):
                return False  # `id IN (SELECT id FROM t)` is every row
            return _columns(node.this) != set() and not any(_columns(item) & _columns(node.this) for item in items)
        case "Between":
            return _columns(node.this) != set() and not (_columns(node.args["low"]) | _columns(node.args["high"]))
        case "Like" | "ILike" | "Glob" | "Escape":
            inner = node.this if type(node).__name__ == "Escape" else node
            pattern = inner.expression
            return _columns(inner.this) != set() and type(pattern).__name__ == "Literal" and pattern.name.strip("%*_?") != ""
        case "LT" | "LTE" | "GT" | "GTE":
            return _apart(node.this, node.expression) and not (_trivial(node.expression) or _trivial(node.this))
        case _:
            return False


def _apart(one: Any, other: Node) -> bool:
    """Whether a column stands on one side, and not on both."""
    left, right = _columns(one), _columns(other)
    return bool(left | right) and not any(_same(a, b) for a in left for b in right)


def _same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return one[1] == other[1] and (one[0] == other[0] or not one[0] or not other[0])


def _trivial(node: Node) -> bool:
    """Zero, a negative number or empty text: what every key is over."""
    kind = type(node).__name__
    if kind in {"Neg", "Null"}:
        return True
    return kind == "Literal" and (not node.name.strip("0. ") or (node.name.isdigit() and len(node.name) > 9))


def _columns(node: Node) -> set[tuple[str, str]]:
    """(qualifier, name) of the columns in an expression, those in queries of its own left out."""
    found, todo = set[tuple[str, str]](), [node]
    while todo:
        one = todo.pop()
        if type(one).__name__ == "Column":
            found.add((one.table.lower(), one.name.lower()))
        elif type(one).__name__ not in {"Select", "Union"}:
            todo += list(one.iter_expressions())
    return found
