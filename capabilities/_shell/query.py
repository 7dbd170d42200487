"""Query: a program with subcommands that is asked something.

    gh pr list --state open      → reads, medium: gh pr list asks the service it is configured for
    gh pr merge 5                → cannot be inspected

See `queries` for what each program may be asked.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from functools import cache
from typing import Final

from capabilities._paths.place import Setting
from capabilities._shell.apart import UNREAD, connects, together
from capabilities._shell.queries import ASKS, CONFIDES, QUERIES
from capabilities._shell.roles import Doing, use
from capabilities._shell.script import Word
from capabilities._shell.spec import Uninspectable, matched, show
from gate.effect import Assessment, Risk
from gate.regex import regex

_READS: Final = frozenset(["reads"])
_OPTION: Final = regex(r"--[a-z][a-z0-9-]*")
_PLAIN: Final = regex(r"[a-z][a-z0-9-]*")
_SHORT: Final = regex(r"-[a-z]")
_GRAVE: Final = regex(
    r"--(endpoint|cli-input|cli-auto|ca-bundle|no-verify|no-sign|flags-file|access-token|credential|impersonate|file|output-file|out-file|outfile|yaml|"
    r"log-http|template-(file|url)|parameters-file|admin|key-file|auth-mode|sas|connection-string|account-key|billing|generate|with-decryption|"
    r"secret|include-(secrets|passwords)|dest|destination|target-url|url|uri|configuration-file|open|browser|proxy|server)([a-z-]*)"
)
_EMBEDDED: Final = regex(r"--(no-|cluster|subscription)")
_KEEPING: Final = regex(r"--(server-name|server-id|secret-id|url-map|server|account-name|destination-ip|admin-username)")
# those that take no value, so that the operation may follow them
_FLAGS: Final = frozenset(["--no-cli-pager", "--debug", "--no-paginate", "--no-cli-auto-prompt"])
_GLOBAL_VALUES: Final = frozenset(
    "--region --profile --output --query --project --configuration --account --format --subscription --color --verbosity".split()
)


def judge(name: str, rest: tuple[Word, ...], setting: Setting) -> Iterator[Assessment]:
    """What a query would do; `Uninspectable` when it is none that is known."""
    if any(word.pattern or word.sort or not word.text.isprintable() for word in rest):
        raise Uninspectable(f"a word of {name}'s is only known when it runs")
    texts = [word.text for word in rest]
    if named := next((text for text in texts if connects(text)), ""):
        raise Uninspectable(f"{show(named)} names another host")
    if name in UNREAD and rest and rest[-1].text in ("--help", "-h") and len(rest) < 5 and all(_PLAIN.fullmatch(word.text) for word in rest[:-1]):
        yield Assessment(_READS, Risk.LOW, (f"{name} shows its help",))
        return
    if name not in UNREAD and ("--help" in texts or "--version" in texts):
        raise Uninspectable(f"what {name} reads before it shows its help is not known")
    if together(name, texts):
        raise Uninspectable(f"{name} may show a secret, open a browser or reach another host by these words")
    query = QUERIES[name]
    if query.style == "open":
        path = _open(name, texts, query.refused)
    else:
        path = yield from _listed(name, rest, setting)
    if f"^{path}" in query.subcommands and (file := _configuring(query.unless.split(), setting)):
        raise Uninspectable(f"{name} {path} does what {show(file)} says")
    yield Assessment(_READS, Risk.MEDIUM, (f"{name} {path} only asks".replace("  ", " "),))


def _configuring(names: list[str], setting: Setting) -> str:
    """The first of these files that stands in the folder or above it."""
    folder = setting.cwd.rstrip("/")
    while True:
        for name in names:
            if os.path.lexists(f"{folder}/{name}"):
                return name
        if not folder:
            return ""
        folder = folder.rpartition("/")[0]


def _listed(name: str, rest: tuple[Word, ...], setting: Setting) -> Generator[Assessment, None, str]:
    query = QUERIES[name]
    if query.style == "dash":
        rest = tuple([word._replace(text=f"-{word.text}") if re.match(r"-[A-Za-z]{2}", word.text) else word for word in rest])
    if any(re.search(query.refused, word.text) for word in rest):
        raise Uninspectable(f"what {name} is asked about may be a secret, a file or another host")
    if name == "networksetup":
        return _prefixed(name, rest)
    table = _table(query.subcommands)
    options = tuple([word for word in rest if word.text in table])
    words = rest if not options or not options[0].text.startswith("-") else tuple([word for word in rest if word is not options[0]])
    found = matched(f"{query.options} word*", words)
    for role, word, many in found.uses:
        if role != "word":
            _checked(name, role, word.text)
            yield from use(Doing(name, "text" if role in _VALUES else role, word, many), setting)
    positional = [word for role, word, _ in found.uses if role == "word"]
    if options and options[0].text.startswith("-"):
        positional = [options[0], *positional]
    if name in ("kubectl", "oc", "kubecolor") and "-f" in found.options and positional[:1] and positional[0].text != "logs":
        raise Uninspectable(f"{name} -f names a file or an address")
    for path in [path for path in table if "?" in path]:
        if path.partition("?")[2] in found.options:
            table = {**table, path.partition("?")[0]: table[path]}
    return (yield from _operands(name, positional, table, setting, bare=bool(found.options & {"--version", "--help"})))


_VALUES: Final = {
    "kube": regex(r"(?!.*(template|file)).*(json|yaml|wide|name|custom-columns|jsonpath).*"),
    "table": regex(r"table|json|yaml"),
    "no": regex(r"false|no|0"),
}


def _checked(name: str, role: str, text: str) -> None:
    if role in _VALUES and not _VALUES[role].fullmatch(text):
        raise Uninspectable(f"{name}'s {show(text)} is not a value that is known to be harmless")


def _operands(name: str, positional: list[Word], table: dict[str, str], setting: Setting, *, bare: bool) -> Generator[Assessment, None, str]:
    texts = [word.text for word in positional]
    for length in range(min(len(texts), 4), 0, -1):
        path = " ".join(texts[:length])
        if path in table:
            role = table[path]
            if role == "=" and len(texts) > length:
                raise Uninspectable(f"{name} {path} with {show(texts[length])} is not known only to ask")
            for word in positional[length:]:
                yield from use(Doing(f"{name} {path}", role if role not in ("", "=") else "text", word, many=True), setting)
            return path
    if not texts and ((bare and name in UNREAD) or name in ("timedatectl", "hostnamectl", "localectl", "networkctl", "systemctl", "loginctl")):
        return ""
    raise Uninspectable(f"{name} {show(' '.join(texts[:2]))} is not known only to ask")


def _prefixed(name: str, rest: tuple[Word, ...]) -> str:
    if rest and re.match(r"-(list|get|show|print|version|help|is)", rest[0].text):
        return rest[0].text
    raise Uninspectable(f"{name} {show(rest[0].text if rest else '')} is not known only to ask")


@cache
def _table(subcommands: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for item in subcommands.split(","):
        path, arrow, role = item.partition("<")
        table[path.strip("^=")] = role if arrow else ("=" if path.endswith("=") else "")
    return table


def _open(name: str, texts: list[str], refused: str) -> str:
    """The operation, when it asks: words first, then options whose values are whatever follows them."""
    path: list[str] = []
    values = 0
    option = ""
    for text in texts:
        if text.startswith("-"):
            option, equals, value = text.partition("=")
            if text in ("--version", "--help", "-h"):
                return option
            if not _OPTION.fullmatch(option) and not (name != "aws" and _SHORT.fullmatch(option)):
                raise Uninspectable(f"the option {show(text)} cannot be inspected")
            if _GRAVE.fullmatch(option) and not _KEEPING.fullmatch(option):
                raise Uninspectable(f"the option {show(option)} may name a file, a secret or another host")
            values = 1 if equals else 0
            if text in _FLAGS:
                option = ""
            text = value  # noqa: PLW2901 - the value is looked at as a word of its own is
        elif option and not (values == 1 and option in _GLOBAL_VALUES):
            values += 1
        else:
            path.append(text)
        if re.search(refused, text):
            raise Uninspectable(f"{show(text)} names a file or another host")
        if values > 1 and name == "aws" and not option.endswith("s") and any(word.startswith("get") for word in path):
            raise Uninspectable(f"{show(text)} may be a file that is written")
    _asks(name, path)
    return " ".join(path[:3])


def _asks(name: str, path: list[str]) -> None:
    words = " ".join(path)
    operation = path[1:2] if name == "aws" else path
    if (
        not path
        or (re.search(CONFIDES[name], words) and not re.fullmatch(r"configure get (region|output)", words))
        or any(_CHANGES.fullmatch(word) for word in path)
    ):
        raise Uninspectable(f"{name} {show(words)} may show a secret, or is no query")
    if (
        words in ("configure get region", "configure get output")
        or words == "s3 ls"
        or path[:2] in (["configure", "list"], ["configure", "list-profiles"])
        or path == ["help"]
        or words in ("version", "info")
    ):
        return
    if name == "aws" and len(path) > 2 and path[1] not in ("wait", "help") and path[2] != "help":
        raise Uninspectable(f"{show(path[2])} is an operand that cannot be inspected")
    if name == "gcloud" and re.fullmatch(r"config get [a-z_]+(/[a-z_]+)?", words):
        return
    wanted = operation if name == "aws" else _verb(name, path)
    if not wanted or not re.fullmatch(ASKS[name], wanted[0]):
        raise Uninspectable(f"{name} {show(words)} is not known only to ask")


def _verb(name: str, path: list[str]) -> list[str]:
    """The word that says what is done: for az the last one before the options, for gcloud the first that is a verb."""
    if name == "az":
        return path[-1:]
    verbs = re.compile(ASKS[name] + "|" + _CHANGES.pattern)
    return [word for word in path if verbs.fullmatch(word)][:1]


# words that say that something is changed, wherever they stand
_CHANGES: Final = regex(
    r"create|delete|update|add|remove|set|patch|deploy|start|stop|restart|reset|resize|move|call|execute|import|export|ssh|scp|submit|cancel|"
    r"connect(-[a-z-]+)?|tunnel|exec|proxy|port-forward|debug|shell|invoke(-[a-z-]+)?|send(-[a-z-]+)?|open(-[a-z-]+)|browse|(ssh|scp)-[a-z-]+|"
    r"enable|disable|attach|detach|apply|rollback|restore|clone|copy|cp|mv|rm|sync|login|logout|revoke|activate|deactivate|init|install|upgrade|undelete|purge|"
    r"(add|remove|set|update|delete|create|print|perform|stop|start|abandon|recreate|rolling|invalidate|configure|publish|pull|push|ack)-[a-z-]+"
)
