"""A URL in the one form in which every parser agrees about it; everything else is refused.

    HTTPS://API.Example.com:443/v1/x?y=1#top   → https://api.example.com/v1/x?y=1

The grammar is what RFC 3986 and the WHATWG URL standard have in common.  Refused, because parsers disagree about where it leads:
backslashes, user names, blanks, control characters, percent signs in the host, dots at its end, IPv4 addresses in any spelling but four
plain decimal numbers, IPv6 zones, names that only a mapping makes valid (IDNA 2008, RFC 5891, without UTS 46), names with letters that are
newer than IDNA 2003 (Unicode 3.2) or that mix Latin with look-alikes (Unicode TR 39), `.` and `..` in the path.  A name in another script is
written, and so shown to a person, in its ASCII form.

>>> str(parse("HTTPS://API.Example.com:443/v1/x?y=1#top"))
'https://api.example.com/v1/x?y=1'
>>> parse("http://127.1/")
Traceback (most recent call last):
ValueError: the host '127.1' is a spelling of an address; write four decimal numbers
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final, NamedTuple
from unicodedata import name as unicodedata_name
from unicodedata import ucd_3_2_0
from urllib.parse import quote

from gate.regex import regex

MAX_LENGTH: Final = 8192
PORTS: Final = {"http": 80, "https": 443}
_FORM: Final = regex(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
_ASCII: Final = regex(r"[!-~]*")
_REST: Final = regex(r"[A-Za-z0-9._~!$&()*+,;=:@/?%-]*")
_ESCAPE: Final = regex(r"%(?![0-9A-Fa-f]{2})")
_HOST: Final = regex(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.(?!$)|$))+")
_IPV4: Final = regex(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", re.ASCII)
# Unicode TR 39, highly restrictive: what a Latin letter may stand beside in one label
_WITH_LATIN: Final = frozenset(["LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"])
_NUMBER: Final = regex(r"\d+|0[xX][0-9a-fA-F]*", re.ASCII)
# `..;x` is `..` to servers that take what follows a semicolon for a parameter
_DOTS: Final = regex(r"(^|/)(\.|%2e){1,2}((;|%3b)[^/]*)?(/|$)", re.IGNORECASE)
_SAFE: Final = "!$&()*+,;=:@/?%-._~"


class Url(NamedTuple):
    """A parsed URL. `host` is a name in lower case (A-labels), or an address; `path` begins with a slash; `query` has no question mark."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address."""
        return ":" in self.host or _IPV4.fullmatch(self.host) is not None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if PORTS.get(self.scheme) == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}{'?' + self.query if self.query else ''}"


def parse(text: object) -> Url:
    """The URL; ValueError says why it is refused."""
    if not isinstance(text, str):
        raise ValueError(f"a URL is text, not {'null' if text is None else f'a {type(text).__name__}'}")
    if not 0 < len(text) <= MAX_LENGTH:
        raise ValueError("the URL is empty" if not text else f"the URL is {len(text)} characters long; at most {MAX_LENGTH} are taken")
    _check_characters(text)
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{_show(text)} is no absolute URL; it begins with 'https://' or 'http://' and a host")
    scheme, authority, path, query = found[1].lower(), found[2], found[3], (found[4] or "")[1:]
    if scheme not in PORTS:
        raise ValueError(f"the scheme '{scheme[:20]}' is not taken, only http and https")
    host, port = _authority(authority, PORTS[scheme])
    path = _escaped(path or "/")
    if _DOTS.search(path):
        raise ValueError(f"the path {_show(path)} holds '.' or '..', which servers read differently")
    return Url(scheme, host, port, path, _escaped(query))


def canonical(text: object) -> str:
    """The URL's one form as text; `known` has it parsed."""
    url = parse(text)
    form = str(url)
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[form] = url
    return form


def known(text: object) -> Url:
    """`parse`, without doing it again for a form that `canonical` has just made."""
    return (_known.get(text) if type(text) is str and len(text) <= MAX_LENGTH else None) or parse(text)


