"""Whom: who may answer here, for commands that would otherwise wait for somebody who is not there.

With a file of approvers that is everybody in it; without one, the owner and whoever has an approver's key on this machine.

>>> from gate.people import People, Person
>>> missing(("oncall",), 1, People([Person("ann", groups=("night",))]), ("ann",))
"nobody may answer: 'oncall' is not in approvers.toml"
>>> missing(("ann", "@night"), 2, People([Person("ann", groups=("night",))]), ("ann",))
'it needs 2 people, and only ann of those it names may answer'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gate.commands.shared import plain
from gate.desk import OWNER
from gate.eligible import why_not

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.home import Home
    from gate.keys import KeyRing
    from gate.people import People
    from gate.policy.lint import Finding
    from gate.rules import Rules

_KEY: Final = "approver-"


def known(people: People, keys: KeyRing) -> tuple[str, ...]:
    """Everybody who may answer at all, by name."""
    if people.people:
        return tuple([person.name for person in people.people])
    names = {anchor.name.removeprefix(_KEY) for anchor in keys.anchors("approver")}
    return (OWNER, *sorted(names - {OWNER, "approver", ""}))


def missing(approvers: Sequence[str], quorum: int, people: People, names: Sequence[str]) -> str:
    """What is wrong with those whom a rule or a question names; "" when enough of them may answer. names: everybody who may."""
    if not approvers:
        return ""
    found = sorted(people.named(approvers) & set(names))
    if not found:
        quoted = ", ".join([f"'{plain(one)}'" for one in approvers])
        where = "in approvers.toml" if people.people else f"among who has a key here ({', '.join(map(plain, names))})"
        return f"nobody may answer: {quoted} {'is' if len(approvers) == 1 else 'are'} not {where}"
    if len(found) < quorum:
        return f"it needs {quorum} people, and only {', '.join(map(plain, found))} of those it names may answer"
    return ""


def about_rules(rules: Rules, home: Path) -> Iterator[Finding]:
    """The rules that ask whom nobody is. home: the gate's folder; where there is no gate and no file of approvers, nothing can be told."""
    from gate.keys import KeyRing
    from gate.peoplefile import people_file
    from gate.policy.lint import Finding

    file = home.parent / "approvers.toml"
    if not file.exists() and not (home / "origin").exists():
        return
    people = people_file(file)()
    names = known(people, KeyRing(home / "keys"))
    for rule in rules.rules:
        if rule.verdict == "ask" and (why := missing(rule.approvers, rule.quorum, people, names)):
            yield Finding("nobody-can-approve", why, rule.id, rules.file, rule.line)


def may_answer(home: Home, case: Case) -> list[str]:
    """Who may say yes to a case."""
    asked, people = case.question, home.people()
    agents = (asked.agent, *asked.chain)
    return [
        name
        for name in known(people, home.keys)
        if not why_not(name, agents=agents, principal=asked.principal, approvers=asked.approvers, people=people) and name not in case.approved_by
    ]


def waits_for(home: Home, case: Case, it: str = "it") -> str:
    """Who may answer a case, in words. it: what they may answer."""
    names = may_answer(home, case)
    if names:
        return f"{', '.join(map(plain, names))} may answer {it}"
    asked, people = case.question, home.people()
    return missing(asked.approvers, asked.quorum, people, known(people, home.keys)) or f"nobody else may answer {it}"
