"""How often the profile lets bad and ordinary commands pass: `python -m tests.attacks.rates FOLDER`.

The folder holds public data sets as JSON lines (`command` or `cmd`, sometimes `label`), which are not part of this repository.  Rows are
labelled by technique, not by intent, so these are rates and no accuracy; bad and ordinary ones belong together.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.attacks.verdict import verdict

SETS = (
    ("bad", "shell bypass payloads", "shell_bypass.jsonl", ""),
    ("bad", "Atomic Red Team", "atomic_red_team.jsonl", ""),
    ("bad", "RedCode bash", "redcode.jsonl", ""),
    ("bad", "labelled ask", "labelled_dippy.jsonl", "ask"),
    ("ordinary", "InterCode", "ordinary_intercode.jsonl", ""),
    ("ordinary", "NL2Bash", "ordinary_nl2bash.jsonl", ""),
    ("ordinary", "coding agents", "ordinary_swe.jsonl", ""),
    ("ordinary", "tldr", "ordinary_tldr.jsonl", ""),
    ("ordinary", "labelled allow", "labelled_dippy.jsonl", "allow"),
)


def commands(file: Path, label: str) -> Iterator[str]:
    """The commands of a file, those with that label if one is given."""
    for line in file.read_text().splitlines():
        row = json.loads(line)
        if not label or row.get("label") == label:
            yield row.get("command") or row.get("cmd") or ""


def measure(file: Path, label: str, profile: str) -> Counter[str]:
    """How many were allowed, asked about and refused."""
    return Counter(verdict("shell.run", {"command": command}, profile, str(Path.cwd()))[0] for command in commands(file, label))


def main(folder: Path) -> int:
    """Prints one line per set; 0 also when the folder is absent, which is said."""
    if not folder.is_dir():
        print(f"skipped: there is no folder {folder}")
        return 0
    print(f"{'':9} {'set':22} {'profile':12} {'rows':>6} {'allowed':>9} {'asked':>9} {'refused':>9}")
    for sort, name, file, label in SETS:
        if not (folder / file).exists():
            print(f"{sort:9} {name:22} skipped: {file} is not there")
            continue
        for profile in ("workstation", "workspace"):
            count = measure(folder / file, label, profile)
            total = sum(count.values())
            shares = " ".join(f"{count[word] / total:>8.1%}" + " " for word in ("allowed", "asked", "refused"))
            print(f"{sort:9} {name:22} {profile:12} {total:>6} {shares}")
    if (folder / "ssrf_urls.txt").exists():
        urls = (folder / "ssrf_urls.txt").read_text().splitlines()
        found = Counter(verdict("http.request", {"method": "GET", "url": url}, "workstation", str(Path.cwd()))[0] for url in urls if url)
        print(f"{'bad':9} {'SSRF spellings':22} {'workstation':12} {sum(found.values()):>6}  {dict(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("data")))
