"""url: the constraint over URLs, by scheme, host, port, path and method.

    {"constraint_type": "url", "hosts": ["api.example.com", "*.example.org"], "schemes": ["https"], "methods": ["GET"], "paths": ["/v1/*"]}

`*.example.org` is any number of whole labels before `.example.org`, at least one; `*` is any public host.  Addresses that are not public,
and names that never are, are admitted only when they are listed themselves.  `ports` left out: the scheme's own.  `methods` and `paths`
left out: any.  A path ends with `*` to admit everything that begins with it.

A value is a URL, which stands for a GET, or `{"method": …, "url": …}`.  A tool that takes the method as an argument of its own needs a
constraint on that argument too: a closed world refuses it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self
from unicodedata import normalize
from urllib.parse import unquote_to_bytes

from capabilities._http.addresses import special
from capabilities._http.url import PORTS, Url, known, parse
from gate.constraint import Check, Constraint, by_parts, members, register, show
from gate.constraints.value import is_array, is_object
from gate.frozen import Frozen
from gate.regex import regex
from gate.shown import visible

METHODS: Final = frozenset(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
_SLASHES: Final = regex("[\\\\%\u2044\u2215\u29f5\u29f8\u29f9\ufe68]")
_READ_AGAIN: Final = regex(r"%(?:2f|5c|2e|00|25)", re.IGNORECASE)
# RFC 6761, 6762 (also its appendix G), 7686, 8375, 9476, ICANN's `internal`, and what clusters use: names that are not in the public DNS
_PRIVATE_NAMES: Final = frozenset(
    [
        "localhost",
        "local",
        "internal",
        "intranet",
        "lan",
        "home",
        "corp",
        "test",
        "invalid",
        "onion",
        "alt",
        "localdomain",
        "private",
        "svc",
        "cluster",
        "docker",
        "consul",
    ]
)


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class UrlConstraint(Constraint):
    """URLs of these hosts; made by `http.hosts`."""

    type: ClassVar[str] = "url"
    hosts: tuple[str, ...]
    schemes: tuple[str, ...]
    ports: tuple[int, ...] | None
    methods: tuple[str, ...] | None
    paths: tuple[str, ...] | None

    def __init__(self, hosts: object, schemes: object = ("https",), ports: object = None, methods: object = None, paths: object = None) -> None:
        put = object.__setattr__
        put(self, "hosts", tuple([_host(host) for host in _texts(hosts, "hosts")]))
        put(self, "schemes", tuple([_among(scheme, PORTS, "schemes") for scheme in _texts(schemes, "schemes")]))
        put(self, "methods", None if methods is None else tuple([_among(method, METHODS, "methods") for method in _texts(methods, "methods")]))
        put(self, "paths", None if paths is None else tuple([_path(path) for path in _texts(paths, "paths")]))
        put(self, "ports", None if ports is None else _ports(ports))

    def compile(self) -> Check:
        exact, suffixes, anywhere = self._patterns()
        pairs, methods = frozenset(_pairs(self)), None if self.methods is None else frozenset(self.methods)
        paths = None if self.paths is None else frozenset(path for path in self.paths if path[-1] != "*")
        begins = tuple([path[:-1] for path in self.paths or () if path[-1] == "*"])

        def check(value: Frozen) -> bool:
            try:
                method, url = request(value)
            except ValueError:
                return False
            host, path = url.host, url.path
            if (url.scheme, url.port) not in pairs or (methods is not None and method not in methods):
                return False
            if host not in exact and not ((anywhere or _under(host, suffixes)) and public(url)):
                return False
            return paths is None or path in paths or (path.startswith(begins) and _plain(path))

        return check

    def _patterns(self) -> tuple[frozenset[str], frozenset[str], bool]:
        return (
            frozenset(host for host in self.hosts if "*" not in host),
            frozenset(host[2:] for host in self.hosts if host.startswith("*.")),
            "*" in self.hosts,
        )

    def _rest(self, method: str, url: Url) -> str | None:
        if url.scheme not in self.schemes:
            return f"the scheme '{url.scheme}' is not {' or '.join(self.schemes)}"
        if url.port != PORTS[url.scheme] if self.ports is None else url.port not in self.ports:
            return f"the port {url.port} is not admitted"
        if self.methods is not None and method not in self.methods:
            return f"the method {method} is not {' or '.join(self.methods)}"
        if self.paths is not None and not any(_covers_path(path, url.path) for path in self.paths):
            return f"the path {show(url.path)} is not {' or '.join(self.paths)}"
        return None

    def explain(self, value: Frozen) -> str:
        try:
            method, url = request(value)
        except ValueError as error:
            return str(error)
        exact, suffixes, anywhere = self._patterns()
        if url.host not in exact:
            if not (anywhere or _under(url.host, suffixes)):
                return f"the host '{url.host}' is not {', '.join(self.hosts[:5])}{' …' if len(self.hosts) > 5 else ''}"
            if not public(url):
                return f"the host '{url.host}' is not public, and is not named itself"
        return self._rest(method, url) or "it is not admitted"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other)) is not None:
            return known
        return isinstance(other, UrlConstraint) and (
            all(any(_covers_host(mine, theirs) for mine in self.hosts) for theirs in other.hosts)
            and _pairs(other) <= _pairs(self)
            and (self.methods is None or (other.methods is not None and set(other.methods) <= set(self.methods)))
            and (
                self.paths is None or (other.paths is not None and all(any(_narrower(mine, theirs) for mine in self.paths) for theirs in other.paths))
            )
        )

    def around(self, value: Frozen) -> Sequence[Constraint]:
        """The same scheme, host, port and method with paths that begin with the same folder, then with any path that this one admits."""
        method, url = request(value)
        ports = None if url.port == PORTS[url.scheme] else [url.port]
        folder = url.path.rpartition("/")[0]
        found = [[f"{folder}/*"]] if folder and "*" not in folder else []
        return tuple([UrlConstraint([url.host], [url.scheme], ports, [method], paths) for paths in (*found, self.paths)])

    def words(self) -> str:
        methods = "a URL, or a request of any method," if self.methods is None else f"a {' or '.join(self.methods)} request"
        methods = "a URL, or a GET request," if self.methods == ("GET",) else methods  # a URL alone stands for one
        ports = "" if self.ports is None else f" at port {' or '.join(map(str, self.ports))}"
        paths = "any path" if self.paths is None else f"path {' or '.join(map(visible, self.paths))} (* stands for anything)"
        return f"{methods} of {' or '.join(self.schemes)} to {' or '.join(self.hosts)}{ports}, {paths} and any query"

    def to_json(self) -> dict[str, object]:
        data: dict[str, object] = {"constraint_type": self.type, "hosts": list(self.hosts), "schemes": list(self.schemes)}
        given = {"ports": self.ports, "methods": self.methods, "paths": self.paths}
        return data | {name: list(values) for name, values in given.items() if values is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        if nothing := [name for name in ("schemes", "ports", "methods", "paths") if name in data and data[name] is None]:
            raise ValueError(f"'{nothing[0]}' must be a list")
        hosts, schemes, ports, methods, paths = members(data, cls.type, ("hosts",), ("schemes", "ports", "methods", "paths"))
        return cls(hosts, ("https",) if schemes is None else schemes, ports, methods, paths)


def request(value: object) -> tuple[str, Url]:
    """The method and URL of a value: a URL stands for a GET; ValueError for anything else."""
    if is_object(value):
        method = value.get("method")
        if set(value) != {"method", "url"} or not isinstance(method, str) or method not in METHODS:
            raise ValueError(f"a request has 'method', one of {', '.join(sorted(METHODS))}, and 'url'")
        return method, known(value["url"])
    return "GET", known(value)


def public(url: Url) -> bool:
    """Whether the host is a public address, or a name that may lead to one."""
    if url.is_address:
        return not special(url.host)
    return not private_name(url.host)


def private_name(host: str) -> bool:
    """Whether a name is never in the public DNS: one label only, or under a name kept for private use."""
    last = host.rpartition(".")[2]
    return "." not in host or last in _PRIVATE_NAMES or host.endswith(".home.arpa")


def _under(host: str, suffixes: frozenset[str]) -> bool:
    """Whether a name lies below one of these: one look-up for each of its labels, however many there are."""
    rest = host if suffixes else ""
    while rest := rest.partition(".")[2]:
        if rest in suffixes:
            return True
    return False


def _covers_host(mine: str, theirs: str) -> bool:
    if mine == theirs:
        return True
    if "*" not in theirs:
        url = Url("https", theirs, 443, "/", "")
        return public(url) and (mine == "*" or (mine.startswith("*.") and not url.is_address and _under(theirs, frozenset([mine[2:]]))))
    return mine == "*" or (mine.startswith("*.") and theirs.startswith("*.") and f".{theirs[2:]}".endswith(f".{mine[2:]}"))


def _pairs(constraint: UrlConstraint) -> set[tuple[str, int]]:
    return {(scheme, port) for scheme in constraint.schemes for port in (constraint.ports or (PORTS[scheme],))}


def _covers_path(pattern: str, path: str) -> bool:
    if pattern[-1] != "*":
        return path == pattern
    return path.startswith(pattern[:-1]) and _plain(path)


def _plain(path: str) -> bool:
    """Whether every server reads the path as we do: nothing that some decode again, map or strip, and then take for a separator or for `..`."""
    if "%" not in path:
        return "/..." not in path
    if _READ_AGAIN.search(path):
        return False
    try:
        text = normalize("NFKC", unquote_to_bytes(path).decode())  # which refuses over-long forms too
    except UnicodeDecodeError:
        return False
    if not text.isprintable() or _SLASHES.search(text) or text.count("/") != path.count("/"):
        return False
    return not any(part and not part.strip(" .") for part in text.split("/"))


def _narrower(mine: str, theirs: str) -> bool:
    if mine == theirs:
        return True
    return mine[-1] == "*" and _covers_path(mine, theirs.removesuffix("*")) and theirs.removesuffix("*").startswith(mine[:-1])


def _texts(values: object, member: str) -> list[str]:
    items: Iterable[object] = [values] if isinstance(values, str) else values if is_array(values) else ()
    texts = [item for item in items if isinstance(item, str)]
    if not texts or (is_array(values) and len(texts) != len(values)):
        raise ValueError(f"'{member}' must be a list of texts, and not empty")
    return list(dict.fromkeys(texts))


def _host(text: str) -> str:
    if text == "*":
        return text
    wild, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    url = parse(f"https://{f'[{name}]' if ':' in name and not name.startswith('[') else name}/")
    if (wild and url.is_address) or url.port != PORTS["https"] or url.path != "/":
        raise ValueError(f"{show(text)} is no host; write a name, '*.name', an address or '*'")
    return wild + url.host


def _among(text: str, known: Iterable[str], member: str) -> str:
    if text not in known:
        raise ValueError(f"{show(text)} in '{member}' is not one of {', '.join(sorted(known))}")
    return text


def _path(text: str) -> str:
    if not text.startswith("/") or "*" in text[:-1] or parse(f"https://h.example{text}").path != text:
        raise ValueError(f"{show(text)} is no path; it begins with '/', and only its end may be '*'")
    return text


def _ports(ports: object) -> tuple[int, ...]:
    values = ports if is_array(ports) else [ports]
    found = [port for port in values if isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65536]
    if not found or len(found) != len(values):
        raise ValueError("'ports' must be numbers from 1 to 65535")
    return tuple(dict.fromkeys(found))
