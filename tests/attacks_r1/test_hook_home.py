"""The gate's folder lies in the workspace, as `gate init` puts it there; a coding agent's command that names it not reads, copies or replaces it.

Default rules, and the capability that `gate hook install` makes.  What asks a person is refused here: nobody answers.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gate import Gate
from gate.hooks.path import Hook
from gate.hooks.registry import dialect
from gate.hooks.who import Settings
from tests.hooks.kit import before, make_gate


class Project:
    """A workspace with a gate in it. say: the word of the hook about one call, in a process of its own as far as the gate knows."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.folder, self.home, self.serial = folder, make_gate(folder, **options), 0
        (folder / "a.py").write_text("x\n")
        subprocess.run("git init -q && git add a.py && git -c user.name=a -c user.email=a@b commit -qm a", shell=True, cwd=folder, check=True)

    def say(self, tool: str, arguments: dict, **settings: str) -> str:
        self.serial += 1
        spoken = dialect("claude")
        with Gate(self.home) as gate:
            hook = Hook(gate, spoken, Settings("claude", str(self.home), nonce=str(self.serial), **settings))
            return hook.answer(spoken.read(before(tool, arguments, call=f"t{self.serial}", cwd=str(self.folder)))).word

    def bash(self, command: str) -> bool:
        """Runs it if the hook lets it run, as the agent would."""
        if self.say("Bash", {"command": command}) != "allow":
            return False
        subprocess.run(["bash", "-c", command], cwd=self.folder, capture_output=True, check=False)
        return True


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.mark.parametrize(
    "command",
    ["grep -rh . .", "grep -r kty sub/..", "rg -uuu .", "rg --hidden kty", "git grep --untracked -h kty", "diff -r . sub", "zip -r x.zip ."]
    + ["cp -r . b", "cp -a ../project b", "git add -A", "git stash -u", "chmod -R 777 ."],
)
def test_a_command_over_everything_does_not_take_the_gates_folder_with_it(project: Project, command: str) -> None:
    """`Grep` of the same folder asks; the same command as Bash reads the issuer's private key, whose holder signs any capability."""
    assert project.say("Bash", {"command": command}) != "allow"


def test_no_key_of_the_gate_comes_out_of_a_command(project: Project) -> None:
    key = (project.home / "keys" / "issuer.jwk").read_text().strip()
    command = "grep -rh kty ."
    if project.say("Bash", {"command": command}) == "allow":
        done = subprocess.run(["bash", "-c", command], cwd=project.folder, capture_output=True, text=True, check=False)
        assert key not in done.stdout, "the issuer's private key was printed"


def test_a_budget_does_not_come_back_with_a_copy_of_the_ledger(tmp_path: Path) -> None:
    """Five calls: copy, ls, ls, copy back, and the ledger is what it was. So are used approvals and revocations."""
    project = Project(tmp_path / "project", calls=5)
    ran = [project.bash(command) for command in ["cp -r . b", "ls", "ls", "cp -rT b .", "ls", "ls", "cp -rT b .", "ls", "ls"]]
    assert sum(ran) <= 5


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("Write", {"file_path": "gate.lock", "content": "{}"}),
        ("Bash", {"command": "cp a.py gate.lock"}),
        ("Bash", {"command": "echo '{}' > gate.lock"}),
        ("Edit", {"file_path": "gate.lock", "old_string": "a", "new_string": "b"}),
        ("Write", {"file_path": ".mcp.json.before-gate", "content": "{}"}),  # what uninstall, and the next install, take the servers from
    ],
)
def test_the_pins_of_servers_are_not_the_agents_to_change(project: Project, tool: str, arguments: dict) -> None:
    """`gate.lock` beside the gate's folder says which definitions a person approved."""
    assert project.say(tool, arguments) != "allow"


def test_the_capability_that_the_command_line_names_is_not_the_agents_to_change(project: Project) -> None:
    file = project.folder / "agent.cap"
    file.write_text((project.home / "hook" / "claude.capability").read_text())
    assert project.say("Write", {"file_path": str(file), "content": "x"}, capability=str(file)) != "allow"


def test_the_parts_of_subagents_are_not_the_agents_to_widen(project: Project) -> None:
    assert project.say("Write", {"file_path": str(project.home / "hook.toml"), "content": ""}) != "allow"
