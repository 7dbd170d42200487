"""Programs whose options do not tell what they will do, or that reach out whatever they are told, with why: data.

Each entry: the names, the effects, ATT&CK technique ids (attack.mitre.org, Enterprise), and the reason a person reads.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Notable(NamedTuple):
    """What is known of a program by its name alone."""

    effects: frozenset[str]
    techniques: frozenset[str]
    reason: str


_ROWS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("bash sh dash zsh ksh mksh ash fish csh tcsh rbash", "executes", "T1059.004", "runs a shell whose text is not visible here"),
    ("eval exec source . trap", "executes", "T1059.004", "runs text as a shell command"),
    ("python python2 python3 pypy pypy3 ipython ptpython", "executes", "T1059.006", "runs Python code that cannot be inspected"),
    (
        "perl ruby irb lua luajit php node nodejs deno bun tclsh wish expect Rscript R julia ghci guile racket sbcl elixir iex erl groovy scala",
        "executes",
        "T1059",
        "runs code that cannot be inspected",
    ),
    ("osascript jjs jshell java dotnet mono pwsh", "executes", "T1059", "runs code that cannot be inspected"),
    (
        "gawk mawk nawk vim vi view ex nvim emacs nano ed less more most pg gdb lldb",
        "executes",
        "T1059",
        "can run other programs by its own commands",
    ),
    ("make gmake ninja cmake meson bazel scons gradle mvn ant rake just task tox nox invoke", "executes", "", "runs what a build file says"),
    ("gcc g++ cc c++ clang clang++ ld as rustc go cargo javac ghc tsc swiftc zig nim", "executes writes", "T1027.004", "compiles or runs code"),
    ("pytest py.test unittest nosetests jest mocha vitest rspec phpunit coverage", "executes", "", "runs the project's own code"),
    (
        "pip pip2 pip3 pipx uv poetry pdm conda mamba npm npx yarn pnpm gem bundle bundler composer luarocks cpan cpanm hatch twine",
        "executes writes egress",
        "T1195.002",
        "fetches packages and runs their code",
    ),
    (
        "apt apt-get aptitude dpkg yum dnf rpm zypper pacman apk brew port snap flatpak nix nix-env emerge",
        "executes writes egress",
        "",
        "changes what is installed on this machine",
    ),
    ("curl wget aria2c http https xh httpie lynx w3m links elinks axel fetch", "egress writes", "T1105", "sends to or fetches from the network"),
    (
        "ftp tftp lftp ncftp smbclient rclone s3cmd gsutil azcopy rsync scp sftp croc magic-wormhole wormhole ffsend",
        "egress writes",
        "T1048",
        "moves files over the network",
    ),
    ("mail mailx sendmail mutt msmtp swaks telegram-send", "egress", "T1048.003", "sends messages"),
    ("nc ncat netcat nc.openbsd nc.traditional", "egress", "T1095", "opens or accepts network connections"),
    ("ssh slogin telnet rsh rlogin rexec mosh", "egress executes", "T1021", "works on another machine"),
    (
        "dig nslookup host drill kdig whois ping ping6 traceroute tracepath mtr arping hping3 fping ssh-keyscan",
        "egress",
        "T1071.004",
        "sends packets whose content may carry data",
    ),
    ("nmap masscan zmap rustscan nikto sqlmap hydra medusa gobuster ffuf dirb wfuzz", "egress", "T1046", "probes other machines"),
    ("tcpdump tshark dumpcap wireshark ettercap bettercap mitmproxy mitmdump", "reads egress", "T1040", "listens to network traffic"),
    (
        "docker podman nerdctl ctr crictl buildah skopeo lxc lxd incus kubectl helm minikube kind oc",
        "executes egress",
        "T1610",
        "starts programs outside this process",
    ),
    ("vagrant virsh qemu-system-x86_64 VBoxManage", "executes", "T1564.006", "starts programs outside this process"),
    (
        "aws gcloud az doctl heroku terraform tofu pulumi ansible ansible-playbook salt vault gh glab vercel netlify fly",
        "egress executes",
        "T1651",
        "acts on other systems with stored credentials",
    ),
    (
        "mysql mariadb psql sqlite3 duckdb mongo mongosh redis-cli mysqldump pg_dump pg_restore",
        "reads writes executes",
        "",
        "acts on a database by text that cannot be inspected here",
    ),
    ("crontab at batch", "executes writes", "T1053.003", "makes a program run later"),
    ("systemctl service launchctl rc-service update-rc.d chkconfig initctl", "executes writes", "T1543.002", "changes which services run"),
    ("insmod modprobe rmmod kexec dkms", "executes irreversible", "T1547.006", "changes the running kernel"),
    ("su runuser pkexec login newgrp", "executes", "T1548", "runs as another user"),
    ("useradd adduser usermod userdel deluser groupadd passwd chpasswd chsh visudo vipw", "writes irreversible", "T1136.001", "changes accounts"),
    ("setfacl setcap chattr xattr setfattr chcon", "writes", "T1222.002", "changes who may do what"),
    (
        "umount losetup cryptsetup fdisk parted sfdisk gdisk mkfs mkfs.ext4 mkfs.xfs mkswap swapon swapoff dd wipefs blkdiscard hdparm lvremove",
        "writes irreversible",
        "T1561",
        "works on whole disks or devices",
    ),
    ("reboot shutdown halt poweroff init telinit", "irreversible", "T1529", "stops the machine"),
    ("kill killall pkill skill xkill renice", "irreversible", "T1489", "stops or changes other processes"),
    ("iptables ip6tables nft ufw firewall-cmd ipset ebtables setenforce auditctl", "writes", "T1562", "changes protection of this machine"),
    ("sysctl hostnamectl timedatectl localectl update-alternatives ldconfig alternatives", "writes", "", "changes this machine's configuration"),
    ("route nmcli ethtool iw iwconfig brctl tc", "writes egress", "T1016", "shows or changes the network's configuration"),
    ("screen tmux byobu dtach abduco script disown daemonize start-stop-daemon", "executes", "", "keeps programs running after the call"),
    (
        "openssl gpg gpg2 age ssh-keygen ssh-add ssh-agent secret-tool security pass keyctl kinit klist",
        "reads writes",
        "T1552.004",
        "works with keys",
    ),
    ("env printenv set export declare", "reads", "T1082", "shows the environment, where secrets are often kept"),
    ("history fc", "reads", "T1552.003", "shows what was typed before"),
    (
        "tar bsdtar gtar cpio pax ar 7z 7za 7zz rar unrar star",
        "executes writes",
        "T1560.001",
        "packs or unpacks files, and has options that run programs",
    ),
    ("code code-insiders code-server devtunnel", "executes egress", "T1219", "opens this machine to a remote editor"),
    ("anydesk teamviewer rustdesk x11vnc vncserver xrdp ttyd gotty tmate sshx upterm", "egress executes", "T1219", "opens this machine to others"),
    ("hashcat john aircrack-ng", "executes", "T1110.002", "uses much computing time to guess secrets"),
    ("split csplit", "writes", "", "writes files whose names are made when it runs"),
    ("shellcheck", "reads", "", "follows files that other files name"),
)

NOTABLE: Final[dict[str, Notable]] = {
    name: Notable(frozenset(effects.split()), frozenset(techniques.split()), reason)
    for names, effects, techniques, reason in _ROWS
    for name in names.split()
}
# with nothing but one of these words, they print a line and end
HELP: Final = frozenset(["--version", "--help"])
VERSION: Final = HELP | {"-V"}
