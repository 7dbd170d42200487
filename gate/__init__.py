"""Gate stands between an AI agent and its tools.

Every call needs a capability that covers it; a risky call needs a person's approval, good once; every call is recorded so that anyone can
verify the record.  `gate.gate` shows the path of a call.
"""

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
