"""Figures: GET /figures, how much is asked and how it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from gate.approvers.inbox.identity import Identity
    from gate.approvers.inbox.site import Site


def figures(site: Site, request: Request, who: Identity) -> Response:
    """The page of figures."""
    del request
    return site.page("figures.html", who, place="/figures", groups=[])
