"""The git kind against real git: what a repository's own files make plain git run, the tools never run; remotes are reached by their address."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capabilities import git
from capabilities._git.net import Net
from capabilities._git.network import _clean
from capabilities._git.repository import GitError, Repository
from capabilities._git.repository import git as git_itself
from gate import ANY, Denied, Gate
from gate.effect import Risk
from gate.errors import NeedsApproval

ENV = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
for _name, _value in (("AUTHOR", "Ann"), ("COMMITTER", "Ann")):
    ENV |= {f"GIT_{_name}_NAME": _value, f"GIT_{_name}_EMAIL": "ann@corp.example"}
Tools = dict[str, Callable[..., Any]]


def plain(folder: Path, *words: str) -> str:
    """Git as anybody runs it."""
    return subprocess.run(["git", *words], cwd=folder, env=ENV, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one repository, `app`, of one commit."""
    app = tmp_path / "root" / "app"
    app.mkdir(parents=True)
    plain(app, "init", "--quiet", "--initial-branch=main")
    plain(app, "config", "user.name", "Ann")
    plain(app, "config", "user.email", "ann@corp.example")
    (app / "a.txt").write_text("one\n")
    plain(app, "add", ".")
    plain(app, "commit", "--quiet", "-m", "first")
    return (tmp_path / "root").resolve()


@pytest.fixture
def server(tmp_path: Path) -> tuple[Net, Path]:
    """Remotes: a stand-in for the program ssh that starts git's own server side here, and the bare repository `acme/app.git` it serves."""
    home = tmp_path / "server"
    bare = home / "acme" / "app.git"
    bare.mkdir(parents=True)
    plain(bare, "init", "--quiet", "--bare", "--initial-branch=main")
    program = tmp_path / "ssh-stand-in"
    program.write_text(f'#!/bin/sh\nfor last; do :; done\necho "$@" >> {tmp_path}/asked\ncd {home} && eval "$(echo "$last" | sed "s#\'/#\'./#")"\n')
    program.chmod(0o755)
    return Net(ssh=str(program)), bare


@pytest.fixture
def tools(root: Path, server: tuple[Net, Path]) -> Tools:
    return git.tools(root, net=server[0])


REMOTE = "ssh://git@git.example.com/acme/app.git"


def payload(tmp_path: Path) -> tuple[Path, Path]:
    """A program, and the file that shows it ran."""
    program, mark = tmp_path / "payload", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat 2>/dev/null\nexit 0\n")
    program.chmod(0o755)
    return program, mark


def fsmonitor(app: Path, program: Path) -> list[str]:
    plain(app, "config", "core.fsmonitor", str(program))
    return ["status"]


def clean_filter(app: Path, program: Path) -> list[str]:
    plain(app, "config", "filter.x.clean", str(program))
    (app / ".gitattributes").write_text("* filter=x\n")
    (app / "a.txt").write_text("two\n")
    return ["add", "a.txt"]


def smudge_filter(app: Path, program: Path) -> list[str]:
    plain(app, "checkout", "--quiet", "-b", "other")
    (app / "b.txt").write_text("b\n")
    plain(app, "add", ".")
    plain(app, "commit", "--quiet", "-m", "b")
    plain(app, "checkout", "--quiet", "main")
    plain(app, "config", "filter.x.smudge", str(program))
    (app / ".git" / "info" / "attributes").write_text("* filter=x\n")
    return ["checkout", "other"]


def process_filter(app: Path, program: Path) -> list[str]:
    plain(app, "config", "filter.x.process", str(program))
    (app / ".git" / "info" / "attributes").write_text("* filter=x\n")
    (app / "a.txt").write_text("two\n")
    return ["diff"]


def textconv(app: Path, program: Path) -> list[str]:
    plain(app, "config", "diff.x.textconv", str(program))
    (app / ".git" / "info" / "attributes").write_text("* diff=x\n")
    (app / "a.txt").write_text("two\n")
    return ["diff"]


def external_diff(app: Path, program: Path) -> list[str]:
    plain(app, "config", "diff.external", str(program))
    (app / "a.txt").write_text("two\n")
    return ["diff"]


def driver_command(app: Path, program: Path) -> list[str]:
    plain(app, "config", "diff.x.command", str(program))
    (app / ".git" / "info" / "attributes").write_text("* diff=x\n")
    (app / "a.txt").write_text("two\n")
    return ["diff"]


