"""The scenarios of `aat.json`, one line or a few each. `step` is where the draft's section 8 must refuse; without it, the call is permitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.vectors.make_aat import (
    AUDIENCE,
    GONE,
    ISSUER,
    MAX_LIFETIME,
    NOW,
    Proof,
    Token,
    Tools,
    b64,
    b64decode,
    build,
    compact,
    digest,
    jwk,
    number,
    uri,
)


@dataclass(frozen=True)
class Scenario:
    """One vector before it is built."""

    id: str
    title: str
    tokens: tuple[Token, ...]
    step: str = ""
    args: str = '{"path":"/data/a.txt"}'
    tool: str = "read"
    policy: Mapping[str, object] = field(default_factory=dict)
    proof: Proof = field(default_factory=Proof)


ANY: Final = {"constraint_type": "wildcard"}
OTHER: Final = "https://elsewhere.example"
BARE: Final = Proof({"aat_aud": GONE})


def exact(value: object, **more: object) -> dict[str, object]:
    return {"constraint_type": "exact", "value": value, **more}


def one_of(*values: object, **more: object) -> dict[str, object]:
    return {"constraint_type": "one_of", "values": list(values), **more}


def range_(**bounds: object) -> dict[str, object]:
    return {"constraint_type": "range", **bounds}


def all_(*clauses: object) -> dict[str, object]:
    return {"constraint_type": "all", "constraints": list(clauses)}


def any_(*clauses: object) -> dict[str, object]:
    return {"constraint_type": "any", "constraints": list(clauses)}


def maybe(constraint: Mapping[str, object]) -> dict[str, object]:
    return {**constraint, "optional": True}


READ: Final[Tools] = {"read": {"path": ANY}}
ROOT: Final = Token(READ)
CHILD: Final = Token(READ)
FILES: Final[Tools] = {"read": {"path": one_of("/data/a.txt", "/data/b.txt")}, "search": {"query": ANY, "limit": range_(max=100)}}


def narrowing(parent: object, child: object, name: str = "path") -> tuple[Token, Token]:
    """A chain of two whose tool has one argument."""
    return Token({"read": {name: parent}}), Token({"read": {name: child}})


def maps(parent: object, child: object) -> tuple[Token, Token]:
    """A chain of two with these constraint maps."""
    return Token({"read": parent}), Token({"read": child})


def flipped(token: str) -> str:
    """One bit of the signature turned."""
    head, payload, signature = token.split(".")
    raw = bytearray(b64decode(signature))
    raw[7] ^= 1
    return f"{head}.{payload}.{b64(bytes(raw))}"


def doubled(token: str) -> str:
    """A second `exp` in the payload, the whole signed again."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from tests.vectors.make_aat import seed

    head, payload, _ = token.split(".")
    body = b64decode(payload)[:-1] + b',"exp":9999999999}'
    signed = f"{head}.{b64(body)}"
    return f"{signed}.{b64(Ed25519PrivateKey.from_private_bytes(seed('issuer')).sign(signed.encode()))}"


def scenarios() -> Iterator[Scenario]:
    """All of them."""
    from tests.vectors.aat_authority import authorities  # it needs the helpers above

    yield from valid()
    yield from audiences()
    yield from types()
    yield from signers()
    yield from roots()
    yield from links()
    yield from authorities()
    yield from proofs()