_MOST_KNOWN: Final = 256
_known: Final[dict[str, Url]] = {}


def _check_characters(text: str) -> None:
    if "\\" in text:
        raise ValueError("the URL holds a backslash, which parsers read differently")
    if not _ASCII.fullmatch(text):
        odd = next((char for char in text if char.isspace() or not char.isprintable()), "")
        if odd:
            raise ValueError(f"the URL holds the character U+{ord(odd):04X}, which parsers read differently")


def _authority(authority: str, standard: int) -> tuple[str, int]:
    if "@" in authority:
        raise ValueError("the URL holds a user name or '@' before its host, which hides where it leads")
    if authority.startswith("["):
        address, bracket, rest = authority[1:].partition("]")
        if not bracket or (rest and rest[0] != ":"):
            raise ValueError(f"the host {_show(authority)} is malformed")
        return _ipv6(address), _port(rest, standard)
    name, colon, digits = authority.partition(":")
    return _host(name), _port(colon + digits, standard)


def _port(text: str, standard: int) -> int:
    if not text:
        return standard
    digits = text[1:]
    if not digits.isascii() or not digits.isdigit() or len(digits) > 5 or digits[0] == "0" or int(digits) > 65535:
        raise ValueError(f"the port {_show(digits)} is no number from 1 to 65535")
    return int(digits)


def _ipv6(text: str) -> str:
    try:
        if "%" in text:
            raise AddressValueError("zone")
        return str(IPv6Address(text))
    except AddressValueError:
        raise ValueError(f"the host {_show(text)} is no IPv6 address, or has a zone") from None


def _host(text: str) -> str:
    if not text:
        raise ValueError("the URL has no host")
    if "%" in text or len(text) > 253:
        why = "holds a percent sign, which parsers read differently" if "%" in text else "is too long"
        raise ValueError(f"the host {_show(text)} {why}")
    name = text.lower() if text.isascii() else _idna(text)
    last = name.rpartition(".")[2]
    if not last:
        raise ValueError(f"the host {_show(text)} ends with a dot")
    if _NUMBER.fullmatch(last):
        if not _IPV4.fullmatch(name):
            raise ValueError(f"the host {_show(text)} is a spelling of an address; write four decimal numbers")
        return name
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise ValueError(f"the host {_show(text)} is no host name")
    if name.startswith("xn--") or ".xn--" in name:
        _idna(name)
    return name


def _idna(text: str) -> str:
    """The ASCII form of a name; ValueError when it is not valid as it stands."""
    import idna  # comes with httpx; only names that are not plain ASCII need it

    if any(dot in text for dot in "\u3002\uff0e\uff61"):
        raise ValueError(f"the host {_show(text)} holds a dot that is none, which parsers read differently")
    try:
        name = idna.encode(text, uts46=False, std3_rules=True, transitional=False).decode()
        said = idna.decode(name)
    except idna.IDNAError as error:
        raise ValueError(f"the host {_show(text)} is no valid international name: {str(error).lower()}") from None
    if new := next((char for char in said if ucd_3_2_0.category(char) == "Cn"), ""):
        raise ValueError(f"the host {_show(text)} holds the character U+{ord(new):04X}, which not every parser knows")
    for label in said.split("."):
        scripts = {unicodedata_name(char, "").partition(" ")[0] for char in label if char.isalpha()}
        if "LATIN" in scripts and scripts - _WITH_LATIN:
            raise ValueError(f"the host {_show(text)} mixes letters of {' and '.join(sorted(word.capitalize() for word in scripts))} in one label")
    return name


def _escaped(text: str) -> str:
    """`text` with everything that is not plain in a URL escaped, as browsers do."""
    if "%" in text and _ESCAPE.search(text):
        raise ValueError(f"{_show(text)} holds a percent sign that escapes nothing")
    return text if not text or _REST.fullmatch(text) else quote(text, safe=_SAFE)


def _show(text: str) -> str:
    return ascii(text) if len(text) <= 80 else f"{ascii(text[:80])[:-1]}…'"
