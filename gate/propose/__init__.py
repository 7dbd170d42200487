"""Kinds from schemas: what the arguments of an existing set of tools are, as far as their names, types and descriptions tell.

    report = gate.inspect(tools)         # functions, or a list of tools as OpenAI, Anthropic or MCP write it
    print(report.text())                 # every argument, what it was taken for and why, and what nothing bounds
    Path("gate.toml").write_text(report.toml())

A proposal is a place to start from, for a person to look at.  What it writes is closed: a tool that is not listed is refused, a value outside
the proposed constraint is refused, everything else asks.  Names, formats and types are what tells; a description is untrusted text, which
suggests and neither makes a constraint nor takes one away.

>>> report = inspect([{"name": "fetch", "inputSchema": {"type": "object", "properties": {"url": {"type": "string"}, "x": {"type": "string"}}}}])
>>> [(one.name, one.sort, one.certainty) for one in report.tools[0].arguments]
[('url', 'url', 'sure'), ('x', '', 'unknown')]
>>> report.unbound
('fetch: x',)
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.propose.report import Report


def inspect(tools: object, *, workspace: str | os.PathLike[str] | None = None) -> Report:
    """What the arguments of these tools are, and rules and a grant to start with.

    tools: functions, or a list of tools (or the object that holds one) as OpenAI, Anthropic or MCP write it.  workspace: the folder that paths
    are kept below, by default the current one.  ValueError when this is no set of tools; a single tool that cannot be read is reported.
    """
    from gate.propose.build import report  # words and patterns that nothing else needs

    return report(tools, os.path.realpath(workspace or os.getcwd()))
