"""Call: one request to run one tool, as the single value that is checked, shown, digested, recorded and run.

A call is made by `gate.describe.schema` from what the agent sent: positional arguments are bound to names, values are coerced by the tool's
own schema and frozen.  Nothing later looks at the caller's objects again.

The digest of a call is base64url(SHA-256(JCS({"arguments": …, "tool": …}))) without padding (RFC 8785, RFC 4648 section 5), so anyone
can recompute it from the record of a call whose arguments are in clear:

>>> from gate.effect import UNDECLARED
>>> call = Call("add", MappingProxyType({"b": 2, "a": 1}), frozenset(), NOBODY, UNDECLARED, "c1")
>>> call.canonical()
b'{"arguments":{"a":1,"b":2},"tool":"add"}'
>>> call.digest()
'KE5pYwsHlMpDXdchDBUL4-ZrlUW3_o_LqdNgx3ROB8c'
"""

from __future__ import annotations

import itertools
import os
from binascii import b2a_base64
from collections.abc import Mapping
from hashlib import sha256
from json.encoder import encode_basestring
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from gate.effect import Assessment
from gate.frozen import MAX_INT, Frozen, thaw

if TYPE_CHECKING:
    from gate.capability import Capability


class Acting(NamedTuple):
    """Who acts: the agent, for whom, in which session and task, under which verified capability.

    `labels` is the place for origins: where the values of this session's calls come from.  `unnamed`: nobody named the session, so that it is one
    of its own, and the thread of a framework may take its place.
    """

    agent: str
    session: str = ""
    task: str = ""
    principal: str = ""
    capability: Capability | None = None
    labels: frozenset[str] = frozenset()
    unnamed: bool = False


NOBODY: Final = Acting("")


class Call(NamedTuple):
    """One request. `serial` numbers the calls of this process (or is a whole id, for a call that was made elsewhere).

    `defaulted` names the arguments the caller left out: their value is the tool author's default.

    `labels` is the place for origins of single arguments: argument name → where its value came from.
    """

    tool: str
    arguments: Mapping[str, Frozen]
    defaulted: frozenset[str]
    acting: Acting
    assessment: Assessment
    serial: int | str
    labels: Mapping[str, frozenset[str]] = MappingProxyType({})

    @property
    def id(self) -> str:
        """An id no other call has: 72 random bits for the process, then the number of the call in it. A fork does not change it."""
        serial = self.serial
        return serial if isinstance(serial, str) else f"{_prefix if serial > _inherited else _made_before(serial)}{serial}"

    def canonical(self) -> bytes:
        """The canonical bytes of what would run: JCS of the tool's name and all arguments, defaults included."""
        return canonical({"tool": self.tool, "arguments": thaw(self.arguments)})

    def digest(self) -> str:
        """SHA-256 of the canonical bytes, base64url without padding."""
        return b64url(sha256(self.canonical()).digest())

    def claim(self) -> str:
        """What tells this call, once authorized, from the same call of somebody else: its digest, the agent and the capability together."""
        capability = self.acting.capability
        return b64url(sha256(canonical([self.digest(), self.acting.agent, capability.jti if capability else ""])).digest())


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of plain data; ValueError for what the standard cannot carry.

    Texts, whole numbers, flags, null, and arrays and objects of them are written here, because every record needs a few; everything else (a
    real number, a name that is not ASCII) is `rfc8785`'s. Both give the same bytes, which a property test compares; see docs/decisions/0005.
    """
    text = _canonical_text(value)
    if text is not None:
        return text.encode()
    import rfc8785  # here, because most processes never need it

    return rfc8785.dumps(value)  # type: ignore[arg-type]  # its type lists plain data; anything else raises


def _canonical_text(value: object) -> str | None:
    """The canonical form where it is simple, None where it is not. Python's own encoder escapes text exactly as RFC 8785 section 3.2.2.2 does."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)  # type: ignore[arg-type]  # text, says the line above
    if kind is int:
        return str(value) if -MAX_INT <= value <= MAX_INT else None  # type: ignore[operator]  # a number, says the line above
    if value is None or kind is bool:
        return "null" if value is None else "true" if value else "false"
    if kind is list:
        parts = [_canonical_text(item) for item in value]  # type: ignore[attr-defined]  # a list
        return None if None in parts else f"[{','.join(parts)}]"  # type: ignore[arg-type]  # None is excluded
    if kind is dict:
        names: list[str] = list(value)  # type: ignore[call-overload]  # a dict
        if not all(type(name) is str and name.isascii() for name in names):
            return None  # sorted by UTF-16 code units, which is another order than Python's outside ASCII
        members = [(name, _canonical_text(value[name])) for name in sorted(names)]  # type: ignore[index]  # a dict
        return None if any(text is None for _, text in members) else f"{{{','.join([f'{encode_basestring(n)}:{t}' for n, t in members])}}}"
    return None


def b64url(data: bytes) -> str:
    """RFC 4648 section 5 without padding, the form of every digest and signature here."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE).rstrip(b"=").decode()


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def _fresh_prefix() -> None:
    global _prefix, _inherited  # ids stay unique after a fork only if the child starts another sequence
    _inherited = next_serial()
    _older.append((_inherited, _prefix))
    _prefix = b64url(os.urandom(9)) + "."


def _made_before(serial: int) -> str:
    """The prefix of a call that was made before the last fork, so that a child settles the call that its parent authorized."""
    return next(prefix for last, prefix in _older if serial <= last)


_prefix, _inherited = "", 0
_older: Final[list[tuple[int, str]]] = []  # the last number under each earlier prefix
next_serial: Final = itertools.count(1).__next__
_fresh_prefix()
os.register_at_fork(after_in_child=_fresh_prefix)
