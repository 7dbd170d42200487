"""Event, Verdict, Reply: what all dialects have in common.

>>> Reply.blocked("no").code
2
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, Protocol

from gate.constraints.value import is_object
from gate.regex import regex

Phase = Literal["pre", "post", "failed", "permission"]
_SPELLED: Final = regex(r"[^a-zA-Z0-9_-]")
MOST_WORDS: Final = 4000
"""Characters of a reason; some agents drop longer ones."""


class Event(NamedTuple):
    """One thing that an agent says.

    phase: before a call, after it, after it failed, or when the agent is about to ask its own person.  name: the event's own name.  id: the
    agent's id of the call, "" where it has none.  sub, sort: id and type of the sub-agent that calls, "" for the agent itself.  second: this is
    the second event of one call, and this is what it has in common with the first.  alone: the agent asks nobody, whatever a hook answers.
    """

    phase: Phase
    name: str
    session: str = ""
    tool: str = ""
    arguments: Mapping[str, object] = {}
    id: str = ""
    cwd: str = ""
    sub: str = ""
    sort: str = ""
    result: object = None
    error: str = ""
    second: str = ""
    alone: bool = False


class Verdict(NamedTuple):
    """What is to be said. arguments: with an allow, those to run with instead of those that were sent.

    Of a result: withheld, not to be passed on; noted, what the agent must be told with it.
    """

    word: Literal["allow", "deny", "ask", "defer", "nothing", "noted", "withheld"]
    reason: str = ""
    arguments: Mapping[str, object] | None = None


class Reply(NamedTuple):
    """What the process prints, and how it ends."""

    out: str = ""
    err: str = ""
    code: int = 0

    @classmethod
    def data(cls, **members: object) -> Reply:
        """One JSON object, exit code 0."""
        return cls(json.dumps(members))

    @classmethod
    def blocked(cls, reason: str) -> Reply:
        """Exit code 2, which blocks everywhere; some agents need words with it."""
        return cls("", f"gate: {reason or 'refused'}\n", 2)


class Dialect(Protocol):
    """How one agent says it. asks: the answers it has that hand a question to whoever sits at the agent.

    dialogues: tools that are nothing but a dialogue of the agent with its person, which an "allow" would stand in place of.
    """

    name: str
    asks: frozenset[str]
    dialogues: frozenset[str]

    def read(self, data: Mapping[str, object]) -> Event:
        """What was said; ValueError when it cannot be understood, and for every event that is not known."""
        ...

    def pair(self, event: Event, arguments: Mapping[str, object]) -> str:
        """What a second event of this call will have in common with it, when it runs with these arguments; "" where there is none."""
        ...

    def changes(self, event: Event, arguments: Mapping[str, object]) -> bool:
        """Whether the agent can be told to run the call with these arguments instead."""
        ...

    def reply(self, event: Event, verdict: Verdict) -> Reply:
        """What to print. Whatever is no plain allow must block."""
        ...


class Single:
    """Part of a dialect in which a call has one event before it."""

    dialogues = frozenset[str]()

    def pair(self, event: Event, arguments: Mapping[str, object]) -> str:  # noqa: ARG002  # the protocol's
        """There is no second one."""
        return ""


NOTHING: Final = Verdict("nothing")


def phase_of(name: str, phases: Mapping[str, Phase]) -> Phase:
    """The phase of an event; ValueError for one that is not known, which may be a known one that a newer version calls otherwise."""
    if name not in phases:
        raise ValueError(f"{name[:80]!a} is no event that this hook answers")
    return phases[name]


def text(data: Mapping[str, object], *names: str, needed: bool = False) -> str:
    """The first of these members that is there; ValueError when it is no text, or when none is there and one is needed."""
    for name in names:
        value = data.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise ValueError(f"'{name}' is no text")
            if value or not needed:
                return value
    if needed:
        raise ValueError(f"'{names[0]}' is missing")
    return ""


def arguments(data: Mapping[str, object], *names: str) -> Mapping[str, object]:
    """The arguments of a call: an object, or the JSON text of one; none at all are no arguments. ValueError for anything else."""
    value: object = next((data[name] for name in names if data.get(name) is not None), None)
    if isinstance(value, str) and value:
        from gate.commands.strict import decode

        value = decode(value.encode())
    if value is None or value == "":
        return {}
    if not is_object(value):
        raise ValueError(f"'{names[0]}' is no object")
    return value


def server_tool(tool: str, server: object = None) -> str:
    """`server/tool` of an MCP tool as several agents spell it; the name as it is where that could be read in two ways.

    server: its name, where the agent says that, too.

    >>> server_tool("mcp__github__get_issue"), server_tool("mcp__a__b__c"), server_tool("mcp__a__b__c", "a"), server_tool("Bash")
    ('github/get_issue', 'mcp__a__b__c', 'a/b__c', 'Bash')
    """
    rest = tool.removeprefix("mcp__")
    if rest == tool or "/" in tool:
        return tool
    if isinstance(server, str) and server and "/" not in server and rest.startswith(spelled := f"{_SPELLED.sub('_', server)}__"):
        return f"{server}/{rest[len(spelled) :]}"
    ways = [at for at in range(1, len(rest) - 2) if rest.startswith("__", at)]
    return f"{rest[: ways[0]]}/{rest[ways[0] + 2 :]}" if len(ways) == 1 else tool


def words(reason: str) -> str:
    """A reason that is never empty and not too long."""
    return (reason or "refused by Gate")[:MOST_WORDS]
