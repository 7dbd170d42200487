"""Programs that change files, and programs that start another one, as data (see `spec`)."""

# lists of words are data, and read best as text
from __future__ import annotations

from typing import Final

WRITERS: Final[dict[str, str]] = {
    "mkdir": "write* -pv -m:text --parents --verbose --mode:text",
    "touch": "write* -acm -d:text -t:text -r:list --no-create --date:text --reference:list --time:text",
    "mkfifo": "write* -m:text",
    "cp": "tree* write -adfiHlLnPpRrsTuvx --archive --force --interactive --link --no-clobber --no-dereference --dereference --parents --recursive "
    "--symbolic-link --update --verbose --preserve[:text] --one-file-system -t:write --target-directory:write",
    "mv": "delete* write -finuvT --force --interactive --no-clobber --update --verbose -b -S:text --backup[:text] --suffix:text",
    "ln": "list* write -bfinrsvT --symbolic --force --relative --verbose --no-dereference -S:text",
    "rm": "delete* -dfiIrRv --recursive --force --dir --verbose --interactive[:text] --one-file-system --no-preserve-root --preserve-root",
    "rmdir": "delete* -pv --parents --verbose --ignore-fail-on-non-empty",
    "unlink": "delete",
    "shred": "delete* -fuvxz -n:num -s:num --remove[:text] --iterations:num --zero --verbose --force",
    "truncate": "write* -co -s:text -r:list --size:text --reference:list --no-create",
    "tee": "write* -aip --append --ignore-interrupts",
    "install": "read* write -dDpsv -m:text -t:write",
    "chmod": "text write* -Rcfv --recursive --changes --quiet --silent --verbose",
    "chown": "text write* -Rcfhv --recursive --changes --quiet --silent --verbose --no-dereference",
    "chgrp": "text write* -Rcfhv --recursive --changes --quiet --silent --verbose --no-dereference",
    "gzip": "delete* -dfnNqrvk -# --decompress --force --quiet --verbose --to-stdout>read -c>read -l>list -t>read --stdout>read --list>list "
    "--test>read --keep",
    "gunzip": "delete* -fnNqrvk --to-stdout>read -c>read -l>list -t>read --stdout>read --list>list --test>read --keep",
    "bzip2": "delete* -dfkqsvz -# -c>read -t>read",
    "bunzip2": "delete* -fkqsv -c>read -t>read",
    "xz": "delete* -dfkqvz -# -c>read -t>read -l>list -T:num",
    "unxz": "delete* -fkqv -c>read -t>read -l>list",
    "unzip": "write text* -onqj -d:write -l>read -v>read -t>read -p>read -Z>read -z>read -1 -a -C -h",
    "zip": "write read* -qrjuvm9 -x:text",
    "dos2unix": "write* -q",
    "unix2dos": "write* -q",
    "mktemp": "write? -u>text --dry-run>text -dqt -p:write --directory --suffix:text --tmpdir[:write]",
    "patch": "write? read? -bEfNRstuv -p:num -i:read -d:write -o:write",
}

# the rest of the line is another command, which is judged instead
WRAPPERS: Final[dict[str, str]] = {
    "nice": "command -n:num -# --adjustment:num",
    "ionice": "command -t -c:num -n:num",
    "nohup": "command",
    "stdbuf": "command -i:text -o:text -e:text --input:text --output:text --error:text",
    "timeout": "num command -s:text -k:num -v --signal:text --kill-after:num --preserve-status --foreground --verbose",
    "xargs": "command? -0rtx -n:num -L:num -P:width -s:num -d:text -I:braces -E:text --null --no-run-if-empty --max-args:num --max-procs:width "
    "--max-lines[:num] --replace[:braces] --delimiter:text --verbose --exit",
    "env": "command -i0 -u:text --ignore-environment --unset:text --null",
}

# the same, but the command may be left out
MAYBE: Final[dict[str, str]] = {
    "caffeinate": "command? -disum -t:num -w:num",
    "arch": "~ command? -32 -64 -x86_64 -x86_64h -arm64 -arm64e -i386 --arch:text -arch:text",
}
# procps: -x starts the words themselves, which is left out
WATCH: Final = "command -tdgebcC -n:pause --interval:pause --differences --no-title --color --no-color --beep --errexit --chgexit"

# of these what they wrap is judged too, and it is never less than high: they change who runs it, where, or whether it can be stopped
CHANGERS: Final[dict[str, tuple[str, str, str]]] = {
    "sudo": (
        "command -EHnSbPikKsvA -u:text -g:text -C:text -p:text -h:text -r:text -t:text -U:text -D:text -T:text",
        "T1548.003",
        "runs it as another user",
    ),
    "doas": ("command -nsL -u:text -C:text", "T1548.003", "runs it as another user"),
    "setsid": ("command -cfw --ctty --fork --wait", "", "takes it out of the process group, so that it may outlive the call"),
    "chroot": ("text command --userspec:text --groups:text", "T1611", "runs it with another root folder"),
    "unshare": ("command -UrnmpiuCTf --user --net --mount --pid --fork", "T1611", "runs it in other namespaces"),
    "nsenter": ("command -UnmpiuCTaF -t:text --target:text --all", "T1611", "runs it inside another process's namespaces"),
    "strace": ("command -fFtTvyCci -e:text -o:write -s:num", "", "watches the inside of it"),
    "ltrace": ("command -fS -e:text -o:write", "", "watches the inside of it"),
    "taskset": ("text command -ac", "", "binds it to processors"),
    "chrt": ("num command -bfior", "", "changes how it is scheduled"),
    "systemd-run": ("command --user --scope -r -q -t -p:text", "T1543.002", "hands it to the service manager, outside the call"),
    "watch": ("command -tdgcebx -n:num", "", "runs it again and again"),
    "parallel": ("command -k -j:text", "", "runs it many times with words that are only known then"),
    "busybox": ("command", "", "is many programs in one"),
    "toybox": ("command", "", "is many programs in one"),
    "command": ("command", "", "depends on the shell"),
    "builtin": ("command", "", "depends on the shell"),
    "unbuffer": ("command -p", "", "runs it on a terminal of its own"),
    "firejail": ("command", "", "runs it in another sandbox"),
    "proot": ("command", "T1611", "runs it with another root folder"),
    "torsocks": ("command", "T1090.003", "sends what it sends through an anonymising network"),
    "torify": ("command", "T1090.003", "sends what it sends through an anonymising network"),
    "proxychains": ("command -q -f:text", "T1090", "sends what it sends through proxies"),
    "proxychains4": ("command -q -f:text", "T1090", "sends what it sends through proxies"),
    "tsocks": ("command", "T1090", "sends what it sends through a proxy"),
}
HARMLESS_VARIABLES: Final = frozenset("LANG LC_ALL LC_CTYPE LC_COLLATE LC_MESSAGES LC_NUMERIC LC_TIME TZ NO_COLOR TERM COLUMNS LINES CI".split())
