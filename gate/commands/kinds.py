"""What installed kinds offer to the command line: constraints such as `files.below`, found by the entry points of the group `gate.kinds`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from inspect import isclass, isfunction, signature


def constraint_maker(kind: str, name: str) -> Callable[..., object]:
    """The function `name` that makes constraints, of the kind whose module is called `kind`; ValueError says which there are."""
    modules = {point.module.rpartition(".")[2]: point.module for point in entry_points(group="gate.kinds")}
    if kind not in modules:
        raise ValueError(f"there is no kind '{kind}' here; there are {', '.join(sorted(modules)) or 'none'}")
    makers = _makers(modules[kind])
    if name not in makers:
        raise ValueError(f"the kind '{kind}' has no constraint '{name}'; it has {', '.join(sorted(makers)) or 'none'}")
    return makers[name]


def _makers(module: str) -> dict[str, Callable[..., object]]:
    """Its public functions that say they return a constraint, and its constraint classes."""
    from gate.constraint import Constraint

    loaded = import_module(module)
    found: dict[str, Callable[..., object]] = {}
    for name, value in vars(loaded).items():
        if name.startswith("_") or getattr(value, "__module__", "") != module:
            continue
        if isclass(value):
            made: object = value
        elif isfunction(value):
            said = signature(value).return_annotation
            made = getattr(loaded, said, None) if isinstance(said, str) else said
        else:
            continue
        if isclass(made) and issubclass(made, Constraint):
            found[name] = value
    return found
