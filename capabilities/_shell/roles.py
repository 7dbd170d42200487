"""What one use of a value means: reading a place, changing it, running it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, NamedTuple

from capabilities._paths.place import Place, Setting, look
from capabilities._paths.secret import EXAMPLES, secret
from capabilities._paths.text import below
from capabilities._shell import little
from capabilities._shell.apart import connects
from capabilities._shell.marks import ANY, MARKS, SPLIT, STREAM, sample
from capabilities._shell.programs import INERT
from capabilities._shell.script import Word
from capabilities._shell.spec import NUMBER, Uninspectable, show
from capabilities._shell.statement import only_reads
from gate.effect import Assessment, Risk
from gate.regex import regex

_HIDDEN: Final = "may match hidden files"
_SECRETS: Final = "may match files that hold keys, tokens or a history"
PLACES: Final = frozenset(["read", "list", "tree", "write", "delete"])
_READS: Final = frozenset(["reads"])
_WRITES: Final = frozenset(["writes"])
_GONE: Final = frozenset(["writes", "irreversible"])
_OWNERS: Final = frozenset(["chmod", "chown", "chgrp"])
_ROOTS: Final = frozenset(
    "/ /bin /boot /dev /etc /home /lib /lib64 /opt /proc /root /sbin /srv /sys /usr /usr/bin /usr/lib /var /Users /System".split()
)
_PLAIN_FILE: Final = regex(r"[\w./][\w./ -]*")  # SQLite takes `file:…?mode=…` for an address
_RANGE: Final = regex(r"\d{1,7}-\d{1,7}", re.ASCII)
_COUNT: Final = regex(r"-?(\d{1,7}|\d{0,3}\.\d)", re.ASCII)
_WIDTH: Final = regex(r"\d{1,4}", re.ASCII)
_PLUS: Final = regex(r"\+.{0,200}")
_PS: Final = regex(r"[aAcfgHhjlmnoprsTtuvwXx]{1,8}|\d[\d,]*", re.ASCII)
_SEQ_FORMAT: Final = regex(r"[^%]{0,40}%[-+ #0']?\d{0,3}(\.\d{0,3})?[eEfFgGaA][^%]{0,40}")
_ESCAPED: Final = regex(r"\[([*?[])\]")
_MAGIC: Final = regex(r"[*?[]")
_IP_OBJECT: Final = regex(
    r"a(ddr(ess)?)?|l(ink)?|r(o|oute)?|n(eigh(bou?r)?)?|ru(le)?|m(addr(ess)?)?|maddr|tunn?el|tunt(ap)?|mr(oute)?|netc(onf)?|ntable|token|stats|help|mo(nitor)?|vrf|nexthop|sr|mptcp|netns"
)
_IP_SHOW: Final = regex(r"sh(ow)?|l(s|ist|st)?|identify|pids|get|all|help|address|route|neigh|rule|link")  # not "s", which `ip link` takes for "set"
_DIRS: Final = regex(r"read|skip")
_BRACES: Final = regex(r"\{\}|[%@]|[A-Z]{2,12}", re.ASCII)  # where xargs puts names in: nothing that is part of an option
_TOPIC: Final = regex(r"[\w.+:-]+", re.ASCII)  # the name of a page; with a slash it would be any file
_COLUMNS: Final = regex(r"(?!.*environ)[\w,=:% -]+", re.ASCII)
_TEXTS: Final[dict[str, re.Pattern[str]]] = {
    "range": _RANGE,
    "ipobject": _IP_OBJECT,
    "ipshow": _IP_SHOW,
    "num": NUMBER,
    "count": _COUNT,
    "width": _WIDTH,
    "plus": _PLUS,
    "psflags": _PS,
    "dirs": _DIRS,
    "braces": _BRACES,
    "topic": _TOPIC,
    "columns": _COLUMNS,
    "format": _SEQ_FORMAT,
    "database": regex(r"[A-Za-z_]\w{0,62}", re.ASCII),  # a name; with '=' or '://' it would name a host
    "package": regex(r"(?!.*\.(tgz|tar|gz)$)(@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*(@[\w.^~<>=*-]+)?", re.ASCII | re.IGNORECASE),
    "get": regex(r"GET|get"),
    "apipath": regex(r"(?!.*(://|\.\.|graphql))/?[a-z][\w/{}.?=&:+%,-]*", re.ASCII),  # of the service gh is configured for
    "apifield": regex(r"[a-z_]+=[^@].*"),
    "scname": regex(r"ComputerName|HostName|LocalHostName"),
    "sum": regex(r"(?i)select [\d+*/ ().,-]{1,200};?"),
    "memory": regex(r":memory:"),
    "tap": regex(r"(io,(phs|stat)|endpoints|conv|hosts|expert|follow|http2?|dns|ip_hosts|ptype|plen|dests|smb|sip|rtp|flow|icmp|arp)(,[\w.,:-]*)?"),
    "fzfplus": regex(r"\+[a-z0-9]{1,2}"),
    # of what fzf may be bound to, only what moves, toggles or ends
    "bind": regex(
        r"(?!.*(execute|become|reload|transform|(?<!toggle-)preview(?!-(up|down|page-up|page-down|top|bottom)\b)|bg-|search|print\())[\w.,:+@/ -]+"
    ),
    "ssltopic": regex(r"x509|version|help|list|ciphers|errstr"),
    "ruffverb": regex(r"check|lint|rule|version|help|linter|config"),
    "journalfield": regex(r"_{0,2}[A-Z][A-Z_]*=.*|\+"),
    "sysname": regex(r"[\w.*/-]+"),
    "getentdb": regex(r"services|protocols|networks|rpc|ethers|netgroup"),
    "pause": regex(r"[1-9]\d{0,4}(\.\d{1,3})?|0?\.[1-9]\d?", re.ASCII),
    "nap": regex(r"\d{1,4}(\.\d{1,6})?s?|\d{1,2}m", re.ASCII),
    "profilesverb": regex(r"status|list|show|validate|help|version"),
    "dsclnode": regex(r"\.|localhost|/Local/Default|/Search"),
    "dscltext": regex(r"(?i)(?!.*(passw|shadow|authent))[\w/. :@-]{1,200}"),
    "dsclverb": regex(r"read|readall|list|search|diff"),
    "archive": regex(r"tar|zip"),  # for others the repository's configuration names a program
    "seven": regex(r"[lthi]"),
    "aptmark": regex(r"show(auto|manual|hold)"),
    "sdanalyze": regex(r"blame|time|critical-chain|unit-paths|exit-status|capability"),
    "yq": regex(r"(?!.*(load|env|eval\(|system|split_doc))[^$]*"),
    "memorysize": regex(r"\d{1,6}[kK]?|\d{1,9}b|\d{1,3}M|1024M|1G", re.ASCII),  # at most 1 GiB; alone it is in KiB
    "gitkey": regex(
        r"(?i)(user\.(name|email)|core\.(?!sshcommand|askpass|gitproxy)\w+|init\.\w+|branch\.(?!.*(url|pushremote)).+|pull\.\w+|push\.\w+|color\.[\w.]+|"
        r"merge\.\w+|rebase\.\w+|fetch\.\w+|diff\.\w+|log\.\w+|commit\.\w+|tag\.\w+|gc\.\w+|status\.\w+|extensions\.\w+|remote\.[\w-]+\.fetch)"
    ),
    "tarmode": regex(r"t[vzjJf]*f?|[vzjJ]*t[vzjJ]*f?"),
}


def _sql(text: str) -> None:
    if not only_reads(text):
        raise Uninspectable(f"the statement {show(text)} is none that is known only to read")


_PROGRAMS: Final[dict[str, Callable[[str], None]]] = {"sed": little.sed, "awk": little.awk, "jq": little.jq, "sql": _sql}


# programs, what is printed as wide, and what is counted as far
_MUST_BE_KNOWN: Final = frozenset(["sed", "awk", "jq", "yq", "sql", "database", "memory", "format", "filter", "width", "count", "nap", "exec"])


class Doing(NamedTuple):
    """A program's use of one word: see `spec` for the roles. `whole`: the word stands for everything below it."""

    program: str
    role: str
    word: Word
    many: bool = False
    whole: bool = False


