"""Gate stands between an AI agent and its tools.

Every call needs a capability that covers it; a risky call needs a person's approval, good once; every call is recorded so that anyone can
verify the record.  `gate.gate` shows the path of a call.

The names below are loaded when they are first used, so that what needs one module of it (a hook, a command) does not wait for all the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gate.answer import Answer
    from gate.ask import Approver, Question
    from gate.capability import Capability, Grant, Limits
    from gate.constraint import ANY, AllOf, AnyOf, Constraint, Contains, Exact, NotOneOf, OneOf, Range, Subset, optional
    from gate.decide import Allow, Ask, Decision, Deny
    from gate.effect import Assessment, Risk
    from gate.errors import (
        AlreadyUsed,
        BadCall,
        ConfigError,
        Denied,
        Exhausted,
        GateError,
        KeyFileError,
        NeedsApproval,
        OutputLimit,
        RulesError,
        TamperError,
        TokenError,
        ToolTimeout,
        Unavailable,
    )
    from gate.gate import Gate
    from gate.kind import Kind, KindTool
    from gate.propose import inspect
    from gate.quota import Quota
    from gate.run import spent
    from gate.ticket import Ticket

__all__ = [
    "ANY",
    "AllOf",
    "Allow",
    "AlreadyUsed",
    "Answer",
    "AnyOf",
    "Approver",
    "Ask",
    "Assessment",
    "BadCall",
    "Capability",
    "ConfigError",
    "Constraint",
    "Contains",
    "Decision",
    "Denied",
    "Deny",
    "Exact",
    "Exhausted",
    "Gate",
    "GateError",
    "Grant",
    "KeyFileError",
    "Kind",
    "KindTool",
    "Limits",
    "NeedsApproval",
    "NotOneOf",
    "OneOf",
    "OutputLimit",
    "Question",
    "Quota",
    "Range",
    "Risk",
    "RulesError",
    "Subset",
    "TamperError",
    "Ticket",
    "TokenError",
    "ToolTimeout",
    "Unavailable",
    "inspect",
    "optional",
    "spent",
]
__version__ = "0.1.0"
_PLACES: Final = {
    "answer": "Answer",
    "ask": "Approver Question",
    "capability": "Capability Grant Limits",
    "constraint": "ANY AllOf AnyOf Constraint Contains Exact NotOneOf OneOf Range Subset optional",
    "decide": "Allow Ask Decision Deny",
    "effect": "Assessment Risk",
    "errors": "AlreadyUsed BadCall ConfigError Denied Exhausted GateError KeyFileError "
    "NeedsApproval OutputLimit RulesError TamperError TokenError ToolTimeout Unavailable",
    "gate": "Gate",
    "kind": "Kind KindTool",
    "propose": "inspect",
    "quota": "Quota",
    "run": "spent",
    "ticket": "Ticket",
}
_MODULES: Final = {name: module for module, names in _PLACES.items() for name in names.split()}


def _module(name: str) -> object:
    from importlib import import_module

    try:
        return import_module(f"gate.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"gate.{name}":
            raise
        raise AttributeError(f"module 'gate' has no attribute {name!r}") from None


if not TYPE_CHECKING:  # or type checkers would take any name for one of these

    def __getattr__(name: str) -> object:
        """A public name, or a module of the package; what is found stays (PEP 562)."""
        from importlib import import_module

        if name in _MODULES:
            found: object = getattr(import_module(f"gate.{_MODULES[name]}"), name)
        elif name.startswith("_") or not name.isidentifier():
            raise AttributeError(f"module 'gate' has no attribute {name!r}")
        else:
            found = _module(name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
