"""Names and shapes of tunnels, proxies, miners and burners: data for labels with ATT&CK ids.

A label makes a call critical and lets a rule name it.  What is not on these lists is still an unknown program, an unknown option or a
connection, and asked about: prevention never rests on a name.
"""

# lists of words are data, and read best as text
from __future__ import annotations

import re
from typing import Final

from gate.regex import regex

TUNNELS: Final = frozenset(
    "autossh sshuttle chisel frpc frps ngrok cloudflared bore rathole gost iodine iodined dns2tcpc dns2tcpd dnscat dnscat2 ptunnel ptunnel-ng hans "
    "icmptunnel stunnel stunnel4 gs-netcat gsocket rpivot revsocks ligolo ligolo-ng ligolo-proxy wg wg-quick wireguard-go boringtun "
    "openvpn openconnect "
    "tailscale tailscaled zerotier-cli zerotier-one nebula netbird netclient headscale lt localtunnel localtonet pagekite inlets inletsctl tsh zrok "
    "loophole holesail playit telebit expose ktunnel telepresence wstunnel websocat ssf ew npc nps iox lcx stowaway regeorg neo-regeorg pivotnacci "
    "n2n edge supernode tincd vtund pppd xl2tpd ipsec strongswan vpncmd vpnc dropbear dbclient plink putty socat sish serveo hypertunnel "
    "rinetd redir simpleproxy portfwd gsnc reverse-ssh revshell pwncat hysteria hysteria2 tun2socks badvpn-tun2socks tunctl sslh ngrokd "
    "teleport corkscrew httptunnel htc hts proxytunnel udp2raw kcptun kcp-server kcp-client wireproxy onetun mutagen pinggy tunnelto "
    "localxpose loclx".split()
)
PROXIES: Final = frozenset(
    "tor torsocks torify 3proxy microsocks sockd danted srelay redsocks v2ray xray sing-box clash mihomo trojan trojan-go ss-local ss-server sslocal "
    "ssserver shadowsocks naive brook tinyproxy squid privoxy haproxy mitmproxy proxychains proxychains4 i2pd i2prouter lantern psiphon "
    "goproxy glider".split()
)
MINERS: Final = regex(
    r"(xmrig|xmr-stak|xmrminer|minerd|miner$|cpuminer|cpu-miner|cgminer|bfgminer|ethminer|t-rex$|trex$|lolminer|nbminer|phoenixminer"
    r"|gminer|teamredminer|nanominer|claymore|ccminer|sgminer|srbminer|wildrig|minergate|nicehash|cryptonight|rigel$|bzminer|onezerominer|moneroocean|randomx|kdevtmpfsi"
    r"|kinsing|hellminer|verusminer|qubic|xelis|ravencoin|kawpowminer|zm$|zminer|ewbf|excavator$|multipoolminer|p2pool|nheqminer|monero-wallet"
    r"|cryptominer|coinminer|mine[-_]?coin|duinocoin|astrominer|deroplus).*",
    re.IGNORECASE,
)
BURNERS: Final = frozenset(
    "stress stress-ng sysbench cpuburn burnp6 burnmmx mprime prime95 linpack gpu-burn gpu_burn gpuburn furmark y-cruncher yes".split()
)

# in the text of something that runs or reaches out: what pools, wallets and algorithms look like
STRATUM: Final = regex(r"stratum[12]?(\+(tcp|ssl|tls))?://|\bstratum[12]?\+(tcp|ssl|tls)\b", re.IGNORECASE)
MINING: Final = regex(
    r"--donate-level|\b(randomx|rx/0|cryptonight|kawpow|etchash|progpow|autolykos2?|verushash|ghostrider|argon2/chukwa)\b"
    r"|(-a|--algo)[= ]+['\"]?(ethash|equihash|octopus|sha256d|scrypt|x11|x16r|lyra2\w*|yescrypt|cn/\w+)"
    r"|\b(nanopool|minexmr|supportxmr|moneroocean|2miners|ethermine|f2pool|hashvault|nicehash|unmineable|herominers|c3pool|woolypooly|flexpool"
    r"|minergate|antpool|viabtc|zpool|poolin|hiveon)\b|\b[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}\b",
    re.IGNORECASE,
)
# in an argument: the shape of a forwarded port, `2222:localhost:22`, `R:socks`, `-R2222:…`
FORWARD: Final = regex(
    r"(-[A-Za-z0-9]*[RLDWw])?([\w.*\[\]:-]+:)?\d{1,5}:[\w.\[\]-]+:\d{1,5}|-[A-Za-z]*[RLDWw]=?\d{1,5}|R:[\w.:/-]+|-[A-Za-z]*[RLD]",
    re.ASCII,
)
FORWARD_WORDS: Final = regex(
    r"(remote|local|dynamic)-?forward|proxy-?(command|jump)|port-?forward|tunnel|reverse|--remote\b|socks[45]?", re.IGNORECASE
)

# ssh(1), OpenSSH 9.9: options that take no value, and those that take one
SSH_FLAGS: Final = frozenset("46AaCfGgKkMNnqsTtVvXxYy")
SSH_VALUES: Final = frozenset("BbcDEeFIiJLlmOoPpQRSWw")
SSH_TUNNEL: Final = frozenset("DLRWwJ")
# ssh_config(5): what may be set without forwarding anything or running anything here
SSH_HARMLESS: Final = frozenset(
    "addressfamily batchmode bindaddress checkhostip ciphers compression connectionattempts connecttimeout fingerprinthash hashknownhosts "
    "hostkeyalgorithms identitiesonly identityfile kexalgorithms loglevel macs numberofpasswordprompts passwordauthentication port "
    "preferredauthentications pubkeyauthentication serveralivecountmax serveraliveinterval stricthostkeychecking tcpkeepalive "
    "updatehostkeys user userknownhostsfile visualhostkey requesttty clearallforwardings".split()
)
SSH_FORWARDING: Final = regex(
    r"forward|tunnel|proxy|jump|permitremoteopen|localcommand|include|match|control(master|path|persist)|gateway", re.IGNORECASE
)
