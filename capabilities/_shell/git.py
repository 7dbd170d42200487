"""What git's subcommands do, as data (see `spec`); git-scm.com/docs.

Even a subcommand that only reads runs programs which the repository's own configuration names (a file-system monitor, filters, text
conversion).  The ready-made tool switches off what git lets it switch off, see `capabilities._process.environment`.
"""

# lists of words are data, and read best as text
from __future__ import annotations

from typing import Final

from capabilities._shell.script import Word
from capabilities._shell.spec import Uninspectable, show

_DIFF: Final = (
    "-psuRabwz -U:num -M[:text] -C[:text] -D -S:text -G:text -W -l:num --patch --no-patch --stat[:text] --shortstat --numstat --summary --name-only "
    "--name-status --diff-filter:text --cached --staged --merge-base --unified:num --raw --minimal --patience --histogram --diff-algorithm:text "
    "--compact-summary --dirstat[:text] --color[:text] --no-color --color-moved[:text] --word-diff[:text] --word-diff-regex:text "
    "--color-words[:text] "
    "--no-renames --find-renames[:text] --find-copies[:text] --check --full-index --binary --abbrev[:text] --exit-code --quiet --no-ext-diff "
    "--no-textconv --ignore-all-space --ignore-space-change --ignore-blank-lines --ignore-space-at-eol --function-context --submodule[:text] "
    "--src-prefix:text --dst-prefix:text --no-prefix --relative[:text] --text --pickaxe-all --pickaxe-regex --inter-hunk-context:num "
)
_LOG: Final = _DIFF + (
    "-# -n:num -gicLmqtEFP -i --oneline --graph --all --branches[:text] --tags[:text] --remotes[:text] --decorate[:text] --no-decorate "
    "--max-count:num "
    "--skip:num --since:text --after:text --until:text --before:text --author:text --committer:text --grep:text --invert-grep --all-match --merges "
    "--no-merges --first-parent --follow --format:text --pretty[:text] --abbrev-commit --no-abbrev-commit --date:text --reverse --date-order "
    "--topo-order --author-date-order --simplify-by-decoration --left-right --cherry-pick --cherry-mark --cherry --source --full-history "
    "--ancestry-path --walk-reflogs --left-only --right-only --no-walk[:text] --extended-regexp --fixed-strings --regexp-ignore-case --notes[:text] "
    "--no-notes --parents --children --boundary --not --count --log-size --use-mailmap --no-mailmap --dense --sparse --relative-date "
)

