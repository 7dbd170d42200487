"""What names, formats and words of an argument say about it: data.

`sure` names mean one thing in practice; `likely` ones usually do; words of a description only ever suggest.  A sort has the constraint that a
rules file begins with, as the kind of that sort writes it; a sort without one is named and asks.
"""

# lists of words are data, and read best as text
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple


class Sort(NamedTuple):
    """One sort of argument.

    sure, likely: names, or last words of names.  formats: of JSON Schema.  words: in a description.  kind: the name of the kind.  entry: its
    constraint to start with, {} for none; `inside` and `outside` are values for examples.
    """

    sure: frozenset[str]
    likely: frozenset[str]
    formats: frozenset[str]
    words: re.Pattern[str]
    kind: str
    entry: Mapping[str, object]
    inside: object = None
    outside: object = None


def _sort(
    sure: str,
    likely: str,
    formats: str,
    words: str,
    kind: str = "",
    entry: Mapping[str, object] | None = None,
    inside: object = None,
    outside: object = None,
) -> Sort:
    return Sort(
        frozenset(sure.split()),
        frozenset(likely.split()),
        frozenset(formats.split()),
        re.compile(rf"\b(?:{words})\b", re.IGNORECASE),
        kind,
        entry or {},
        inside,
        outside,
    )


SORTS: Final[Mapping[str, Sort]] = {
    "secret": _sort(
        "password passwd passphrase secret token apikey api_key access_token auth_token private_key credential credentials client_secret bearer",
        "auth authorization otp",
        "password",
        "password|passphrase|secret|api key|access token|credentials?|private key",
        "secrets.name",
        {"constraint_type": "secret", "names": ["name-of-the-secret"]},
        "name-of-the-secret",
        "another-secret",
    ),
    "url": _sort(
        "url uri href endpoint webhook callback_url base_url link webhook_url image_url",
        "website site target_url link_url feed",
        "uri url uri-reference iri iri-reference",
        "urls?|uris?|web ?page|web ?address|webhook|https?",
        "http.url",
        {"constraint_type": "url", "hosts": ["example.com"]},
        "https://example.com/",
        "https://elsewhere.example/",
    ),
    "path": _sort(
        "path paths file_path filepath filename file_name file files dir directory folder dirname directories folders pathname cwd root workdir "
        "working_directory repo_path output_path input_path output_file input_file repository_path",
        "fp fn fname src dst dest outfile infile attachment attachments save_as",
        "path file-path directory-path file",
        "file ?paths?|paths?|files?|folders?|director(?:y|ies)|filenames?|absolute path",
        "files.writes",
        {"constraint_type": "subpath", "roots": ["{workspace}"]},
        "{workspace}/notes.md",
        "/etc/passwd",
    ),
    "command": _sort(
        "command cmd shell_command commandline command_line argv shell bash",
        "args exec run program executable script_args",
        "command",
        "shell|command(?: line)?s?|bash|terminal|executable",
        "shell.command",
        {"constraint_type": "argv", "programs": [["git", "status"], ["ls"]]},
        "git status",
        "curl https://elsewhere.example/",
    ),
    "sql": _sort("sql sql_query", "statement where where_clause", "sql", "sql|select statement|database query", "", {}),
    "code": _sort(
        "code python_code source_code snippet javascript python js",
        "script expression formula lambda eval",
        "",
        "python|javascript|code|script|expression|evaluated?",
        "",
        {},
    ),
    "recipients": _sort(
        "email emails email_address to_email to_address cc bcc e_mail mail_to",
        "to recipient recipients participants attendees invitees reply_to sender from_address user_email",
        "email idn-email",
        "e-?mails?(?: address(?:es)?)?|recipients?|mailbox",
        "email.cc",  # as `email.to`, and may be empty
        {"constraint_type": "addresses", "domains": ["example.com"]},
        "ann@example.com",
        "eve@elsewhere.example",
    ),
    "channel": _sort(
        "channel channels channel_id channel_name chat_id slack_channel",
        "conversation conversation_id room_id",
        "",
        "channels?|chat rooms?|slack|teams channel|conversation",
        "messages.channel",
        {"constraint_type": "one_of", "values": ["#name"]},
        "#name",
        "#elsewhere",
    ),
    "money": _sort(
        "amount price total cost sum eur usd payment budget amount_eur amount_usd",
        "fee balance limit_price refund tip",
        "decimal money",
        "amount of money|price|pay(?:s|ment)?|currency|euros?|dollars?|usd|eur|amount",
        "",
        {"constraint_type": "range", "min": 0, "max": 50},
        1,
        1_000_000,
    ),
    "payee": _sort(
        "iban account_number payee beneficiary card_number bic", "recipient_account account", "", "iban|bank account|payee|beneficiary", "", {}
    ),
    "host": _sort(
        "host hostname domain ip ip_address server address_ip host_name",
        "server_name node target_host addr port",
        "hostname ipv4 ipv6 idn-hostname",
        "host ?names?|ip address|domain name",
        "",
        {},
    ),
}
"""In this order: where two sorts fit equally well the first one counts, and the other is named."""

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPLIT: Final = re.compile(r"[^A-Za-z0-9]+")


def words_of(name: str) -> list[str]:
    """The words of an argument's name, in lower case: `options.outputPath[]` → options, output, path."""
    return [word.lower() for part in _SPLIT.split(name) for word in _CAMEL.split(part) if word]
