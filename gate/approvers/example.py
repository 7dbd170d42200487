"""A question to look at: what the documentation, the doctests and a new channel's first test show."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from gate.ask import Question
from gate.effect import Risk
from gate.preview import facts

QUESTION: Final = Question(
    id="q_0001",
    headline="cleaner wants to delete /backup/friday and everything below it",
    tool="shell.run",
    arguments=MappingProxyType({"argv": ("rm", "-r", "/backup/friday"), "timeout": 60}),
    agent="cleaner",
    principal="ann",
    session="s1",
    task="free 10 GB",
    capability="cap_0001",
    effects=("executes", "irreversible", "writes"),
    techniques=("T1485",),
    risk=Risk.HIGH,
    reasons=("deletes 1,284 files",),
    rules=("a-person-for-what-cannot-be-undone",),
    rules_version="sha256:0000",
    binding_hash="ZGlnZXN0LW9mLXRoZS1jYWxsLW9mLXRoZS1leGFtcGxl",
    approvers=("bob", "carol"),
    quorum=1,
    created=1000.0,
    expires=1600.0,
    words="it is the backup of last Friday",
    preview=(facts("what is lost", [("files", "1,284"), ("bytes", "10.2 GB")]),),
)