def use(doing: Doing, setting: Setting) -> Iterator[Assessment]:
    """As `used`, for those who want the parts of a command one after the other."""
    if part := used(doing, setting):
        yield part


def used(doing: Doing, setting: Setting) -> Assessment | None:
    """What that use would do, None when there is nothing to be said of it; `Uninspectable` or ValueError when it cannot be told."""
    role, word = doing.role, doing.word
    if word.sort == "names":
        doing = doing._replace(whole=True, word=word._replace(sort=""))
    elif word.sort:
        raise Uninspectable("a word of it is only known when it runs")
    if word.pattern and role in ("text", "name") and doing.program in INERT:  # what it stands for are more files to read
        return _read(doing._replace(role="read", many=True), setting)
    if word.pattern and not doing.many:
        raise Uninspectable(f"which files {show(word.text)} names is only known when it runs; put a pattern for a program in quotes")
    if role in ("text", "name"):
        return None
    if role in ("rev", "plainfile"):
        return _read(doing._replace(role="read"), setting) if _is_read(role, word.text, setting) else None
    if role in ("read", "list", "tree"):
        return _read(doing, setting)
    if role in ("write", "delete"):
        return _changed(doing, setting)
    if role in ("exec", "remove", "never"):
        return _grave(doing)
    check_text(doing.program, role, word.text)
    return None