def included(app: Path, program: Path) -> list[str]:
    (app / "extra").write_text(f"[core]\n\tfsmonitor = {program}\n")
    plain(app, "config", "include.path", "../extra")
    return ["status"]


def included_if(app: Path, program: Path) -> list[str]:
    (app / "extra").write_text(f"[core]\n\tfsmonitor = {program}\n")
    plain(app, "config", "includeIf.gitdir:**.path", str(app / "extra"))
    return ["status"]


def worktree_config(app: Path, program: Path) -> list[str]:
    plain(app, "config", "extensions.worktreeConfig", "true")
    plain(app, "config", "--worktree", "core.fsmonitor", str(program))
    return ["status"]


def hook(app: Path, program: Path) -> list[str]:
    (app / ".git" / "hooks" / "pre-commit").symlink_to(program)
    (app / "a.txt").write_text("two\n")
    plain(app, "add", ".")
    return ["commit", "-m", "second"]


def hook_copied(app: Path, program: Path) -> list[str]:
    made = app / ".git" / "hooks" / "pre-commit"
    made.write_bytes(program.read_bytes())
    made.chmod(0o755)
    (app / "a.txt").write_text("two\n")
    plain(app, "add", ".")
    return ["commit", "-m", "second"]


def reference_hook(app: Path, program: Path) -> list[str]:
    made = app / ".git" / "hooks" / "reference-transaction"
    made.write_bytes(program.read_bytes())
    made.chmod(0o755)
    return ["branch", "new"]


def signing(app: Path, program: Path) -> list[str]:
    plain(app, "config", "commit.gpgSign", "true")
    plain(app, "config", "gpg.program", str(program))
    (app / "a.txt").write_text("two\n")
    plain(app, "add", ".")
    return ["commit", "-m", "second"]


def submodule(app: Path, program: Path) -> list[str]:
    inner = app / "inner"
    inner.mkdir()
    plain(inner, "init", "--quiet")
    (inner / "x").write_text("x")
    plain(inner, "add", ".")
    plain(inner, "commit", "--quiet", "-m", "x")
    plain(app, "add", "inner")
    plain(app, "commit", "--quiet", "-m", "inner")
    plain(inner, "config", "core.fsmonitor", str(program))
    return ["status"]


def hooks_elsewhere(app: Path, program: Path) -> list[str]:
    (app / ".husky").mkdir()
    (app / ".husky" / "pre-commit").write_bytes(program.read_bytes())
    (app / ".husky" / "pre-commit").chmod(0o755)
    plain(app, "config", "core.hooksPath", ".husky")
    (app / "a.txt").write_text("two\n")
    plain(app, "add", "a.txt")
    return ["commit", "-m", "second"]


WAYS = [
    hooks_elsewhere,
    fsmonitor,
    clean_filter,
    smudge_filter,
    process_filter,
    textconv,
    external_diff,
    driver_command,
    included,
    included_if,
    worktree_config,
    hook,
    hook_copied,
    reference_hook,
    signing,
    submodule,
]
CALLS: dict[str, Callable[[Tools], object]] = {
    "status": lambda tools: tools["git.status"]("app"),
    "add": lambda tools: tools["git.add"]("app", ["a.txt"]),
    "checkout": lambda tools: tools["git.checkout"]("app", "refs/heads/other"),
    "diff": lambda tools: tools["git.diff"]("app"),
    "commit": lambda tools: tools["git.commit"]("app", "second"),
    "branch": lambda tools: tools["git.branch"]("app", "refs/heads/new"),
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_a_repository_makes_git_run_is_never_run(way: Callable[[Path, Path], list[str]], root: Path, tools: Tools, tmp_path: Path) -> None:
    program, mark = payload(tmp_path)
    words = way(root / "app", program)
    mark.unlink(missing_ok=True)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(root / "app"), str(copy)], check=True)
    subprocess.run(["git", *words], cwd=copy, env=ENV, capture_output=True, check=False)
    assert mark.exists(), "the attack is none"
    mark.unlink()
    for name in (words[0], *CALLS):
        try:
            CALLS[name](tools)
        except (PermissionError, GitError, ValueError) as error:
            assert str(error)
        assert not mark.exists(), name
    for name in ("commit", "push", "status"):
        git.TOOLS[f"git.{name}"].preview({"repository": str(root / "app"), "source": "HEAD", "message": "x"})  # type: ignore[misc]  # it has one
        assert not mark.exists(), name


