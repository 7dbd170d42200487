"""Wire: one message of JSON-RPC 2.0 as the Model Context Protocol uses it, strictly read and always written anew.

Two readers that disagree about a message are a way around whoever stands between them, so nothing is passed on that any reader could take otherwise:

- one object per message: no batches, no other values (JSON-RPC 2.0 section 6 is refused on purpose)
- no member twice, at any depth; no member that another reader may take for one of the protocol's own ("Method", "NAME": some compare without case)
- `id` is a whole number or a text; `method` is a text; `params` is an object; a response has either `result` or `error`
- no NaN, no infinity, no number that a double cannot hold; UTF-8 without a byte order mark; at most `LONGEST` bytes, `DEEPEST` levels

What is written is what was read: numbers keep the form in which they came, and a text that is no valid Unicode keeps its escapes.  What any
reader of lines may take for the end of one is written as an escape, or the text behind it would be a message that nobody decided.

>>> parse(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1.50}}}').method
'tools/call'
>>> dump(parse(b'{"jsonrpc": "2.0", "method": "x", "params": {"a": 1.50, "b": 1E2}}').body)
b'{"jsonrpc":"2.0","method":"x","params":{"a":1.50,"b":1E2}}'
>>> parse(b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}')
Traceback (most recent call last):
gate.mcp.wire.BadMessage: the member 'method' appears twice
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias, TypeGuard

from gate.constraints.value import is_array, is_object

Body: TypeAlias = "dict[str, object]"
Id: TypeAlias = "int | str"
Sort: TypeAlias = Literal["request", "notification", "result", "error"]

LONGEST: Final = 16 * 1024 * 1024
DEEPEST: Final = 128
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
_MAX_DIGITS: Final = 400
_SPACE: Final = " \t\n\r"  # what JSON calls white space (RFC 8259, section 2), and nothing else
_ENVELOPE: Final = {
    "request": frozenset({"jsonrpc", "id", "method", "params"}),
    "notification": frozenset({"jsonrpc", "method", "params"}),
    "result": frozenset({"jsonrpc", "id", "result"}),
    "error": frozenset({"jsonrpc", "id", "error"}),
}
_WORDS: Final = """
    jsonrpc id method params result error code message data name arguments uri _meta cursor nextCursor level ref argument value context type
    task tasks taskId requestId progressToken progress total reason requestState inputResponses inputRequests resultType tools resources
    resourceTemplates uriTemplate prompts contents content structuredContent isError messages instructions capabilities clientInfo serverInfo
    protocolVersion supportedVersions mode url requestedSchema elicitationId notifications resourceSubscriptions ttlMs cacheScope status roots
    action title description inputSchema outputSchema annotations icons execution
"""
NAMES: Final = frozenset(_WORDS.split())
"""The protocol's own members. In the places where the protocol has them, none may be written in another case."""
_FOLDED: Final = frozenset(name.casefold() for name in NAMES)
_INSIDE: Final = frozenset({"ref", "argument", "task", "_meta"})


class BadMessage(ValueError):
    """It is no message. code: of JSON-RPC."""

    def __init__(self, reason: str, code: int = INVALID_REQUEST) -> None:
        super().__init__(reason)
        self.code = code


class Message(NamedTuple):
    """One message: `body` is all of it, `params` the object in it, or {}; id: None for a notification, and for an error about nothing."""

    sort: Sort
    body: Body
    id: Id | None
    method: str
    params: Body


class Exact(dict[str, object]):
    """A body with a number that Python would write otherwise."""


class Real(float):
    """A number that remembers how it was written."""

    text: str