def valid() -> Iterator[Scenario]:
    three = (
        Token(FILES),
        Token({"read": {"path": one_of("/data/a.txt")}, "search": {"query": exact("reports"), "limit": range_(max=20)}}, {"del_max_depth": 2}),
        Token({"read": {"path": exact("/data/a.txt")}}, {"del_max_depth": 2}),
    )
    yield Scenario("root-alone", "a single root token", (ROOT,))
    yield Scenario("three-levels", "a valid chain of three, narrower each time", three)
    yield Scenario("prefix", "the first two tokens of a valid chain of three, presented by the second holder", three[:2])
    yield Scenario("same-scope", "a derived token that narrows nothing hands the key over", (ROOT, CHILD))
    yield Scenario(
        "other-claims",
        "claims and detail entries of other types are ignored",
        (Token(READ, {"x": 1, "authorization_details": [{"type": "payment", "amount": 1}, {"type": "attenuating_agent_token", "tools": READ}]}),),
    )
    yield Scenario("other-header", "header parameters that nobody knows are ignored", (Token(READ, header={"x-note": "1", "kid": "unknown"}),))
    yield Scenario("deepest", "del_max_depth at the limit of 8", (Token(READ, {"del_max_depth": 8}),))
    yield Scenario("life-longest", "a lifetime of exactly 90 days", (Token(READ, {"exp": NOW - 300 + MAX_LIFETIME}),))
    yield Scenario("iat-within-skew", "issued 30 s in the future", (Token(READ, {"iat": NOW + 30}),))


def audiences() -> Iterator[Scenario]:
    required = {"require_proof_audience": True}
    yield Scenario("pop-aud-required-missing", "the proof names no audience where one is required", (ROOT,), "7d", policy=required, proof=BARE)
    yield Scenario("pop-aud-required-given", "the proof names ours where one is required", (ROOT,), policy=required)
    yield Scenario("pop-aud-foreign", "the proof is presented to somebody else", (ROOT,), "7d", policy=required, proof=Proof({"aat_aud": OTHER}))
    yield Scenario("pop-aud-foreign-anyway", "the same where none is required", (ROOT,), "7d", proof=Proof({"aat_aud": OTHER}))
    yield Scenario("pop-aud-absent", "none required and none given", (ROOT,), proof=BARE)
    yield Scenario("pop-aud-array", "an array of audiences with ours in it", (ROOT,), proof=Proof({"aat_aud": [OTHER, AUDIENCE]}))
    nonce = {"nonces": ["n-1"]}
    yield Scenario("nonce-missing", "a nonce is required and missing", (ROOT,), "7h", policy=nonce)
    yield Scenario("nonce-right", "the nonce that was issued", (ROOT,), policy=nonce, proof=Proof({"nonce": "n-1"}))
    yield Scenario("nonce-foreign", "a nonce that was not issued here", (ROOT,), "7h", policy=nonce, proof=Proof({"nonce": "n-2"}))
    yield Scenario("aud-ours", "the root is for us", (Token(READ, {"aud": AUDIENCE}),))
    yield Scenario("aud-array", "the root is for several, us among them", (Token(READ, {"aud": [OTHER, AUDIENCE]}),))
    yield Scenario("aud-foreign", "the root is for somebody else", (Token(READ, {"aud": OTHER}),), "6c")
    yield Scenario("aud-required-absent", "an audience is required and no token has one", (ROOT, CHILD), "6c", policy={"require_audience": True})
    yield Scenario(
        "aud-required-derived", "it is enough that a derived token has it", (ROOT, Token(READ, {"aud": AUDIENCE})), policy={"require_audience": True}
    )
    yield Scenario(
        "aud-derived-foreign", "the root is for us, the derived token is not", (Token(READ, {"aud": AUDIENCE}), Token(READ, {"aud": OTHER})), "6c"
    )
    yield Scenario(
        "aud-not-removable",
        "the root is for somebody else, the derived token for us",
        (Token(READ, {"aud": OTHER}), Token(READ, {"aud": AUDIENCE})),
        "6c",
    )
    yield Scenario("aud-empty", "an empty array of audiences", (Token(READ, {"aud": []}),), "6c")


