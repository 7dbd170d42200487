"""Judge: what one command would do, in a folder that is known; `flow` follows a whole script.

Every command is looked up as data: a program that only reads, one that writes, one that runs another (which is judged in its place), one
that is known to run code or reach the network.  A program, option or place that is not known is high risk because it "cannot be
inspected": so the default asks.  Paths are judged by where they lead (`lstat` and `readlink` only).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from capabilities._paths.place import Setting, look
from capabilities._shell import find, git, gitsafe, labels, query, unnamed
from capabilities._shell.apart import UNREAD
from capabilities._shell.asked import ASKED, lines
from capabilities._shell.grammar import lex
from capabilities._shell.harness import HARNESS, is_harness
from capabilities._shell.marks import MARKS
from capabilities._shell.notable import HELP, NOTABLE, VERSION
from capabilities._shell.programs import INERT, READERS
from capabilities._shell.queries import QUERIES
from capabilities._shell.roles import Doing, check_text, use, used
from capabilities._shell.script import Command, Word
from capabilities._shell.spec import Uninspectable, matched, show
from capabilities._shell.writers import CHANGERS, HARMLESS_VARIABLES, MAYBE, WATCH, WRAPPERS, WRITERS
from gate.effect import Assessment, Risk
from gate.regex import regex

SYSTEM: Final = frozenset(["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/usr/local/sbin"])
TAKES_ANYTHING: Final = frozenset("printf true false basename dirname".split())
# what we write out, and a shell that we start has another value of, or none
_OTHER_VARIABLES: Final = regex(r"~|\$\{?#?([A-Z_]+|0)\b")
_NOT_POSIX: Final = regex(r"\$'|\{[^}\s]|<<<|<\(|&>|\|&|>&|\b(export|time|type|command|read|local)\b|==|\$\(\(|\[\^")
_OUT: Final = regex(r"^/|\.\.|^-[A-Za-z1]*[aAf]|^--(almost-)?all")  # what makes ls list other places, or hidden names
_SMALL: Final = regex(r"-?\d{1,6}")
_DASH_C: Final = regex(r"-[exu]*c[exu]*")
_READS: Final = frozenset(["reads"])
_WRITES: Final = frozenset(["writes"])
_EXECUTES: Final = frozenset(["executes"])
_LOW: Final = Assessment(_READS, Risk.LOW)
_MAX_NESTING: Final = 6
# filters, and the options with which each line of theirs is still a whole line of their input
_GREP: Final = frozenset("-E -F -G -P -i -y -v -w -x -e -m -z".split())
_FILTERS: Final = {
    **dict.fromkeys(["grep", "egrep", "fgrep"], _GREP),
    "sort": frozenset("-b -d -f -g -h -i -M -n -R -r -V -s -u -z -k -t".split()),
    "uniq": frozenset("-d -u -i -z".split()),
    "head": frozenset("-n -q -z".split()),
    "tail": frozenset("-n -q -z".split()),
    "shuf": frozenset("-n -z".split()),
    "tac": frozenset[str](),
}
_CUTTING: Final = frozenset(["-d", "--delimiter"])
# what may change, drop or add lines: that they still are names below the same places is checked when it runs (see `claims`)
_EDITORS: Final = frozenset(["cut", "cat", *_FILTERS])
# programs that could write other names too, and the words with which they only choose lines, or write a line as it is
_CHOOSING: Final[dict[str, re.Pattern[str]]] = {
    "tr": regex(r"(\\0|\\000) \\n|\\n (\\0|\\000)"),
    "awk": regex(r"(NR ?[<>=!]=? ?\d{1,6} ?)?(/[^/]*/ ?)?\{ ?print( \$0)?;? ?\}"),
    "sed": regex(r"(-n )?\d{1,6}(,\d{1,6})?[pdq]|s([,|@#/])\^\\?\.\\?/\3\3"),
}
_ONLY_NAMES: Final = frozenset(["-l", "--files-with-matches", "-L", "--files-without-match"])
# options with which a program follows links that it meets on its way
FOLLOWING: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(["grep", "egrep", "fgrep"], frozenset(["-R", "--dereference-recursive"])),
    **dict.fromkeys(["rg", "du", "fd", "fdfind"], frozenset(["-L", "--follow", "--dereference"])),
    "tree": frozenset(["-l"]),
    "ag": frozenset(["-f", "--follow"]),
    "cp": frozenset(["-L", "--dereference"]),
    "rgrep": frozenset(["-R"]),
    "tokei": frozenset(["-f"]),
}
_LINKS: Final = frozenset(["l", "f,l", "l,f", "d,l", "l,d", "f,d,l", "d,f,l", "l,f,d", "l,d,f", "f,l,d", "d,l,f"])  # what `-type` may be given
_FEEDERS: Final = frozenset("find git ls grep egrep fgrep rg".split())
_LISTED: Final = frozenset("-c -d -m -o -k -s -i -t -z --cached --deleted --modified --others --ignored --exclude-standard".split())


class Fed(NamedTuple):
    """What the command before writes into this one's input: names of files below `roots`, unmistakably separated or not; or nothing at all.

    lines: inside a block, whose input was looked at line by line.
    """

    roots: tuple[str, ...] = ()
    zero: bool = False
    empty: bool = False
    lines: bool = False


class Context(NamedTuple):
    """Where a command runs, what it is fed, how deep it is nested in others, and a list to which every program that is started is added.

    loose: a list to which every folder is added in which git looks for its repository further up.
    """

    setting: Setting
    fed: Fed | None
    started: list[tuple[str, ...]]
    nesting: int = 0
    whole: bool = False
    loose: list[str] | None = None

    def deeper(self, **changes: object) -> Context:
        """The context of a command inside this one."""
        if self.nesting >= _MAX_NESTING:
            raise Uninspectable(f"commands are nested deeper than {_MAX_NESTING}")
        return self._replace(nesting=self.nesting + 1, **{"fed": None, **changes})  # type: ignore[arg-type]  # the fields of this tuple


def command_parts(command: Command, context: Context) -> list[Assessment]:
    """What one command and its redirections would do."""
    parts = words_parts(command.words, context) if command.words else []
    for redirect in command.redirects:
        if redirect.op not in (">&", "<<<"):
            doing = Doing("the redirection", "read" if redirect.op == "<" else "write", Word(redirect.target))
            try:
                parts += use(doing, context.setting)
            except (Uninspectable, ValueError) as reason:
                parts.append(unknown(str(reason)))
    return parts


def words_parts(words: tuple[Word, ...], context: Context) -> list[Assessment]:
    """What the command of these words would do; never raises."""
    context.started.append(tuple([word.text for word in words]))
    done: list[Assessment] = []
    try:
        done.extend(_judge(words, context))  # what was found before the rest could not be told stays
        done.extend(unnamed.parts(words, context.setting))
    except (Uninspectable, ValueError) as reason:
        done.append(unknown(str(reason)))
    return done


def unknown(reason: str) -> Assessment:
    """The assessment of what cannot be told."""
    return Assessment(_EXECUTES, Risk.HIGH, (f"cannot be inspected: {reason}",))


def program(word: Word) -> str:
    """The name of the program a word stands for; `Uninspectable` when it is not one of the system's."""
    text = word.text
    if word.pattern or word.sort or not text.isprintable():
        raise Uninspectable(f"which program {show(text)} names is only known when it runs")
    if "/" in text:
        folder, _, text = text.rpartition("/")
        if folder not in SYSTEM:
            raise Uninspectable(f"{show(word.text)} is not one of the system's programs")
    if not text:
        raise Uninspectable("the name of the program is empty")
    return text