@pytest.mark.parametrize(
    "key",
    """filter.x.clean filter.x.smudge filter.x.process diff.x.command diff.x.textconv merge.x.driver mergetool.x.cmd difftool.x.cmd
    alias.status sequence.editor
    include.path includeIf.gitdir:/.path extensions.worktreeConfig extensions.partialClone remote.origin.promisor remote.origin.partialclonefilter
    remote.origin.uploadpack remote.origin.receivepack remote.origin.vcs remote.origin.proxy submodule.x.update uploadpack.packObjectsHook
    gc.recentObjectsHook trailer.x.command trailer.x.cmd interactive.diffFilter pager.log browser.x.cmd man.x.cmd tar.x.command
    gpg.ssh.defaultKeyCommand
    gpg.x509.program core.worktree init.templateDir protocol.ext.allow core.gitDir fsmonitor.x merge.tool.cmd credential.x.command
    status.x.hook core.bogus
    log.x diff.tool extensions.objectFormat""".split(),
)
def test_keys_that_may_start_a_program_or_lead_elsewhere(key: str, root: Path, tools: Tools) -> None:
    plain(root, "config", "--file", str(root / "app" / ".git" / "config"), key, "x")
    with pytest.raises(PermissionError, match="which may start a program or lead elsewhere"):
        tools["git.status"]("app")


def test_everyday_configuration_is_taken(root: Path, tools: Tools) -> None:
    everyday = """user.signingkey commit.gpgSign gpg.format remote.origin.url remote.origin.gh-resolved branch.main.remote branch.main.merge
    core.hooksPath core.editor
    branch.main.vscode-merge-base branch.a/b.github-pr-owner-number
    pull.rebase push.autoSetupRemote lfs.repositoryformatversion core.autocrlf
    core.fsmonitor
    url.https://h.example/.insteadOf http.postBuffer credential.helper submodule.x.url submodule.x.active color.ui init.defaultBranch""".split()
    for key in everyday:
        plain(root / "app", "config", key, "false" if key in ("core.autocrlf", "core.fsmonitor") else "true")
    assert "## main" in tools["git.status"]("app")


def test_the_everyday_work(root: Path, tools: Tools, server: tuple[Net, Path]) -> None:
    app = root / "app"
    (app / "b.txt").write_text("b\n")
    assert "?? b.txt" in tools["git.status"]("app")
    assert "A  b.txt" in tools["git.add"]("app", ["b.txt"])
    assert "+b" in tools["git.diff"]("app", staged=True)
    made = tools["git.commit"]("app", "Second\n\nwith a body, $(id) and `x`")
    assert plain(app, "log", "-1", "--format=%H %B").strip() == f"{made} Second\n\nwith a body, $(id) and `x`"
    assert plain(app, "status", "--porcelain") == ""
    assert "Second" in tools["git.log"]("app") and "+b" in tools["git.show"]("app", "HEAD")
    with pytest.raises(ValueError, match="nothing is staged"):
        tools["git.commit"]("app", "again")
    assert tools["git.branch"]("app", "refs/heads/agent/x", "HEAD~1") == plain(app, "rev-parse", "HEAD~1").strip()
    tools["git.checkout"]("app", "refs/heads/agent/x")
    assert not (app / "b.txt").exists() and plain(app, "branch", "--show-current") == "agent/x\n"
    (app / "a.txt").write_text("mine\n")
    tools["git.checkout"]("app", "refs/heads/main")
    assert (app / "a.txt").read_text() == "mine\n"
    with pytest.raises(GitError):
        tools["git.branch"]("app", "refs/heads/main")


