"""A repository in which git starts no program: looked at before every command, and refused when its own files could make git start one.

Git runs what a repository's configuration names (file-system monitor, filters, text conversion, external diff, pagers, signing), what lies in its
`hooks`, and what the configuration of a populated submodule names.  So: nothing of the process's environment reaches git; what can be
switched off is switched off; apart from that the local configuration may hold keys of an allow-list only; no include, alternate store, promisor,
worktree, link inside `.git`, or populated submodule is taken; commits and checkouts are made by the commands underneath, which have no hooks.

Not kept: somebody who changes `.git` between the look and the command.  Only containment bounds what git then does.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from typing import IO, Final

from capabilities._process.environment import absolute
from capabilities._process.supervise import Limits, Stage, run

_HARMLESS: Final = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol|safecrlf|abbrev|compression"
    r"|quotepath|protecthfs|protectntfs|longpaths|whitespace|commentchar|preloadindex|trustctime|checkstat|bigfilethreshold|hidedotfiles)"
    r"|(user|author|committer)\.(name|email|signingkey)|gpg\.format|remote\..*\.(url|pushurl|fetch|push|tagopt|prune|skipdefaultupdate|gh-resolved)"
    r"|branch\..*\.[a-z-]*(remote|merge|rebase|description|base|number)|init\.defaultbranch"
    r"|(pull|push|fetch|rebase|merge|status|color|column|advice|gc|rerere|http|https|credential|url|lfs|gui|gitg|github)\.(?!.*(driver|tool|hook|command|verifysignatures)).*"
    r"|diff\.(algorithm|renames|renamelimit|mnemonicprefix|colormoved|noprefix|context)|submodule\..*\.(url|active)|submodule\.active",
    re.DOTALL,
)
_OFF: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.pager=cat",
    "core.editor=false",
    "core.askPass=false",
    "core.gitProxy=",
    "core.alternateRefsCommand=",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "diff.external=",
    "diff.ignoreSubmodules=all",
    "submodule.recurse=false",
    "log.showSignature=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "push.gpgSign=false",
    "gpg.program=false",
    "gpg.ssh.program=false",
    "credential.helper=",
    "credential.interactive=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "protocol.allow=never",
    "safe.bareRepository=all",
)
_OVERRULED: Final = frozenset(one.partition("=")[0].lower() for one in _OFF)  # whatever a repository says, ours comes last and counts
_MOST: Final = 200_000
LIMITS: Final = Limits(wall=60.0, output=64 * 1024 * 1024)


class GitError(RuntimeError):
    """What git said when it did not do it."""


def git(
    where: Sequence[str], words: Sequence[str], cwd: str, *, limits: Limits = LIMITS, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
) -> str:
    """Runs git with everything off that can be switched off; what it wrote. GitError when it fails."""
    settings = [part for one in _OFF for part in ("-c", one)]
    argv = (absolute("git", cwd), "--no-pager", "--no-optional-locks", "--no-replace-objects", "--literal-pathspecs", *settings, *where, *words)
    result = run([Stage(argv, stdin, stdout or "out")], limits, cwd)
    if result.status or result.stopped:
        said = result.stopped or result.stderr.decode(errors="replace").strip()[-2000:] or f"exit status {result.status}"
        raise GitError(f"git {words[0]}: {said}")
    return result.stdout.decode(errors="replace")


class Repository:
    """A folder with a `.git` that was looked at; PermissionError says why it is refused."""

    def __init__(self, folder: str) -> None:
        self.folder, self.store = folder, f"{folder}/.git"
        self._look()

    def git(self, *words: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
        """Runs a command in it."""
        return git([f"--git-dir={self.store}", f"--work-tree={self.folder}"], words, self.folder, stdin=stdin, stdout=stdout)

    def commit(self, revision: str) -> str:
        """The id of the commit that a revision names."""
        return self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()

    def head(self) -> str:
        """The branch that is checked out, as a full ref."""
        return self.git("symbolic-ref", "--quiet", "HEAD").strip()

    def born(self) -> bool:
        """Whether there is a commit yet."""
        try:
            return bool(self.commit("HEAD"))
        except GitError:
            return False

    def _look(self) -> None:
        for place in (self.folder, self.store):
            try:
                status = os.lstat(place)
            except FileNotFoundError:
                raise PermissionError(f"'{self.folder}' is no repository with a folder '.git'") from None
            if not stat.S_ISDIR(status.st_mode):
                raise PermissionError(f"'{place}' is no folder of its own (worktrees, submodules and links are not taken)")
            if status.st_uid != os.geteuid():
                raise PermissionError(f"'{place}' belongs to somebody else")
        for entry in _entries(self.store):
            if entry.is_symlink():
                raise PermissionError(f"'{entry.path}' is a link")
        for name in ("commondir", "config.worktree", "objects/info/alternates", "objects/info/http-alternates"):
            if os.path.lexists(f"{self.store}/{name}"):
                raise PermissionError(f"the repository has '.git/{name}', which leads elsewhere")
        self._look_at_configuration()
        self._look_at_submodules()

    def _look_at_configuration(self) -> None:
        said = git([], ["config", "--file", f"{self.store}/config", "--no-includes", "--list", "--name-only", "-z"], "/")
        for key in filter(None, said.split("\0")):
            if key not in _OVERRULED and not _HARMLESS.fullmatch(key):
                raise PermissionError(f"the repository's configuration sets {key!a}, which may start a program or lead elsewhere")

    def _look_at_submodules(self) -> None:
        for line in self.git("ls-files", "--stage", "-z").split("\0"):
            mode, _, rest = line.partition(" ")
            path = rest.partition("\t")[2]
            if mode == "160000" and os.path.lexists(f"{self.folder}/{path}/.git"):
                raise PermissionError(f"the submodule {path!a} is populated, and its own configuration may start a program")


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is in `.git`, at any depth."""
    left, seen = [folder], 0
    while left:
        here = left.pop()
        with os.scandir(here) as found:
            for entry in found:
                yield entry
                seen += 1
                if seen > _MOST:
                    raise PermissionError(f"'{folder}' holds more than {_MOST} entries")
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
