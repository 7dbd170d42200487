"""Programs that are asked by a statement or a path, as data (see `spec`); several lines each, of which one has to fit whole.

Left out on purpose: a host, a port, a socket, an options file or a password (they name another place, or hold one); a statement from a file
or the input; the files of SQLite and DuckDB, whose views may run a program (`edit()`) or fetch (`read_csv`) although they are only read.  So
of SQLite `-safe` with `-readonly` and what is in memory are taken, and of DuckDB sums (a table of its may be a file).  A home folder's start-up
file is not read: a started program's home does not exist.  From the manuals of SQLite 3.45, DuckDB 1, MySQL 8, MariaDB 11, PostgreSQL 17.
"""

# lists of words are data, and read best as text
from __future__ import annotations

from typing import Final

from capabilities._shell.script import Word
from capabilities._shell.spec import Uninspectable, Use, matched

_SHOWN: Final = (
    "-header -noheader -column -csv -json -line -list -table -box -markdown -html -tabs -quote -bail -batch "
    "-separator:text -nullvalue:text -newline:text"
)
_MYSQL: Final = (
    "-e:sql! --execute:sql! -D:database --database:database -u:database --user:database -NBsrtEHXvnf -A --batch --silent --table --vertical "
    "--skip-column-names --column-names --raw --html --xml --no-auto-rehash --safe-updates --binary-as-hex"
)
_PSQL: Final = (
    "-c:sql! --command:sql! -l! --list! -d:database --dbname:database -U:database --username:database -AtxqXwHE1 -F:text -R:text --csv --no-align "
    "--tuples-only --expanded --quiet --no-psqlrc --no-password --html --field-separator:text --record-separator:text"
)
_API: Final = "--paginate --slurp -i --include -q:text --jq:text --silent --verbose"
ASKED: Final[dict[str, tuple[str, ...]]] = {
    "sqlite3": ("~ never -version! -help!", f"~ memory sql {_SHOWN}", f"~ never plainfile sql -safe -readonly! {_SHOWN}"),
    "duckdb": ("~ never -version! -help! --version! --help!", f"~ never -c:sum! {_SHOWN}", f"~ memory sum {_SHOWN}"),
    "mysql": (f"never database? {_MYSQL}", "never -V! -?! -I!"),
    # with fields it is a POST unless told otherwise; -F reads files
    "gh api": (f"text apipath -X:get --method:get {_API}", f"never text apipath -X:get! --method:get! -f:apifield --raw-field:apifield {_API}"),
    "dscl": (
        "~ never dsclnode dscltext* -read! -readall! -list! -search! -diff! -plist -raw -url -q",
        "~ dsclnode dsclverb dscltext* -plist -raw -url -q",
    ),
    "psql": (f"never database? {_PSQL}", "never -V! -?!"),
}
ASKED["mariadb"] = ASKED["mysql"]


def lines(name: str, rest: tuple[Word, ...]) -> list[Use]:
    """What the words are used for by the first line that fits; `Uninspectable` by the last that does not."""
    reason = Uninspectable(f"{name} is not known only to ask")
    for line in ASKED[name]:
        try:
            found = matched(line, rest)
        except Uninspectable as why:
            reason = why
            continue
        if any(role == "never" for role, _, _ in found.uses):  # the option that this line is for is not there
            continue
        if "-readonly" in line and "-safe" in line and "-safe" not in {word.text for word in rest}:
            continue
        return found.uses
    raise reason