def test_sending_and_fetching_over_ssh(root: Path, tools: Tools, server: tuple[Net, Path], tmp_path: Path) -> None:
    app, bare = root / "app", server[1]
    push = {"repository": "app", "remote": REMOTE, "source": "HEAD", "target": "refs/heads/agent/x"}
    tools["git.push"](**push)
    assert plain(bare, "rev-parse", "agent/x") == plain(app, "rev-parse", "HEAD")
    assert "git@git.example.com" in (tmp_path / "asked").read_text()
    plain(app, "commit", "--quiet", "--amend", "-m", "other")
    with pytest.raises(GitError, match="non-fast-forward|rejected|fetch first"):
        tools["git.push"](**push)
    tools["git.force_push"](**push)
    assert plain(bare, "rev-parse", "agent/x") == plain(app, "rev-parse", "HEAD")
    other = tmp_path / "other"
    plain(tmp_path, "clone", "--quiet", "--branch", "agent/x", str(bare), str(other))
    (other / "new.txt").write_text("new")
    plain(other, "add", ".")
    plain(other, "commit", "--quiet", "-m", "from elsewhere")
    plain(other, "push", "--quiet", "origin", "HEAD:main")
    got = tools["git.fetch"]("app", REMOTE, "refs/heads/main")
    assert got == {"commit": plain(other, "rev-parse", "HEAD").strip(), "ref": "refs/remotes/gate/main"}
    assert "from elsewhere" in tools["git.log"]("app", "refs/remotes/gate/main")
    assert tools["git.clone"]("copy", REMOTE) == got["commit"]
    assert (root / "copy" / "new.txt").read_text() == "new"
    assert "##" in tools["git.status"]("copy")
    with pytest.raises(FileExistsError):
        tools["git.clone"]("copy", REMOTE)
    tools["git.delete_ref"]("app", REMOTE, "refs/heads/agent/x")
    assert plain(bare, "branch", "--list", "agent/x") == ""
    plain(app, "fsck", "--strict")


def test_a_repository_cannot_send_a_push_elsewhere(root: Path, tools: Tools, server: tuple[Net, Path], tmp_path: Path) -> None:
    app, evil = root / "app", tmp_path / "evil.git"
    plain(tmp_path, "init", "--quiet", "--bare", str(evil))
    plain(app, "config", f"url.{evil}.insteadOf", REMOTE)
    plain(app, "config", f"url.{evil}.pushInsteadOf", REMOTE)
    plain(app, "push", "--quiet", REMOTE, "HEAD:refs/heads/stolen")
    assert "stolen" in plain(evil, "branch"), "the attack is none"
    tools["git.push"]("app", REMOTE, "HEAD", "refs/heads/agent/y")
    assert "agent/y" in plain(server[1], "branch") and "agent/y" not in plain(evil, "branch")


@pytest.mark.parametrize("name", ["index", "HEAD", "logs/HEAD", "refs/heads", "objects/info", "objects/pack/x.pack", "config", "hooks/x"])
def test_a_link_inside_the_store_is_refused(name: str, root: Path, tools: Tools, tmp_path: Path) -> None:
    place = root / "app" / ".git" / name
    if place.exists():
        place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    with pytest.raises(PermissionError, match="is a link"):
        tools["git.status"]("app")


@pytest.mark.parametrize("name", ["objects/info/alternates", "commondir", "config.worktree"])
def test_a_store_that_leads_elsewhere_is_refused(name: str, root: Path, tools: Tools) -> None:
    (root / "app" / ".git" / name).write_text("/elsewhere\n")
    with pytest.raises(PermissionError, match="leads elsewhere"):
        tools["git.log"]("app")


def test_only_repositories_below_the_root(root: Path, tools: Tools, tmp_path: Path) -> None:
    subprocess.run(["cp", "-a", str(root / "app"), str(tmp_path / "outside")], check=True)
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "pointer").mkdir()
    (root / "pointer" / ".git").write_text(f"gitdir: {tmp_path}/outside/.git\n")
    (root / "none").mkdir()
    for name, said in (
        ("link", "through a link"),
        (str(tmp_path / "outside"), "not below"),
        ("pointer", "no folder of its own"),
        ("none", "no repository"),
    ):
        with pytest.raises(PermissionError, match=said):
            tools["git.status"](name)
    with pytest.raises(PermissionError):
        tools["git.clone"]("link/new", REMOTE)
    for bad in ("../outside", "app/.git", "~", ""):
        with pytest.raises(ValueError, match="."):
            git.REPOSITORY.parse(bad)


