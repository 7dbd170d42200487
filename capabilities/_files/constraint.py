"""subpath: the constraint "this path or anything below it".

    {"constraint_type": "subpath", "roots": ["/data", "/srv/out"]}

A value is admitted when it is a path in normal form, is below a root as text, and still is after its links have been followed.  Roots are
absolute, in normal form and without links themselves, so that a root below another one admits no more than it.

The check looks at the disk (`lstat`, `readlink`, and opening with O_PATH, which opens nothing for reading), and what it saw may change before
the file is opened: the ready-made tools open below their root in a way that cannot be raced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from capabilities._files.beneath import free_of_links
from capabilities._paths.links import resolve
from capabilities._paths.text import normal, show
from gate.constraint import Check, Constraint, by_parts, members, register
from gate.constraint import show as show_value
from gate.constraints.value import is_array
from gate.frozen import Frozen
from gate.shown import visible


@register
@dataclass(frozen=True, slots=True, eq=False, init=False)
class SubPath(Constraint):
    """Paths at or below these roots; made by `files.below`."""

    type: ClassVar[str] = "subpath"
    roots: tuple[str, ...]

    def __init__(self, roots: Iterable[object]) -> None:
        made = tuple(dict.fromkeys(_root(root) for root in roots))
        if not made:
            raise ValueError("name at least one folder")
        object.__setattr__(self, "roots", made)

    def compile(self) -> Check:
        roots = frozenset(self.roots)

        def check(value: Frozen) -> bool:
            try:
                if type(value) is not str or normal("/", value) != value or not _under(value, roots):
                    return False
                return free_of_links(value) or _under(resolve(value), roots)
            except (ValueError, OSError):
                return False

        return check

    def explain(self, value: Frozen) -> str:
        if not isinstance(value, str):
            return "it is no text, and so no path"
        wanted = ", ".join(map(show, self.roots[:5])) + ("" if len(self.roots) <= 5 else f" … ({len(self.roots)} in all)")
        try:
            if not value.startswith("/"):
                return f"{show(value)} is relative, and to what is not known; declare the argument with a kind of files"
            if normal("/", value) != value:
                return f"{show(value)} is not in normal form, {show(normal('/', value))}"
            leads = resolve(value)
        except (ValueError, OSError) as error:
            return str(error)
        if not _under(value, frozenset(self.roots)):
            return f"{show(value)} is outside {wanted}"
        return f"{show(value)} leads through a link to {show(leads)}, which is outside {wanted}"

    def subsumes(self, other: Constraint) -> bool:
        if (known := by_parts(self, other, values=False)) is not None:
            return known
        # not for exact and one_of: what such a path leads to may change after this look at it, and they would not look again
        return isinstance(other, SubPath) and all(_under(root, frozenset(self.roots)) for root in other.roots)

    def around(self, value: Frozen) -> Sequence[Constraint]:
        """The folder that the path is in, and what is below it; never the whole file system."""
        folder = value.rpartition("/")[0] if isinstance(value, str) and value.startswith("/") else ""
        return (SubPath([folder]),) if folder and _under(folder, frozenset(self.roots)) else ()

    def words(self) -> str:
        return f"{' or '.join([visible(json.dumps(root, ensure_ascii=False)) for root in self.roots])} or anything below"

    def to_json(self) -> dict[str, object]:
        return {"constraint_type": self.type, "roots": list(self.roots)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        (roots,) = members(data, cls.type, ("roots",))
        if not is_array(roots):
            raise ValueError("'roots' must be a list of absolute paths")
        return cls(roots)


def _under(path: str, roots: frozenset[str]) -> bool:
    """Whether `path` is at or below a root: one look-up for each of its folders, however many roots there are."""
    while path not in roots:
        path, slash, _ = path.rpartition("/")
        if not path:
            return bool(slash) and "/" in roots
    return True


def _root(root: object) -> str:
    if not isinstance(root, str) or not root.startswith("/") or normal("/", root) != root:
        raise ValueError(f"a root is an absolute path in normal form, not {show_value(root)}")
    return root
