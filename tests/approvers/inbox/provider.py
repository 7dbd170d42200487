"""An OpenID provider, as small as one can be, on loopback: real HTTP, real keys. What it says wrong is set by the test."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from hashlib import sha256, sha512
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gate.tokens.jwk import encode


class FakeProvider:
    """Signs in whoever asks, as `user`. claims, header, answer, said, metadata, more_keys: change what it says; sign: how it signs."""

    def __init__(self) -> None:
        self.issuer = ""
        self.rsa, self.ec, self.ed = RSAKey.generate_key(2048), ECKey.generate_key("P-256"), Ed25519PrivateKey.generate()
        self.good = self.rsa
        self.reset()
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
            ]
        )

    def reset(self) -> None:
        """Honest again."""
        self.secret, self.alg, self.rsa = "s3cret", "RS256", self.good
        self.user: dict[str, Any] = {"sub": "sub-ann", "email": "ann@example.com", "email_verified": True}
        self.claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.header: dict[str, Any] = {"kid": "k1", "typ": "JWT"}
        self.metadata: dict[str, Any] = {}
        self.answer: Callable[[dict[str, str]], dict[str, str]] = lambda answer: answer
        self.sign: Callable[[dict[str, Any], bytes], str] = self._sign
        self.said: Callable[[dict[str, Any]], Any] = lambda said: said
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.more_keys: list[dict[str, Any]] = []

    @property
    def jwks(self) -> list[dict[str, Any]]:
        ed = {"kty": "OKP", "crv": "Ed25519", "x": encode(self.ed.public_key().public_bytes_raw())}
        keys = [("RS256", self.rsa.as_dict(private=False)), ("ES256", self.ec.as_dict(private=False)), ("EdDSA", ed)]
        return [{**key, "kid": self.header.get("kid", "k1"), "use": "sig", "alg": alg} for alg, key in keys] + self.more_keys

    def token(self, claims: dict[str, Any]) -> str:
        return self.sign({"alg": self.alg, **self.header}, json.dumps(self.claims(claims)).encode())

    def _sign(self, header: dict[str, Any], payload: bytes) -> str:
        if header["alg"] == "EdDSA":
            signed = f"{encode(json.dumps(header).encode())}.{encode(payload)}"
            return f"{signed}.{encode(self.ed.sign(signed.encode()))}"
        return jws.serialize_compact(header, payload, self.rsa if header["alg"] == "RS256" else self.ec)

    def hs256(self, key: bytes) -> Callable[[dict[str, Any], bytes], str]:
        """Signs with a secret; by hand, for joserfc will not take a public key for one."""

        def sign(header: dict[str, Any], payload: bytes) -> str:
            signed = f"{encode(json.dumps({**header, 'alg': 'HS256'}).encode())}.{encode(payload)}"
            return f"{signed}.{encode(hmac.digest(key, signed.encode(), sha256))}"

        return sign

    async def _metadata(self, request: Request) -> Response:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
        }
        return JSONResponse(said | self.metadata)

    async def _jwks(self, request: Request) -> Response:
        self.asked.append("jwks")
        return JSONResponse({"keys": self.jwks})

    async def _authorize(self, request: Request) -> Response:
        said = dict(request.query_params)
        assert said["response_type"] == "code"
        assert said["code_challenge_method"] == "S256"
        assert said["scope"].split()[0] == "openid"
        code = token_urlsafe(16)
        self.codes[code] = said
        return RedirectResponse(f"{said['redirect_uri']}?{urlencode(self.answer({'code': code, 'state': said['state']}))}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        begun = self.codes.pop(form.get("code", ""), None)
        client, secret = self._client(request, form)
        if (
            begun is None
            or (client, secret) != (begun["client_id"], self.secret)
            or form["redirect_uri"] != begun["redirect_uri"]
            or encode(sha256(form.get("code_verifier", "").encode()).digest()) != begun["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access, now = token_urlsafe(16), int(time.time())
        digest = (sha512 if self.alg == "EdDSA" else sha256)(access.encode()).digest()
        claims = {
            "iss": self.issuer,
            "aud": client,
            "nonce": begun["nonce"],
            "iat": now,
            "exp": now + 300,
            "at_hash": encode(digest[: len(digest) // 2]),
        }
        said = self.said({"access_token": access, "token_type": "Bearer", "id_token": self.token(claims | self.user)})
        return said if isinstance(said, Response) else JSONResponse(said)

    def _client(self, request: Request, form: dict[str, str]) -> tuple[str, str]:
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            client, _, secret = base64.b64decode(pair).decode().partition(":")
            return client, secret
        return form.get("client_id", ""), form.get("client_secret", "")
