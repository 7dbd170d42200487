"""More programs that only read, as data (see `spec`): tools beyond the basic ones, on Linux and macOS. From their manuals."""

# lists of words are data, and read best as text
from __future__ import annotations

from typing import Final

_SEVEN: Final = "~ @ seven read* -y -r -slt --slt -ba -bd -p -scrcCRC32 -scrcSHA256 -scrc* -h"

MORE: Final[dict[str, str]] = {
    "say": "text* -v:text -r:num --voice:text --rate:num",
    "clear": "-x -T:text",
    "scutil": "never -get:scname! --get:scname! --dns! --proxy! --nwi!",
    "mdimport": "never -L! -A! -X!",
    "tshark": "never text? -r:read! -nqVxlPQ2 -z:tap -Y:text -R:text -T:text -e:text -E:text -c:num -t:text -u:text -J:text -j:text -S:text",
    "capinfos": "read* -AtEckcsdueyizxaoHlMTrRbBNSmQqK",
    "compression_tool": "~ -h -encode -decode -i:read -a:text",
    "qlmanage": "~ read* -m -h",
    "tar": "tarmode read? text* -t! --list! -vzjJa -f:read --file:read --verbose --gzip --bzip2 --xz --auto-compress --wildcards "
    "--exclude:text --full-time --numeric-owner -Z",
    "bsdtar": "tarmode read? text* -t! --list! -vzjJ -f:read --file:read",
    "fzf": "fzfplus* -e -i -x -m -n:text -d:text -q:text -1 -0 -f:text -h --exact --ignore-case --no-ignore-case --smart-case --literal "
    "--scheme:text "
    "--algo:text --extended --no-extended --nth:text --with-nth:text --accept-nth:text --delimiter:text --disabled --phony "
    "--no-sort --tail:num --track "
    "--tac --tiebreak:text --multi[:num] --no-multi --cycle --no-cycle --wrap --no-wrap --wrap-sign:text --no-multi-line --raw "
    "--keep-right --scroll-off:num "
    "--no-hscroll --hscroll-off:num --jump-labels:text --gutter:text --height:text --min-height:text --tmux[:text] --layout:text "
    "--reverse --border[:text] "
    "--border-label:text --border-label-pos:text --no-border --margin:text --padding:text --info:text --info-command:exec --no-info --separator:text "
    "--no-separator --scrollbar:text --no-scrollbar --prompt:text --pointer:text --marker:text --marker-multi-line:text "
    "--ellipsis:text --header:text "
    "--header-lines:num --header-first --header-border[:text] --header-label:text --header-label-pos:text --footer:text --footer-border[:text] "
    "--footer-label:text --footer-label-pos:text --tabstop:num --highlight-line --no-unicode --unicode --ambidouble --style:text "
    "--color:text --no-bold --black "
    "--ansi --no-color --no-mouse --list-border[:text] --list-label:text --list-label-pos:text --input-border[:text] --input-label:text "
    "--input-label-pos:text --no-input --gap[:num] --gap-line[:text] --freeze-left:num --freeze-right:num --ghost:text "
    "--no-tty-default --filepath-word --no-clear --sync "
    "--preview-window:text --preview-border[:text] --preview-label:text --preview-label-pos:text --query:text --select-1 --exit-0 --filter:text "
    "--print-query --print0 --read0 --no-print0 --no-read0 --expect:text --bind:bind --man --walker:text --walker-skip:text --walker-root:list "
    "--bash --zsh --fish --nu --version --help --sort --no-tac --history-size:num --threads:num --with-shell:exec "
    "--preview:exec --become:exec --execute:exec --history:write --no-height --no-track --no-exact --no-expect --no-filter "
    "--accept-nth:text --id-nth:text",
    "fd": "text? tree* -VhHIuaslLpFgiq0 -t:text -e:text -E:text -d:num -S:text -o:text -c:text -j:width -C:tree -1 --hidden --no-hidden "
    "--no-ignore --no-ignore-vcs "
    "--no-ignore-parent --unrestricted --case-sensitive --ignore-case --glob --regex --fixed-strings --absolute-path --relative-path --list-details "
    "--follow --full-path --print0 --max-depth:num --min-depth:num --exact-depth:num --exclude:text --prune --type:text --extension:text --size:text "
    "--changed-within:text --changed-before:text --newer:text --older:text --owner:text --color:text --threads:width --quiet --show-errors "
    "--max-results:num --has-results --strip-cwd-prefix[:text] --one-file-system --path-separator:text --base-directory:tree "
    "--search-path:tree --and:text "
    "--exec:exec --exec-batch:exec -x:exec -X:exec --ignore-file:read --hyperlink[:text] --no-follow --max-one-result --literal "
    "--format:text --batch-size:num",
    "openssl": "~ ssltopic text? -noout -text -a -v -p -d -e -b -f -o -subject -issuer -dates -startdate -enddate -serial -fingerprint "
    "-modulus -purpose -pubkey -email "
    "-commands -digest-commands -cipher-commands -hash -ext:text -in:text -inform:text -nameopt:text -sha256 -sha1 -md5 -checkend:num -alias -ocspid "
    "-subject_hash -issuer_hash -verify -s -tls1_3 -tls1_2 -ssl3 -stdname -convert:text -sha512 -sha384 -hex -r -c -binary -list -disabled -1 "
    "-providers -cipher-algorithms -digest-algorithms -public-key-algorithms -standard-commands -objects -all-algorithms",
    "ruff": "ruffverb list* -h -q -s -v -n --quiet --silent --verbose --select:text --ignore:text --extend-select:text --extend-ignore:text "
    "--diff --check --output-format:text "
    "--statistics --show-files --show-settings --preview --no-preview --config:read --target-version:text --exclude:text "
    "--extend-exclude:text --line-length:num "
    "--no-cache --isolated --exit-zero --exit-non-zero-on-fix --show-fixes --unsafe-fixes --no-fix --no-unsafe-fixes "
    "--per-file-ignores:text --all --no-respect-gitignore "
    "--respect-gitignore --force-exclude --stdin-filename:text --version --help --fixable:text --unfixable:text --output-file:write "
    "--ignore-noqa --watch",
    "journalctl": "journalfield* -afxekrqbm -n:num -u:text -p:text -o:text -S:text -U:text -t:text -g:text -b[:text] -N -F:text --all --follow "
    "--pager-end --catalog "
    "--no-pager --dmesg --reverse --quiet --boot[:text] --lines:num --unit:text --user-unit:text --priority:text --output:text "
    "--since:text --until:text "
    "--identifier:text --grep:text --utc --no-hostname --list-boots --disk-usage --system --user --header --fields --field:text "
    "--no-tail --merge --case-sensitive[:text] "
    "--facility:text --no-full --full --output-fields:text --verify --list-catalog --cursor:text --show-cursor --after-cursor:text "
    "--exclude-identifier:text "
    "--version --help --truncate-newline",
    "pkgutil": "text* -h --packages --pkgs[:text] --pkgs-plist --files:text --only-files --only-dirs --export-plist:text --pkg-info:text "
    "--pkg-info-plist:text --pkg-groups:text "
    "--groups --groups-plist --group-pkgs:text --file-info:list --file-info-plist:list --check-signature:list --payload-files:list "
    "--bom:list --verify:text "
    "--volume:list --verbose --regexp --lsbom:text",
    "sysctl": "sysname* -aAbnNqeidxo -X --all --names --values --ignore --quiet --binary -r:text --pattern:text",
    "getent": "getentdb text* -i -s:text",
    "locate": "text* -bceiwAPLHqSr0 -n:num -l:num --basename --count --existing --ignore-case --wholename --limit:num --statistics --null "
    "--all --regex --quiet",
    "mlocate": "text* -bcei -n:num",
    "plocate": "text* -bcei -n:num -l:num",
    "rgrep": "text tree* -inlLcvwEFoh -e:text! --include:filter --color[:text]",
    "expr": "text*",
    "numfmt": "text* -d:text --from:text --to:text --suffix:text --padding:width --field:text --header[:num] --format:text --round:text "
    "--delimiter:text --from-unit:text "
    "--to-unit:text --invalid:text --grouping -z",
    "tput": "text* -T:text",
    "stty": "-a -g --all --save",
    "ts": "text? -isr",
    "less": "read* -NSRFXEeiIgGJKMmnPQqrsuUVwWx -p:text -j:num",
    "more": "read* -cdflpsu -n:num",
    "md5": "read* -qrs:text -x",
    "top": "-bcHiS -n:num -d:num -p:text -u:text -o:text -w[:width] -E:text -1",
    "iostat": "num* -cdkmNtxyz -p:text",
    "mpstat": "num* -A -P:text -u",
    "pidstat": "num* -dlrRstuvw -p:text",
    "sar": "num* -ubBdnqrRSvwWpA -n:text -P:text",
    "fuser": "list* -vaumn:text",
    "pmap": "num* -xdpq",
    "pwdx": "num*",
    "lscpu": "-aebcJpsxy --json --all --extended[:text] --parse[:text]",
    "lsmem": "-abJnPr -o:text",
    "lshw": "~ -short -html -xml -json -class:text -C:text -businfo -quiet -sanitize -numeric",
    "lsns": "-Jlnr -t:text -p:num -o:text",
    "lslocks": "-Jnru -o:text -p:num",
    "lsattr": "list* -RVadlpv",
    "getfacl": "list* -acdeEsRLPtpn",
    "getfattr": "list* -dhRLPe:text -m:text -n:text",
    "getcap": "list* -rvn",
    "namei": "list* -xmolnv",
    "findmnt": "text* -AaDfJklmnPrsuvU -o:text -t:text -S:text -T:list -R --df --json --list --noheadings --output:text --types:text --target:list",
    "mountpoint": "list -dqx",
    "blkid": "list* -klp -o:text -s:text",
    "swapon": "-s --show[:text] --summary --noheadings --raw --bytes",
    "dmidecode": "-q -s:text -t:text --string:text --type:text",
    "runlevel": "",
    "lastlog": "-b:num -t:num -u:text",
    "finger": "topic* -lmps",
    "pinky": "topic* -lbhpsfwiq",
    "domainname": "",
    "dnsdomainname": "",
    "nisdomainname": "",
    "ypdomainname": "",
    "sestatus": "-vb",
    "getenforce": "",
    "aa-status": "",
    "codesign": "read* -dvh --display --verify --deep --strict[:text] --entitlements:text --requirements:text -r:text --validate-constraint "
    "--verbose[:num] --xml --der",
    "symbols": "~ read* -v -w -uuid -noHeaders -noTextInSOD -noDemangling -arch:text -lookup:text -printSignature -help -fullSourcePath",
    "lipo": "~ read* -info -archs -detailed_info",
    "plutil": "~ read* -p -lint -s",
    "xattr": "list* -lrvxsp -p:text -h",
    "sips": "~ read* -g:text --getProperty:text --verify -1 --oneLine --allxml",
    "spctl": "list* -a -v -t:text --assess --status --disable-status --type:text --verbose[:num] --raw --list -D:text",
    "textutil": "~ read* -info",
    "mdls": "~ list* -n:text --name:text -raw -nullMarker:text",
    "mdfind": "~ text* -0 -count -onlyin:tree -name:text -interpret -literal",
    "otool": "read* -LlhfaDtTdvV -arch:text",
    "sw_vers": "~ -productName -productVersion -buildVersion --productName --productVersion --buildVersion",
    "system_profiler": "~ text* -xml -json -listDataTypes -detailLevel:text -timeout:num",
    "vm_stat": "num? -c:num",
    "sample": "~ text num? num? -wait -mayDie -fullPaths -e -file:write",
    "profiles": "~ profilesverb -type:text -user:text -verbose -all -path:list -output:text -forced",
    "dwarfdump": "read* -a --all --debug-info --uuid -u --verify",
    "7z": _SEVEN,
    "7za": _SEVEN,
    "7zz": _SEVEN,
    "7zr": _SEVEN,
    "black": "never? list* --check! --diff! -q -v -l:num -t:text -S -C --quiet --verbose --line-length:num --target-version:text "
    "--skip-string-normalization --color --no-color --exclude:text "
    "--include:text --fast --safe --preview --config:read --version --help --required-version:text -c:text",
    "isort": "never? list* -c! --check! --check-only! --diff! -d! -q -v --profile:text --skip:text -l:num --line-length:num --quiet "
    "--verbose --version --help -s:text",
    "yq": "yq read* -C -M -N -P -r -c -e -n -j -o:text -p:text -I:num --colors --no-colors --no-doc --prettyPrint --raw-output "
    "--output-format:text --input-format:text "
    "--null-input --exit-status --indent:num --unwrapScalar[:text] --tojson -0 --version --help",
    "xmllint": "read* --noout --format --xpath:text --nonet --recover  --nowrap ",
    "dpkg": "text* -lLsSpWCh -l -L -s -S -p -C --list --listfiles --status --search --print-avail --print-architecture "
    "--print-foreign-architectures --get-selections --verify "
    "--audit --version --help -I:read -c:read --info:read --contents:read --compare-versions",
    "dpkg-query": "text* -lLsSpWc -f:text --list --listfiles --status --search --show --showformat:text --load-avail",
    "dpkg-deb": "read* -I -c -f -W --info --contents --field --show",
    "apt-mark": "aptmark text*",
    "update-alternatives": "text* --list:text --display:text --query:text --get-selections",
    "zipinfo": "read text* -12hlmstvTzC",
    "zipgrep": "text read",
    "zegrep": "text read* -ivnclhHE",
    "zfgrep": "text read* -ivnclhH",
    "xzgrep": "text read* -ivnclhHE",
    "bzgrep": "text read* -ivnclhHE",
    "lzcat": "read* -qvf",
    "zstdcat": "read* -qvf",
    "tokei": "tree* -f -s:text -t:text -e:text -o:text -C",
    "ag": "text tree* -acCgiIlLnopQRsStuUvwzF -A:num -B:num -G:text -m:num --hidden --ignore:text --nocolor --color --count --depth:num "
    "--python --js --cpp --noheading --nogroup",
    "eza": "list* -1laRTdFhHiSsugGxr -L:num -s:text --git --icons --color:text --group-directories-first --header --long --all --tree "
    "--level:num --sort:text --reverse",
    "exa": "list* -1laRTdFhHiSsugGxr -L:num -s:text --git --icons --color:text --group-directories-first --header --long --all --tree "
    "--level:num --sort:text --reverse",
    "lsd": "list* -1laRdFhitSrXv --tree --depth:num --color:text --icon:text --long --all --date:text --sort:text",
    "bat": "read* -npAsu -l:text -r:text -H:text --language:text --number --plain --style:text --theme:text --color:text --paging:text "
    "--line-range:text --list-languages --list-themes --tabs:num "
    "--wrap:text --decorations:text --show-all --diff --file-name:text --highlight-line:text --terminal-width:width",
    "procs": "text* --tree --sorta:text --sortd:text",
    "dust": "list* -rdnxbfcsp -d:num -n:num",
    "duf": "~ list* -all -json --all --json --only:text --hide:text --inodes",
    "hexyl": "read* -n:num -s:num -c:num -o:num --length:num --skip:num",
    "cpuid": "-1 -r",
    "numactl": "-H -s --hardware --show",
    "nvidia-smi": "-L -q -i:text --list-gpus --query-gpu:text --format:text --query-compute-apps:text --query -d:text",
    "sensors": "-ufjA",
    "acpi": "-abcitsV",
    "upower": "-e -i:text -d --dump --enumerate",
    "xrandr": "~ -q --query --listmonitors --listproviders --current",
    "xdpyinfo": "-display:never",
    "setxkbmap": "~ -query -print",
    "fc-list": "text* -v -q --format:text",
    "fc-match": "text* -sav --format:text",
    "modinfo": "text* -adlpn0 -F:text -k:text --author --description --license --parameters --filename",
    "ptx": "read? -AfGrRtw:width",
    "mcookie": "",
    "uuidgen": "-rt --random --time",
    "systemd-analyze": "sdanalyze text* --no-pager --user --system",
    "systemd-detect-virt": "-cvq --container --vm --quiet --list",
    "virt-what": "",
    "hostid": "",
    "ipcs": "-aqmsctpulbhi:num",
    "lpstat": "text* -adeloprstuvW:text",
    "lpq": "-al -P:text",
    "quota": "-gquvs",
    "repquota": "-aguvs",
    "atq": "-q:text",
    "ipcalc": "text* -bcnhspm",
    "sipcalc": "text* -aI",
}
