r"""Signed notes and checkpoints, after C2SP signed-note and tlog-checkpoint, with Ed25519 signatures (type 0x01).

A checkpoint says how long the log was and what was in it, and cannot be taken back:

    example.com/agents                                  the log's origin
    3                                                   how many records
    rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=        root hash, base64     (any further lines are extensions)
    <empty line>
    — example.com/agents 4rQSrvhz…                      em dash, key name, base64(key id || signature)

The key id is the first 4 bytes of SHA-256(name || 0x0A || 0x01 || public key).  A verifier key is written `name+hex(key id)+base64(0x01 ||
public key)`.  Lines signed by keys one does not know (witnesses) are left alone.  Parsing is strict: what is read must be written again as
the same bytes, so that two readers never see two different things in one note.

>>> from gate.tokens.jwk import SigningKey
>>> tree_root = bytes.fromhex("aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77")
>>> signer = NoteKey("example.com/agents", SigningKey(bytes(32)))
>>> print(signed_checkpoint(signer, 3, tree_root).rpartition("\n— ")[0])
example.com/agents
3
rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=
<BLANKLINE>
>>> verifier_key(signer.name, signer.public)
'example.com/agents+e2b412ae+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
>>> read_checkpoint(signed_checkpoint(signer, 3, bytes(32)), verifier_key(signer.name, signer.public)).size
3
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from gate.errors import TamperError, TokenError
from gate.regex import regex

if TYPE_CHECKING:
    from gate.tokens.jwk import SigningKey

ED25519: Final = b"\x01"
MOST: Final = 1_000_000
_SIGNATURE: Final = regex(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\Z")
_SIZE: Final = regex(r"0\Z|[1-9][0-9]{0,18}\Z")


class Signer(Protocol):
    """A log key: the name is the log's origin, `public` the 32 bytes of the Ed25519 public key."""

    @property
    def name(self) -> str: ...
    @property
    def public(self) -> bytes: ...
    def sign(self, data: bytes) -> bytes: ...


class NoteKey(NamedTuple):
    """A key of the key ring as the log's signer."""

    name: str
    key: SigningKey

    @property
    def public(self) -> bytes:
        return self.key.public.raw

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature."""
        return self.key.sign(data)


class Checkpoint(NamedTuple):
    """A signed tree head: the log of this origin had `size` records, and `root` over them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def key_id(name: str, public: bytes) -> bytes:
    """The 4 bytes that name a key in a signature line."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """What a verifier needs: name, key id, public key."""
    return f"{name}+{key_id(name, public).hex()}+{b64encode(ED25519 + public).decode()}"


def read_verifier_key(text: str) -> tuple[str, bytes]:
    """Name and public key of a verifier key. TokenError when it is malformed or of another algorithm."""
    name, _, rest = text.strip().partition("+")
    data = _decode(rest.partition("+")[2])
    if data[:1] != ED25519 or len(data) != 33 or verifier_key(name, data[1:]) != text.strip() or not _good_name(name):
        raise TokenError(f"'{text}' is no verifier key for Ed25519 (name+key id+key)")
    return name, data[1:]


def _good_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any([c.isspace() for c in name])


def sign_note(text: str, signer: Signer) -> str:
    """The note: `text`, which ends in a newline and has no empty line at its end, and its signature."""
    if not text.endswith("\n") or not _plain(text) or not _good_name(signer.name):
        raise ValueError("a note is lines of text without control characters, and its signer has a name without spaces and plus signs")
    blob = key_id(signer.name, signer.public) + signer.sign(text.encode())
    return f"{text}\n— {signer.name} {b64encode(blob).decode()}\n"


def open_note(note: str, key: str) -> str:
    """The text of a note that the key signed. TamperError when it did not, TokenError when it is no note."""
    text, separator, lines = note.rpartition("\n\n")
    signatures = [_SIGNATURE.match(line) for line in lines.split("\n")[:-1]]
    if len(note) > MOST or not separator or not lines.endswith("\n") or not signatures or not all(signatures) or not _plain(note):
        raise TokenError("the text is no signed note")
    name, public = read_verifier_key(key)
    text += "\n"
    ours = [_decode(found[2]) for found in signatures if found and found[1] == name]
    ours = [blob for blob in ours if blob[:4] == key_id(name, public)]
    if len(ours) != 1:
        raise TamperError(f"the note has no signature by '{name}'" if not ours else f"the note is signed twice by '{name}'")
    if not _verifies(public, ours[0][4:], text.encode()):
        raise TamperError(f"the note's signature by '{name}' is wrong: somebody changed the text")
    return text


def signed_checkpoint(signer: Signer, size: int, root: bytes) -> str:
    """The signed note that the log had `size` records with this root."""
    return sign_note(f"{signer.name}\n{size}\n{b64encode(root).decode()}\n", signer)


def read_checkpoint(note: str, key: str) -> Checkpoint:
    """The checkpoint in a note that the key signed. TamperError for a wrong signature, TokenError for what is no checkpoint."""
    lines = open_note(note, key).split("\n")[:-1]
    root = _decode(lines[2]) if len(lines) > 2 else b""
    if len(root) != 32 or not _SIZE.match(lines[1]) or not all(lines):
        raise TokenError("the note is no checkpoint: origin, number of records and root hash are expected")
    if lines[0] != read_verifier_key(key)[0]:
        raise TamperError(f"the checkpoint is of '{lines[0]}', signed by another log's key")
    return Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:]))


def _plain(text: str) -> bool:
    return not any([(ord(c) < 0x20 and c != "\n") or ord(c) == 0x7F or 0xD800 <= ord(c) < 0xE000 for c in text])


def _decode(text: str) -> bytes:
    """The bytes of standard base64, or nothing unless this is the one way to write them."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if b64encode(data).decode() == text else b""


def _verifies(public: bytes, signature: bytes, data: bytes) -> bool:
    from gate.tokens.jwk import PublicKey

    return PublicKey(public).verify(signature, data)
