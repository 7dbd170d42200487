"""Methods: what of the protocol is a tool to the gate, and under which name.

A server's own tool is `SERVER/TOOL`.  Whatever else has an effect or brings something back is called by the method's own name, `SERVER/METHOD`, so
that a grant and a rule speak of it as of any tool; no tool of a server can have such a name, for theirs hold no "/".

    "fs/resources/read": {"uri": subpath…}        "fs/sampling/createMessage": ANY

>>> arguments_of("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "lang", "value": "p"}})
[{'type': 'ref/prompt', 'name': 'greet', 'argument': 'lang', 'value': 'p'}]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gate.constraints.value import is_array, is_object
from gate.mcp.wire import Body

FREE: Final = frozenset({"initialize", "ping", "server/discover", "resources/unsubscribe"})
"""What needs no grant: to greet, and to end something."""
LISTS: Final[Mapping[str, str]] = MappingProxyType(
    {"tools/list": "tools", "resources/list": "resources", "resources/templates/list": "resourceTemplates", "prompts/list": "prompts"}
)
"""Lists, and the member that holds their items: what the capability does not grant is left out."""
TASKS: Final = frozenset({"tasks/get", "tasks/result", "tasks/update", "tasks/cancel"})
REMOVED: Final = frozenset({"logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/list", "tasks/result"})
"""What the modern era has no longer."""
OTHER: Final = "methods/call"
"""Any method that is not here, with its name and params as arguments."""
MOST_URIS: Final = 100


class MethodTool(NamedTuple):
    """A method as a tool: the JSON Schema of its arguments, its effects, its risk."""

    properties: Mapping[str, object]
    required: tuple[str, ...]
    effects: str = "egress"
    risk: str = "medium"


_TEXT: Final[Mapping[str, object]] = MappingProxyType({"type": "string"})
_OBJECT: Final[Mapping[str, object]] = MappingProxyType({"type": "object"})
_ANY: Final[Mapping[str, object]] = MappingProxyType({})
TOOLS: Final[Mapping[str, MethodTool]] = MappingProxyType(
    {
        "resources/read": MethodTool({"uri": _TEXT}, ("uri",)),
        "resources/subscribe": MethodTool({"uri": _TEXT}, ("uri",)),
        "prompts/get": MethodTool({"name": _TEXT, "arguments": _OBJECT}, ("name",)),
        "completion/complete": MethodTool(
            {"type": _TEXT, "name": _TEXT, "uri": _TEXT, "argument": _TEXT, "value": _TEXT, "context": _OBJECT}, ("type", "argument", "value")
        ),
        "logging/setLevel": MethodTool({"level": _TEXT}, ("level",)),
        "sampling/createMessage": MethodTool(
            {"messages": _ANY, "systemPrompt": _TEXT, "maxTokens": _ANY, "more": _OBJECT}, ("messages",), risk="high"
        ),
        "elicitation/create": MethodTool({"mode": _TEXT, "message": _TEXT, "fields": _ANY, "url": _TEXT}, ("mode", "message")),
        "roots/list": MethodTool({}, ()),
        OTHER: MethodTool({"method": _TEXT, "params": _OBJECT}, ("method", "params"), risk="high"),
    }
)
REVERSE: Final = frozenset({"sampling/createMessage", "elicitation/create", "roots/list"})
"""What a server asks of a client."""


class Malformed(ValueError):
    """The params of a request are not what its method needs."""


def arguments_of(method: str, params: Body) -> list[dict[str, object]]:
    """The arguments of the calls that a request is, as the gate decides them. Malformed for what is none."""
    found = _ARGUMENTS.get(method)
    return [{"method": method, "params": _bare(params)}] if found is None else found(params)


def own_meta(name: str) -> bool:
    """Whether a member of `_meta` is the protocol's own, which every request has."""
    return name == "progressToken" or name.startswith("io.modelcontextprotocol/")


