"""Hooks: coding agents ask before a tool runs and tell afterwards, each in a JSON dialect of its own; `gate hook AGENT` answers.

    stdin: one JSON object  →  dialect.read → Event  →  path.answer → Verdict  →  dialect.reply  →  stdout, stderr, exit code

The order of the files is the order of a call: `client` (what the agent starts) and `sender` (what it does: nothing but the standard library),
`daemon` (optional, answers without starting anything), `worker` (the gate in a process of its own, behind the sender's watch), one file per
dialect, `path` (the one path), `who` (under which capability), `kept` (what the next process must know).

Two laws.  Whatever goes wrong anywhere, the process ends with exit code 2 and a reason on standard error, which blocks the call in
every agent that is supported.  And it ends before the agent's own time-out, because several agents let a call run whose hook was too slow.
"""
