r"""Rests: which files a command runs that may say something else tomorrow, and what they say now.

    python t.py         t.py, and every file of the folder that t.py names, to any depth: `import helper`, "run.sh"
    make test           Makefile        python -m pkg.mod    pkg/mod.py, pkg/__init__.py

A yes to a command is one to what it runs.  So the hook binds what is asked to these files as they are, and looks again right before the call may run.
Found are files by the names in the text, also as a module's, a pattern's or what comes after "=", against the folder of the call, the workspace, and
every folder that the text names.  Not found are names that a program makes only when it runs, and what the system has installed.
"""

# by descriptors and in microseconds, which pathlib does not do
from __future__ import annotations

import glob
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from stat import S_ISREG
from typing import Final, NamedTuple

from capabilities._paths.text import below, show
from gate.regex import regex

MOST: Final = 64
"""Files that are looked at beyond those that the text names; whoever is asked is told when there are more."""
_WHOLE: Final = 32 * 1024 * 1024
_READ: Final = 1024 * 1024
_LONG: Final = 200
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix", "/etc", "/proc", "/sys", "/dev")
_WORD: Final = regex(r"[^\s'\"`;|&()<>${}=,:\[\]\\]+")
_GLOB: Final = regex(r"[*?\[]")
_ENDS: Final = ("", ".py", ".sh", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".lua", ".php", ".R", "/__init__.py", "/__main__.py", "/index.js")
_INNER: Final = ("", ".py", ".sh", ".js", ".ts", ".rb", "/__init__.py")
_BUILDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(["make", "gmake"], "GNUmakefile makefile Makefile"),
    **dict.fromkeys(["npm", "npx", "yarn", "pnpm", "bun"], "package.json"),
    **dict.fromkeys(["pytest", "py.test", "coverage"], "conftest.py pyproject.toml pytest.ini tox.ini setup.cfg"),
    **dict.fromkeys(["pip", "pip3", "uv", "poetry", "hatch", "pdm"], "setup.py setup.cfg pyproject.toml"),
    **dict.fromkeys(["docker", "podman", "buildah"], "Dockerfile compose.yaml compose.yml docker-compose.yml"),
    **dict.fromkeys(["mvn", "gradle"], "pom.xml build.gradle build.gradle.kts settings.gradle"),
    **dict.fromkeys(["rake", "bundle"], "Rakefile Gemfile"),
    **dict.fromkeys(["jest", "vitest", "mocha"], "package.json jest.config.js vitest.config.ts .mocharc.json"),
    "ninja": "build.ninja",
    "cmake": "CMakeLists.txt",
    "meson": "meson.build",
    "just": "justfile Justfile .justfile",
    "task": "Taskfile.yml Taskfile.yaml",
    "tox": "tox.ini pyproject.toml",
    "nox": "noxfile.py",
    "invoke": "tasks.py",
    "cargo": "Cargo.toml build.rs src/main.rs",
    "go": "go.mod main.go",
    "scons": "SConstruct",
}
"""What programs read without being told its name."""


class Rests(NamedTuple):
    """files: absolute path, links resolved → the digest of what it holds. more: there are others."""

    files: Mapping[str, str]
    more: bool = False

    def words(self, workspace: str) -> str:
        """Which files, and one digest of them all; "" for none. At most some hundred characters, all of which can be seen."""
        if not self.files:
            return ""
        names = [show(path[len(workspace) + 1 :] if below(path, workspace) else path) for path in self.files]
        left = f" and {len(names) - 4} more" if len(names) > 4 else ""
        whole = sha256(json.dumps(sorted(self.files.items())).encode()).hexdigest()
        return f"{', '.join(names[:4])}{left} as of sha256:{whole}"


def rests(text: str, cwd: str, workspace: str) -> Rests:
    """The files that a command's text comes to, in the order in which they are named."""
    words = dict.fromkeys(_words_of(text))
    named = [word for word in words if word and "\0" not in word]
    bases = list(dict.fromkeys([cwd, workspace, *(path for word in named if os.path.isdir(path := os.path.join(cwd, word)))]))
    implied = [name for word in named for name in _BUILDS.get(word.rpartition("/")[2], "").split()]
    queue = list(dict.fromkeys(path for base in bases for path in _found([*named, *implied], base, _ENDS, _stems(base))))
    files: dict[str, str] = {}
    size, listed = 0, dict[str, frozenset[str]]()
    named_files = len(queue)  # all of them, however many; of those that they name in turn, so many
    while queue and (len(files) < named_files or (len(files) < named_files + MOST and size < _WHOLE)):
        path = queue.pop(0)
        if path in files:
            continue
        files[path], content = _content(path)
        size += len(content)
        inner = sorted({word.rstrip(".") for word in _WORD.findall(content.decode(errors="replace")) if not _GLOB.search(word)})
        for base in dict.fromkeys((os.path.dirname(path), cwd)):
            if base not in listed:
                listed[base] = _stems(base)
            queue += [one for one in _found(inner, base, _INNER, listed[base]) if one not in files]
    return Rests(files, bool(queue))


def _words_of(text: str) -> Iterator[str]:
    """The words of a text as they stand, without their quotes, and as a shell takes them."""
    bare = [*_WORD.findall(text), *_WORD.findall(re.sub(r"['\"\\]", "", text))]
    try:
        bare += shlex.split(text, posix=True)
    except ValueError:  # no closing quote: the words as they stand are all there is
        bare += text.split()
    for word in bare:
        yield word
        yield word.partition("=")[2]
        if word.startswith("-"):
            yield word[2:]


def _stems(base: str) -> frozenset[str]:
    """What the first part of a word must be that names something in a folder."""
    try:
        names = os.listdir(base) if not below(base, _SYSTEM[0]) else []
    except OSError:
        return frozenset()
    return frozenset([*names, *[name.partition(".")[0] for name in names], *[name.rpartition(".")[0] for name in names], "", ".", ".."])


def _found(words: Iterable[str], base: str, ends: Iterable[str], stems: frozenset[str]) -> Iterator[str]:
    """The files that words name in a folder, with one of these ends; in one order, so that nothing but the files tells two looks apart."""
    for word in words:
        if _GLOB.search(word) and not word.startswith("/") and len(word) < _LONG:
            yield from filter(None, (_regular(os.path.join(base, name)) for name in sorted(glob.glob(word, root_dir=base))))
        if word.partition("/")[0] not in stems and word.partition(".")[0] not in stems:
            continue
        for spelled in dict.fromkeys((word, word.lstrip(".").replace(".", "/"))):
            yield from filter(None, (_regular(os.path.join(base, spelled + end)) for end in ends if spelled))


def _regular(path: str) -> str:
    """The path with links resolved, of a regular file that is not the system's; "" for everything else."""
    try:
        if not S_ISREG(os.stat(path).st_mode):
            return ""
        real = os.path.realpath(path)
    except (OSError, ValueError):
        return ""
    return "" if any(below(real, folder) for folder in _SYSTEM) else real


def _content(path: str) -> tuple[str, bytes]:
    """A digest of a file and, of one that is not too long, what it holds. Of a long one its state counts, which nobody can set back (ctime)."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            info = os.fstat(file.fileno())
            if info.st_size > _READ:
                return f"state:{info.st_dev}:{info.st_ino}:{info.st_size}:{info.st_ctime_ns}", b""
            content = file.read(_READ + 1)
    except OSError as error:
        return f"unreadable:{error.errno}", b""
    return sha256(content).hexdigest(), content