def tool_of(method: str) -> str:
    """The method under which a grant speaks of it."""
    return "resources/subscribe" if method == "subscriptions/listen" else method if method in TOOLS else OTHER


def _bare(params: Body) -> dict[str, object]:
    """All of them, for all of them go on; of `_meta` what is not the protocol's own."""
    said = params.get("_meta")
    if "_meta" not in params or not is_object(said):
        return dict(params)
    rest = {name: value for name, value in said.items() if not own_meta(name)}
    return {**{name: value for name, value in params.items() if name != "_meta"}, **({"_meta": rest} if rest else {})}


def _text(params: Mapping[str, object], name: str) -> str:
    value = params.get(name)
    if type(value) is not str:
        raise Malformed(f"'{name}' must be a text")
    return value


def _uri(params: Body) -> list[dict[str, object]]:
    return [{"uri": _text(params, "uri")}]


def _prompt(params: Body) -> list[dict[str, object]]:
    found: dict[str, object] = {"name": _text(params, "name")}
    return [found | ({"arguments": params["arguments"]} if "arguments" in params else {})]


def _completion(params: Body) -> list[dict[str, object]]:
    ref, argument = params.get("ref"), params.get("argument")
    if not is_object(ref) or not is_object(argument):
        raise Malformed("'ref' and 'argument' must be objects")
    named = {name: _text(ref, name) for name in ("type", "name", "uri") if name in ref}
    if len(named) != 2 or "type" not in named:
        raise Malformed("'ref' has a 'type', and a 'name' or a 'uri'")
    found: dict[str, object] = {**named, "argument": _text(argument, "name"), "value": _text(argument, "value")}
    return [found | ({"context": params["context"]} if "context" in params else {})]


def _level(params: Body) -> list[dict[str, object]]:
    return [{"level": _text(params, "level")}]


def _listen(params: Body) -> list[dict[str, object]]:
    wanted = params.get("notifications")
    uris = wanted.get("resourceSubscriptions", []) if is_object(wanted) else None
    if not is_array(uris) or len(uris) > MOST_URIS or not all(type(uri) is str for uri in uris):
        raise Malformed(f"'notifications' must be an object, and its 'resourceSubscriptions' at most {MOST_URIS} texts")
    return [{"uri": uri} for uri in uris]


def _sampling(params: Body) -> list[dict[str, object]]:
    bare = _bare(params)
    if not is_array(bare.get("messages")):
        raise Malformed("'messages' must be a list")
    known = {name: bare.pop(name) for name in ("messages", "systemPrompt", "maxTokens") if name in bare}
    bare.pop("_meta", None)  # goes on with every known method, see `gate.mcp.params`
    return [known | ({"more": bare} if bare else {})]


def _elicitation(params: Body) -> list[dict[str, object]]:
    mode = params.get("mode", "form")
    if mode not in ("form", "url"):
        raise Malformed('\'mode\' must be "form" or "url"')
    found: dict[str, object] = {"mode": mode, "message": _text(params, "message")}
    if mode == "url":
        return [{**found, "url": _text(params, "url")}]
    schema = params.get("requestedSchema")
    fields = schema.get("properties") if is_object(schema) else None
    if not is_object(fields):
        raise Malformed("'requestedSchema' must be an object with properties")
    return [{**found, "fields": sorted(fields)}]


def _nothing(params: Body) -> list[dict[str, object]]:
    del params
    return [{}]


_ARGUMENTS: Final[Mapping[str, Callable[[Body], list[dict[str, object]]]]] = MappingProxyType(
    {
        "resources/read": _uri,
        "resources/subscribe": _uri,
        "prompts/get": _prompt,
        "completion/complete": _completion,
        "logging/setLevel": _level,
        "subscriptions/listen": _listen,
        "sampling/createMessage": _sampling,
        "elicitation/create": _elicitation,
        "roots/list": _nothing,
    }
)
