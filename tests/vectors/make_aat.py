"""Makes `aat.json`: every scenario of draft-niyikiza-oauth-attenuating-agent-tokens-02 that its text or its own suite names, with fixed keys.

    python -m tests.vectors.make_aat            writes aat.json beside this file
    python -m tests.vectors.make_aat --check    fails when it would change

The tokens are built here from nothing but cryptography and rfc8785, so that they test `gate.token` instead of repeating it, and so that
malformed ones can be made.  A vector is one presentation:

    id, title   what is tried
    verdict     "permit" or "deny"
    step        for "deny": the step of the draft's section 8 that fails
    tool, args  the call; `args` is JSON text, because numbers must be read as written
    policy      what the enforcement point requires beside the defaults in `parameters`
    chain       the tokens, root first
    proof       the proof of possession
"""

from __future__ import annotations

import json
import re
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import EllipsisType
from typing import Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PATH: Final = Path(__file__).with_name("aat.json")
NOW: Final = 1_764_000_300
AUDIENCE: Final = "https://gate.example"
ISSUER: Final = "https://issuer.example"
ROLES: Final = ("issuer", "planner", "worker", "helper")  # who signs token 0, 1, …; the next one holds it
MAX_LIFETIME: Final = 90 * 24 * 3600
GONE: Final = ...  # a claim or header parameter left out

Tools = Mapping[str, object]
Json = Mapping[str, object]


def b64(data: bytes) -> str:
    """Unpadded base64url."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def seed(role: str) -> bytes:
    """The fixed private key of a role."""
    return sha256(f"gate aat vectors: {role}".encode()).digest()


def jwk(role: str) -> dict[str, object]:
    """The public key of a role."""
    return {"crv": "Ed25519", "kty": "OKP", "x": b64(Ed25519PrivateKey.from_private_bytes(seed(role)).public_key().public_bytes_raw())}


def uri(role: str) -> str:
    """The thumbprint URI of a role's key."""
    return "urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + b64(sha256(rfc8785.dumps(jwk(role))).digest())  # type: ignore[arg-type]


def number(text: str) -> str:
    """A number to be written exactly as `text`, which a Python float might not survive."""
    return f"@@{text}@@"


@dataclass(frozen=True)
class Token:
    """One token to build: what it grants, and where it departs from a valid one."""

    tools: Tools
    claims: Mapping[str, object | EllipsisType] = field(default_factory=dict)
    header: Mapping[str, object | EllipsisType] = field(default_factory=dict)
    signer: str = ""
    damage: Callable[[str], str] = str


@dataclass(frozen=True)
class Proof:
    """The proof to build, and where it departs from a valid one."""

    claims: Mapping[str, object | EllipsisType] = field(default_factory=dict)
    header: Mapping[str, object | EllipsisType] = field(default_factory=dict)
    signer: str = ""
    instead: str = ""


def compact(header: Json, payload: Json, signer: str) -> str:
    """A signed token over any header and payload at all."""
    body = rfc8785.dumps(dict(payload)).decode()  # type: ignore[arg-type]
    body = re.sub(r'"@@([^"@]*)@@"', r"\1", body)
    signing_input = f"{b64(rfc8785.dumps(dict(header)))}.{b64(body.encode())}"  # type: ignore[arg-type]
    return f"{signing_input}.{b64(Ed25519PrivateKey.from_private_bytes(seed(signer)).sign(signing_input.encode()))}"


def digest(token: str) -> str:
    """par_hash of a token's children."""
    return b64(sha256(token.rpartition(".")[0].encode()).digest())


def merged(base: Json, changes: Mapping[str, object | EllipsisType]) -> dict[str, object]:
    """`base` with changes, members set to GONE left out."""
    return {name: value for name, value in {**base, **changes}.items() if value is not GONE}


def build(tokens: tuple[Token, ...], number_: int) -> list[str]:
    """The compact tokens of a chain."""
    chain: list[str] = []
    for depth, token in enumerate(tokens):
        signer = token.signer or ROLES[depth]
        base: dict[str, object] = {
            "jti": f"019abc00-{number_:04x}-7000-8000-{depth:012x}",
            "iss": ISSUER if depth == 0 else uri(signer),
            "iat": NOW - 300 + 60 * depth,
            "exp": NOW + 3300 - 600 * depth,
            "cnf": {"jwk": jwk(ROLES[depth + 1])},
            "del_depth": depth,
            "del_max_depth": 3,
            "authorization_details": [{"type": "attenuating_agent_token", "tools": token.tools}],
        }
        if chain:
            base["par_hash"] = digest(chain[-1])
        made = compact(merged({"alg": "Ed25519", "typ": "aat+jwt"}, token.header), merged(base, token.claims), signer)
        chain.append(token.damage(made))
    return chain


def build_proof(proof: Proof, chain: list[str], tool: str, args: str, number_: int) -> str:
    """The compact proof for the leaf."""
    leaf = json.loads(b64decode(chain[-1].split(".")[1]))
    base = {
        "jti": f"019abc00-{number_:04x}-7000-9000-000000000000",
        "iat": NOW,
        "aat_id": str(leaf.get("jti", "none")),
        "aat_hash": digest(chain[-1]),
        "aat_tool": tool,
        "aat_aud": AUDIENCE,
        "hta": json.loads(args, parse_int=exact_or_float),
    }
    return proof.instead or compact(
        merged({"alg": "Ed25519", "typ": "aat-pop+jwt"}, proof.header), merged(base, proof.claims), proof.signer or ROLES[len(chain)]
    )


def exact_or_float(text: str) -> float:
    """JCS writes integers beyond 2^53 only as doubles."""
    return int(text) if abs(int(text)) < 2**53 else float(text)


def b64decode(text: str) -> bytes:
    """Bytes of unpadded base64url."""
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def document() -> dict[str, object]:
    """Everything, as it is published."""
    from tests.vectors.aat_scenarios import scenarios

    vectors = []
    for index, each in enumerate(scenarios(), start=1):
        chain = build(each.tokens, index)
        vector: dict[str, object] = {"id": each.id, "title": each.title, "verdict": "deny" if each.step else "permit"}
        if each.step:
            vector["step"] = each.step
        vector |= {"tool": each.tool, "args": each.args, "policy": dict(each.policy), "chain": chain}
        vectors.append(vector | {"proof": build_proof(each.proof, chain, each.tool, each.args, index)})
    return {
        "specification": "draft-niyikiza-oauth-attenuating-agent-tokens-02",
        "parameters": {
            "now": NOW,
            "audience": AUDIENCE,
            "max_iat_skew": 30,
            "max_token_lifetime": MAX_LIFETIME,
            "max_delegation_depth": 8,
            "max_constraint_depth": 32,
            "proof_window": 30,
        },
        "trust_anchors": [{"iss": ISSUER, "jwk": jwk("issuer")}],
        "keys": {role: {"seed": seed(role).hex(), "jwk": jwk(role)} for role in (*ROLES, "attacker")},
        "vectors": vectors,
    }


def text() -> str:
    """The file's content: one vector a block, so that a change is readable."""
    return json.dumps(document(), indent=1, ensure_ascii=True) + "\n"


def main() -> int:
    """Write the file, or with --check tell whether it is up to date."""
    if "--check" in sys.argv:
        return int(PATH.read_text() != text())
    PATH.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
