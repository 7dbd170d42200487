"""Which kinds and constraints are installed, found by entry points: proposals name kinds, and the engine imports none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from gate.constraint import parse, unknown_types
from gate.kind import Kind
from gate.policy.catalogue import installed_kinds


@cache
def _kinds() -> Mapping[str, Kind]:
    return {kind.name: kind for tool in installed_kinds() for kind in tool.arguments.values()}


def kind_named(name: str) -> Kind | None:
    """The kind of an installed package that has this name, as a tool of it uses it; None when there is none."""
    return _kinds().get(name)


def checkable(entry: Mapping[str, object]) -> bool:
    """Whether something here can check this constraint."""
    return not unknown_types(parse(entry))
