"""`gate ask`: the questions that wait, answered at this terminal; or shown, withdrawn and counted.

How they are answered is in `gate.commands.answering`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from gate.commands.shared import bold, count, dim, existing, home_option, json_option, login, opened, plain, put, span
from gate.errors import Void
from gate.shown import lasting

if TYPE_CHECKING:
    from gate.answer import Case
    from gate.desk import Desk
    from gate.gate import Gate
    from gate.home import Home

LISTED: Final = 1_000
_WHY_NONE: Final = "it takes 5 equal approvals by people and no refusal, below high risk, of a tool of the installed kinds"


@click.command("ask", short_help="Answer questions at this terminal; list them; how they are answered.")
@click.option("--as", "name", default="", metavar="NAME", help="Who answers: the name of an approver. Else you by your login name, or the owner.")
@click.option("--follow", "-f", is_flag=True, help="Wait for more questions; end with Ctrl-C.")
@click.option("--list", "listing", is_flag=True, help="Only list the questions that wait.")
@click.option("--show", metavar="ID", help="Only show one question, whole, with what was said about it.")
@click.option("--withdraw", metavar="ID", help="End a question, or take a no back so that it may be asked again; as an administrator.")
@click.option("--stats", is_flag=True, help="Only count: how many were approved, how fast, and how many too fast to have been read.")
@click.option("--rules", is_flag=True, help="Only propose rules for what was approved again and again.")
@click.option("--since", default="30d", show_default=True, metavar="SPAN", help="How far --stats and --rules look back.")
@click.option("--by", default="", metavar="NAME", help="Who withdraws it, for the log; your login name by default.")
@click.option("--reason", default="", metavar="TEXT", help="Why it is withdrawn, for the log.")
@home_option
@json_option
def command(
    name: str,
    follow: bool,  # noqa: FBT001  # flags, given by name
    listing: bool,  # noqa: FBT001
    show: str | None,
    withdraw: str | None,
    stats: bool,  # noqa: FBT001
    rules: bool,  # noqa: FBT001
    since: str,
    by: str,
    reason: str,
    home: str,
    *,
    as_json: bool,
) -> int:
    """Answer the questions that wait, one after the other, the gravest first.

    Each is shown whole, and answered in the terminal itself: standard input is never read, so nothing can be piped in. Exit code 1 when an answer
    did not count, or a question that is named is not there.
    """
    wanted = [
        word for word, given in (("--list", listing), ("--show", show), ("--withdraw", withdraw), ("--stats", stats), ("--rules", rules)) if given
    ]
    if len(wanted) > 1:
        raise click.UsageError(f"{' and '.join(wanted)} do not go together")
    existing(home)
    with opened(home) as gate:
        desk = gate.home.desk
        if show is not None:
            return _show(desk, show, gate.home.now(), as_json=as_json)
        if withdraw is not None:
            return _withdraw(desk, withdraw, by or login(), reason, as_json=as_json)
        if stats or rules:
            return (_rules if rules else _stats)(gate, span(since), as_json=as_json)
        if listing:
            return _list(gate.home, as_json=as_json)
        if as_json:
            raise click.UsageError("--json goes with --list, --show, --withdraw, --stats and --rules; a person answers at a terminal")
        from gate.commands.answering import answer

        return answer(gate, name, follow=follow)


# ---- only looking -------------------------------------------------------------------------------------------------------------------


def _list(home: Home, *, as_json: bool) -> int:
    cases = home.desk.cases(limit=LISTED)
    put([_data(case) for case in cases], _lines(cases, home), as_json=as_json)
    return 0


def _data(case: Case) -> dict[str, object]:
    return {**case.question.to_json(), "state": case.state, "number": case.question.number, "answers": [answer.to_json() for answer in case.answers]}


def _lines(cases: list[Case], home: Home) -> Iterator[str]:
    from gate.commands.whom import known, missing

    waiting, now, people = home.desk.count(), home.now(), home.people()
    names = known(people, home.keys)
    yield count(waiting, "question") + (" waits" if waiting == 1 else " wait")
    for case in cases:
        asked = case.question
        said = f", {len(case.approved_by)} of {asked.quorum} approved" if asked.quorum > 1 else ""
        held = f", now with {plain(case.holder)}" if case.holder else ""
        yield f"{asked.risk.word:<8} {bold(plain(asked.headline))}"
        yield dim(f"         question {plain(asked.id)}, {lasting(asked.expires - now)} left{said}{held}")
        if why := missing(asked.approvers, asked.quorum, people, names):
            yield f"         ! {why}"
    if waiting > len(cases):
        yield f"and {waiting - len(cases):,} more"


def _show(desk: Desk, question: str, now: float, *, as_json: bool) -> int:
    """One question as every channel shows it."""
    from gate.approvers.document import document, to_json
    from gate.approvers.text import render

    case = desk.case(question)
    if case is None:
        return _missing(question, as_json=as_json)
    try:
        made = document(case, now=now)
    except Exception as error:  # whatever an agent sent: it is said, and nothing else of it is shown
        return _unshown(question, error, as_json=as_json)
    put({**_data(case), "document": to_json(made)}, [render(made)], as_json=as_json)
    return 0


def _unshown(question: str, error: Exception, *, as_json: bool) -> int:
    why = f"question {plain(question)} cannot be shown: {plain(error) or type(error).__name__}"
    put({"error": why}, [why], as_json=as_json)
    return 1


def _missing(question: str, *, as_json: bool) -> int:
    why = f"there is no question '{plain(question)}'"
    put({"error": why}, [why], as_json=as_json)
    return 1


def _withdraw(desk: Desk, question: str, by: str, reason: str, *, as_json: bool) -> int:
    if not by:
        raise click.UsageError("say who withdraws it: --by NAME")
    if desk.case(question) is None:
        return _missing(question, as_json=as_json)
    try:
        desk.withdraw(question, by=by, reason=reason)
    except Void as void:
        put({"error": str(void)}, [str(void)], as_json=as_json)
        return 1
    put({"question": question, "state": "withdrawn"}, [f"question {plain(question)} is withdrawn"], as_json=as_json)
    return 0


def _stats(gate: Gate, seconds: float, *, as_json: bool) -> int:
    """What the answers of the last so many seconds say."""
    from gate.fewer.stats import stats

    now = gate.home.now()
    found = stats(gate.home.desk.since(now - seconds), now)
    put(found.to_json(), found.lines(), as_json=as_json)
    return 0


def _rules(gate: Gate, seconds: float, *, as_json: bool) -> int:
    """Rules that would have spared questions, for a person to read and merge."""
    from gate.fewer.propose import propose
    from gate.policy.catalogue import KindCatalogue
    from gate.policy.rulesfile import named_zone

    file = gate.home.path.parent / "gate.toml"
    source = file.read_bytes() if file.exists() else b""
    found = propose(gate.home.desk.since(gate.home.now() - seconds), KindCatalogue(), source=source, zone=named_zone)
    lines = [line for one in found for line in (*plain_lines(one.text), "")]
    head = [f"# to put at the end of {plain(file.name)}, when you have read it"] if found else ["no rule to propose", _WHY_NONE]
    put([one._asdict() for one in found], [*head, *lines], as_json=as_json)
    return 0


def plain_lines(text: str) -> list[str]:
    """The lines of a text, each safe to print."""
    return [plain(line) for line in text.rstrip("\n").split("\n")]
