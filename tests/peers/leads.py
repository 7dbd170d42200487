r"""Where a call that a peer allowed would really lead, without making it: an attack that ends inside the grant has done no harm.

A path is resolved in the furnished workspace, as the operating system would; a URL is read in three ways, as Python's library, httpx and a browser
read it; a command is only looked at for quotes that no shell would accept.  Nothing is opened, fetched or run.

>>> readings("https://evil.example\\@api.example.com/")["browser"].host
'evil.example'
>>> readings("https://evil.example\\@api.example.com/")["urllib"].host
'api.example.com'
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
import unicodedata
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import httpx

_USUAL = {"https": 443, "http": 80}
_BROWSER = re.compile(r"(?is)^([a-z][a-z0-9+.-]*):[/]*([^/?#]*)([^?#]*)")


class Place(NamedTuple):
    """Where a reading of a URL goes."""

    scheme: str
    host: str
    port: int | None
    path: str


def harmless(words: AbstractSet[str], told: Mapping[str, Any], args: Mapping[str, Any], workspace: str) -> bool:
    """Whether what was attacked, given to the bare tool, stays inside the neutral policy `told` or fails by itself."""
    kinds = {_OF.get(word, word) for word in words}
    if not kinds <= _JUDGED.keys():
        return False
    return all(_JUDGED[said["kind"]](said, args.get(name), workspace) for name, said in told["args"].items() if said["kind"] in kinds)


def _file(said: Mapping[str, Any], value: Any, workspace: str) -> bool:
    if not isinstance(value, str):
        return not isinstance(value, int)  # open(5) is a descriptor; anything else is a TypeError
    try:
        real = os.path.realpath(os.path.join(workspace, value), strict=False)
        os.path.lexists(real)
    except (ValueError, OSError):
        return True
    return any(real == root or real.startswith(f"{root}/") for root in said["below"])


def _command(said: Mapping[str, Any], value: Any, workspace: str) -> bool:
    try:
        return not isinstance(value, str) or not shlex.split(value)
    except ValueError:
        return True


def _number(said: Mapping[str, Any], value: Any, workspace: str) -> bool:
    """A number in another spelling is the number; none at all may mean no limit."""
    try:
        return value is not None and said["min"] <= float(value) <= said["max"]
    except (TypeError, ValueError):
        return True
    except OverflowError:
        return False


def _url(said: Mapping[str, Any], value: Any, workspace: str) -> bool:
    return not isinstance(value, str) or all(_granted(said, place) for place in readings(value).values())


_JUDGED = {"files": _file, "http": _url, "shell": _command, "number": _number}
_OF = {"ports": "http", "paths": "http"}


def _granted(said: Mapping[str, Any], place: Place) -> bool:
    if place.scheme not in said["schemes"] or place.port not in (said["ports"] or [_USUAL.get(place.scheme)]):
        return False
    host, path = place.host.removesuffix("."), posixpath.normpath(unquote(place.path) or "/")
    return any(fnmatchcase(host, pattern) for pattern in said["hosts"]) and any(fnmatchcase(path, pattern) for pattern in said["paths"] or ["*"])


def readings(url: str) -> dict[str, Place]:
    """How three clients read the URL; one that finds no host, or an error, is left out: it would connect nowhere."""
    found: dict[str, Place] = {}
    for name, read in (("urllib", _urllib), ("httpx", _httpx), ("browser", _browser)):
        try:
            place = read(url)
        except (ValueError, httpx.InvalidURL, UnicodeError):
            continue
        if place is not None and place.scheme and (place.host or place.scheme not in _USUAL):
            found[name] = place._replace(host=_ascii(place.host))
    return found


def _ascii(host: str) -> str:
    """The host as a resolver is asked for it: one spelling of each letter."""
    return unicodedata.normalize("NFKC", unquote(host)).lower().replace("\u3002", ".")


def _urllib(url: str) -> Place:
    read = urlsplit(url)
    return Place(read.scheme, (read.hostname or ""), read.port or _USUAL.get(read.scheme), read.path)


def _httpx(url: str) -> Place:
    read = httpx.URL(url)
    return Place(read.scheme, read.host, read.port or _USUAL.get(read.scheme), read.path)


def _browser(url: str) -> Place | None:
    """After the WHATWG URL standard, as far as the attacks of the list need it."""
    url = re.sub(r"[\t\n\r]", "", url.strip("".join(map(chr, range(33)))))
    if url[:5].lower() in {"http:", "https"}:
        url = url.split("#")[0].split("?")[0].replace("\\", "/")
    read = _BROWSER.match(url)
    if read is None:
        return None
    scheme, place = read[1].lower(), read[2].rpartition("@")[2]
    host, _, port = place.partition(":") if not place.startswith("[") else (place, "", "")
    if re.search(r"[\s\x00-\x20#%/:<>?@\[\\\]^|]", _ascii(host)) and not host.startswith("["):
        return None
    if port and not (port.isdecimal() and int(port) < 65536):
        return None
    return Place(scheme, host, int(port) if port else _USUAL.get(scheme), read[3])
