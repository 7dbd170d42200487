"""Figures: GET /figures, how much is asked and how it is answered, in the last 30 days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gate.fewer.stats import stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from gate.approvers.inbox.identity import Identity
    from gate.approvers.inbox.site import Site
    from gate.fewer.stats import Tally

DAYS: Final = 30
_COLUMNS: Final = ("", "answers", "yes", "half within", "95 % within", "under 2 s")


def figures(site: Site, request: Request, who: Identity) -> Response:
    """The page of figures."""
    del request
    now = site.home.now()
    made = stats(site.desk.since(now - DAYS * 86400), now)
    tables = [("In all", _rows({"everybody": made.answers}))] if made.asked else []
    tables += [
        (title, _rows(tallies))
        for title, tallies in (("By person", made.approvers), ("By tool", made.tools), ("By channel", made.channels))
        if tallies
    ]
    ended = [(name, count) for name, count in made.states.items() if count]
    return site.page("figures.html", who, place="/figures", days=DAYS, asked=made.asked, ended=ended, tables=tables, columns=_COLUMNS)


def _rows(tallies: Mapping[str, Tally]) -> list[tuple[str, ...]]:
    return [
        (name or "unknown", f"{one.answers:,}", _share(one.rate), _span(one.median), _span(one.p95), f"{one.quick:,}")
        for name, one in tallies.items()
    ]


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.0%}"


def _span(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
