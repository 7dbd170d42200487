r"""Words of a chat message that call everybody: `@here`, `@channel`, `@everyone`, and how Slack, Teams and Matrix write them on the wire.

A look-alike of such a word (a full-width at sign, an invisible character inside, HTML entities) counts too, because some service folds it.

>>> everybody("please look @here"), everybody("<!channel> fire"), everybody("mail me at here@corp.example")
(('@here',), ('<!channel>',), ())
>>> everybody("@\u200bhere"), everybody("\uff20everyone")
(('@here',), ('@everyone',))
"""

from __future__ import annotations

import html
import re
from typing import Final

from capabilities._words.links import MOST, plain

_WORDS: Final = re.compile(
    r"@\s?(?:everyone|(?:here|channel)(?![A-Za-z0-9_]))(?![\w-]*\.\w)"  # not a host after a mailbox; some services look for no more
    r"|(?<![A-Za-z0-9._%+-])@\s?(?:everybody|all|room|group|team)\b(?![.-]?[A-Za-z0-9])"
    r"|<!\s*(?:here|channel|everyone|group|subteam\^[A-Z0-9]+)[^>]{0,80}>"
    r"|<@&[0-9]{5,25}>"
    r"|<at\b[^>]{0,80}>\s*(?:everyone|team|channel|here|all)\b",
    re.IGNORECASE,
)


def everybody(text: str) -> tuple[str, ...]:
    """Such words in the first 50,000 characters, each once, as they read without tricks."""
    return tuple(dict.fromkeys(found[0].lower() for found in _WORDS.finditer(plain(html.unescape(text[:MOST])))))