def types() -> Iterator[Scenario]:
    proof = compact({"alg": "Ed25519", "typ": "aat+jwt"}, {"jti": "x"}, "planner")
    yield Scenario("typ-missing-proof", "the proof has no typ", (ROOT,), "7a", proof=Proof(header={"typ": GONE}))
    yield Scenario("typ-missing-token", "the token has no typ", (Token(READ, header={"typ": GONE}),), "3a")
    yield Scenario("typ-missing-derived", "the derived token has no typ", (ROOT, Token(READ, header={"typ": GONE})), "4a")
    yield Scenario("token-as-proof", "a token where the proof must be", (ROOT,), "7a", proof=Proof(instead=proof))
    yield Scenario("proof-in-chain", "a token with the type of a proof", (Token(READ, header={"typ": "aat-pop+jwt"}),), "3a")
    yield Scenario("typ-jwt", "a token with the typ JWT", (Token(READ, header={"typ": "JWT"}),), "3a")
    yield Scenario("alg-eddsa", "the deprecated alg EdDSA", (Token(READ, header={"alg": "EdDSA"}),), "3a")
    yield Scenario(
        "alg-none", "alg none, without signature", (Token(READ, header={"alg": "none"}, damage=lambda token: token.rpartition(".")[0] + "."),), "3a"
    )
    yield Scenario("alg-none-signed", "alg none with a signature", (Token(READ, header={"alg": "none"}),), "3a")
    yield Scenario("alg-hs256", "alg HS256", (Token(READ, header={"alg": "HS256"}),), "3a")
    yield Scenario("alg-missing", "no alg", (Token(READ, header={"alg": GONE}),), "3a")
    yield Scenario("alg-eddsa-proof", "a proof with the deprecated alg EdDSA", (ROOT,), "7a", proof=Proof(header={"alg": "EdDSA"}))
    yield Scenario(
        "crit-unknown", "a critical header parameter that nobody understands", (Token(READ, header={"crit": ["x-must"], "x-must": 1}),), "3a"
    )
    yield Scenario("crit-unknown-proof", "the same in a proof", (ROOT,), "7a", proof=Proof(header={"crit": ["x-must"], "x-must": 1}))
    yield Scenario("key-in-header", "the attacker's key in the header", (Token(READ, header={"jwk": jwk("attacker")}, signer="attacker"),), "3b")


def signers() -> Iterator[Scenario]:
    yield Scenario("i1-not-holder", "a derived token by a key that doesn't hold the parent", (ROOT, Token(READ, signer="attacker")), "4b")
    yield Scenario(
        "i1-iss-right", "iss names the holder, the signature is the attacker's", (ROOT, Token(READ, {"iss": uri("planner")}, signer="attacker")), "4b"
    )
    yield Scenario("i1-iss-wrong", "the signature is the holder's, iss names another", (ROOT, Token(READ, {"iss": uri("attacker")})), "4c")
    yield Scenario("i1-iss-root", "a derived token with the root's issuer", (ROOT, Token(READ, {"iss": ISSUER})), "4c")
    yield Scenario("i1-by-issuer", "a derived token by the issuer", (ROOT, Token(READ, signer="issuer")), "4b")
    yield Scenario("root-by-attacker", "a root by the attacker", (Token(READ, signer="attacker"),), "3b")
    yield Scenario("signature-bit", "one bit of the signature turned", (Token(READ, damage=flipped),), "3b")
    yield Scenario("signature-bit-derived", "the same in a derived token", (ROOT, Token(READ, damage=flipped)), "4b")


