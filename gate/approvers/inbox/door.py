"""Door: the small pages around a sign-in. They show nothing of any question, and work without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from gate.shown import visible


class Form(NamedTuple):
    """One button that posts."""

    action: str
    button: str
    fields: Mapping[str, str]


def page(
    heading: str,
    *told: str,
    status: int = 200,
    form: Form | None = None,
    link: str = "",
    link_text: str = "",
    again: str = "",
    template: str = "door.html",
    script: bool = False,
    **more: object,
) -> HTMLResponse:
    """The page. told: lines of text, made visible whoever wrote them.  again: where the browser goes by itself.  script: with passkey.js."""
    heading, lines = visible(heading), [visible(line) for line in told]
    text = _templates().get_template(template)
    return HTMLResponse(
        text.render(heading=heading, told=lines, form=form, link=link, link_text=link_text, again=again, script=script, **more), status
    )


@lru_cache(maxsize=1)
def _templates() -> Environment:
    folder = FileSystemLoader(Path(__file__).with_name("templates"))
    return Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False)
