"""OpenID Connect: people sign in at their organisation's provider (OpenID Connect Core 1.0, authorization code flow).

    GET /oidc/start        302 to the provider, with state, nonce and a PKCE challenge (RFC 7636, S256); a cookie binds them to this browser
    GET /oidc/callback     code and state come back; the code is exchanged for an ID token; a session begins

What is held against whom: `state` and its cookie, both good once and for ten minutes, against a code that somebody else began; PKCE against a
stolen code; `nonce` against an ID token of another sign-in; `iss` in the answer (RFC 9207) and one exact redirect address against mix-up of
providers; of the ID token, signature by a key of the provider's own, `iss`, `aud`, `azp`, `exp`, `iat`, `nonce`, `at_hash`.  Algorithms are
RS256, ES256 and EdDSA, whatever the provider lists: `none` is none of them, nor is any that takes the client's secret.  Everything is
https, but for a provider on loopback; JSON is strict; nothing is redirected.

This is our own code on joserfc and httpx, which the gate has anyway.  Authlib 1.9 is 220 files and 820 KB; what is needed of it is two requests,
and the checks above would have to be held against it all the same.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import quote, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from gate.approvers.inbox import idtoken
from gate.approvers.inbox.door import page
from gate.approvers.inbox.sessions import cookie
from gate.errors import ConfigError, TokenError
from gate.tokens import jose
from gate.tokens.jwk import encode

if TYPE_CHECKING:
    import httpx
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from gate.approvers.inbox.signin import SignIn

PENDING_SECONDS: Final = 600
MOST_PENDING: Final = 1000
METADATA_SECONDS: Final = 3600
KEYS_AGAIN_SECONDS: Final = 60
LARGEST: Final = 512 * 1024
CLAIMS: Final = ("email", "sub", "preferred_username")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Client(NamedTuple):
    """The inbox as the provider knows it. origin: where browsers reach the inbox.  claim: what in the ID token is the login.

    secret: "" for a public client.  An e-mail address counts only where the provider has verified it.
    """

    issuer: str
    id: str
    origin: str
    secret: str = ""
    claim: str = "email"
    name: str = "your organisation"

    @property
    def redirect_uri(self) -> str:
        """The one address that the provider may send people back to."""
        return f"{self.origin}/oidc/callback"

    def checked(self) -> Client:
        """Itself; ConfigError when it cannot be used."""
        if urlsplit(_trustworthy(self.issuer, loopback=True)).query:
            raise ConfigError(f"the issuer '{self.issuer}' has a query, which no issuer has")
        if self.claim not in CLAIMS:
            raise ConfigError(f"a login is one of {', '.join(CLAIMS)}, not '{self.claim}'")
        if not self.id or urlsplit(self.origin)._replace(scheme="", netloc="").geturl():
            raise ConfigError("OpenID Connect needs a client id, and an origin such as https://gate.example.com")
        return self


@dataclass(slots=True)
class Pending:
    """A sign-in that has gone to the provider. binder: digest of the cookie of the browser that began it."""

    nonce: str
    verifier: str
    binder: bytes
    until: float


class Metadata(NamedTuple):
    """What the provider says of itself, as far as it is used."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    says_iss: bool
    post: bool