def test_a_header_is_for_its_address_only_and_for_this_user_only() -> None:
    url = "https://git.example.com/acme/app"
    with _clean(None, Net(header=lambda _: "Authorization: Basic eA=="), url) as (folder, where):
        assert git_itself(where, ["config", "--get-urlmatch", "http.extraHeader", url], folder) == "Authorization: Basic eA==\n"
        with pytest.raises(GitError):
            git_itself(where, ["config", "--get-urlmatch", "http.extraHeader", "https://evil.example/acme/app"], folder)
        assert stat.S_IMODE(os.stat(f"{folder}/header").st_mode) == 0o600
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert not os.path.exists(folder)


def test_a_token_for_https_reaches_git_by_a_file_of_ours(root: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    net = Net(header=lambda url: asked.append(url) or 'Authorization: "quoted"')  # type: ignore[func-returns-value]  # a list's append
    with pytest.raises(ValueError, match="configuration file cannot carry"):
        git.tools(root, net=net)["git.push"]("app", "https://git.example.com/a/b", "HEAD", "refs/heads/x")
    assert asked == ["https://git.example.com/a/b"]


def test_a_literal_path_is_no_pattern(root: Path, tools: Tools) -> None:
    (root / "app" / "b.txt").write_text("b")
    with pytest.raises(GitError, match="did not match"):
        tools["git.add"]("app", ["*.txt"])
    with pytest.raises(GitError, match="did not match"):
        tools["git.add"]("app", [":/"])


def test_what_is_risky() -> None:
    def risk(name: str, **arguments: str) -> Risk:
        tool = git.TOOLS[f"git.{name}"]
        return (
            max(kind.assess(kind.parse(arguments[key])) for key, kind in tool.arguments.items() if key in arguments).risk
            if arguments
            else tool.assessment.risk
        )  # type: ignore[union-attr, type-var]

    assert git.TARGET.assess("refs/heads/agent/x").risk is Risk.MEDIUM
    assert (
        git.TARGET.assess("refs/heads/main").risk
        is git.TARGET.assess("refs/tags/v1").risk
        is git.TARGET.assess("refs/heads/release/1").risk
        is Risk.HIGH
    )
    assert git.SENDS.assess("https://localhost/x").risk is git.FETCHES.assess("https://10.0.0.1/x").risk is Risk.HIGH
    assert risk("force_push") is risk("delete_ref") is Risk.HIGH and "irreversible" in git.TOOLS["git.force_push"].assessment.effects  # type: ignore[union-attr]


def test_behind_a_gate(gate: Gate, root: Path, tools: Tools, server: tuple[Net, Path]) -> None:
    behind = {name: gate.wrap(function) for name, function in tools.items()}
    here = {"constraint_type": "subpath", "roots": [str(root)]}
    sends = {"repository": here, "remote": git.remotes("ssh://git@git.example.com/acme/*"), "source": ANY, "target": git.refs("agent/*")}
    with gate.acting(gate.grant("coder", minutes=5, tools={"git.push": sends, "git.status": {"repository": here}, "git.force_push": sends})):
        assert "## main" in behind["git.status"]("app")
        behind["git.push"]("app", "git@git.example.com:acme/app.git", "HEAD", "agent/x")
        assert "agent/x" in plain(server[1], "branch")
        for bad in (
            {"target": "main"},
            {"remote": "ssh://git@git.example.com/evil/app.git"},
            {"remote": "ext::sh"},
            {"source": "--force"},
            {"target": "+agent/x"},
            {"repository": ".."},
            {"force": True},
        ):
            with pytest.raises(Denied):
                behind["git.push"](**({"repository": "app", "remote": REMOTE, "source": "HEAD", "target": "agent/x"} | bad))
        with pytest.raises(NeedsApproval) as asked:
            behind["git.force_push"]("app", REMOTE, "HEAD", "agent/x")
    assert asked.value.question is not None
    assert asked.value.question.headline == f"coder wants to FORCE agent/x of {REMOTE} to be HEAD of app"
    shown = {panel.title: panel.rows for panel in asked.value.question.preview}
    assert shown["commits that no known branch of a remote has"][0][0].endswith("Ann: first")
    assert any("a.txt" in row[0] for row in shown["their files"])
    assert asked.value.question.requires == ("environment", "files", "network", "processes")


def test_somebody_elses_repository_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stat.S_ISDIR(os.lstat(root / "app" / ".git").st_mode)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        Repository(str(root / "app"))
