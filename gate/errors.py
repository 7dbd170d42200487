"""Every error of the gate.

GateError
├── Denied                 the call did not run; .reasons, .decision, .remedy say why and what to do
│   ├── BadCall            it is no valid call: unknown tool, argument missing, value that can't be described
│   ├── NeedsApproval      a person must answer first; .question is what to ask, and the call may be retried with the approval
│   ├── Exhausted          a budget is spent; .keys
│   ├── AlreadyUsed        an approval was presented a second time (evidence of replay)
│   └── Unavailable        the gate could not do its own work (log not writable, store locked): refused, never let through
├── ToolTimeout            the tool ran too long; the effect may have happened
├── OutputLimit            the tool ran and returned more than allowed; the effect happened, the output is withheld
├── ConfigError            what a person wrote or stored is wrong: rules, keys, tokens given on the command line
│   ├── RulesError         .file, .line
│   └── KeyFileError       key file missing, readable by others, malformed
├── Void                   an answer to a question that does not count: too late, by the wrong person, about something else
├── TokenError             a token is not acceptable: signature, format, time, chain
└── TamperError            evidence that somebody changed the log, the ledger or a token; never ordinary failure

Messages are lower case without a full stop, put what the user wrote in quotes, and never name internal types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.ask import Question
    from gate.decide import Decision


class GateError(Exception):
    """Root of the tree above."""


class Denied(GateError):
    """The call was refused and the tool did not run."""

    def __init__(
        self,
        *reasons: str,
        tool: str = "",
        decision: Decision | None = None,
        remedy: str = "",
        call_id: str = "",
    ) -> None:
        self.reasons = reasons
        self.tool = tool
        self.decision = decision
        self.remedy = remedy
        self.call_id = call_id
        super().__init__(*reasons)

    def __str__(self) -> str:
        text = f"{self.tool or 'call'} refused: {'; '.join(self.reasons)}"
        return f"{text}. {self.remedy}" if self.remedy else text


class BadCall(Denied):
    """It is no valid call."""


class NeedsApproval(Denied):
    """A person must answer first. `question` is what to ask; call again with the approval it leads to."""

    question: Question | None = None


class Exhausted(Denied):
    """A budget has nothing left."""

    keys: tuple[str, ...] = ()


class AlreadyUsed(Denied):
    """An approval was presented a second time."""


class Unavailable(Denied):
    """The gate could not do its own work, so the call did not run."""


class ToolTimeout(GateError):
    """The tool ran longer than its limit. Its effect may have happened; the record says so."""


class OutputLimit(GateError):
    """The tool ran, and returned more than its output limit. The effect happened; the output is withheld."""


class ConfigError(GateError):
    """Something a person wrote or stored is wrong. One line that says what to do."""


class RulesError(ConfigError):
    """A rules file is wrong, at `file`:`line`."""

    def __init__(self, reason: str, *, file: str = "", line: int = 0) -> None:
        self.reason, self.file, self.line = reason, file, line
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{place}{reason}")


class KeyFileError(ConfigError):
    """A key file is missing, malformed, or can be read by others."""


class Void(GateError):
    """An answer to a question does not count; the message says why. Nothing of it was kept."""


class TokenError(GateError):
    """A token is not acceptable; the message says which check failed."""


class TamperError(GateError):
    """Evidence that somebody changed the log, the ledger or a token."""
