"""What a person reads about a request: a headline, and a preview of where it goes and what goes with it.

The host's addresses are not looked up: that alone would tell whoever runs the name that somebody is about to ask, and any name can carry a
secret in it.  With a `look`, given by the program, they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from capabilities._http.headers import references
from capabilities._http.kinds import payload
from capabilities._http.secrets import Vault
from capabilities._http.url import PORTS, Url, parse
from gate.constraints.value import is_object
from gate.frozen import Frozen
from gate.preview import Panel, facts, table, text

_EXCERPT = 4000
Arguments = Mapping[str, Frozen]
Looking = Callable[[str, int], Sequence[str]]


def headline(arguments: Arguments) -> str:
    """`POST 2 kB to api.example.com, with the secret github`."""
    url, method = parse(arguments.get("url")), _method(arguments)
    size = len(_body(arguments))
    port = "" if PORTS[url.scheme] == url.port else f":{url.port}"
    where = f"{url.host}{port}{'' if url.scheme == 'https' else ', unencrypted'}"
    secrets = list(dict.fromkeys(name for _, value in _headers(arguments) for name in references(value)))
    named = f", with the secret{'s' * (len(secrets) > 1)} {', '.join(secrets)}" if secrets else ""
    if not size and method == "GET":
        return f"GET {url.path} from {where}{named}"
    return f"{method} {_size(size)} to {where}{named}"


class Preview:
    """Where a request goes, and what goes with it."""

    def __init__(self, vault: Vault, look: Looking | None = None) -> None:
        self._vault, self._look = vault, look

    def __call__(self, arguments: Arguments) -> list[Panel]:
        """The panels."""
        url, method, body, headers = parse(arguments.get("url")), _method(arguments), _body(arguments), _headers(arguments)
        about = [("host", url.host), ("port", str(url.port)), ("addresses", self._addresses(url)), ("path", url.path), ("query", url.query)]
        panels = [facts("request", [("method", method), *about, ("body", _size(len(body))), ("encrypted", "yes" if url.scheme == "https" else "no")])]
        if headers:
            panels.append(table("headers", ["name", "value"], headers))
        names = dict.fromkeys(name for _, value in headers for name in references(value))
        if names:
            where = [(name, self._vault.refused(name, method, url) or f"goes to {url.host}") for name in names]
            panels.append(table("secrets", ["name", "what happens"], where))
        return [*panels, text("body", _shown(body))] if body else panels

    def _addresses(self, url: Url) -> str:
        if url.is_address:
            return url.host
        if self._look is None:
            return "not looked up"
        try:
            return ", ".join(list(self._look(url.host, url.port))[:8]) or "none"
        except OSError as error:
            return f"cannot be resolved: {error.strerror or error}"


def _method(arguments: Arguments) -> str:
    return str(arguments.get("method") or "GET")


def _body(arguments: Arguments) -> bytes:
    try:
        return payload(str(arguments.get("body", "")), str(arguments.get("encoding", "utf-8")))
    except ValueError:
        return str(arguments.get("body", "")).encode()


def _headers(arguments: Arguments) -> list[tuple[str, str]]:
    headers = arguments.get("headers")
    return [(str(name), str(value)) for name, value in headers.items()] if is_object(headers) else []


def _shown(body: bytes) -> str:
    try:
        return body[:_EXCERPT].decode("utf-8", "strict" if len(body) <= _EXCERPT else "ignore")
    except UnicodeDecodeError:
        return f"{len(body)} bytes that are no text"


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} byte{'' if count == 1 else 's'}"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"
