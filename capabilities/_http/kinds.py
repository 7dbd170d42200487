"""The kinds of a request's arguments: its URL, method, headers and how its body is written."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from capabilities._http.addresses import METADATA, special
from capabilities._http.constraint import METHODS, private_name
from capabilities._http.headers import MOST, check_headers, references
from capabilities._http.url import Url, canonical, known
from capabilities._plain import NOTHING
from gate.constraints.value import is_object
from gate.effect import Assessment, Risk

_EGRESS: Final = frozenset(["egress"])
_SENDS: Final = frozenset(["egress", "writes"])
_READING: Final = frozenset(["GET", "HEAD", "OPTIONS"])


class UrlKind:
    """A URL that is fetched."""

    name = "http.url"

    def parse(self, value: object) -> str:
        """The URL in its one form; ValueError says why it is refused."""
        return canonical(value)

    def assess(self, value: object) -> Assessment:
        """A connection: medium to a public name, high to an address or name that is not public, critical to a metadata service."""
        try:
            return _assess(known(value))
        except ValueError as error:
            return Assessment(_EGRESS, Risk.HIGH, (f"cannot be inspected: {error}",))


def _assess(url: Url) -> Assessment:
    if url.is_address and (why := special(url.host)):
        if url.host in map(str, METADATA):
            return Assessment(_EGRESS, Risk.CRITICAL, (f"connects to {url.host}, where clouds hand out credentials",), frozenset(["T1552.005"]))
        return Assessment(_EGRESS, Risk.HIGH, (f"connects to {url.host}, which is {why}",))
    if not url.is_address and private_name(url.host):
        return Assessment(_EGRESS, Risk.HIGH, (f"connects to '{url.host}', which is not a public name",))
    plain = "" if url.scheme == "https" else ", unencrypted"
    return Assessment(_EGRESS, Risk.MEDIUM, (f"connects to {url.host}{plain}",))


class MethodKind:
    """A method of HTTP."""

    name = "http.method"

    def parse(self, value: object) -> str:
        """The method in upper case; ValueError for any that is not known."""
        if not isinstance(value, str) or len(value) > 16 or value.upper() not in METHODS or not value.isascii():
            raise ValueError(f"the method must be one of {', '.join(sorted(METHODS))}")
        return value.upper()

    def assess(self, value: object) -> Assessment:
        """Reading methods add nothing; the others send data or change something there."""
        if value is None or (isinstance(value, str) and value in _READING):
            return NOTHING
        known = value if isinstance(value, str) and value in METHODS else "request of an unknown method"
        return Assessment(_SENDS, Risk.MEDIUM if known in ("POST", "PUT", "PATCH") else Risk.HIGH, (f"sends a {known}",))


class HeadersKind:
    """Headers of a request, as an object of texts."""

    name = "http.headers"

    def parse(self, value: object) -> dict[str, str]:
        """The headers with lower-case names; ValueError for what a caller may not set."""
        if not is_object(value) or len(value) > MOST or any(type(name) is not str for name in value):
            raise ValueError(f"headers are an object of at most {MOST} texts")
        return check_headers({str(name): text for name, text in value.items()})

    def assess(self, value: object) -> Assessment:
        """Which secrets they use; nothing else of their own."""
        if not is_object(value):
            return NOTHING
        names = dict.fromkeys(name for text in value.values() if isinstance(text, str) for name in references(text))
        return Assessment(_EGRESS, Risk.MEDIUM, tuple([f"uses the secret '{name}'" for name in names])) if names else NOTHING


class EncodingKind:
    """What the text of a body stands for: itself, or bytes in base64."""

    name = "http.encoding"

    def parse(self, value: object) -> str:
        """`utf-8` or `base64`; ValueError for anything else."""
        if not isinstance(value, str) or value not in ("utf-8", "base64"):
            raise ValueError("the encoding must be 'utf-8' or 'base64'")
        return str.__str__(value)

    def assess(self, value: object) -> Assessment:  # the Kind protocol
        """Nothing."""
        return NOTHING


def payload(body: str, encoding: str) -> bytes:
    """The bytes that a body stands for; ValueError when it is not what `encoding` says."""
    if encoding != "base64":
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the body is no base64") from None