class Provider:
    """Signs people in at one provider. now: seconds since the epoch; http: for tests, how it is reached."""

    def __init__(self, client: Client, signin: SignIn, *, now: Callable[[], float], http: httpx.AsyncClient | None = None) -> None:
        self.client, self._signin, self._now = client.checked(), signin, now
        self._http = http
        self._pending: dict[str, Pending] = {}
        self._metadata: tuple[Metadata, float] | None = None
        self._keys: tuple[object, float] | None = None
        self._lock = asyncio.Lock()
        secure = client.origin.startswith("https:")
        self._cookie, self._secure = "__Host-gate-oidc" if secure else "gate-oidc", secure

    @property
    def routes(self) -> list[BaseRoute]:
        """What the application adds."""
        return [Route("/oidc/start", self._start, methods=["GET"]), Route("/oidc/callback", self._callback, methods=["GET"])]

    # ---- there ----------------------------------------------------------------------------------------------------------------------

    async def _start(self, request: Request) -> Response:
        try:
            metadata = await self._found()
        except TokenError as error:
            return _failed(str(error))
        state, binder = token_urlsafe(32), cookie(request, self._cookie) or token_urlsafe(32)
        pending = Pending(token_urlsafe(32), token_urlsafe(48), _digest(binder), self._now() + PENDING_SECONDS)
        self._remember(state, pending)
        asked = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_uri,
            "scope": "openid email" if self.client.claim == "email" else "openid profile",
            "state": state,
            "nonce": pending.nonce,
            "code_challenge": encode(_digest(pending.verifier)),
            "code_challenge_method": "S256",
        }
        joined = "&" if "?" in metadata.authorization_endpoint else "?"
        response = RedirectResponse(f"{metadata.authorization_endpoint}{joined}{urlencode(asked)}", 302)
        # Lax: the provider's page leads back here, and a Strict cookie would stay behind
        response.set_cookie(self._cookie, binder, max_age=PENDING_SECONDS, path="/", secure=self._secure, httponly=True, samesite="lax")
        return response

    def _remember(self, state: str, pending: Pending) -> None:
        now = self._now()
        for old in [key for key, one in self._pending.items() if one.until <= now]:
            del self._pending[old]
        while len(self._pending) >= MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[state] = pending

    # ---- and back -------------------------------------------------------------------------------------------------------------------

    async def _callback(self, request: Request) -> Response:
        try:
            claims = await self._claims(request)
            login = self._login(claims)
        except TokenError as error:
            return _failed(str(error))
        response = await run_in_threadpool(self._signin.admit, request, login, "oidc", exact=self.client.claim != "email")
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="lax")
        return response

    async def _claims(self, request: Request) -> Mapping[str, object]:
        said = request.query_params
        if any(len(said.getlist(name)) > 1 for name in said):
            raise TokenError("the answer says something twice")
        pending = self._pending.pop(said.get("state", ""), None)  # whatever comes of it, it was the only try
        if pending is None or self._now() >= pending.until:
            raise TokenError("this sign-in was not begun here, is over already, or took more than ten minutes")
        if not hmac.compare_digest(pending.binder, _digest(cookie(request, self._cookie))):
            raise TokenError("this sign-in was begun in another browser")
        metadata = await self._found()
        if said.get("iss", self.client.issuer) != self.client.issuer or (metadata.says_iss and "iss" not in said):
            raise TokenError("the answer is not by the provider that was asked")
        if "error" in said or not said.get("code"):
            raise TokenError("the provider did not sign you in")
        tokens = await self._exchanged(metadata, said["code"], pending)
        return await self._verified(tokens, pending.nonce)

    async def _exchanged(self, metadata: Metadata, code: str, pending: Pending) -> Mapping[str, object]:
        client = self.client
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri, "code_verifier": pending.verifier}
        headers = {"accept": "application/json"}
        if not client.secret or metadata.post:
            form |= {"client_id": client.id} | ({"client_secret": client.secret} if client.secret else {})
        else:
            pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"  # RFC 6749, section 2.3.1
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return await self._json("POST", metadata.token_endpoint, form, headers)

    async def _verified(self, tokens: Mapping[str, object], nonce: str) -> Mapping[str, object]:
        token, access, client = tokens.get("id_token"), tokens.get("access_token"), self.client
        if not isinstance(token, str):
            raise TokenError("the provider sent no ID token")
        expected = idtoken.Expected(client.issuer, client.id, nonce, access if isinstance(access, str) else "", self._now())
        head = idtoken.head(token)
        keys = await self._jwks()
        if not idtoken.has(keys, head):
            keys = await self._jwks(again=True)  # the provider may have changed its keys
        return await run_in_threadpool(idtoken.verify, token, keys, expected)

    def _login(self, claims: Mapping[str, object]) -> str:
        login = claims.get(self.client.claim)
        if not isinstance(login, str) or not login:
            raise TokenError(f"the provider does not say your {self.client.claim}")
        if self.client.claim == "email" and claims.get("email_verified") is not True:
            raise TokenError("the provider has not verified your e-mail address")
        return login

    # ---- what the provider says of itself ---------------------------------------------------------------------------------------------

    async def _found(self) -> Metadata:
        async with self._lock:
            if self._metadata is None or self._now() >= self._metadata[1]:
                said = await self._json("GET", f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration")
                self._metadata = self._metadata_of(said), self._now() + METADATA_SECONDS
            return self._metadata[0]

    def _metadata_of(self, said: Mapping[str, object]) -> Metadata:
        if said.get("issuer") != self.client.issuer:
            raise TokenError("the provider's own description names another issuer")
        loopback = urlsplit(self.client.issuer).hostname in _LOOPBACK
        endpoints = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        try:
            found = [_trustworthy(each, loopback=loopback) for each in endpoints]
        except ConfigError as error:
            raise TokenError(str(error)) from None
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        post = isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods
        return Metadata(found[0], found[1], found[2], said.get("authorization_response_iss_parameter_supported") is True, post)

    async def _jwks(self, *, again: bool = False) -> object:
        metadata = await self._found()
        async with self._lock:
            age = self._now() - self._keys[1] if self._keys else METADATA_SECONDS
            if self._keys is None or age >= (KEYS_AGAIN_SECONDS if again else METADATA_SECONDS):
                self._keys = await self._json("GET", metadata.jwks_uri), self._now()
            return self._keys[0]

    async def _json(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Mapping[str, object]:
        import httpx

        http = self._http or httpx.AsyncClient(timeout=10, follow_redirects=False)
        try:
            async with http.stream(method, url, data=form, headers=headers, follow_redirects=False) as reply:
                body = b""
                async for part in reply.aiter_bytes():
                    body += part
                    if len(body) > LARGEST:
                        raise TokenError("the provider says too much")
        except httpx.HTTPError as error:
            raise TokenError(f"the provider cannot be reached ({type(error).__name__})") from None
        finally:
            if self._http is None:
                await http.aclose()
        if reply.status_code != 200:
            raise TokenError(f"the provider refused (HTTP {reply.status_code})")
        data = jose.loads_or_refuse(body, "what the provider says")
        if not isinstance(data, dict):
            raise TokenError("what the provider says is no JSON object")
        return cast("Mapping[str, object]", data)


def _trustworthy(url: object, *, loopback: bool) -> str:
    """A URL that nobody on the way can answer for; ConfigError otherwise."""
    parts = urlsplit(url) if isinstance(url, str) and url.isascii() and url.isprintable() else None
    if parts is not None and parts.hostname and parts.username is None and not parts.fragment and " " not in parts.netloc + parts.path:
        schemes = {"https", "http"} if loopback and parts.hostname in _LOOPBACK else {"https"}
        if parts.scheme in schemes:
            return parts.geturl()
    raise ConfigError(f"the provider's address {url!r} is no https URL")


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _failed(why: str) -> Response:
    return page("You could not be signed in", f"{why[:1].upper()}{why[1:]}.", status=403, link="/", link_text="Try again")