def _is_read(role: str, text: str, setting: Setting) -> bool:
    """Whether a word of git's, or the name of a database's file, is read as a path."""
    if role == "plainfile" and not _PLAIN_FILE.fullmatch(text):
        raise Uninspectable(f"{show(text)} may be an address, and not the name of a file")
    if not text.isprintable():
        raise Uninspectable(f"{show(text)} is only known when it runs")
    return role == "plainfile" or _names_a_path(text, setting)


def _names_a_path(text: str, setting: Setting) -> bool:
    """Whether a word of git's may be a path that matters: it leaves the folder, the folder is no place of ours, or secrets have its name."""
    place = text.rpartition(":")[2]
    if secret(f"/{place.rstrip('/').rpartition('/')[2]}"):
        raise Uninspectable(f"{show(text)} may hold keys, tokens or a history")
    return text.startswith("/") or ".." in text.split("/") or not below(setting.cwd, setting.workspace)


def check_text(program: str, role: str, text: str) -> None:
    """Refuses a text that its role does not take; roles that name places are not looked at here."""
    if role in PLACES or role in ("text", "rev"):
        return
    if not text.isprintable():
        unclear = ANY in text or SPLIT in text or role in _MUST_BE_KNOWN
        if unclear and any([mark in text for mark in MARKS]):
            raise Uninspectable(f"a value of {program} is only known when it runs")
        text = sample(text)
    if role == "filter":
        _check_filter(text)
        return
    if role in _PROGRAMS:
        _PROGRAMS[role](text)
    elif role == "format" and program == "printf":
        little.printf(text)
    elif role not in _TEXTS or not _TEXTS[role].fullmatch(text):
        raise Uninspectable(f"{program}'s {show(text)} is not a value that is known to be harmless")


def _check_filter(text: str) -> None:
    """A pattern that picks files by name: none of hidden files, and none of names that secrets have."""
    name = text.rstrip("/").rpartition("/")[2]
    if not text.startswith("!") and (name[:1] in (".", "[", "?") or secret("/" + name.replace("*", ""))):
        raise Uninspectable(f"the pattern {show(text)} may pick files that hold keys, tokens or a history")


def _grave(doing: Doing) -> Assessment:
    if doing.role == "exec":
        return Assessment(frozenset(["executes"]), Risk.HIGH, (f"{doing.program} runs {show(doing.word.text)}",))
    if doing.role == "remove":
        return Assessment(_GONE, Risk.HIGH, (f"{doing.program} removes what it finds",), frozenset(["T1485"]))
    return Assessment(_WRITES, Risk.MEDIUM, (f"{doing.program} changes {show(doing.word.text)}",))


def _read(doing: Doing, setting: Setting) -> Assessment | None:
    text = sample(doing.word.text)
    if text in ("-", STREAM):
        return None
    if text != doing.word.text:
        doing = doing._replace(word=doing.word._replace(text=text))
    if text and not text.strip(";|&<>"):
        raise Uninspectable(f"{show(text)} looks like an operator, but is the name of a file here")
    if connects(text) and "://" in text:
        raise Uninspectable(f"{show(text)} is an address, which {doing.program} may connect to")
    if text[:1] == "/" and "/../" in f"{text}/":
        raise Uninspectable(f"{show(text)} is written as if it led elsewhere; name the place itself")
    place = _place(doing, setting)
    if doing.program == "awk" and text.startswith("/inet"):
        raise Uninspectable("awk opens network connections under such names")
    if doing.program in ("tar", "bsdtar") and ":" in text:
        raise Uninspectable(f"tar takes what is before the colon in {show(text)} for another machine")
    if why := setting.refuses(place.path, below=doing.role != "list" or doing.program == "ln"):
        return Assessment(
            _READS,
            Risk.CRITICAL if setting.refuses(place.path) else Risk.HIGH,
            (f"{doing.program} reads {show(place.path)}, which {why}",),
            frozenset(["T1552.001"]),
        )
    if place.endless and doing.program == "head" and doing.role == "read":
        return None
    if place.endless:
        return Assessment(_READS, Risk.HIGH, (f"{doing.program} reads {show(place.path)}, which never ends",), frozenset(["T1496"]))
    if place.secret:
        return Assessment(_READS, Risk.HIGH, (f"{doing.program} reads {show(place.path)}, which {place.secret}",), frozenset(["T1552.001"]))
    if not place.inside:
        return Assessment(_READS, Risk.MEDIUM, (f"{doing.program} reads {show(place.path)}, outside the workspace",))
    return None


