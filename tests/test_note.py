"""Signed notes and checkpoints: the published example, round trips, and every way to write one wrongly."""

from __future__ import annotations

import doctest
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.log.note
from gate.errors import TamperError, TokenError
from gate.log.note import (
    Checkpoint,
    NoteKey,
    key_id,
    open_note,
    read_checkpoint,
    read_verifier_key,
    sign_note,
    signed_checkpoint,
    verifier_key,
)
from gate.tokens.jwk import SigningKey

SIGNER = NoteKey("example.com/agents", SigningKey(bytes(range(32))))
KEY = verifier_key(SIGNER.name, SIGNER.public)
WITNESS = NoteKey("witness.example/w1", SigningKey(b"w" * 32))
ROOT = bytes(range(32))

# The example of the documentation of Go's sumdb/note package, which the C2SP format comes from.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_examples_of_the_module() -> None:
    outcome = doctest.testmod(gate.log.note)
    assert outcome.attempted
    assert not outcome.failed


def test_the_example_of_gos_package() -> None:
    assert open_note(GO_NOTE, GO_KEY).startswith("If you think cryptography")
    with pytest.raises(TamperError, match="signature by 'PeterNeumann' is wrong"):
        open_note(GO_NOTE.replace("don't", "do"), GO_KEY)


@given(st.integers(0, 10**18), st.binary(min_size=32, max_size=32))
def test_what_was_signed_is_read(size: int, root: bytes) -> None:
    assert read_checkpoint(signed_checkpoint(SIGNER, size, root), KEY) == Checkpoint(SIGNER.name, size, root)


def test_lines_of_a_witness_and_extensions_are_left_alone() -> None:
    text = f"{SIGNER.name}\n7\n{b64encode(ROOT).decode()}\nan extension\n"
    witnessed = sign_note(text, SIGNER) + sign_note(text, WITNESS).rpartition("\n\n")[2]
    assert read_checkpoint(witnessed, KEY) == Checkpoint(SIGNER.name, 7, ROOT, ("an extension",))


def test_another_key_of_the_same_name_does_not_count() -> None:
    other = NoteKey(SIGNER.name, SigningKey(b"x" * 32))
    with pytest.raises(TamperError, match="no signature by"):
        read_checkpoint(signed_checkpoint(other, 1, ROOT), KEY)
    both = signed_checkpoint(SIGNER, 1, ROOT) + signed_checkpoint(other, 1, ROOT).rpartition("\n\n")[2]
    assert read_checkpoint(both, KEY).size == 1


def test_a_checkpoint_of_another_log_does_not_count() -> None:
    stolen = sign_note(f"other.example\n1\n{b64encode(ROOT).decode()}\n", SIGNER)
    with pytest.raises(TamperError, match="of 'other.example'"):
        read_checkpoint(stolen, KEY)


def test_a_note_signed_twice_by_one_key_is_refused() -> None:
    note = signed_checkpoint(SIGNER, 1, ROOT)
    with pytest.raises(TamperError, match="signed twice"):
        read_checkpoint(note + note.rpartition("\n\n")[2], KEY)


@given(st.data())
def test_no_changed_byte_is_accepted_as_another_checkpoint(data: st.DataObject) -> None:
    note = signed_checkpoint(SIGNER, 123, ROOT)
    at = data.draw(st.integers(0, len(note) - 1))
    put = data.draw(st.sampled_from("0129aZ/+=— \n\t\x00é"))
    changed = note[:at] + put + note[at + 1 :]
    if changed != note:
        with pytest.raises((TamperError, TokenError)):
            read_checkpoint(changed, KEY)


B64 = b64encode(ROOT).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"{SIGNER.name}\n01\n{B64}\n",
        f"{SIGNER.name}\n+1\n{B64}\n",
        f"{SIGNER.name}\n-1\n{B64}\n",
        f"{SIGNER.name}\n1_0\n{B64}\n",
        f"{SIGNER.name}\n١\n{B64}\n",  # noqa: RUF001  # a digit that int() would take
        f"{SIGNER.name}\n99999999999999999999\n{B64}\n",
        f"{SIGNER.name}\n1\n{B64[:-1]}\n",
        f"{SIGNER.name}\n1\n{B64[:-2]}9=\n",
        f"{SIGNER.name}\n1\n {B64}\n",
        f"{SIGNER.name}\n1\n{b64encode(bytes(31)).decode()}\n",
        f"{SIGNER.name}\n1\n",
        f"{SIGNER.name}\n1\n{B64}\n\nmore\n",
    ],
)
def test_only_one_way_to_write_a_checkpoint(text: str) -> None:
    with pytest.raises(TokenError, match="no checkpoint"):
        read_checkpoint(sign_note(text, SIGNER), KEY)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\nno signature\n",
        signed_checkpoint(SIGNER, 1, ROOT)[:-1],
        signed_checkpoint(SIGNER, 1, ROOT) + "junk\n",
        signed_checkpoint(SIGNER, 1, ROOT).replace("\n", "\r\n"),
        signed_checkpoint(SIGNER, 1, ROOT).replace("—", "-"),
        "\ud800" + signed_checkpoint(SIGNER, 1, ROOT),
        "x" * 1_000_001 + signed_checkpoint(SIGNER, 1, ROOT),
    ],
)
def test_what_is_no_note(note: str) -> None:
    with pytest.raises(TokenError, match="no signed note"):
        open_note(note, KEY)


@pytest.mark.parametrize("text", ["no newline", "tab\there\n", "bell\x07\n", "\ud800\n"])
def test_what_cannot_be_signed(text: str) -> None:
    with pytest.raises(ValueError, match="a note is lines of text"):
        sign_note(text, SIGNER)


@pytest.mark.parametrize("name", ["", "two words", "plus+sign", "line\nbreak"])
def test_who_cannot_sign(name: str) -> None:
    with pytest.raises(ValueError, match="its signer has a name"):
        signed_checkpoint(NoteKey(name, SIGNER.key), 1, ROOT)


def test_verifier_keys_are_read_strictly() -> None:
    assert read_verifier_key(KEY) == (SIGNER.name, SIGNER.public)
    name, kid, key = KEY.split("+", 2)
    data = b64decode(key)
    ecdsa = b64encode(b"\x02" + data[1:]).decode()
    wrong = [
        "",
        name,
        f"{name}+{kid}",
        f"{name}+00000000+{key}",
        f"{name}+{kid.upper()}+{key}" if kid.upper() != kid else f"{name}+{kid}0+{key}",
        f"{name}+{kid}+{key[:-1]}",
        f"{name}+{key_id(name, data[1:]).hex()}+{ecdsa}",
        f"x{name}+{kid}+{key}",
    ]
    for text in wrong:
        with pytest.raises(TokenError, match="no verifier key"):
            read_verifier_key(text)
