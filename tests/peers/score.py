"""The numbers of a peer: of the attacks it offers to stop, how many passed; of the ordinary calls, how many did.

An attack *passed* when the peer let it run without a person and it would have led outside what was granted (`leads.py`); one that was let
through but leads nowhere is counted as *harmless*, apart.  A row under a constraint that the peer has no check for is *not offered*, and neither a
success nor a failure.

>>> score = Score()
>>> score.add("attack", "allowed", harmless=False)
>>> score.add("attack", "refused", harmless=False)
>>> score.add("ordinary", "asked", harmless=False)
>>> score.attacks, score.passed, score.ordinary, score.allowed, score.held
(2, 1, 1, 0, 1)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from tests.attacks.verdict import Row
from tests.peers.leads import harmless
from tests.peers.neutral import attacked, sort

ANSWERS = frozenset({"allowed", "asked", "refused"})


@dataclass
class Score:
    """Counts of one peer in one group of rows."""

    attacks: int = 0
    passed: int = 0
    harmless: int = 0
    ordinary: int = 0
    allowed: int = 0
    held: int = 0
    person: int = 0
    alone: int = 0
    not_offered: int = 0

    def add(self, row_sort: str, answer: str, *, harmless: bool) -> None:
        """Counts one row that the peer offers."""
        assert answer in ANSWERS, answer
        ran = answer == "allowed"
        if row_sort == "attack":
            if ran and harmless:
                self.harmless += 1
                return
            self.attacks, self.passed = self.attacks + 1, self.passed + ran
        elif row_sort == "ordinary":
            self.ordinary, self.allowed, self.held = self.ordinary + 1, self.allowed + ran, self.held + (not ran)
        else:
            self.person, self.alone = self.person + 1, self.alone + ran


class Heard(NamedTuple):
    """What one peer said: the words it offers, and its answer to each row by id, with the arguments that the tool would get."""

    offers: frozenset[str]
    answers: Mapping[str, Mapping[str, Any]]


def scores(rows: Iterable[Row], sent: Mapping[str, Mapping[str, Any]], heard: Heard, workspace: str) -> dict[str, dict[str, Score]]:
    """Kind → class → counts, and kind → "" → the kind's sum."""
    found: dict[str, dict[str, Score]] = defaultdict(lambda: defaultdict(Score))
    for row in rows:
        of_kind = found[row.kind]
        for score in (of_kind[""], of_kind[row.group]):
            _count(score, row, sent[row.id], heard, workspace)
    return {kind: dict(groups) for kind, groups in found.items()}


def _count(score: Score, row: Row, told: Mapping[str, Any], heard: Heard, workspace: str) -> None:
    words, row_sort = attacked(row, told["policy"], told["args"]), sort(row)
    if not (words & heard.offers if row_sort == "attack" else words <= heard.offers):
        score.not_offered += 1
        return
    answer = heard.answers[row.id]
    if answer.get("unsaid"):
        score.not_offered += 1
        return
    score.add(row_sort, answer["answer"], harmless=row_sort == "attack" and _ends(row, words, told, answer, workspace))


def _ends(row: Row, words: AbstractSet[str], told: Mapping[str, Any], answer: Mapping[str, Any], workspace: str) -> bool:
    """Whether an attack that was let through would lead nowhere."""
    if row.group == "spelling":  # an odd spelling of a program that was granted: what runs is granted
        return True
    if "name" in words:
        return answer.get("tool") == told["policy"]["tool"]
    return harmless(words, told["policy"], answer.get("args", told["args"]), workspace)


def plain(found: Mapping[str, Mapping[str, Score]]) -> dict[str, dict[str, dict[str, int]]]:
    """The same as data for JSON."""
    return {kind: {group: asdict(score) for group, score in groups.items()} for kind, groups in found.items()}
