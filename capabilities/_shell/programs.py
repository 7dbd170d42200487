"""Programs that only read, as data (see `spec`). From the GNU, BSD-compatible and util-linux manuals.

An option that is left out here is one that cannot be inspected: it writes, runs something, reads names from a file, or is merely rare.
"""

# lists of words are data, and read best as text
from __future__ import annotations

from typing import Final

from capabilities._shell.more import MORE

_SUMS: Final = "read* -btz --binary --text --tag --zero"
_GREP: Final = (
    "text read* -EFGPivyxwcLloqshHnTZabzIUu -rR>tree -e:text! -f:read! -m:num -A:num -B:num -C:num -d:dirs -D:text -# "
    "--extended-regexp --fixed-strings --basic-regexp --perl-regexp --ignore-case --no-ignore-case --invert-match --word-regexp --line-regexp "
    "--count --color[:text] --colour[:text] --files-without-match --files-with-matches --only-matching --quiet --silent --no-messages "
    "--byte-offset --with-filename --no-filename --line-number --initial-tab --null --text --null-data --line-buffered --binary "
    "--recursive>tree --dereference-recursive>tree --regexp:text! --file:read! --max-count:num --after-context:num --before-context:num "
    "--context:num --include:filter --exclude:text --exclude-dir:text --exclude-from:read --label:text --binary-files:text --directories:dirs"
)
_COMPRESSED: Final = "read* -qvf --quiet --verbose"