def roots() -> Iterator[Scenario]:
    def root(name: str, title: str, step: str, claims: Mapping[str, object]) -> Scenario:
        return Scenario(name, title, (Token(READ, claims),), step)

    def details(name: str, title: str, step: str, value: object) -> Scenario:
        return root(name, title, step, {"authorization_details": value})

    entry = {"type": "attenuating_agent_token", "tools": READ}
    yield root("root-expired", "an expired root", "3e", {"exp": NOW - 1, "iat": NOW - 300})
    yield root("root-expires-now", "a root that expires at this very second", "3e", {"exp": NOW})
    yield root("root-future", "issued 31 s in the future", "3f", {"iat": NOW + 31})
    yield root("root-backwards", "expires before it is issued", "3g", {"iat": NOW + 20, "exp": NOW + 10})
    yield root("root-long", "a lifetime of 90 days and a second", "3h", {"exp": NOW - 300 + MAX_LIFETIME + 1})
    yield root("root-par-hash", "a root with par_hash", "3d", {"par_hash": b64(bytes(32))})
    yield root("root-depth-1", "a root of depth 1", "3c", {"del_depth": 1})
    yield root("root-depth-false", "a root whose depth is false", "3c", {"del_depth": False})
    yield root("root-depth-fraction", "a root whose depth is written 0.0", "3c", {"del_depth": number("0.0")})
    yield root("root-depth-text", "a root whose depth is text", "3c", {"del_depth": "0"})
    yield root("root-max-depth-9", "del_max_depth over the limit of 8", "3i", {"del_max_depth": 9})
    yield root("root-max-depth-negative", "del_max_depth -1", "3i", {"del_max_depth": -1})
    yield root("root-no-max-depth", "no del_max_depth", "3i", {"del_max_depth": GONE})
    yield root("root-no-jti", "no jti", "2c", {"jti": GONE})
    yield root("root-jti-number", "a jti that is a number", "2c", {"jti": 7})
    yield root("root-no-exp", "no exp", "3b", {"exp": GONE})
    yield root("root-exp-fraction", "exp with a fraction", "3b", {"exp": number("1764003600.5")})
    yield root("root-iat-text", "iat as text", "3b", {"iat": str(NOW)})
    yield root("root-private-key", "private key material in cnf.jwk", "3l", {"cnf": {"jwk": {**jwk("planner"), "d": b64(bytes(32))}}})
    yield root("root-no-cnf", "no cnf", "3l", {"cnf": GONE})
    yield root("root-cnf-empty", "cnf without jwk", "3l", {"cnf": {}})
    yield root("root-cnf-curve", "cnf.jwk of another curve", "3l", {"cnf": {"jwk": {**jwk("planner"), "crv": "X25519"}}})
    yield root("root-iss-other", "iss is not that of the trust anchor", "3k", {"iss": "https://other.example"})
    yield root("root-iss-no-uri", "iss is no URI", "3k", {"iss": "issuer"})
    yield root("root-no-details", "no authorization_details", "3m", {"authorization_details": GONE})
    yield details("root-details-object", "authorization_details is an object", "3m", entry)
    yield details("root-details-empty", "authorization_details is empty", "3m", [])
    yield details("root-details-other", "no entry of this type", "3m", [{"type": "payment"}])
    yield details("root-details-two", "two entries of this type", "3m", [entry, entry])
    yield details("root-no-tools", "an entry without tools", "3m", [{"type": "attenuating_agent_token"}])
    yield details("root-tools-array", "tools is an array", "3m", [{**entry, "tools": []}])
    yield details("root-tool-array", "the value of a tool is an array", "3m", [{**entry, "tools": {"read": []}}])
    yield Scenario("root-doubled-member", "a member of the payload appears twice", (Token(READ, damage=doubled),), "3b")