def parse(line: bytes, longest: int = LONGEST) -> Message:
    """The message of one line. BadMessage says what is wrong with it."""
    if len(line) > longest:
        raise BadMessage(f"the message is {len(line)} bytes long; at most {longest} are taken", PARSE_ERROR)
    found = _decoded(line)
    if not is_body(found):
        raise BadMessage("a batch is refused; send each message by itself" if is_list(found) else "a message is an object")
    body: Body = found
    sort = _sort(body)
    params = body.get("params", {})
    if not is_body(params):
        raise BadMessage("'params' must be an object")
    if sort == "result":
        _check_case(body["result"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # an object, as `_sort` checked
    elif params:  # of the envelope itself `_sort` knows every member
        _check_case(params)
        for name in params.keys() & _INSIDE:
            if is_body(inside := params[name]):
                _check_case(inside)
    if (line.count(b"[") + line.count(b"{")) > DEEPEST and _depth(body) > DEEPEST:
        raise BadMessage(f"it is nested deeper than {DEEPEST} levels", PARSE_ERROR)
    method, ident = body.get("method", ""), body.get("id")
    return Message(sort, body, ident, method, params)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what `_sort` checked


def is_body(value: object) -> TypeGuard[Body]:
    """Whether it is an object, as this module reads them."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether it is a list, as this module reads them."""
    return isinstance(value, list)


def dump(body: Body) -> bytes:
    """The bytes of a message, without a line end; ValueError for what is no JSON."""
    if type(body) is Exact:
        return _text(body).encode()
    try:
        text = _ENCODER.encode(body)
        return text.encode() if text.isascii() else text.translate(_ENDS).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        return _ASCII.encode(body).encode()


def with_params(message: Message, params: Body) -> Body:
    """The body with other params."""
    return type(message.body)({**message.body, "params": params})


def with_result(message: Message, result: Body) -> Body:
    """The body with another result."""
    return type(message.body)({**message.body, "result": result})


def request(ident: Id, method: str, params: Body) -> Body:
    """A request of the gate's own."""
    return {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}


def result(ident: Id | None, value: Body) -> Body:
    """A response."""
    return {"jsonrpc": "2.0", "id": ident, "result": value}


def error(ident: Id | None, code: int, text: str, data: object = None) -> Body:
    """An error response."""
    said: Body = {"code": code, "message": text}
    return {"jsonrpc": "2.0", "id": ident, "error": said if data is None else {**said, "data": data}}


# ---- reading ----------------------------------------------------------------------------------------------------------------------


def _decoded(line: bytes) -> object:
    try:
        before = _reals[0]
        text = line.decode().strip(_SPACE)
        found, end = _DECODER.raw_decode(text)
    except UnicodeDecodeError as wrong:
        raise BadMessage(f"byte {wrong.start} is no UTF-8", PARSE_ERROR) from None
    except json.JSONDecodeError as wrong:
        raise BadMessage(f"it is no JSON: {wrong.msg.lower()} at character {wrong.pos}", PARSE_ERROR) from None
    except RecursionError:
        raise BadMessage("it is nested too deep", PARSE_ERROR) from None
    if end != len(text):
        raise BadMessage(f"it is no JSON: extra data at character {end}", PARSE_ERROR)
    return Exact(found) if _reals[0] != before and is_body(found) else found


def _sort(body: Body) -> Sort:
    """What sort of message it is, and that its envelope is that of one."""
    if body.get("jsonrpc") != "2.0":
        raise BadMessage("'jsonrpc' must be \"2.0\"")
    if ("method" in body) + ("result" in body) + ("error" in body) != 1:
        raise BadMessage("a message has one of 'method', 'result' and 'error'")
    sort: Sort = ("request" if "id" in body else "notification") if "method" in body else "result" if "result" in body else "error"
    if unknown := body.keys() - _ENVELOPE[sort]:
        raise BadMessage(f"a {sort} has no member {min(unknown)[:40]!a}")
    ident = body.get("id")
    if type(ident) not in (int, str) and not (ident is None and sort in ("notification", "error")):
        raise BadMessage("'id' must be a whole number or a text")
    if "method" in body and type(body["method"]) is not str:
        raise BadMessage("'method' must be a text")
    if sort == "result" and not is_body(body["result"]):
        raise BadMessage("'result' must be an object")
    if sort == "error":
        _check_error(body["error"])
    return sort


def _check_error(said: object) -> None:
    if not is_object(said) or type(said.get("code")) is not int or type(said.get("message")) is not str:
        raise BadMessage("'error' must be an object with a whole 'code' and a text 'message'")


def _check_case(members: Body) -> None:
    if members.keys() <= NAMES:
        return
    for name in members:
        if name not in NAMES and name.casefold() in _FOLDED:
            raise BadMessage(f"another reader may take the member {name[:40]!a} for '{name.casefold()}'")


def _depth(body: object) -> int:
    level, depth = [body], 0
    while level and depth <= DEEPEST:
        inner: list[object] = []
        for item in level:
            inner += item.values() if is_body(item) else item if is_list(item) else ()
        level, depth = inner, depth + 1
    return depth


def _unique(pairs: list[tuple[str, object]]) -> Body:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen = set[str]()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise BadMessage(f"the member {twice[:40]!a} appears twice", PARSE_ERROR)
    return made


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise BadMessage(f"a number of {len(text)} digits is refused", PARSE_ERROR)
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise BadMessage(f"the number {text[:40]} is too large", PARSE_ERROR)
    if repr(value) == text:
        return value
    kept = Real(value)
    kept.text = text
    _reals[0] += 1
    return kept


def _constant(name: str) -> NoReturn:
    raise BadMessage(f"{name} is no JSON value", PARSE_ERROR)


_reals: Final = [0]
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_whole, parse_float=_fraction, parse_constant=_constant)

# ---- writing ----------------------------------------------------------------------------------------------------------------------

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)
_ENDS: Final = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
"""What some readers take for the end of a line (Java's Scanner, Python's splitlines); JSON has them in texts only."""
_ASCII: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


def _text(value: object) -> str:
    """As the encoder writes it, but for numbers that remember their form."""
    if is_body(value):
        return f"{{{','.join([f'{encode_basestring_ascii(name)}:{_text(item)}' for name, item in value.items()])}}}"
    if is_array(value):
        return f"[{','.join([_text(item) for item in value])}]"
    return value.text if isinstance(value, Real) else _ASCII.encode(value)