def _judge(words: tuple[Word, ...], context: Context) -> Iterable[Assessment]:
    name, rest = program(words[0]), words[1:]
    special = _SPECIAL.get(name)
    asks = HELP if name in WRITERS or name in WRAPPERS or name in CHANGERS else VERSION
    if name in UNREAD and len(rest) == 1 and rest[0].text in asks and rest[0].text.isprintable():
        return [Assessment(_READS, Risk.LOW, (f"{name} shows its version or help",))]
    if special:
        return special(name, rest, context)
    if (asked := f"{name} {rest[0].text}" if rest and f"{name} {rest[0].text}" in ASKED else name) in ASKED:
        return _or_notable(name, rest, _asked(asked, rest, context)) if name in NOTABLE else _asked(asked, rest, context)
    if name in READERS or name in WRITERS:
        return _by_spec(name, rest, context) if name not in NOTABLE else _or_notable(name, rest, _by_spec(name, rest, context))
    if name in WRAPPERS:
        return words_parts(matched(WRAPPERS[name], rest).command, context.deeper())
    if name in CHANGERS:
        return _changed(name, rest, context)
    if name in QUERIES:
        return _or_notable(name, rest, query.judge(name, rest, context.setting)) if name in NOTABLE else query.judge(name, rest, context.setting)
    if name in NOTABLE:
        return [_notable(name, rest)]
    if is_harness(name):
        return _harness(name, rest, context)
    raise Uninspectable(f"the program {show(name)} is not known")


