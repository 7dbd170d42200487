"""Results: what the server answered, before the client gets it.

Lists lose what the capability does not grant; what depends on the capability is kept by no shared cache and no longer than it lives.  In the modern
era a server asks of the client inside its results (`inputRequests`): each of those is a call that the gate decides, as the legacy request would be.
A form that asks for a secret is refused whatever is granted: the protocol forbids it, and an agent may be who fills it in.

>>> inner_calls("fs", "elicitation/create", {"message": "Who are you?", "requestedSchema": {"properties": {"api_key": {}}}})
((), "a form must not ask for secrets, and 'api_key' looks like one")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from gate.constraints.value import is_array, is_object
from gate.mcp import wire
from gate.mcp.era import complete, uncached
from gate.mcp.forms import asks_secret
from gate.mcp.methods import LISTS, REVERSE, Malformed, arguments_of
from gate.mcp.params import unknown
from gate.mcp.tasks import Task, asks, begun
from gate.mcp.verdict import Forward, Hold, Settled, Wanted

if TYPE_CHECKING:
    from gate.mcp.catalogue import Catalogue
    from gate.mcp.flight import Pending
    from gate.mcp.notices import Notices
    from gate.mcp.tasks import Tasks
    from gate.mcp.wire import Body, Message

MOST_INPUTS: Final = 16
_MINE: Final = "gate."
_CHOICES: Final = frozenset({"boolean", "array"})
_SAYING: Final = ("title", "description", "format")
"""What tells what a field asks for; the description of a number or a choice rather says what it does not."""
_INPUT: Final = frozenset({"tools/call", "prompts/get", "resources/read"})


class Results:
    """The results of one session."""

    def __init__(self, server: str, catalogue: Catalogue, tasks: Tasks, notices: Notices) -> None:
        self._server, self._catalogue, self._tasks, self._notices = server, catalogue, tasks, notices
        self.instructions: str | None = None
        self.kept: dict[str, tuple[object, ...]] = {}
        """Tickets of approved calls that wait for another round of the client, by ref."""
        self.wrap: Callable[[Pending, object], tuple[str, str]] | None = None
        """Seals the server's requestState into the gate's own, so that an approval survives it: the ref, and the text."""

    def verdict(self, message: Message, pending: Pending) -> Forward | Hold:
        """What becomes of a result."""
        result: Body = message.body["result"]  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # an object, as `wire` checked
        method = pending.method
        if method in LISTS:
            return Forward(wire.with_result(message, self._listed(result, pending)))
        if method in ("initialize", "server/discover"):
            return Forward(wire.with_result(message, self._greeting(result)))
        if method == "tasks/list":
            return Forward(wire.with_result(message, self._own_tasks(result, pending)))
        if result.get("resultType") == "input_required" or asks(result):
            return self._inputs(message, result, pending)
        if ident := begun(result):
            settled = self._tasks.started(ident, Task(pending.context.key, pending.tickets, pending.token))
            return Forward(message.body, settled)
        settled = tuple([Settled(ticket, "ok", result) for ticket in pending.tickets])
        if method in ("tasks/get", "tasks/cancel"):
            settled = self._tasks.told(pending.name, result)
        elif method == "tasks/result":
            settled = self._tasks.result(pending.name, result)
        elif method == "resources/read":
            return Forward(wire.with_result(message, uncached(result, pending.context.life(), modern=pending.modern)), settled)
        return Forward(message.body, settled)

    def _listed(self, result: Body, pending: Pending) -> Body:
        """A list without what its reader is not granted."""
        member, context, server = LISTS[pending.method], pending.context, self._server
        found = result.get(member)
        items: Sequence[object] = found if is_array(found) else []
        if pending.method == "tools/list":
            shown = self._catalogue.page(items, lambda name: context.sees(f"{server}/{name}"))
        elif pending.method == "resources/templates/list":
            shown = list(items) if context.sees(f"{server}/resources/read") else []
        else:
            tool, argument = ("prompts/get", "name") if member == "prompts" else ("resources/read", "uri")
            shown = [one for one in items if is_object(one) and context.admits(f"{server}/{tool}", argument, one.get(argument))]
        return uncached({**result, member: shown}, context.life(), modern=pending.modern)

    def _greeting(self, result: Body) -> Body:
        """What a server says of itself, without instructions that nobody approved."""
        said = result.get("instructions")
        self.instructions = said if isinstance(said, str) else ""
        pinned = self._catalogue.pinned
        if "instructions" not in result or pinned is None or pinned.instructions == self.instructions:
            return result
        return {name: value for name, value in result.items() if name != "instructions"}

    def _own_tasks(self, result: Body, pending: Pending) -> Body:
        items = result.get("tasks")
        mine = [
            one
            for one in (items if is_array(items) else ())
            if is_object(one) and self._tasks.owned(one.get("taskId"), pending.context.key) and not asks(one)
        ]
        return {**result, "tasks": mine}

    def _inputs(self, message: Message, result: Body, pending: Pending) -> Forward | Hold:
        """What the server wants from the client first."""
        settled = tuple([Settled(ticket, "ok", {"resultType": "input_required"}) for ticket in pending.tickets])
        wanted = result.get("inputRequests", {})
        if pending.method not in _INPUT or not is_object(wanted) or len(wanted) > MOST_INPUTS or "task" in result:
            return Forward(self._stopped(pending, f"the server asks for input, which '{pending.method}' cannot"), settled)
        if self.wrap is not None and "resume" in pending.extra:
            ref, text = self.wrap(pending, result.get("requestState"))
            self.kept[ref], settled, pending.extra["ref"] = pending.tickets, (), ref
            result = {**result, "requestState": text}
            message = message._replace(body=wire.with_result(message, result))
        calls: tuple[Wanted, ...] = ()
        for name, one in wanted.items():
            if name.startswith(_MINE):
                return Forward(self._stopped(pending, "the server asks under a name of the gate's own"), settled or self.given_up(pending))
            said: Mapping[str, object] = one if is_object(one) else {}
            found, why = inner_calls(self._server, said.get("method"), said.get("params", {}))
            why = why or _more(said)
            if why:
                return Forward(self._stopped(pending, f"the server asks for what it must not: {why}"), settled or self.given_up(pending))
            calls += found
        if not calls:
            return Forward(message.body, settled)
        hidden = not all(pending.context.sees(call.tool) for call in calls)
        return Hold(calls, message, "inputs", pending, hidden=hidden, settled=settled)

    def given_up(self, pending: Pending) -> tuple[Settled, ...]:
        """A call that waited for another round gets none."""
        tickets = self.kept.pop(str(pending.extra.get("ref", "")), ())
        return tuple([Settled(ticket, "error", None, "the server asked for what it must not") for ticket in tickets])

    def _stopped(self, pending: Pending, words: str) -> Body:
        if pending.method == "tools/call":
            return wire.result(pending.id, complete({"content": [{"type": "text", "text": words}], "isError": True}, modern=pending.modern))
        return wire.error(pending.id, -32010, words)


def _more(said: Mapping[str, object]) -> str:
    """Why a request inside a result must not be made: it has more than its method has, which nobody decides."""
    params = said.get("params", {})
    more = unknown(str(said.get("method")), params) if wire.is_body(params) else ""
    return f"'{said.get('method')}' has no member {more[:64]!a}" if more else ""


def inner_calls(server: str, method: object, params: object) -> tuple[tuple[Wanted, ...], str]:
    """The calls that a server's request of the client is, or why it must not be made at all."""
    if not isinstance(method, str) or method not in REVERSE or not is_object(params):
        return (), f"there is no request {str(method)[:64]!a}"
    body: Body = {**params}
    try:
        found = arguments_of(method, body)
    except Malformed as wrong:
        return (), str(wrong)
    if method == "elicitation/create" and (field := secret_field(body)):
        return (), f"a form must not ask for secrets, and '{field[:64]}' looks like one"
    return tuple([Wanted(f"{server}/{method}", arguments) for arguments in found]), ""


def secret_field(params: Mapping[str, object]) -> str:
    """The first field of a form that asks for a secret, "" when none does."""
    schema = params.get("requestedSchema")
    fields = schema.get("properties") if is_object(schema) else None
    asks = asks_secret(str(params.get("message", "")))
    for name, field in fields.items() if is_object(fields) else ():
        if asks and not (is_object(field) and (field.get("type") in _CHOICES or "enum" in field or "oneOf" in field)):
            return name  # the message asks for it, and this field takes any text
        said = (
            [name, *[str(field.get(part, "")) for part in _SAYING if part != "description" or field.get("type") == "string"]]
            if is_object(field)
            else [name]
        )
        if any(map(asks_secret, said)):
            return name
    return ""
