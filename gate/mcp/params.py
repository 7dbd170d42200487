"""Params: what goes on of a message's params, a closed world.

A grant is about a call's arguments; whatever else its params hold would pass unseen.  So those of a method that the gate knows are made anew from the
members that the protocol gives that method, and what only one era has goes on in that era alone.  Those of a method that it does not know go on as
they are, for all of them are decided (`gate.mcp.methods`).  `_meta` goes on with every message: it is the protocol's own way around arguments, for
what the server's host rather than its tool reads.

>>> from gate.mcp.wire import parse
>>> closed(parse(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{},"shell":"rm"}}')).params
{'name': 'add', 'arguments': {}}
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gate.mcp import wire
from gate.mcp.era import modern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.mcp.wire import Body, Message

_MEMBERS: Final = """
    initialize                          protocolVersion capabilities clientInfo
    ping
    server/discover
    tools/list                          cursor
    resources/list                      cursor
    resources/templates/list            cursor
    prompts/list                        cursor
    tasks/list                          cursor
    tasks/get                           taskId
    tasks/result                        taskId
    tasks/cancel                        taskId
    tasks/update                        taskId inputResponses
    tools/call                          name arguments -task +inputResponses +requestState
    prompts/get                         name arguments +inputResponses +requestState
    resources/read                      uri +inputResponses +requestState
    resources/subscribe                 uri
    resources/unsubscribe               uri
    subscriptions/listen                notifications
    completion/complete                 ref argument context
    logging/setLevel                    level
    elicitation/create                  mode message requestedSchema url elicitationId -task
    roots/list
    notifications/initialized
    notifications/roots/list_changed
    notifications/cancelled             requestId reason
    notifications/progress              progressToken progress total message
"""
"""Methods and the members of their params; `-` for the legacy era, `+` for the modern one. Sampling has no line: all it holds is decided."""
_INSIDE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "task": frozenset({"ttl"}),
        "ref": frozenset({"type", "name", "uri"}),
        "argument": frozenset({"name", "value"}),
        "notifications": frozenset({"toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions"}),
    }
)
"""Members that are objects with members of the protocol's own."""


def _table(*, new: bool) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in _MEMBERS.strip().splitlines():
        method, *members = line.split()
        known = [one.lstrip("+-") for one in members if not one.startswith("-" if new else "+")]
        found[method] = frozenset({"_meta", *known})
    return MappingProxyType(found)


_LEGACY: Final = _table(new=False)
_MODERN: Final = _table(new=True)


def closed(message: Message) -> Message:
    """The message with nothing in its params that its method does not have."""
    known = (_MODERN if modern(message) else _LEGACY).get(message.method)
    if known is None or not message.params or (message.params.keys() <= known and message.params.keys().isdisjoint(_INSIDE)):
        return message
    params = {name: _inside(name, value) for name, value in message.params.items() if name in known}
    return message if params == message.params else message._replace(params=params, body=wire.with_params(message, params))


def unknown(method: str, params: Body) -> str:
    """A member that the params of a modern message of this method do not have, "" for none."""
    return min(params.keys() - _MODERN.get(method, params.keys()), default="")


def _inside(name: str, value: object) -> object:
    known = _INSIDE.get(name)
    if known is None or not wire.is_body(value) or value.keys() <= known:
        return value
    inner: Body = {member: one for member, one in value.items() if member in known}
    return inner
