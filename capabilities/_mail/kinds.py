"""The kinds of a message's parts: recipients, subject, text, attachments; and what a person is shown of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from capabilities._mail.address import address, pattern
from capabilities._mail.constraint import inside
from capabilities._plain import Text
from capabilities._words.links import links
from gate.constraint import show, show_some
from gate.constraints.value import is_array, is_object
from gate.effect import Assessment, Risk
from gate.frozen import Frozen
from gate.preview import Panel, facts, listing, panel, text

MOST: Final = 100
LARGEST: Final = 7_000_000  # characters of all attachments, as base64: five megabytes
_SENDS: Final = frozenset(["egress", "irreversible"])
_RUNS: Final = frozenset(
    "exe scr com bat cmd ps1 vbs vbe js jse wsf wsh hta msi msp jar lnk pif cpl dll reg iso img vhd one chm html htm svg xhtml docm xlsm pptm "
    "xlam dotm sh py app dmg pkg apk url desktop".split()
)


class Recipients:
    """A list of addresses. `internal`: the domains that count as inside; `least`: how many there must be."""

    def __init__(self, name: str, internal: tuple[str, ...] = (), *, least: int = 1) -> None:
        self.name, self.least = f"email.{name}", int(least)
        self.internal = tuple([pattern(one) for one in internal])

    def parse(self, value: object) -> list[str]:
        """The addresses in their one form, each once; one address may stand for a list of it. ValueError says what is refused."""
        items = [value] if isinstance(value, str) else value
        if not is_array(items):
            raise ValueError("recipients are a list of addresses")
        if len(items) > MOST:
            raise ValueError(f"{len(items)} recipients; at most {MOST} are taken")
        found = list(dict.fromkeys([address(one) for one in items]))
        if len(found) < self.least:
            raise ValueError("there is no recipient")
        return found

    def assess(self, value: object) -> Assessment:
        """Medium for people inside, high for anybody else."""
        found = listed(value)
        outside = [one for one in found if not inside(one, self.internal)]
        if outside:
            known = "outside" if self.internal else "and nobody said which domains are inside"
            return Assessment(_SENDS, Risk.HIGH, (f"sends mail to {show_some(outside[:6], ' and ')}, {known}",), frozenset(["T1048"]))
        return Assessment(_SENDS, Risk.MEDIUM, (f"sends mail to {len(found)} inside",)) if found else Assessment(frozenset(), Risk.LOW)


class SubjectKind:
    """A subject: one line."""

    name = "email.subject"

    def parse(self, value: object) -> str:
        """The line; ValueError for line breaks and whatever else cannot be seen, which could begin another header."""
        if not isinstance(value, str) or len(value) > 500:
            raise ValueError("a subject is one line of at most 500 characters")
        if odd := [c for c in value if not c.isprintable() and c != "\u200d"]:
            raise ValueError(f"the subject {show(value)} holds the unprintable character U+{ord(odd[0]):04X}")
        return str.__str__(value)

    def assess(self, value: object) -> Assessment:
        """Nothing of its own."""
        return Assessment(frozenset(), Risk.LOW)


class BodyKind(Text):
    """The text of a message; it is sent as plain text."""

    def __init__(self) -> None:
        super().__init__("text", 1_000_000)
        self.name = "email.text"

    def parse(self, value: object) -> str:
        """The text itself; ValueError for what is too long, for NUL and for lone surrogates."""
        text = super().parse(value)
        if "\0" in text:
            raise ValueError("the text holds NUL")
        return text

    def assess(self, value: object) -> Assessment:
        """Links are named; characters that nobody sees are high risk, because the person asked cannot see them either."""
        found = links(value) if isinstance(value, str) else links("")
        reasons = [f"links to {show_some(found.hosts[:6], ' and ')}"] if found.hosts else []
        if found.hidden:
            return Assessment(frozenset(), Risk.HIGH, (*reasons, "the text holds characters that nobody sees"), frozenset(["T1027"]))
        return Assessment(frozenset(), Risk.LOW, tuple(reasons))


class AttachmentsKind:
    """Attachments: their names and contents, `{"name": "notes.txt", "base64": "aGk="}`. Files are not read: what is approved is what is sent."""

    name = "email.attachments"

    def parse(self, value: object) -> list[dict[str, str]]:
        """The attachments; ValueError for names with folders in them, contents that are no base64, and more than five megabytes in all."""
        if not is_array(value) or len(value) > 20:
            raise ValueError("attachments are a list of at most 20")
        made, total = list[dict[str, str]](), 0
        for one in value:
            if not is_object(one) or set(one) != {"name", "base64"}:
                raise ValueError("an attachment has 'name' and 'base64'")
            name, content = _file_name(one["name"]), one["base64"]
            total += len(content) if isinstance(content, str) else LARGEST + 1
            if total > LARGEST or not isinstance(content, str):
                raise ValueError("the contents are no base64 text, or longer than five megabytes")
            try:
                base64.b64decode(content, validate=True)
            except (binascii.Error, ValueError):
                raise ValueError(f"the contents of {show(name)} are no base64 text") from None
            made.append({"name": name, "base64": str.__str__(content)})
        if len({one["name"].casefold() for one in made}) < len(made):
            raise ValueError("two attachments have the same name")
        return made

    def assess(self, value: object) -> Assessment:
        """A file that runs something when it is opened is high risk."""
        names = [str(one.get("name")) for one in value if is_object(one)] if is_array(value) else []
        runs = [name for name in names if name.rpartition(".")[2].lower() in _RUNS]
        if runs:
            return Assessment(_SENDS, Risk.HIGH, (f"attaches {show_some(runs[:5])}, which may run something",), frozenset(["T1566.001"]))
        return Assessment(_SENDS, Risk.MEDIUM, (f"attaches {show_some(names[:5], ' and ')}",)) if names else Assessment(frozenset(), Risk.LOW)


def _file_name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        raise ValueError("an attachment's name is text of at most 255 characters")
    if not value.isprintable() or set(value) & set('/\\:*?"<>|\r\n') or value != value.strip(" .") or value.startswith("~"):
        raise ValueError(f"{show(value)} is no plain name of a file")
    return str.__str__(value)


def listed(value: object) -> list[str]:
    """The recipients of an argument, none when it was left out."""
    return [one for one in value if isinstance(one, str)] if is_array(value) else [value] if isinstance(value, str) else []


def preview(arguments: Mapping[str, Frozen], internal: tuple[str, ...]) -> list[Panel]:
    """Who gets it and who of them is outside, its subject and text, hosts it links to, names and sizes of attachments."""
    rows = [(name, one, "inside" if inside(one, internal) else "outside") for name in ("to", "cc", "bcc") for one in listed(arguments.get(name))]
    body = str(arguments.get("text") or "")
    panels = [panel("recipients", "table", [("field", "address", "where"), *rows]), facts("message", [("subject", str(arguments.get("subject")))])]
    panels.append(text("text", body))
    if found := links(body).hosts:
        panels.append(listing("links to", found))
    attached = arguments.get("attachments")
    files = [one for one in attached if is_object(one)] if is_array(attached) else []
    sizes = [(str(one["name"]), f"{len(str(one['base64'])) * 3 // 4} bytes") for one in files]
    return [*panels, facts("attachments", sizes)] if sizes else panels