def links() -> Iterator[Scenario]:
    def child(name: str, title: str, step: str, claims: Mapping[str, object], parent: Token = ROOT) -> Scenario:
        return Scenario(name, title, (parent, Token(READ, claims)), step)

    other = build((Token(READ, {"jti": "019abc00-ffff-7000-8000-000000000000"}),), 0xFFFF)[0]
    mine = build((Token(READ, {"jti": "019abc00-fffe-7000-8000-000000000000"}),), 0xFFFE)[0]
    payload_only = b64(__import__("hashlib").sha256(mine.split(".")[1].encode()).digest())
    fixed = Token(READ, {"jti": "019abc00-fffe-7000-8000-000000000000"})
    yield child("depth-skipped", "the depth skips a level", "4d", {"del_depth": 2})
    yield child("depth-same", "the depth stays", "4d", {"del_depth": 0})
    yield child("max-depth-raised", "del_max_depth is raised", "4g", {"del_max_depth": 4})
    yield child("max-depth-under", "del_max_depth is under the own depth", "4m", {"del_max_depth": 0})
    yield child("terminal", "derived from a terminal token", "4e", {"del_max_depth": 1}, Token(READ, {"del_max_depth": 0}))
    yield child("exp-later", "expires after the parent", "4h", {"exp": NOW + 3301})
    yield child("derived-expired", "the derived token has expired", "4i", {"exp": NOW - 10})
    yield child("iat-earlier", "issued before the parent", "4j", {"iat": NOW - 301})
    yield child("derived-future", "the derived token is issued 31 s in the future", "4k", {"iat": NOW + 31})
    yield child("par-hash-other", "par_hash of another parent", "4q", {"par_hash": digest(other)})
    yield child("par-hash-payload", "par_hash over the payload only", "4q", {"par_hash": payload_only}, fixed)
    yield child("par-hash-missing", "no par_hash", "4b", {"par_hash": GONE})
    yield child("derived-no-cnf", "the derived token has no cnf", "4b", {"cnf": GONE})
    yield child("derived-no-details", "the derived token has no authorization_details", "4b", {"authorization_details": GONE})
    yield child("jti-twice", "the same jti twice in a chain", "2c", {"jti": "019abc00-fffe-7000-8000-000000000000"}, fixed)
    yield Scenario(
        "empty-middle",
        "a token without capability entry in the middle grants nothing further on",
        (ROOT, Token(READ, {"authorization_details": []}), CHILD),
        "4p1",
    )
    yield Scenario("empty-leaf", "a leaf without capability entry", (ROOT, Token(READ, {"authorization_details": []})), "6a")


def proofs() -> Iterator[Scenario]:
    def proof(name: str, title: str, step: str, claims: Mapping[str, object], signer: str = "") -> Scenario:
        return Scenario(name, title, (ROOT,), step, proof=Proof(claims, signer=signer))

    yield proof("pop-wrong-key", "a proof by another key", "7b", {}, "attacker")
    yield proof("pop-issuer-key", "a proof by the issuer", "7b", {}, "issuer")
    yield Scenario("pop-parent-key", "a proof by the holder of the parent", (ROOT, CHILD), "7b", proof=Proof(signer="planner"))
    yield proof("pop-other-token", "a proof for another token", "7c", {"aat_id": "019abc00-0000-7000-8000-00000000ffff"})
    yield proof("pop-sibling", "a proof for a sibling with the same jti", "7c", {"aat_hash": digest(build((Token(FILES),), 1)[0])})
    yield proof("pop-old", "a proof made 31 s ago", "7g", {"iat": NOW - 31})
    yield proof("pop-future", "a proof made 31 s from now", "7g", {"iat": NOW + 31})
    yield proof("pop-oldest", "a proof made 30 s ago", "", {"iat": NOW - 30})
    yield proof("pop-other-arguments", "a proof for other arguments", "7f", {"hta": {"path": "/data/b.txt"}})
    yield proof("pop-fewer-arguments", "a proof for fewer arguments", "7f", {"hta": {}})
    yield proof("pop-other-tool", "a proof for another tool", "7e", {"aat_tool": "search"})
    yield proof("pop-no-arguments", "a proof without arguments", "7c", {"hta": GONE})
    yield proof("pop-no-jti", "a proof without jti", "7c", {"jti": GONE})
    yield proof("pop-no-hash", "a proof without aat_hash", "7c", {"aat_hash": GONE})
    yield proof("pop-iat-fraction", "a proof whose iat has a fraction", "7c", {"iat": number(f"{NOW}.5")})
    yield Scenario("pop-number-form", "1.0 in the call is 1 in the proof", (Token({"read": {"n": ANY}}),), args='{"n":1.0}')
    yield Scenario(
        "leaf-before-hash",
        "arguments that neither the leaf nor the proof allows",
        narrowing(ANY, exact("/data/a.txt")),
        "6b",
        '{"path":"/data/b.txt"}',
        proof=Proof({"hta": {"path": "/data/c.txt"}}),
    )
