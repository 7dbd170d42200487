"""One e-mail address in its one form; everything that mail programs read in two ways is refused.

    Ceo@Corp.Example   → ceo@corp.example

Taken is a dot-atom of letters, digits and `. _ + - ' = & ~` before one `@`, and a host name after it (RFC 5321, section 4.1.2, without its
quoted and bracketed forms).  Refused: display names (`"ceo@corp.example" <x@evil.example>`), comments, groups, source routes, quoted local
parts, address literals, `user%host@relay` and `host!user` (they make the relay send on), line breaks, anything that is not ASCII before
the `@`.  The local part becomes lower case, because mail systems deliver both to one person; `ceo+x@…` stays another address than `ceo@…`.

>>> address("Ceo@Corp.Example")
'ceo@corp.example'
>>> address('"ceo@corp.example" <x@evil.example>')
Traceback (most recent call last):
ValueError: '"ceo@corp.example" <x@evil.example>' is more than one bare address such as 'ann@example.com'
"""

from __future__ import annotations

import re
from typing import Final

from capabilities._names.host import host
from gate.constraint import show

LONGEST: Final = 254
_LOCAL: Final = re.compile(r"[A-Za-z0-9_'=&~](?:\.?[A-Za-z0-9_+\-'=&~])*", re.ASCII)


def address(value: object) -> str:
    """The address; ValueError says why it is refused."""
    if not isinstance(value, str):
        raise ValueError(f"an address is text, not {'null' if value is None else f'a {type(value).__name__}'}")
    if not value or len(value) > LONGEST:
        raise ValueError("the address is empty" if not value else f"the address is {len(value)} characters long; at most {LONGEST} are taken")
    local, at, domain = value.partition("@")
    if not at or not domain or set('@ \t\r\n<>()[],;:"\\') & {*local, *domain}:
        raise ValueError(f"{show(value)} is {'no' if not at else 'more than one bare'} address such as 'ann@example.com'")
    if "%" in local or "!" in local or "|" in local:
        raise ValueError(f"{show(value)} asks a server to send it on, or starts a program there")
    if not _LOCAL.fullmatch(local) or len(local) > 64:
        raise ValueError(f"{show(value)} has a part before '@' that mail programs read differently")
    return f"{local.lower()}@{host(domain)}"


def domain_of(text: str) -> str:
    """What follows the `@` of an address in its one form."""
    return text.rpartition("@")[2]


def under(domain: str, pattern: str) -> bool:
    """Whether a domain is the one named, or for `*.example.com` below it."""
    return domain.endswith(pattern[1:]) if pattern.startswith("*.") else domain == pattern


def lies_below(domain: str, parents: frozenset[str]) -> bool:
    """Whether a domain is below one of these: one look-up for each of its labels, however many there are."""
    while domain := domain.partition(".")[2]:
        if domain in parents:
            return True
    return False


def pattern(value: object) -> str:
    """A domain as a constraint names it, `example.com` or `*.example.com`; ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("a domain is text")
    return f"*.{host(value[2:])}" if value.startswith("*.") else host(value)
