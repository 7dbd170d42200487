r"""Headers: what HTTP says beside a message, and that it says the same as the message (2026-07-28, transports: standard and custom headers).

    MCP-Protocol-Version   `_meta["io.modelcontextprotocol/protocolVersion"]`
    Mcp-Method             `method`
    Mcp-Name               `params.name` of tools/call and prompts/get, `params.uri` of resources/read
    Mcp-Param-TOKEN        the argument whose schema says `"x-mcp-header": "TOKEN"`

The message is what is decided about, so a header that says otherwise would be a way around: it is refused with HeaderMismatch (-32020).  A header
that is not there is the server's to miss.  What goes on to the server is made anew from the message that goes on.

>>> decoded("=?base64?SGVsbG8=?="), decoded("=?base64?SGVsbG8?="), encoded("Zürich")
('Hello', None, '=?base64?WsO8cmljaA==?=')
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from gate.constraints.value import is_array, is_object
from gate.mcp.era import VERSION, meta, modern
from gate.mcp.wire import Message

Headers: TypeAlias = "list[tuple[str, str]]"
"""Names in lower case and values, as they came."""

MISMATCH: Final = -32020
_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_PARAM: Final = "mcp-param-"
_CODED: Final = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_PLAIN: Final = re.compile(r"[\x20-\x7e]*")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.0+)?")
_CARRIED: Final = ("string", "integer", "boolean")
_INNER: Final = frozenset(
    {
        *("items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties", "not", "if", "then", "else"),
        *("contentSchema", "allOf", "anyOf", "oneOf", "prefixItems", "patternProperties", "dependentSchemas", "$defs", "definitions"),
    }
)


class Mismatch(ValueError):
    """A header says otherwise than the message."""


def one(headers: Headers, name: str) -> str | None:
    """The value of a header, None without one; Mismatch for two of them, of which readers may take either."""
    found = [value for known, value in headers if known == name]
    if len(found) > 1:
        raise Mismatch(f"the header {name} appears more than once")
    return found[0].strip(" \t") if found else None


def check(headers: Headers, message: Message) -> None:
    """Mismatch where a standard header says otherwise than the message."""
    version, method, name = (one(headers, header) for header in ("mcp-protocol-version", "mcp-method", "mcp-name"))
    if modern(message) and version is not None and version != meta(message)[VERSION]:
        raise Mismatch("the header mcp-protocol-version does not match the version of the message")
    if method is not None and method != message.method:
        raise Mismatch("the header mcp-method does not match the method of the message")
    if name is not None and decoded(name) != message.params.get(_NAMED.get(message.method, "")):
        raise Mismatch("the header mcp-name does not match the message")


def check_params(headers: Headers, schema: object, arguments: Mapping[str, object]) -> None:
    """Mismatch where the headers of a call's arguments say otherwise than the call. schema: of its arguments."""
    wanted = places(schema)
    for token, (path, sort) in wanted.items():
        said, value = one(headers, _PARAM + token), _at(arguments, path)
        text = _text(value)
        if (said is None) != (text is None):
            raise Mismatch(f"the header {_PARAM}{token} and the argument '{'.'.join(path)}' go together, and one is missing")
        if said is not None and not _same(decoded(said), text, value, sort):
            raise Mismatch(f"the header {_PARAM}{token} does not match the argument '{'.'.join(path)}'")


def of(headers: Headers, message: Message, schema: object = None) -> Headers:
    """The headers with which a message goes on: of those that came, the standard ones; for a call, its arguments' as they are now."""
    kept = [(name, value) for name in ("mcp-protocol-version", "mcp-method", "mcp-name") if (value := one(headers, name)) is not None]
    if message.method != "tools/call" or not is_object(arguments := message.params.get("arguments", {})):
        return kept
    texts = {token: _text(_at(arguments, path)) for token, (path, _) in places(schema).items()}
    return kept + [(_PARAM + token, encoded(text)) for token, text in texts.items() if text is not None]


def places(schema: object) -> dict[str, tuple[tuple[str, ...], str]]:
    """Token, in lower case → the argument that the header repeats, and its type; {} for a schema that says it wrongly anywhere."""
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    left: list[tuple[tuple[str, ...] | None, object]] = [((), schema)]
    while left:
        path, part = left.pop()
        if not is_object(part):
            continue
        if "x-mcp-header" in part:
            token, sort = part["x-mcp-header"], part.get("type")
            if not path or not isinstance(token, str) or not _TOKEN.fullmatch(token) or token.lower() in found or sort not in _CARRIED:
                return {}
            found[token.lower()] = path, str(sort)
        for name, inner in part.items():
            if name == "properties" and is_object(inner):
                left += [(None if path is None else (*path, key), value) for key, value in inner.items()]
            elif name in _INNER:
                left += [(None, value) for value in _parts(inner)]
    return found


def _parts(inner: object) -> Iterable[object]:
    """The schemas in the value of a keyword: itself, its items, its members."""
    return inner if is_array(inner) else [inner, *inner.values()] if is_object(inner) else ()


def encoded(text: str) -> str:
    """A text as a header carries it."""
    if _PLAIN.fullmatch(text) and text == text.strip() and not _CODED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode()}?="


def decoded(said: str) -> str | None:
    """The text that a header carries; None for one that is coded wrongly, or in two ways."""
    coded = _CODED.fullmatch(said)
    if coded is None:
        return said
    try:
        raw = base64.b64decode(coded[1], validate=True)
        return raw.decode() if base64.b64encode(raw).decode() == coded[1] else None
    except (binascii.Error, ValueError):
        return None


def _at(arguments: Mapping[str, object], path: tuple[str, ...]) -> object:
    value: object = arguments
    for name in path:
        value = value.get(name) if is_object(value) else None
    return value


def _text(value: object) -> str | None:
    """A value as a header writes it; None for one that has no header."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def _same(said: str | None, text: str | None, value: object, sort: str) -> bool:
    whole = sort == "integer" and not isinstance(value, bool) and isinstance(value, (int, float)) and value == int(value)
    if whole and said is not None and len(said) < 400 and _NUMBER.fullmatch(said):
        return int(said.partition(".")[0]) == int(value)  # type: ignore[call-overload, no-any-return]  # a number, as above
    return said is not None and said == text