READS: Final[dict[str, str]] = {
    "status": "rev* -sbvuz --short --branch --porcelain[:text] --long --verbose --untracked-files[:text] --ignored[:text] --ignore-submodules[:text] "
    "--show-stash --ahead-behind --no-ahead-behind --column[:text] --no-column --renames --no-renames --find-renames[:text]",
    "log": "rev* " + _LOG.replace("-gicLmqtEFP", "-gicmqtEFP -L:text"),
    "show": "rev* " + _LOG.replace("-gicLmqtEFP", "-gicmqtEFP -L:text"),
    "diff": "rev* " + _DIFF,
    "whatchanged": "rev* " + _LOG.replace("-gicLmqtEFP", "-gicmqtEFP"),
    "shortlog": "rev* -nsecw --numbered --summary --email --group:text --all --since:text --until:text --format:text --no-merges",
    "rev-list": "rev* " + _LOG.replace("-gicLmqtEFP", "-gicmqtEFP") + " --objects",
    "diff-tree": "rev* -rtc --no-commit-id --root --stdin " + _DIFF,
    "blame": "rev* -wMCblteEsfnp -L:text -S:read --date:text --since:text --porcelain --line-porcelain --show-email --show-name --show-number --root "
    "--abbrev:num --reverse --first-parent",
    "annotate": "rev* -L:text",
    "grep": "text rev* -nilLcwvhHEFGPqopW -e:text! -A:num -B:num -C:num -m:num --cached --untracked --line-number --count --ignore-case "
    "--word-regexp --files-with-matches --name-only --files-without-match --extended-regexp --fixed-strings --perl-regexp --and --or --not --heading "
    "--break --color[:text] --show-function --function-context --recurse-submodules --max-depth:num --all-match --quiet --only-matching --column",
    "ls-files": "rev* -cdmokistvzu -x:text -X:read --cached --deleted --modified --others --ignored --stage --unmerged --killed --directory "
    "--exclude:text --exclude-from:read --exclude-standard --error-unmatch --full-name --abbrev[:num] --eol --format:text --recurse-submodules",
    "ls-tree": "rev* -drtlz --name-only --name-status --full-name --full-tree --abbrev[:num] --format:text --object-only --long",
    "rev-parse": "text* -q --abbrev-ref[:text] --short[:text] --show-toplevel --show-prefix --show-cdup --git-dir --git-common-dir "
    "--absolute-git-dir "
    "--is-inside-work-tree --is-inside-git-dir --is-bare-repository --verify --quiet --symbolic --symbolic-full-name --all --branches[:text] "
    "--tags[:text] --remotes[:text] --show-superproject-working-tree --is-shallow-repository --since:text --until:text --revs-only --no-revs",
    "rev-name": "text*",
    "name-rev": "text* --tags --all --name-only --refs:text --always",
    "describe": "text* --tags --all --long --always --dirty[:text] --broken[:text] --abbrev:num --contains --match:text --exclude:text --exact-match "
    "--candidates:num --first-parent",
    "merge-base": "text* -a --all --is-ancestor --fork-point --octopus --independent",
    "for-each-ref": "text* --count:num --sort:text --format:text --merged[:text] --no-merged[:text] --contains[:text] --no-contains[:text] "
    "--points-at:text "
    "--ignore-case --color[:text]",
    "show-ref": "text* -sqd --heads --tags --hash[:num] --verify --head --dereference --quiet --branches",
    "show-branch": "text* -ar --all --remotes --list --sha1-name --no-name --current",
    "cat-file": "rev rev? -etps --batch-check[:text]",
    "count-objects": "-vH --verbose --human-readable",
    "check-ignore": "rev* -qvzn --quiet --verbose --non-matching --no-index",
    "check-attr": "rev* -az --all --cached",
    "check-ref-format": "text* --branch --normalize",
    "var": "text",
    "version": "--build-options",
    "help": "-ag --all --guides",
    "fsck": "--full --strict --no-dangling --connectivity-only",
    "branch": "never? text* --remote --remotes[:text] -avrqi -l! --list! --all --remotes --verbose --show-current --contains:text "
    "--no-contains:text --merged[:text]! "
    "--no-merged[:text]! "
    "--points-at:text --sort:text --format:text --column[:text] --no-column --color[:text] --no-color --abbrev[:num] --no-abbrev --ignore-case",
    "tag": "never? text* -i -l! --list! -n[:num] --sort:text --contains:text --no-contains:text --merged:text --no-merged:text --points-at:text "
    "--format:text --column[:text] --color[:text] --ignore-case",
    "remote": "",
    "archive": "rev* -v --verbose --prefix:text --format:archive",
    "verify-pack": "read* -vs",
    "diff-files": "rev* " + _DIFF,
    "diff-index": "rev* " + _DIFF,
    "get-tar-commit-id": "",
    "check-mailmap": "text* --stdin",
    "patch-id": "--stable --unstable",
    "stripspace": "-sc --strip-comments --comment-lines",
    "interpret-trailers": "read* --parse --only-trailers --unfold",
    "merge-tree": "text* --write-tree --name-only --messages -z",
    "rerere status": "",
    "rerere diff": "",
    "bundle verify": "read -q",
    "bundle list-heads": "read text*",
    # of the configuration only what is known to hold no secret: addresses and headers may hold a password
    "config": "never? gitkey -z --get! --get-all! --global --local --system --worktree --show-origin "
    "--show-scope --name-only --null --type:text --bool --int --path --default:text --includes --no-includes",
    "config get": "gitkey --all --show-origin --show-scope --global --local --system --default:text --type:text",
    "config list": "never -z --name-only! --show-origin --show-scope --global --local --system",
    "stash list": _LOG.replace("-gicLmqtEFP", "-gicmqtEFP"),
    "stash show": "text* --include-untracked --only-untracked " + _DIFF,
    "reflog": "never? text* " + _LOG.replace("-gicLmqtEFP", "-gicmqtEFP"),
    "reflog show": "text* " + _LOG.replace("-gicLmqtEFP", "-gicmqtEFP"),
    "reflog exists": "text",
    "worktree list": "-vz --porcelain --verbose",
    "submodule status": "rev* -q --cached --recursive",
    "notes list": "text*",
    "notes show": "text*",
    "bisect log": "",
    "sparse-checkout list": "",
    "lfs ls-files": "-lsa",
    "cherry": "text* -v --abbrev[:num]",
    "range-diff": "text* --no-color --color[:text] --stat[:text]",
    "symbolic-ref": "text -q --short --quiet",
    "column": "--mode:text",
    "maintenance list": "",
    "apply": "never read* --check! --stat! --numstat! --summary! -v --verbose -R --reverse -p:num -z",
    "hash-object": "read* -t:text --stdin --no-filters --literally",
    "replace": "never? -l! --list! --format:text",
}
WRITES: Final = frozenset(
    "add commit branch tag stash merge cherry-pick revert am apply mv init config notes remote worktree bundle format-patch pull fetch "
    "clone checkout restore "
    "switch reset rebase clean rm gc prune push submodule sparse-checkout bisect replace pack-refs repack maintenance read-tree write-tree "
    "commit-tree "
    "update-index hash-object mktag mktree symbolic-ref index-pack unpack-objects fast-import fast-export lfs svn filter-branch "
    "filter-repo update-ref reflog".split()
)
EGRESS: Final = frozenset(
    "push fetch pull clone ls-remote remote-https archive send-email request-pull submodule lfs svn p4 fetch-pack send-pack".split()
)
IRREVERSIBLE: Final = frozenset("reset clean rm gc prune filter-branch filter-repo update-ref reflog rebase checkout restore switch".split())
EXECUTES: Final = frozenset(
    "bisect difftool mergetool hook rebase submodule filter-branch daemon http-backend shell instaweb gui gitk citool".split()
)

_VALUED: Final = frozenset(["-C"])
_PLAIN: Final = frozenset(
    [
        "--no-pager",
        "--no-optional-locks",
        "--literal-pathspecs",
        "--no-replace-objects",
        "--no-lazy-fetch",
        "--version",
        "--help",
        "-h",
        "-v",
        "-P",
        "--no-advice",
        "--paginate",
        "-p",
        "--html-path",
        "--man-path",
        "--info-path",
    ]
)


def subcommand(words: tuple[Word, ...]) -> tuple[str, tuple[Word, ...], list[Word]]:
    """The subcommand, its words, and the folders that `-C` names; `Uninspectable` for a global option that is not known."""
    folders: list[Word] = []
    at = 0
    while at < len(words) and words[at].text.startswith("-"):
        text = words[at].text
        if text in _VALUED and at + 1 < len(words):
            folders.append(words[at + 1])
            at += 1
        elif text not in _PLAIN:
            raise Uninspectable(f"git's option {show(text)} cannot be inspected")
        at += 1
    if at >= len(words):
        return "version", (), folders
    name, rest = words[at].text, words[at + 1 :]
    if rest and f"{name} {rest[0].text}" in READS:
        return f"{name} {rest[0].text}", rest[1:], folders
    return name, rest, folders
