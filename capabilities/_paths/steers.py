"""Which files other programs run or obey: writing there is more than writing a file.

A hit is a reason to ask a person: version control, editors, shells, build services, installed packages, and what agents take for instructions.
Names that programs of the project itself run when a person starts them (`Makefile`, `setup.py`) are not
listed: writing code is an agent's ordinary work.

>>> steers("/work/.git/hooks/pre-commit")
'is where git keeps what it runs and obeys'
>>> steers("/work/src/main.py")
''
"""

# lists of words are data, and read best as text
from __future__ import annotations

from functools import lru_cache
from typing import Final

from capabilities._paths.fold import fold, short_name, stems
from gate.regex import regex

_GIT: Final = frozenset([".git", ".githooks", ".husky", ".hg", ".svn", ".bzr", ".jj"])
_TOOLS: Final = frozenset(
    ".venv venv node_modules site-packages .tox .nox .cargo .gradle .m2 .gem .ipython .jupyter "
    ".vscode .idea .devcontainer .github .gitlab .circleci .buildkite .claude .cursor .codex .gemini .windsurf .direnv .config .local autostart "
    "systemd launchagents launchdaemons cron.d cron.daily cron.hourly cron.weekly cron.monthly init.d profile.d sudoers.d ld.so.conf.d".split()
)
_FILES: Final = frozenset(
    ".gitconfig .gitmodules .gitattributes .envrc .npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs .pip.conf pip.conf pip.ini .pydistutils.cfg .condarc "
    ".bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .kshrc .cshrc .tcshrc .login "
    ".inputrc .vimrc .exrc .nvimrc .emacs .gdbinit .lldbinit .pdbrc .pythonrc .tmux.conf .screenrc .xinitrc .xprofile .xsession .pam_environment "
    ".mcp.json mcp.json .claude.json gate.toml approvers.toml .pre-commit-config.yaml .gitlab-ci.yml crontab rc.local ld.so.preload authorized_keys "
    "rc sitecustomize.py usercustomize.py jenkinsfile .travis.yml azure-pipelines.yml bitbucket-pipelines.yml lefthook.yml .lefthook.yml mise.toml "
    ".mise.toml .tool-versions claude.md claude.local.md agents.md gemini.md .cursorrules .windsurfrules .clinerules "
    "copilot-instructions.md".split()
)
_FILE: Final = regex(
    r".*\.(pth|desktop|service|timer|plist)"
    r"|\.[a-z0-9_.-]*(rc|rc\.local|profile|login|logout|env|envrc\.local|rc\.(c?js|mjs|ts|json|ya?ml|toml))"  # settings of shells and tools
)
_STEMS: Final = stems(_GIT | _TOOLS | _FILES)


@lru_cache(maxsize=4096)
def steers(path: str) -> str:
    """Why writing to the absolute `path` may make other programs do something, "" when nothing says so."""
    parts = fold(path).split("/")[1:]
    if any(part in _GIT for part in parts):
        return "is where git keeps what it runs and obeys"
    if any(part in _TOOLS or short_name(part) in _STEMS for part in parts) or parts[-1] in _FILES or _FILE.fullmatch(parts[-1]):
        return "has the name of something that other programs run or obey"
    return ""
