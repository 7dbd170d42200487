"""Answering: the questions of a gate, asked one after the other at the terminal of `gate ask`.

It answers through the desk, as the page does, in a process of its own, so that the agent's process has no hand in it.  The gravest question comes
first, each is asked only at a terminal (never standard input), and one that is left for later is not asked again by the same command.  One that
cannot be shown is named, stays as it is, and the next one follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from gate.approvers.terminal import Unshown, ask_at, done
from gate.approvers.tty import Tty, shared_with
from gate.commands.shared import count, login, plain
from gate.commands.whom import known, waits_for
from gate.desk import OWNER
from gate.errors import ConfigError, Void

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.approvers.terminal import Shown
    from gate.desk import Desk, Told
    from gate.gate import Gate

AT_ONCE: Final = 50
LOOK: Final = 5.0
METHOD: Final = "terminal"


def answer(gate: Gate, name: str, *, follow: bool) -> int:
    """Asks about one question after the other, until none is left; 1 when an answer did not count. ConfigError where nobody can be asked."""
    who = approver(gate, name)
    with Tty() as tty:
        if sharing := shared_with(tty.rdev, gate.home.path / "gate.db"):
            raise ConfigError(f"process {sharing[0]} has this gate open at this same terminal and could write to it; answer in another one")
        return int(_ask_all(gate.home.desk, tty, who, follow=follow) > 0)


def approver(gate: Gate, name: str) -> str:
    """The approver who sits here: as told, else whose login name it is, else the owner where there is no file of approvers.

    ConfigError, with who may, for somebody who may answer nothing.
    """
    people = gate.home.people()
    names = known(people, gate.home.keys)
    if name in names:
        return name
    if not name and not people.people:
        return OWNER
    found = None if name else people.person(login()) or people.by_login(login())
    if found is not None:
        return found.name
    may = f"{', '.join(map(plain, names))} may"
    if not name:
        raise ConfigError(f"'{plain(login())}' is nobody in approvers.toml; say who you are with --as NAME; {may}")
    how = "put them in approvers.toml" if people.people else f"make a key: gate keys new approver-{plain(name)}"
    raise ConfigError(f"'{plain(name)}' may answer nothing here; {may}; for another, {how}")


def _ask_all(desk: Desk, tty: Tty, name: str, *, follow: bool) -> int:
    """How many answers did not count."""
    asked, void, told = set[str](), 0, False
    while True:
        turn = desk.turn
        case = next(_waiting(desk, name, asked), None)
        if case is not None:
            void += not _ask(desk, tty, case, name)
            asked.add(case.question.id)
            told = False
        elif follow:
            if not told:
                tty.write("\nwaiting for questions; end with Ctrl-C\n")
            told = True
            desk.wait(turn, LOOK)
        else:
            tty.write("\n" + "\n".join(_end(desk, name, asked)) + "\n")
            return void


def _end(desk: Desk, name: str, asked: set[str]) -> Iterator[str]:
    """That nothing waits for this person any more, and what waits for others."""
    yield f"nothing{' more' if asked else ''} waits for {plain(name)}"
    others = [case for case in desk.cases(limit=AT_ONCE) if case.question.id not in asked and desk.may_approve(case, name)]
    for text, many in Counter([waits_for(desk.home, case, "{it}") for case in others]).items():
        one = many == 1
        yield f"{count(many, 'question')} {'waits' if one else 'wait'}, but not for you: {text.replace('{it}', 'it' if one else 'them')}"


def _waiting(desk: Desk, name: str, asked: set[str]) -> Iterator[Case]:
    """What waits for this person and has not been asked here."""
    skip = 0
    while cases := desk.cases(limit=AT_ONCE, skip=skip):
        yield from [case for case in cases if case.question.id not in asked and not desk.may_approve(case, name)]
        skip += len(cases)


def _ask(desk: Desk, tty: Tty, case: Case, name: str) -> bool:
    """Whether the answer to one question counted, silence included."""
    now = desk.home.now()
    with tty.alone(case.question.expires - now) as alone:
        try:
            said = ask_at(tty, desk.seen_by(case, name), now) if alone else None
        except Unshown as unshown:
            tty.write(f"\nquestion {plain(case.question.id)} {plain(unshown)}: not approved\n")
            return False
        if said is None:
            tty.write("\nno answer in time: not approved\n")
            return True
        try:
            _say(desk, case, name, said)
        except Void as void:
            tty.write(f"this did not count: {plain(void)}\n")
            return False
        tty.write(done(said.typed))
        return True


def _say(desk: Desk, case: Case, name: str, said: Shown) -> None:
    """Leaves the answer at the desk, about the call that was shown."""
    typed, asked = said.typed, case.question
    told: Told = {"method": METHOD, "shown": said.shown, "shown_at": said.shown_at}
    if typed.verdict == "approve":
        number = asked.number if asked.grave else ""  # which was typed, or it would be no yes
        desk.approve(asked.id, by=name, binding_hash=asked.binding_hash, scope=typed.scope, number=number, **told)
    elif typed.verdict == "deny":
        desk.deny(asked.id, by=name, reason=typed.text, stop=typed.stop, **told)
    elif typed.verdict == "ask-back":
        desk.ask_back(asked.id, by=name, reason=typed.text, **told)
    elif typed.verdict == "hand-over":
        desk.hand_over(asked.id, by=name, to=typed.text, **told)
