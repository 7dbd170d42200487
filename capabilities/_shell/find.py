"""find(1): its expression as uses (GNU findutils 4.10).

find src -name '*.py' -exec grep -l foo {} ;   → list 'src', and the command `grep -l foo {}`
"""

# lists of words are data, and read best as text
from __future__ import annotations

import re
from typing import Final, NamedTuple

from capabilities._paths.secret import secret
from capabilities._shell.marks import ANY
from capabilities._shell.script import Word
from capabilities._shell.spec import Uninspectable, Use, show
from gate.regex import regex

_PLAIN: Final = frozenset(
    "-a -o -and -or -not ! ( ) , -true -false -empty -print -print0 -ls -prune -quit -depth -d -xdev -mount -readable -writable -executable -nouser "
    "-nogroup -daystart -follow -noleaf -warn -nowarn -ignore_readdir_race -noignore_readdir_race --help -version --version".split()
)
_TEXT: Final = frozenset(
    "-name -iname -path -ipath -wholename -iwholename -regex -iregex -lname -ilname -type -xtype -size -mtime -atime -ctime -mmin -amin -cmin -perm "
    "-user -group -uid -gid -maxdepth -mindepth -links -inum -fstype -regextype -printf -used -context -newermt -newerat -newerct".split()
)
_NAMES: Final = frozenset("-name -iname -path -ipath -wholename -iwholename -regex -iregex".split())
_SUFFIXED: Final = regex(r"[*?\w-]*\.[A-Za-z0-9]+", re.ASCII)
_LIST: Final = frozenset("-newer -anewer -cnewer -samefile -neweraa -newerac -neweram -newerca -newercc -newercm -newerma -newermc -newermm".split())
_OTHER: Final = frozenset(["-printf", "-fprintf", "-fprint", "-fprint0", "-fls", "-ls"])
_WRITE: Final = frozenset(["-fprint", "-fprint0", "-fls"])
VALUED: Final = (_TEXT | _LIST) - {"-printf"}
# what does something with a name, or ends the search there, and how many words it takes
ACTIONS: Final = {"-print": 0, "-print0": 0, "-ls": 0, "-quit": 0, "-prune": 0, "-printf": 1, "-fprint": 1, "-fprint0": 1, "-fls": 1, "-fprintf": 2}
_RUN: Final = frozenset(["-exec", "-execdir", "-ok", "-okdir"])


class Found(NamedTuple):
    """What a find reads, the commands it runs on what it finds, and whether its output separates names unmistakably.

    telling: a name it looks for under which secrets are kept, "" for none.  writes: it prints other things than names.  follows: links on
    its way are followed.
    """

    uses: list[Use]
    roots: tuple[str, ...]
    commands: list[tuple[Word, ...]]
    zero: bool
    telling: str
    writes: bool
    follows: bool = False


def parse(words: tuple[Word, ...]) -> Found:
    """What the words after `find` say; `Uninspectable` for anything that is not known."""
    if any(word.sort == "split" for word in words):
        raise Uninspectable("a word of find's is only known when it runs")
    uses: list[Use] = []
    commands: list[tuple[Word, ...]] = []
    at = 0
    while at < len(words) and words[at].text in ("-H", "-L", "-P", "-O0", "-O1", "-O2", "-O3", "-E", "-X", "-s", "-x"):
        at += 1
    begin = at
    while at < len(words) and words[at].text[:1] not in ("-", "(", ")", "!", ",", ANY):
        uses.append(Use("list", words[at], many=True))
        at += 1
    roots = tuple([word.text for word in words[begin:at]]) or (".",)
    zero = writes = False
    while at < len(words):
        text = words[at].text
        at += 1
        writes = writes or text in _OTHER
        if text in _PLAIN:
            zero = zero or text == "-print0"
        elif text == "-delete":
            uses.append(Use("remove", words[at - 1]))
        elif text in _RUN:
            at = _command(words, at, text, commands)
        else:
            uses += _valued(text, words, at)
            at += 2 if text == "-fprintf" else 1
    if not uses:
        uses.append(Use("list", Word(".")))
    if any("\n" in root for root in roots):
        raise Uninspectable("a folder's name holds a line break")
    if any(word.pattern[:1] in ("*", "?", "[") for role, word, _ in uses if role == "list"):
        raise Uninspectable("a pattern may stand for names that find takes for options; write './' in front of it")
    telling = next((word.text for role, word, _ in uses if (role == "name" or word.pattern) and _is_telling(word.text)), "")
    follows = any(word.text == "-L" for word in words[:begin]) or any(word.text == "-follow" for word in words[begin:])
    return Found(uses, roots, commands, zero, telling, writes, follows)


def _is_telling(pattern: str) -> bool:
    name = pattern.rpartition("/")[2]
    if ANY in pattern:
        return True
    return name[:1] in (".", "[", "?") or bool(secret("/" + name.replace("*", "")))


def _valued(name: str, words: tuple[Word, ...], at: int) -> list[Use]:
    if at < len(words) and name in _NAMES and _SUFFIXED.fullmatch(words[at].pattern):
        return [Use("name", words[at]._replace(pattern=""))]  # whatever it stands for is no word of find's own
    if at >= len(words) or words[at].pattern:
        raise Uninspectable(f"what follows {show(name)} is missing, or only known when it runs; put patterns in quotes")
    if name in _TEXT:
        excluded = at > 1 and words[at - 2].text in ("!", "-not")
        return [Use("name" if name in _NAMES and not excluded else "text", words[at])]
    if name in _LIST:
        return [Use("list", words[at])]
    if name in _WRITE or (name == "-fprintf" and at + 1 < len(words)):
        return [Use("write", words[at])]
    raise Uninspectable(f"find's {show(name)} cannot be inspected")


def _command(words: tuple[Word, ...], at: int, name: str, commands: list[tuple[Word, ...]]) -> int:
    """Adds the command that `-exec` runs; the position after its end, `;` or `{} +`."""
    if name in ("-ok", "-okdir"):
        raise Uninspectable(f"find's {show(name)} waits for an answer that nobody here can give")
    end = at
    while end < len(words) and words[end].text != ";" and not (words[end].text == "+" and words[end - 1].text == "{}"):
        end += 1
    if end >= len(words) or end == at:
        raise Uninspectable(f"the command after {show(name)} has no end")
    command = words[at:end]
    if name in ("-execdir", "-okdir") and any("/" in word.text for word in command[1:]):
        raise Uninspectable(f"{show(name)} runs in each folder, where the paths it names are others")
    if command[0].text.rpartition("/")[2] in ("find", "tree", "fd"):
        raise Uninspectable("a search for each thing that another one finds may take forever")
    commands.append(command)
    return end + 1