def _by_spec(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    if name in ("less", "more") and any(word.text.startswith("+") for word in rest):
        raise Uninspectable(f"what follows '+' is a command of {name}'s")
    if name in TAKES_ANYTHING:
        rest = rest if name == "printf" and any(mark in rest[0].text for mark in MARKS) else known(rest)
    found = matched(READERS[name] if name in READERS else WRITERS[name], rest)
    if followed := found.options & FOLLOWING.get(name, frozenset()):
        raise Uninspectable(f"{name} {min(followed)} follows links, and where they lead is only known when it runs")
    if name == "ls" and found.options & {"-L", "--dereference"} and found.options & {"-R", "--recursive"}:
        raise Uninspectable("ls -L -R follows links, and where they lead is only known when it runs")
    parts = 0
    much = name == "head" and any([role == "num" and not _SMALL.fullmatch(word.text) for role, word, _ in found.uses])
    if much and any(word.text.startswith("/dev/") for word in rest):
        raise Uninspectable("it may read more of a device than is sensible")
    for role, word, many in found.uses:
        if word.pattern and word.pattern[0] in "*?[" and name not in INERT:
            raise Uninspectable(f"{show(word.text)} may stand for names that {name} takes for options; write './' in front of it")
        if part := used(Doing(name, role, word, many, context.whole), context.setting):
            yield part
            parts += 1
    if name in WRITERS and not found.upgraded:
        yield Assessment(_WRITES, Risk.MEDIUM, () if parts else (f"{name} changes files",))
    else:
        yield _LOW if parts else _only_reads(name)


def _asked(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    """A program that is asked by a statement or a path: the first of its lines that fits."""
    for word in rest:
        if word.pattern or word.sort or not word.text.isprintable():
            raise Uninspectable(f"a word of {name}'s is only known when it runs")
    uses = lines(name, rest)
    for role, word, many in uses:
        yield from use(Doing(name, role, word, many), context.setting)
    yield Assessment(_READS, Risk.MEDIUM, (f"{name} only asks",))


def _harness(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    if "/" in context.started[-1][0]:
        raise Uninspectable(f"the program {show(name)} is not known")
    uses = matched(HARNESS[name], rest).uses
    yield Assessment(_READS, Risk.LOW, (f"{name} is no program here; an agent's harness has it, and shows files by it",))
    for role, word, many in uses:
        yield from use(Doing(name, role, word, many), context.setting)


def _plain(name: str, rest: tuple[Word, ...], _: Context) -> Iterator[Assessment]:
    """Programs that take every word as it is."""
    if name != "echo" and any(word.text in ("-v", "-R") for word in rest):
        raise Uninspectable(f"{name} -v looks up a variable, which a shell may run code for")
    yield _only_reads(name)


def known(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words with those that are only known when it runs replaced by one that is, for programs that take any word alike."""
    return tuple([Word("x") if word.sort or not word.text.isprintable() else word for word in words])


@lru_cache(maxsize=1024)
def _only_reads(name: str) -> Assessment:
    return Assessment(_READS, Risk.LOW, (f"{name} only reads",))


def _notable(name: str, rest: tuple[Word, ...]) -> Assessment:
    if name in UNREAD and len(rest) == 1 and rest[0].text in VERSION:
        return Assessment(_READS, Risk.LOW, (f"{name} shows its version or help",))
    known = NOTABLE[name]
    return Assessment(known.effects, Risk.HIGH, (f"{name} {known.reason}",), known.techniques)


def _or_notable(name: str, rest: tuple[Word, ...], parts: Iterator[Assessment]) -> Iterator[Assessment]:
    """The parts, or what is known of the program by its name alone when they cannot be told."""
    try:
        yield from list(parts)
    except (Uninspectable, ValueError) as reason:
        yield _notable(name, rest)
        yield unknown(str(reason))


def _changed(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    line, technique, reason = CHANGERS[name]
    yield Assessment(_EXECUTES, Risk.HIGH, (f"{name} {reason}",), frozenset(technique.split()))
    if inner := matched(line, rest).command:
        yield from words_parts(inner, context.deeper())


def _find(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    found = find.parse(rest)
    yield Assessment(_READS, Risk.LOW, (f"{name} lists files",))
    if found.follows or (found.commands and any(word.text in _LINKS or word.text in ("-H", "-lname", "-ilname") for word in rest)):
        raise Uninspectable("it follows links, and where they lead is only known when it runs")
    for role, word, many in found.uses:
        yield from use(Doing(name, role, word, many), context.setting)
    if any(role == "remove" for role, _, _ in found.uses):
        for root in found.roots:
            yield from use(Doing(name, "delete", Word(root)), context.setting)
    if found.commands and found.telling:
        raise Uninspectable(f"it looks for files such as {show(found.telling)}, where keys, tokens or histories are kept")
    for command in found.commands:
        yield from words_parts(command, context.deeper())  # with '{}' as it is, which is no program's name
        for root in found.roots[:16]:
            filled = tuple([word._replace(text=word.text.replace("{}", root)) if not word.pattern else word for word in command])
            yield from words_parts(filled, context.deeper(whole=True))


def _xargs(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    found = matched(WRAPPERS[name], rest)
    command = found.command or (Word("echo"),)
    inner = program(command[0])
    for role, word, _ in found.uses:
        check_text(name, role, word.text)
    if context.fed and context.fed.empty:
        yield from words_parts(command, context.deeper())
        return
    roots = context.fed.roots if context.fed and not context.fed.lines else ()
    mark = next((word.text for role, word, _ in found.uses if role == "braces" and word.text), "{}")
    if mark != "{}" and mark in command[0].text:
        raise Uninspectable(f"which program {show(command[0].text)} names is only known when it runs")
    if found.options & _CUTTING or any("\n" in root for root in roots):
        raise Uninspectable("where xargs cuts its input is only known when it runs")
    if inner not in INERT and inner not in WRITERS:
        raise Uninspectable(f"what words xargs gives {show(inner)} is only known when it runs")
    if inner in ("echo", "basename", "dirname"):
        roots = roots or (".",)
    elif not roots:
        raise Uninspectable(f"which files xargs gives {show(inner)} is only known when it runs; 'find … | xargs …' says it")
    for root in roots[:16]:
        filled = tuple([word._replace(text=word.text.replace(mark, root)) for word in command])
        yield from words_parts(filled if filled != command else (*command, Word(root)), context.deeper(whole=True))


def _env(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    at = 0
    while at < len(rest) and (rest[at].text in ("-i", "-", "--ignore-environment") or "=" in rest[at].text.lstrip("-")):
        text = rest[at].text
        if "=" in text and text.partition("=")[0] not in HARMLESS_VARIABLES:
            yield unknown(f"what the variable {show(text.partition('=')[0])} changes is not known")
        at += 1
    found = matched(WRAPPERS[name], rest[at:]) if at < len(rest) else None
    inner = found.command if found else ()
    away = next((word.text for word in rest[:at] if "=" not in word.text), "") or ("-u" if found and found.options & {"-u", "--unset"} else "")
    if away and not (inner and program(inner[0]) in INERT):
        yield unknown(f"env {away} takes away what keeps programs such as git from running others")
    if not inner or not (at or away):  # alone it shows the environment; before a command it must change something, or it is only there to hide it
        yield _notable(name, rest)
    if inner:
        yield from words_parts(inner, context.deeper())


def _maybe(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    """Programs that run a command if they are given one."""
    inner = matched(MAYBE[name], rest).command
    yield _only_reads(name)
    if inner:
        yield from words_parts(inner, context.deeper())


def _watch(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    """`watch WORDS`: joined by blanks they are text for `sh -c`, again and again until the call's time is over."""
    try:
        found = matched(WATCH, rest)
        if any([word.pattern or word.sort or not word.text.isprintable() for word in rest]):
            raise Uninspectable("a word of it is only known when it runs")
        script = lex(for_shell("sh", " ".join([word.text for word in found.command])))
    except (Uninspectable, ValueError) as reason:
        yield from _changed(name, rest, context)
        yield unknown(str(reason))
        return
    for role, word, _ in found.uses:
        check_text(name, role, word.text)
    context.deeper()
    if context.whole:
        raise Uninspectable(f"which files {name} is given is only known when it runs")
    from capabilities._shell.flow import assess

    yield assess(script, context.setting, guarded=False)


def _shell(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    """`sh -c TEXT`: the text is a script, if the lexer takes it; any other use runs what is not visible here."""
    if len(rest) != 2 or not _DASH_C.fullmatch(rest[0].text) or rest[1].pattern:
        yield _notable(name, rest)
        return
    script = lex(for_shell(name, rest[1].text))
    context.deeper()
    if context.whole:
        raise Uninspectable(f"which files {name} is given is only known when it runs")
    from capabilities._shell.flow import assess

    yield assess(script, context.setting, guarded=False)


def for_shell(name: str, text: str) -> str:
    """Text that a real shell of that name reads as we do; `Uninspectable` where it has other variables, or another language."""
    if found := _OTHER_VARIABLES.search(text):
        raise Uninspectable(f"what {show(found.group())} is in a shell of its own is not known")
    if name != "bash" and (found := _NOT_POSIX.search(text)):
        raise Uninspectable(f"{show(found.group())} is read differently by {name}")
    return text


def _git(name: str, rest: tuple[Word, ...], context: Context) -> Iterator[Assessment]:
    sub, words, folders = git.subcommand(rest)
    setting = context.setting
    for folder in folders:
        yield from use(Doing(name, "list", folder), setting)
        setting = setting._replace(cwd=look(folder.text, setting).path)
    if context.loose is not None and not os.path.lexists(f"{setting.cwd}/.git"):
        context.loose.append(setting.cwd)
    if bare := gitsafe.bare(setting.cwd):
        raise Uninspectable(f"{show(bare)} is a repository among ordinary files, whose configuration may name programs")
    if "--help" in [word.text for word in words]:
        raise Uninspectable("git --help starts whatever shows manuals")
    if (line := git.READS.get(sub)) is not None:
        full = f"git {sub}"
        parts = [part for role, word, many in matched(line, words).uses if (part := used(Doing(full, role, word, many), setting))]
        yield from parts or [_only_reads(full)]
        return
    sub = sub.partition(" ")[0]
    if sub not in git.WRITES | git.EGRESS | git.EXECUTES | git.IRREVERSIBLE:
        raise Uninspectable(f"git's {show(sub)} is not known")
    effects = [effect for effect, subs in (("egress", git.EGRESS), ("executes", git.EXECUTES), ("irreversible", git.IRREVERSIBLE)) if sub in subs]
    risk = Risk.HIGH if effects else Risk.MEDIUM
    yield Assessment(frozenset(["writes", *effects]), risk, (f"git {sub} changes the repository or what it is joined to",))


def _ssh(name: str, rest: tuple[Word, ...], _: Context) -> Iterator[Assessment]:
    yield Assessment(frozenset(["egress", "executes"]), Risk.HIGH, (f"{name} works on another machine",), frozenset(["T1021.004"]))
    yield from labels.ssh(tuple([word.text for word in rest]))


def feeds(command: Command, fed: Fed | None) -> Fed | None:
    """What a command writes, if that is names of files below places it names, or the names it was fed, fewer or in another order."""
    try:
        name = program(command.words[0])
        rest = command.words[1:]
        if name not in _FEEDERS and not (fed and fed.roots):
            return None
        if any([word.sort or not word.text.isprintable() for word in rest]):
            return None
        if name == "find":
            found = find.parse(rest)
            return None if found.commands or found.telling or found.writes else Fed(found.roots, found.zero)
        if name == "git" and command.argv[1:2] == ("ls-files",):
            options = matched(git.READS["ls-files"], rest[1:]).options
            return Fed((".",), "-z" in options) if options <= _LISTED else None
        if name == "git" and command.argv[1:2] == ("diff",) and "--name-only" in command.argv:
            return Fed((".",), "-z" in command.argv)
        if name == "ls" and not any(_OUT.search(word.text) or word.text[:1] == "." for word in rest):
            return Fed((".",))
        if name in ("grep", "egrep", "fgrep", "rg") and not (fed and fed.roots):
            return _listing(name, rest)
        chooses = name in _CHOOSING and _CHOOSING[name].fullmatch(" ".join([word.text for word in rest]))
        if fed and fed.roots and (name in _EDITORS or chooses) and not any(redirect.fd < 2 for redirect in command.redirects):
            uses, _, options, _ = matched(READERS[name], rest)
            names = [one for one in uses if one.role in ("read", "tree", "write", "exec")]
            if names or (name in _FILTERS and not options <= _FILTERS[name]):
                return None
            return Fed(fed.roots, fed.zero and name in _FILTERS and "-z" in options)
    except Uninspectable:
        return None
    return None


def _listing(name: str, rest: tuple[Word, ...]) -> Fed | None:
    """What a search that only lists the names of files writes."""
    uses, _, options, _ = matched(READERS[name], rest)
    if options.isdisjoint(_ONLY_NAMES):
        return None
    places = tuple([one.word.text for one in uses if one.role in ("read", "tree")])
    if "--label" in options or not (places or options & {"-r", "-R", "--recursive"} or name == "rg"):
        return None
    return Fed(places or (".",), bool(options & {"-Z", "--null"}))


PLAIN: Final = frozenset(["echo", "test", "["])
SHELLS: Final = frozenset(["bash", "sh", "dash"])  # not zsh and ksh, which compute what is inside a number of `test` or `printf`
_SPECIAL: Final = {
    "find": _find,
    "xargs": _xargs,
    "env": _env,
    "watch": _watch,
    **dict.fromkeys(MAYBE, _maybe),
    "git": _git,
    "ssh": _ssh,
    **dict.fromkeys(PLAIN, _plain),
    **dict.fromkeys(SHELLS, _shell),
}