READERS: Final[dict[str, str]] = {
    "ls": "list* -aAbBcCdDfFgGhHiklLmnNopqQrRsStuUvxXZ1 -I:text -w:num -T:num --all --almost-all --author --escape --block-size:text "
    "--ignore-backups --classify[:text] --color[:text] --directory --full-time --file-type --format:text --group-directories-first --no-group "
    "--human-readable --si --dereference --dereference-command-line --hide:text --hyperlink[:text] --indicator-style:text --inode --ignore:text "
    "--kibibytes --numeric-uid-gid --literal --hide-control-chars --quote-name --quoting-style:text --reverse --recursive --size --sort:text "
    "--time:text --time-style:text --tabsize:num --width:num --zero",
    "dir": "list* -aAlhRrStd1",
    "vdir": "list* -aAlhRrStd1",
    "tree": "list* -aAdfilxpsugDFqNQrtUvcSChnJX -L:num -P:text -I:text -H:text -T:text -o:write --dirsfirst --filesfirst --noreport "
    "--prune --du --si "
    "--filelimit:num --charset:text --sort:text --timefmt:text --inodes --device --matchdirs --ignore-case --gitignore",
    "stat": "list* -Lft -c:text --dereference --file-system --terse --format:text --printf:text --cached:text",
    "file": "list* -bhikLNnrsvz0 -F:text -P:text -e:text --brief --mime --mime-type --mime-encoding --dereference --no-dereference --extension "
    "--separator:text --keep-going --preserve-date --raw --uncompress --print0",
    "du": "list* -0abcDhHklLmPsSx -d:num -B:text -t:num --all --apparent-size --bytes --total --human-readable --max-depth:num --summarize "
    "--separate-dirs --si --one-file-system --exclude:text --time[:text] --time-style:text --block-size:text --dereference --threshold:num --inodes",
    "df": "list* -ahHiklPTv -B:text -t:text -x:text --all --human-readable --si --inodes --local --portability --total --print-type --type:text "
    "--exclude-type:text --block-size:text --output[:text] --no-sync",
    "readlink": "list* -fenmqsvz --canonicalize --canonicalize-existing --canonicalize-missing --no-newline --quiet --silent --verbose --zero",
    "realpath": "list* -emLPqsz --canonicalize-existing --canonicalize-missing --logical --physical --quiet --strip --no-symlinks --zero "
    "--relative-to:list --relative-base:list",
    "basename": "text* -az -s:text --multiple --suffix:text --zero",
    "dirname": "text* -z --zero",
    "pathchk": "text* -pP",
    "cat": "read* -AbeEnstTuv --show-all --number-nonblank --show-ends --number --squeeze-blank --show-tabs --show-nonprinting",
    "tac": "read* -br -s:text --before --regex --separator:text",
    "rev": "read*",
    "head": "read* -qvz -c:num -n:num -# --bytes:num --lines:num --quiet --silent --verbose --zero-terminated",
    "tail": "read* -qvzfFr -c:num -n:num -s:num -# --bytes:num --lines:num --follow[:text] --retry --sleep-interval:num --pid:num --quiet --silent "
    "--verbose --zero-terminated",
    "nl": "read* -p -b:text -d:text -f:text -h:text -i:width -l:width -n:text -s:text -v:num -w:width --body-numbering:text --number-format:text "
    "--number-width:width --number-separator:text --starting-line-number:num",
    "od": "read* -abcdfiloshxv -A:text -j:num -N:num -S:num -t:text -w[:width] --address-radix:text --skip-bytes:num --read-bytes:num --format:text "
    "--output-duplicates --width[:width] --strings[:num]",
    "hexdump": "read* -bcCdovx -e:text -n:num -s:num",
    "hd": "read* -v -n:num -s:num",
    "xxd": "read? write? -aAbCdeEipu -c:width -g:num -l:num -s:num",
    "strings": "@ read* -afow -n:num -t:text -e:text -# --all --bytes:num --radix:text --encoding:text --print-file-name",
    "wc": "read* -clmLw --bytes --chars --lines --words --max-line-length --total:text",
    "fold": "read* -bs -w:width --bytes --spaces --width:width -#",
    "fmt": "read* -cstu -w:width -p:text -g:width --width:width --uniform-spacing -#",
    "pr": "read* -acdFfJmrtTv -h:text -l:width -n[:text] -o:width -s[:text] -w:width -W:width -# --columns:width",
    "expand": "read* -i -t:text --initial --tabs:text",
    "unexpand": "read* -a -t:text --all --first-only --tabs:text",
    "column": "read* -tenxJ -s:text -c:width -o:text -N:text -R:text -H:text --table --separator:text --output-separator:text --output-width:width",
    "colrm": "num? num?",
    "cut": "read* -nsz -b:text -c:text -d:text -f:text --bytes:text --characters:text --delimiter:text --fields:text --complement "
    "--only-delimited --output-delimiter:text --zero-terminated",
    "paste": "read* -sz -d:text --delimiters:text --serial --zero-terminated",
    "join": "read read -iz -a:text -e:text -j:num -o:text -t:text -v:text -1:num -2:num --check-order --nocheck-order --header --ignore-case",
    "comm": "read read -123z --check-order --nocheck-order --output-delimiter:text --total --zero-terminated",
    "cmp": "read read num? num? -bls -i:text -n:num --print-bytes --ignore-initial:text --bytes:num --quiet --silent --verbose",
    "diff": "tree tree -abBcdeEilnNpqsTtuwyZ -r>tree -C:num -U:num -I:text -F:text -x:text -X:read -W:width -L:text -S:text -# --brief "
    "--report-identical-files --context[:num] --unified[:num] --ed --rcs --side-by-side --width:width --left-column --suppress-common-lines "
    "--show-c-function --label:text --expand-tabs --initial-tab --recursive>tree --no-dereference --new-file --exclude:text --exclude-from:read "
    "--ignore-case --ignore-tab-expansion --ignore-trailing-space --ignore-space-change --ignore-all-space --ignore-blank-lines "
    "--ignore-matching-lines:text --text --strip-trailing-cr --minimal --speed-large-files --color[:text] --palette:text --normal",
    "sort": "read* -bdfghiMnrRVcCmsuz -k:text -t:text -S:memorysize -o:write -T:write --ignore-leading-blanks --dictionary-order --ignore-case "
    "--general-numeric-sort --ignore-nonprinting --month-sort --human-numeric-sort --numeric-sort --random-sort --reverse --sort:text "
    "--version-sort --check[:text] --key:text --merge --stable --field-separator:text --unique --zero-terminated --parallel:width --debug "
    "--buffer-size:memorysize --output:write --temporary-directory:write --compress-program:exec --batch-size:width",
    "uniq": "read? write? -cdDiuz -f:num -s:num -w:num -# --count --repeated --all-repeated[:text] --group[:text] --ignore-case --unique "
    "--skip-fields:num --skip-chars:num --check-chars:num --zero-terminated",
    "tr": "text text? -cCdst --complement --delete --squeeze-repeats --truncate-set1",
    "shuf": "read? -z -n:num -i:range -o:write --head-count:num --input-range:range --zero-terminated --output:write",
    "tsort": "read?",
    "iconv": "read* -csl -f:text -t:text -o:write --from-code:text --to-code:text --list --silent --verbose --output:write",
    "base64": "read? -diDenu -w:num --encode --noerrcheck --copyright --decode --ignore-garbage --wrap:num",
    "base32": "read? -di -w:num --decode --ignore-garbage --wrap:num",
    "jq": "jq read* -acCehjMnrRsS --tab --indent:num --raw-output --compact-output --sort-keys --slurp --null-input --exit-status --ascii-output "
    "--color-output --monochrome-output --join-output --raw-input",
    "sed": "sed read* -nrEsuz -l:num -e:sed! -i[:text]>write --quiet --silent --regexp-extended --expression:sed! --in-place[:text]>write "
    "--line-length:num --separate --unbuffered --null-data --posix --debug --sandbox",
    "awk": "awk read* -F:text -v:text",
    "gawk": "awk read* -F:text -v:text --field-separator:text --assign:text --posix --traditional --re-interval --sandbox",
    "mawk": "awk read* -F:text -v:text",
    "nawk": "awk read* -F:text -v:text",
    "grep": _GREP,
    "egrep": _GREP,
    "fgrep": _GREP,
    "zgrep": "text read* -EFPivxwclLnohHqs -e:text! -m:num -A:num -B:num -C:num --color[:text]",
    "rg": "text tree* -FiSsnNwxvcloqLhHIPUz0pu -e:text! -f:read! -m:num -A:num -B:num -C:num -g:filter -t:text -T:text -d:num "
    "-j:width -r:text -M:num "
    "--files! --type-list! --regexp:text! --hidden --no-ignore --no-ignore-vcs --glob:filter --iglob:filter --type:text "
    "--type-not:text --max-depth:num "
    "--max-count:num --after-context:num --before-context:num --context:num --count --count-matches --files-with-matches --files-without-match "
    "--fixed-strings --ignore-case --smart-case --case-sensitive --line-number --no-line-number --no-filename --with-filename --no-heading "
    "--heading --color:text --column --json --multiline --only-matching --replace:text --word-regexp --line-regexp --invert-match --pcre2 "
    "--sort:text --sortr:text --stats --trim --vimgrep --quiet --max-columns:num --max-filesize:num --passthru --null --follow --no-config "
    "--no-messages --threads:width --unrestricted --pre:exec --hostname-bin:exec",
    "md5sum": _SUMS,
    "sha1sum": _SUMS,
    "sha224sum": _SUMS,
    "sha256sum": _SUMS,
    "sha384sum": _SUMS,
    "sha512sum": _SUMS,
    "b2sum": _SUMS,
    "md5": "read* -qr",
    "shasum": "read* -bt -a:num",
    "cksum": "read* -a:text --algorithm:text --tag --untagged",
    "sum": "read* -rs",
    "zcat": _COMPRESSED,
    "bzcat": _COMPRESSED,
    "xzcat": _COMPRESSED,
    "zdiff": "read read -u",
    "look": "text read? -adf",
    "seq": "count* -w -s:text -f:format --separator:text --format:format --equal-width",
    "printf": "format text*",
    "sleep": "nap*",
    "which": "text* -as --all",
    "whereis": "text* -bmsu",
    "whatis": "text* -w",
    "apropos": "text* -aer -s:text",
    "man": "topic* -fkaw",
    "cal": "text* -13jmswyhn -A:num -B:num",
    "ncal": "text* -13jmswyhn",
    "date": "plus? -uRI -d:text -f:read -v:text -r:list -j -I[:text] "
    "--date:text --utc --universal --rfc-email --iso-8601[:text] --rfc-3339:text --reference:list",
    "uptime": "-ps --pretty --since",
    "uname": "-asnrvmpio --all --kernel-name --nodename --kernel-release --kernel-version --machine --processor --hardware-platform "
    "--operating-system",
    "nproc": "--all --ignore:num",
    "hostname": "-fsdiIAya --fqdn --short --domain --ip-address --all-ip-addresses --all-fqdns",
    "hostid": "",
    "lsb_release": "-ascidr --all --short --codename --id --description --release",
    "whoami": "",
    "logname": "",
    "tty": "-s",
    "users": "",
    "who": "read? read? --ips --lookup -abdHlmpqrstTuw --all --boot --heading --count --users",
    "w": "text? -hsfoiu",
    "id": "text* -gGnruzZ --group --groups --name --real --user --zero",
    "groups": "text*",
    "last": "text* -adFiRwx -n:num -# --limit:num",
    "free": "-bkmghltwv -s:num -c:num --human --total --wide --bytes --kilo --mega --giga --si",
    "ps": "psflags* -aAdefFghHjlLmMNrTuvwxyZ -C:text -g:text -G:text -o:columns -O:columns -p:text -q:text -s:text -t:text -u[:text] -U:text "
    "--pid:text --ppid:text "
    "--user:text --sort:text --forest --headers --header --no-headers --no-header --no-heading --format:columns --width:num "
    "--cols:num --group:text --tty:text "
    "--quick-pid:text",
    "pgrep": "text* -acflnoovxiw -d:text -g:text -G:text -P:text -s:text -t:text -u:text -U:text --list-name --list-full --full --count --newest "
    "--oldest --exact --parent:text --euid:text --uid:text",
    "pidof": "text* -csxz -o:text -S:text",
    "pstree": "text* -aAcghlnNpsStTuUVZ -H:num --arguments --show-pids --uid-changes --long --show-parents --numeric-sort --ascii --unicode "
    "--compact-not",
    "vmstat": "num* -asdDwtnm",
    "lscpu": "-aebcJpsxy --json --all",
    "lsblk": "list* -abdfilmnopPrSt -I:text -e:text -o:text --json --list --output:text --fs --all --paths",
    "lsmod": "",
    "lspci": "-nvkqmDtb",
    "lsusb": "-vt",
    "ifconfig": "text? -asv",
    "ip": "~ ipobject ipshow? text* -4 -6 -0 -br -brief -j -json -p -pretty -d -details -s -stats -statistics -o -oneline -r -resolve -h -human "
    "-c -color[:text] -f:text -family:text -N -M -B -I -t -ts -n:never",
    "ss": "text* -tulnapxew46Hosim",
    "netstat": "-tulnapsirWev46N",
    "arp": "-anev",
    "mount": "-lv -t:text",
    "dmesg": "-HTkLxtrePuSw -l:text -f:text -s:num --buffer-size:num --raw --notime --userspace --follow --since:text --until:text "
    "--level:text --facility:text --human --ctime --kernel --decode --reltime --nopager --color[:text]",
    "locale": "text* -amck --all-locales --charmaps",
    "getconf": "text text?",
    "true": "text*",
    "false": "text*",
    "pwd": "-LP --logical --physical",
    "nm": "@ read* -aABCDglnoprSu --demangle[:text] --dynamic --extern-only --undefined-only",
    "objdump": "@ read* -adDfhprRsStTxCwz -j:text -M:text --disassemble --syms --section-headers --all-headers --demangle[:text]",
    "readelf": "@ read* -aehlSsrndVWAI -x:text -p:text -w[:text] --all --headers --symbols --dynamic --wide --relocs --notes",
    "size": "@ read* -ABdotx",
}
READERS.update({name: line for name, line in MORE.items() if line != "never"})

# what these do to what they read shows nothing of it but names, counts and sums: safe for names that are only known when they run
QUIET: Final = frozenset(
    "ls stat du wc basename dirname md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum echo readlink realpath".split()
)
# no option of these writes, runs or sends anything, so that whatever word comes in is at worst a file to read
INERT: Final = QUIET | frozenset(
    "cat head tail grep egrep fgrep tac rev nl od cut tr zcat bzcat xzcat comm paste fold "
    "expand unexpand strings column cmp hexdump pr fmt join".split()
)
