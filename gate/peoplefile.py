r"""People file: who may answer, from `approvers.toml` beside the `.gate` folder, read again when it changes.

    [[person]]
    name = "ann"                      # also the name of her key: .gate/keys/approver-ann.jwk
    groups = ["oncall"]               # a rule says approvers = ["@oncall"]
    logins = ["ann@example.com"]      # what a sign-in calls her
    slack = "U012ABCDEF"
    quiet = "22:00-07:00"
    tz = "Europe/Vienna"

A change takes effect within a second, in every process.  A file that is wrong, or gone after it was there, lets nobody answer until it is
right again: whoever saved it meant the new list, and the old one may name somebody who must not answer any more.  Where there has never
been a file, there is no list.  It must be a regular file, at most 1 MiB, that not everybody on the host may write to; secrets are never in
it, only where they are kept.

>>> load(b'[[person]]\nname = "ann"\n').person("ann").per_hour
30
>>> load(b'[[person]]\nname = "ann"\nslak = "U012"\n', "approvers.toml")
Traceback (most recent call last):
gate.errors.ConfigError: approvers.toml:3: there is no key 'slak' in person; did you mean 'slack'?
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
import tomllib
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, NoReturn

from gate.errors import ConfigError
from gate.people import Kept, People
from gate.shown import shown

if TYPE_CHECKING:
    from gate.peopleform import FileForm
    from gate.peopleform import Path as Place

INTERVAL: Final = 1.0
MAX_BYTES: Final = 1024 * 1024
_RACY: Final = 2.0  # a file changed so recently may change again without its times showing it
_WHERE: Final = re.compile(r" \((?:at line (\d+), column \d+|at end of document)\)$")
_Signature = tuple[int, int, int, int, int]


def load(source: bytes, file: str = "", *, folder: Path | None = None) -> People:
    """The people of a document; ConfigError names file, line and reason. folder: what the paths of kept secrets start from."""
    from gate.peopleform import FormError, read
    from gate.policy.tomllines import Lines

    text, data = _parsed(source, file)
    lines = Lines(text)
    try:
        form = read(data, lambda path: lines.of(*path))
        for path, reason in _mistakes(form):
            raise FormError(path, reason)
    except FormError as error:
        _fail(file, lines.of(*error.path), error.reason)
    people = [person.person(form.asking.per_hour) for person in form.person]
    return People(people, form.settings(lambda text: _kept(text, folder)))


def people_file(path: str | Path, *, interval: float = INTERVAL) -> Callable[[], People]:
    """Gives the people of a file, read again when it changes; ConfigError while it is wrong. interval: seconds between two looks at it."""
    return _Watch(Path(path), interval).current


class _Watch:
    """The people now. Thread-safe."""

    def __init__(self, path: Path, interval: float) -> None:
        self._path, self._interval = path, interval
        self._lock = threading.Lock()
        self._people: People | None = None
        self._broken = ""
        self._seen: _Signature | None = None
        self._next = 0.0
        self._was_there = False
        _watches.add(self)

    def current(self) -> People:
        people = self._people
        return people if people is not None and monotonic() < self._next else self._look()

    def _look(self) -> People:
        with self._lock:
            if monotonic() >= self._next:
                self._refresh()
                self._next = monotonic() + self._interval
            if self._people is None:
                raise ConfigError(f"{self._broken}; nobody may answer until the file is right")
            return self._people

    def _refresh(self) -> None:
        try:
            if self._seen is None or self._people is None or _signature(self._path.stat()) != self._seen:
                self._reread()
        except FileNotFoundError:
            self._people = None if self._was_there else People.EMPTY
            self._broken, self._seen = f"{self._path}: the file is gone", None
        except (ConfigError, OSError) as error:
            self._people, self._seen, self._was_there = None, None, True
            self._broken = str(error) if isinstance(error, ConfigError) else f"{self._path}: {(error.strerror or 'it cannot be read').lower()}"

    def _reread(self) -> None:
        data, status = _bytes(self._path)
        self._was_there = True
        self._people = load(data, str(self._path), folder=self._path.parent)
        self._seen = _signature(status) if time.time() - status.st_ctime > _RACY else None

    def forget(self) -> None:
        """In a forked child: the thread that looked at the file just now is not here, and another looks again."""
        self._lock = threading.Lock()


_watches: Final[weakref.WeakSet[_Watch]] = weakref.WeakSet()


def _forget_all() -> None:
    for each in list(_watches):
        each.forget()


os.register_at_fork(after_in_child=_forget_all)


def _bytes(path: Path) -> tuple[bytes, os.stat_result]:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # without waiting, should it be a pipe
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path}: it is not a regular file")
        if status.st_mode & stat.S_IWOTH:
            raise ConfigError(f"{path}: everybody on this host may change who answers; take that away with: chmod o-w")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: the file is over {MAX_BYTES >> 20} MiB")
    return data, status


def _signature(status: os.stat_result) -> _Signature:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _parsed(source: bytes, file: str) -> tuple[str, dict[str, object]]:
    try:
        text = source.decode()
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        _fail(file, source.count(b"\n", 0, error.start) + 1, "the file is not UTF-8 text")
    except RecursionError:
        _fail(file, 1, "values are nested too deep")
    except ValueError as error:
        found = _WHERE.search(str(error))
        line = int(found[1]) if found and found[1] else source.count(b"\n") + 1
        _fail(file, line, f"no TOML: {_WHERE.sub('', str(error)).lower()}")


def _fail(file: str, line: int, reason: str) -> NoReturn:
    place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
    raise ConfigError(f"{place}{reason}") from None


def _kept(text: str, folder: Path | None) -> Kept:
    where, _, name = text.partition(":")
    return Kept("env", name) if where == "env" else Kept("file", str((folder or Path()) / name))


def _mistakes(form: FileForm) -> Iterator[tuple[Place, str]]:
    """What no single entry shows: two of one name, somebody who is not there."""
    yield from _doubles(form)
    groups = {group for person in form.person for group in person.groups}
    names = {person.name for person in form.person}
    webhooks = [webhook.name for webhook in form.webhook]
    for number, person in enumerate(form.person):
        for index, way in enumerate(person.notify or []):
            if not (way == "slack" and form.slack and person.slack) and way.removeprefix("webhook:") not in (webhooks if ":" in way else []):
                hint = "'slack' needs a [slack] table and their member id; 'webhook:NAME' a [[webhook]] of that name"
                yield ("person", number, "notify", index), f"{person.name} cannot be told by {shown(way)}: {hint}"
    for number, webhook in enumerate(form.webhook):
        for index, who in enumerate(webhook.answers):
            if not (who[1:] in groups if who.startswith("@") else who in names):
                yield ("webhook", number, "answers", index), f"{shown(who)} is neither a person nor, with @, a group of this file"


def _doubles(form: FileForm) -> Iterator[tuple[Place, str]]:
    groups = {group.casefold(): group for person in form.person for group in person.groups}
    seen, members = dict[str, int](), dict[str, int]()
    for number, person in enumerate(form.person):
        if group := groups.get(person.name.casefold()):
            yield ("person", number, "name"), f"a person and a group are both called {shown(group)}"
        for place, called in _called(number, person.name, person.logins):
            if (other := seen.setdefault(called.casefold(), number)) != number:
                yield place, f"{shown(called)} is {form.person[other].name} already; a name or login is one person's, whatever its case"
        if person.slack and (other := members.setdefault(person.slack, number)) != number:
            yield ("person", number, "slack"), f"{shown(person.slack)} is {form.person[other].name} already"
    hooks = dict[str, int]()
    for number, webhook in enumerate(form.webhook):
        if hooks.setdefault(webhook.name.casefold(), number) != number:
            yield ("webhook", number, "name"), f"there is a webhook {shown(webhook.name)} already"


def _called(number: int, name: str, logins: list[str]) -> list[tuple[Place, str]]:
    return [(("person", number, "name"), name), *[(("person", number, "logins", index), login) for index, login in enumerate(logins)]]
