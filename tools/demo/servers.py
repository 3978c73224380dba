"""What a server shall do → the command that runs it, with its configuration in a folder of the scene."""

import os
import sys
from itertools import count
from pathlib import Path

from tools.demo.network import program, run

PEERS = Path(__file__).with_name("peers.py")
_numbers = count(1)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A new self-signed certificate for `name`: (certificate, key)."""
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(crt))  # fmt: skip
    return crt, key


def tls(folder: Path, name: str) -> str:
    """The lines of a server block that make nginx serve TLS for `name`."""
    crt, key = certificate(folder, name)
    return f"ssl_certificate {crt}; ssl_certificate_key {key};"


def nginx(folder: Path, *servers: str, pages: dict[str, bytes] | None = None) -> list[str]:
    """nginx with these server blocks; `pages`: path → content, one short page unless given."""
    home = folder / f"nginx-{next(_numbers)}"
    (home / "pages").mkdir(parents=True)
    for name, content in (pages or {"index.html": b"<h1>It works.</h1>\n"}).items():
        (home / "pages" / name).write_bytes(content)
    blocks = "\n".join(f"server {{ root {home}/pages; {block} }}" for block in servers)
    scratch = " ".join(
        f"{kind}_temp_path {home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = home / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {home}/pid; error_log /dev/null;\n"
        f"events {{ worker_connections 256; }}\n"
        f"http {{ access_log off; server_tokens off; {scratch}\n"
        f"types {{ text/html html; application/json json; application/octet-stream bin; }}\n{blocks}\n}}\n"
    )
    return [program("nginx") or "nginx", "-p", str(home), "-c", str(config)]


def sshd(folder: Path, *ends: str) -> list[str]:
    """sshd at these ends (`203.0.113.22:22`), into which the key in `folder` may log in."""
    home = folder / f"sshd-{next(_numbers)}"
    home.mkdir()
    ssh_key(home / "host_key")
    if not (folder / "id").exists():
        ssh_key(folder / "id")
    os.makedirs("/run/sshd", exist_ok=True)
    config = home / "sshd_config"
    config.write_text(
        "".join(f"ListenAddress {end}\n" for end in ends)
        + f"HostKey {home}/host_key\nAuthorizedKeysFile {folder}/id.pub\nPidFile {home}/pid\n"
        "StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nPrintLastLog no\nPrintMotd no\n"
        "DebianBanner no\nPermitUserRC no\n"
    )
    return [program("sshd") or "sshd", "-D", "-f", str(config)]


def ssh_key(path: Path) -> None:
    """A new key pair that names nobody."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", str(path))


def ssh(folder: Path, *options: str) -> list[str]:
    """The client that goes with `sshd`: it takes any host key, and leaves nothing behind."""
    return [
        "ssh", "-F", "/dev/null", "-i", str(folder / "id"), "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5",
        "-o", "LogLevel=ERROR", *options,
    ]  # fmt: skip


def dnsmasq(address: str, *records: str, port: int = 53) -> list[str]:
    """A name server at `address` that knows these records and asks nobody; answers up to 4,096 bytes over UDP."""
    return [
        program("dnsmasq") or "dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces",
        "--user=root", "--group=root", "--pid-file=", f"--port={port}", f"--listen-address={address}",
        "--edns-packet-max=4096", *records,
    ]  # fmt: skip


def smtpd(end: str, folder: Path, name: str = "") -> list[str]:
    """A mail server at `end`; with a name it offers STARTTLS under it. Mail goes nowhere."""
    command = ["/usr/bin/aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", end]
    if name:
        crt, key = certificate(folder, name)
        command += ["--tlscert", str(crt), "--tlskey", str(key), "--no-requiretls"]
    return ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name or "mx.example", *command]


def chronyd(folder: Path, address: str) -> list[str]:
    """A time server that trusts its own clock and leaves it alone."""
    config = folder / "chrony.conf"
    config.write_text(
        f"local stratum 3\nallow all\nbindaddress {address}\ncmdport 0\npidfile {folder}/chrony.pid\nbindcmdaddress /\n"
        f"user root\n"
    )
    return [program("chronyd") or "chronyd", "-x", "-d", "-f", str(config)]


def peer(role: str, *words: str) -> list[str]:
    """One of the programs in `peers.py`, which talk protocols that no package speaks."""
    return [sys.executable, str(PEERS), role, *words]
