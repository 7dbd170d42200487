"""Names of refs, revisions and files as git takes them; what git could read as an option or as something else is refused.

>>> ref("main"), ref("refs/tags/v1.2")
('refs/heads/main', 'refs/tags/v1.2')
>>> revision("main~2..HEAD")
'main~2..HEAD'
>>> ref("--upload-pack=x")
Traceback (most recent call last):
ValueError: '--upload-pack=x' is no name of a branch or tag
"""

from __future__ import annotations

import re
from typing import Final

from capabilities._paths.text import plausible
from gate.constraint import show
from gate.constraints.value import is_array

_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9_.+@=#-]*"
_REF: Final = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_ID: Final = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_STEPS: Final = re.compile(r"(?:[~^][0-9]{0,4}){1,10}\Z", re.ASCII)
_SPECIAL: Final = frozenset(["HEAD", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "stash", "@"])
_GIT: Final = frozenset([".git", "git~1", ".gitmodules"])


def ref(value: object) -> str:
    """The full name of a branch or tag: `refs/heads/…` or `refs/tags/…`; ValueError for anything else (git-check-ref-format)."""
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ValueError("a branch is text of at most 200 characters")
    full = value if value.startswith("refs/") else f"refs/heads/{value}"
    name = full.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if full == name or name.startswith("refs/") or not _plain(name) or name in _SPECIAL or _ID.fullmatch(name):
        raise ValueError(f"{show(value)} is no name of a branch or tag")
    return str.__str__(full)


def revision(value: object, *, several: bool = True) -> str:
    """A commit, or with `several` also a range `a..b`; ValueError for what git could read as an option, a search or a file in a tree."""
    if not isinstance(value, str) or not 0 < len(value) <= 400:
        raise ValueError("a revision is text of at most 400 characters")
    ends = re.split(r"\.\.\.?", value)
    if len(ends) > (2 if several else 1) or not all(_one(end) for end in ends):
        raise ValueError(f"{show(value)} is no revision such as 'main', 'HEAD~2' or 'main..HEAD'")
    return str.__str__(value)


def paths(value: object) -> list[str]:
    """Files and folders of a repository, relative to it and in normal form; ValueError for others, and for git's own."""
    if not is_array(value) or len(value) > 1000:
        raise ValueError("paths are a list of at most 1000")
    made: list[str] = []
    for item in value:
        text = plausible(item)
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if text[0] in "/~" or ".." in parts or any(part.lower().rstrip(". ") in _GIT for part in parts if part != ".gitmodules"):
            raise ValueError(f"{show(text)} is no path inside the repository, or one of git's own")
        made.append("/".join(parts) or ".")
    return list(dict.fromkeys(made))


def message(value: object) -> str:
    """The message of a commit; ValueError for an empty or too long one, and for NUL."""
    if not isinstance(value, str) or len(value) > 20_000 or not value.strip() or "\0" in value:
        raise ValueError("a message is text of 1 to 20000 characters without NUL")
    value.encode()  # a lone surrogate is a ValueError
    return str.__str__(value)


def _one(text: str) -> bool:
    name = _STEPS.sub("", text)
    return name == "HEAD" or (_plain(name.removeprefix("refs/")) and name not in _SPECIAL)


def _plain(name: str) -> bool:
    if not _REF.fullmatch(name) or ".." in name or "@{" in name:
        return False
    return not any(part.endswith((".", ".lock")) for part in name.split("/"))