def _changed(doing: Doing, setting: Setting) -> Assessment:
    place = _place(doing, setting)
    if doing.role == "write" and place.path in ("/dev/null", "/dev/stdout", "/dev/stderr"):
        return Assessment(frozenset(), Risk.LOW)
    verb = "removes" if doing.role == "delete" else "writes"
    reason = f"{doing.program} {verb} {show(place.path)}"
    if why := setting.refuses(place.path, below=True):
        return Assessment(_GONE, Risk.CRITICAL, (f"{reason}, which {why}",), frozenset(["T1562.001"]))
    if (doing.role == "delete" or doing.program in _OWNERS) and (why := _everything(place.path, setting)):
        return Assessment(_GONE, Risk.CRITICAL, (f"{reason}, which is {why}",), frozenset(["T1485"]))
    if why := setting.refuses(place.path, writes=True):
        return Assessment(_GONE, Risk.HIGH, (f"{reason}, which {why}",), frozenset(["T1562.001"]))
    if place.secret or place.endless:
        return Assessment(_GONE, Risk.HIGH, (f"{reason}, which {place.secret or 'never ends'}",))
    if doing.role == "delete":
        return Assessment(_GONE, Risk.HIGH, (reason,))
    if not place.inside:
        return Assessment(_WRITES, Risk.HIGH, (f"{reason}, outside the workspace",))
    return Assessment(_WRITES, Risk.MEDIUM, (reason,))


def _everything(path: str, setting: Setting) -> str:
    """Why nothing is left when a folder goes; "" where that is not so."""
    if path in _ROOTS:
        return "the system itself"
    if setting.home and below(setting.home, path):
        return "a person's home folder, or has it below it"
    return "above the workspace" if path != setting.workspace and below(setting.workspace, path) else ""


@lru_cache(maxsize=1024)
def _may_be_secret(pattern: str) -> bool:
    """Whether a pattern spells the name of such a file with '?' or brackets (`id_rs[a]`); one with only stars is looked at by the rest of it."""
    if not re.search(r"[?\[]", pattern) or not re.search(r"[^*?]", pattern):
        return False
    lower = pattern.lower()
    spelled = {lower.replace("*", put) for put in ("", "x")}
    return any([fnmatchcase(name, made) for name in EXAMPLES for made in spelled])


def _place(doing: Doing, setting: Setting) -> Place:
    """Where the word leads. A pattern is judged by the folder it looks in, and by what its names could be."""
    whole = doing.whole or doing.role == "tree"
    if not doing.word.pattern:
        return look(doing.word.text or ".", setting, whole=whole)
    parts = doing.word.pattern.split("/")
    plain = 0
    while plain < len(parts) - 1 and not _MAGIC.search(_ESCAPED.sub("", parts[plain])):
        plain += 1
    folder = _ESCAPED.sub(r"\1", "/".join(parts[:plain])) or ("/" if plain else ".")
    if ".." in parts[plain:]:
        raise Uninspectable(f"where {show(doing.word.text)} leads is only known when it runs")
    content = doing.role != "list"
    place = look(folder, setting, whole=content)
    if content and any(part.startswith((".", "[.", "[!", "?")) for part in parts[plain:]) and not place.secret:
        return place._replace(secret=_HIDDEN)
    if content and any([_may_be_secret(part) for part in parts[plain:]]) and not place.secret:
        return place._replace(secret=_SECRETS)
    named = look(f"{folder}/{re.sub(r'[*?]', '', parts[-1])}", setting) if parts[-1].strip("*?") else place
    return place._replace(secret=place.secret or named.secret)
