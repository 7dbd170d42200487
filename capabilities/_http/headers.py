"""Headers: which ones a caller may set, and secrets in them by reference.

    {"Accept": "text/html", "Authorization": "Bearer {secret:github}"}

Refused: whatever says who is asked, how the message is framed or how it travels (RFC 9110, sections 7.2 and 7.6; RFC 9112, section 6), what
servers take for the sender's address, for another path or method, or for a call from inside a cloud.  `_` counts as `-`, as CGI (RFC 3875)
takes it.  Credentials are taken only as a reference to a secret, whose value the agent never has.

>>> check_headers({"Accept": "text/html", "Authorization": "Bearer {secret:github}"})
{'accept': 'text/html', 'authorization': 'Bearer {secret:github}'}
>>> references("Bearer {secret:github}")
['github']
>>> check_headers({"Authorization": "Bearer ghp_0123"})
Traceback (most recent call last):
ValueError: the header 'authorization' holds credentials; name a secret instead, such as 'Bearer {secret:NAME}'
"""

# lists of words are data, and read best as text
from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gate.regex import regex

MOST: Final = 64
LARGEST: Final = 16_384
_NAME: Final = regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE: Final = regex(r"[!-~ \t]{0,4096}")
REFERENCE: Final = regex(r"\{secret:([a-z0-9][a-z0-9_.-]{0,63})\}")
_REFUSED: Final = frozenset(
    "host content-length transfer-encoding connection upgrade te trailer trailers keep-alive expect via forwarded http2-settings alt-used "
    "accept-encoding content-encoding early-data max-forwards x-real-ip x-client-ip x-cluster-client-ip x-remote-ip x-remote-addr "
    "x-originating-ip x-host true-client-ip fastly-client-ip cf-connecting-ip client-ip remote-user x-remote-user x-original-url "
    "x-original-host x-rewrite-url x-http-method x-http-method-override x-method-override metadata metadata-flavor "
    "x-google-metadata-request x-metadata-token set-cookie".split()
)
_REFUSED_BEGIN: Final = ("proxy-", "sec-", "x-forwarded-", "x-proxy-", "x-envoy-", "x-aws-ec2-metadata-", "x-accel-", "x-sendfile", ":")
_SECRET: Final = frozenset(
    "authorization cookie cookie2 x-api-key api-key apikey x-apikey x-goog-api-key x-functions-key ocp-apim-subscription-key dd-api-key "
    "dd-application-key x-auth-key x-auth-email x-auth-user x-session-id x-access-key x-secret-key private-token job-token deploy-token x-token "
    "token x-password password x-amz-security-token x-vault-token".split()
)
_SECRET_END: Final = ("-auth-token", "-access-token", "-api-key", "-api-token", "-secret", "-password", "-authorization")


def check_headers(headers: Mapping[str, object]) -> dict[str, str]:
    """The headers as they are recorded and sent; ValueError for what a caller may not set or what could break the message apart."""
    if len(headers) > MOST:
        raise ValueError(f"there are {len(headers)} headers; at most {MOST} are taken")
    made: dict[str, str] = {}
    for name, value in headers.items():
        text = _checked(name, value)
        lower = name.lower()
        if lower in made:
            raise ValueError(f"the header '{lower}' is given twice")
        made[lower] = text
    if sum(len(name) + len(value) + 4 for name, value in made.items()) > LARGEST:
        raise ValueError(f"the headers are more than {LARGEST} bytes")
    return made


def _checked(name: str, value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or value != value.strip():
        raise ValueError(f"the header {ascii(name)[:80]} or its value is malformed")
    plain = name.lower().replace("_", "-")
    if plain in _REFUSED or plain.startswith(_REFUSED_BEGIN):
        raise ValueError(f"the header '{name.lower()}' is not a caller's to set")
    if "{secret" in REFERENCE.sub("", value).lower():
        raise ValueError(f"the header '{name.lower()}' holds a malformed reference to a secret; write {{secret:NAME}}")
    if sensitive(name) and not REFERENCE.search(value):
        raise ValueError(f"the header '{name.lower()}' holds credentials; name a secret instead, such as 'Bearer {{secret:NAME}}'")
    return str.__str__(value)


def sensitive(name: str) -> bool:
    """Whether a header of this name holds credentials."""
    plain = name.lower().replace("_", "-")
    return plain in _SECRET or plain.endswith(_SECRET_END)


def references(value: str) -> list[str]:
    """The names of the secrets that a header's value refers to."""
    return REFERENCE.findall(value)
