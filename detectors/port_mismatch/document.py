"""The text that explains the detector to an analyst."""

DOCUMENT = """\
# Port and protocol do not fit (`port-mismatch`)

Judges flows whose protocol, named from the bytes of both directions, does not belong to the **server's** port. The
client's port never excuses anything, a port never names a protocol, and one flow's verdict does not depend on
others.

## Rules

One flow gives at most one finding; the most specific rule wins.

| rule | what | base |
|---|---|---|
| PPM-07 | a protocol in clear on a TLS port, or TLS from the first byte on a port that begins in clear | 55 |
| PPM-02 | a named protocol on a standard port of another one | 65 |
| PPM-11 | remote control (SSH, RDP, VNC, SMB …) on a port that is nobody's | 60, of an outside host 80 |
| PPM-13 | a proxy or tunnel (SOCKS, OpenVPN, WireGuard …) on a port that is nobody's | 50 |
| PPM-14 | DNS, question and answer, on a port that is nobody's | 45 |
| PPM-01 | any other named protocol on a port that is nobody's | 35 |
| PPM-03 | a well-known port where its own protocol is absent, and nothing else was recognised | 60 on `absent_ports`, else 20 |

Shells and miners are judged on any port, by `shell` and `miner`.

* Usual alternates (HTTP on 8080, TLS on 8443 …) are not reported; `report_alternates = true` lists them with a base
  of 10.
* Media, calls and peer-to-peer take any port as a habit: base 5, or 20 on another protocol's port.
* HTTP on a TLS port that is answered by 400 or by a redirect to https is *info*: somebody typed the wrong scheme.
* A protocol that the server never answered, or met with the greeting or the refusal of another one, is an attempt: its
  score is halved, and it never stands for an answered one.
* **PPM-03 needs proof of absence**: at least `min_payload` bytes from each side in `min_payload_packets` packets,
  the SYN seen, nothing cut or missing, and the grammar of the expected protocol refuted for both directions byte by
  byte, as well as that of every other recognised protocol that belongs to the port. QUIC from before the capture,
  DTLS, padding read as payload and handshakes in a later packet are no absence. Where that cannot be said, the flow
  is counted as not judged, with the reason, and never reported.
* A name that is only a guess (tier C) is reported only on another protocol's port, and only where that protocol is
  refuted.

## Score

Base × tier (A 1, B 0.8, C 0.5), then: server outside +15; both ends inside −10; a port that filters let through for
its own service (PPM-02) +20; dynamic port (49152 and up) +5; TLS without a server name +5; ATT&CK records the same
app on the same, otherwise unused port +15. At the end of the capture: at most 2 % of the inside hosts use the port
+15, at least half of them −20 (PPM-01 only, since a port with an owner is used by all for its owner); with fewer
than `min_hosts` inside hosts this is not judged.

## False positives to expect

Port multiplexers (SSH and TLS on 443), bastions on 443, test services on odd ports, captive portals, proxies, STUN
and TURN on 443. PPM-03: private protocols of appliances on 443 and 80; MSS clamps and capture loss are excluded by
what it needs.

## ATT&CK

T1571 Non-Standard Port (direct), and what the protocol itself is mapped to: T1071 and its parts, T1021 and its
parts, T1573.002, T1572, T1090, T1095, T1059.003 and .004 for shells, T1496.001 for mining, T1219 for remote control
of an outside host. Who is recorded with the same port is named beside it; that is a hint for reading on, not
evidence.
"""  # noqa: E501
