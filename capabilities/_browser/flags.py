"""What a browser is started with, and what each page begins with, so that what is not handed over has no network.

With `FLAGS`, names do not resolve, and every connection goes to a proxy that is not there.
"""

from __future__ import annotations

from typing import Final

FLAGS: Final = (
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=socks5://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pings",
)
# what a page could connect with past a route, and workers, whose requests some browsers do not hand over
SCRIPT: Final = """
for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'RTCDataChannel', 'WebTransport', 'WebSocketStream', 'SharedWorker', 'Worker'])
  try { Object.defineProperty(globalThis, name, {value: undefined}); } catch {}
try { Object.defineProperty(Navigator.prototype, 'serviceWorker', {value: undefined}); } catch {}
"""
