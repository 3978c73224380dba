"""A morning's four minutes at a branch office: everyday traffic of 24 hosts with every scene in it → one pcapng.

All of it is played at once, in real time, over one cable; only the fragments that no program sends are drawn into the
recording afterwards, at fixed times from its beginning.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tools.demo import draw, scenes, servers
from tools.demo.captures import SECOND, Frame, merge, moved, read_pcap, write_pcapng
from tools.demo.network import Network, RecordingError, network
from tools.demo.scenes import RESOLVER, Stage

NAME = "branch-office"
SEED = 1571
MINUTES = 4
INTERFACE = "branch-uplink"
COMMENT = "A branch office, played between two network namespaces. Addresses of RFC 5737, 3849, 1918 and 4193; names of RFC 2606."
HOSTS = (*scenes.OFFICE, *(f"10.20.7.{number}" for number in range(11, 26)))
"""24 hosts of the office."""
HOSTS6 = ("fd57:1571:20::14", "fd57:1571:20::18", "fd57:1571:20::27")
SERVERS = (*scenes.WORLD, "192.0.2.11", "192.0.2.18", "192.0.2.19", "192.0.2.123", "10.30.0.20", "2001:db8:10::10")
CLOCK, INTRANET = "192.0.2.123", "10.30.0.20"
DRAWN = {"overlapping-fragments": 137.0, "tiny-fragments": 171.0}
"""Scene → seconds from the first packet."""
PLAYED: tuple[tuple[float, Callable[[Stage], None]], ...] = (
    (22, scenes.tls_on_587), (30, scenes.redirect_on_443), (41, scenes.https_on_8088), (58, scenes.http_on_443),
    (75, scenes.shell_on_443), (90, scenes.https_on_8088), (102, scenes.dns_on_8053), (118, scenes.ssh_on_53),
    (130, scenes.raw_on_443), (148, scenes.starttls_on_587), (160, scenes.ssh_from_port_22), (176, scenes.https_on_8088),
)  # fmt: skip
"""(seconds from the beginning, scene)"""


@dataclass(frozen=True, slots=True)
class Site:
    """A web site of the office's everyday life."""

    name: str
    address: str
    port: int
    tls: str
    """Versions of TLS that it speaks, "" = none."""
    weight: int
    """How often it is visited by chance, beside the others."""

    @property
    def url(self) -> str:
        """Of its first page, with the port where it is not the usual one."""
        scheme, usual = ("https", 443) if self.tls else ("http", 80)
        return f"{scheme}://{self.name}{'' if self.port == usual else f':{self.port}'}/"


BOTH = "TLSv1.2 TLSv1.3"
SITES = (
    Site("www.example", "192.0.2.10", 443, BOTH, 6),
    Site("news.example", "192.0.2.11", 443, BOTH, 5),
    Site("shop.office.example", "192.0.2.10", 80, "", 3),
    Site("apps.example", "192.0.2.18", 8080, "", 3),
    Site("admin.example", "192.0.2.19", 8443, "TLSv1.2", 1),
)
SITE6 = Site("www.example", "2001:db8:10::10", 443, BOTH, 0)
STORE = Site("store.office.example", INTRANET, 9191, "", 0)
"""An application of the company's own, on a port that somebody made up."""
KEYS = ",".join(f"{number:02d}" + "v" * 240 for number in range(12))
"""A TXT record of nearly 3,000 bytes."""


def pages(random: Random) -> dict[str, bytes]:
    """Pages of 1 to 6 kB."""
    words = (
        "order",
        "paper",
        "invoice",
        "tray",
        "delivery",
        "branch",
        "meeting",
        "floor",
        "monday",
        "report",
        "number",
    )
    found = {}
    for name in ("index.html", "list.html", "item.html"):
        text = " ".join(random.choice(words) for _ in range(random.randint(150, 800)))
        found[name] = f"<!doctype html><title>{name}</title><p>{text}</p>\n".encode()
    return found


@contextlib.contextmanager
def everyday_servers(net: Network, folder: Path) -> Iterator[None]:
    """The name, web, mail, time and login servers that the office uses."""
    (folder / "web").mkdir()
    blocks = []
    for site in (*SITES, SITE6, STORE):
        place = f"[{site.address}]" if ":" in site.address else site.address
        block = f"listen {place}:{site.port}{' ssl' if site.tls else ''}; server_name {site.name}; "
        blocks.append(
            block + (f"ssl_protocols {site.tls}; " + servers.tls(folder / "web", site.name) if site.tls else "")
        )
    records = [f"--address=/{site.name}/{site.address}" for site in (*SITES, SITE6, STORE)]
    records.append(f"--txt-record=keys.example,{KEYS}")
    with (
        net.server("192.0.2.10:80", *servers.nginx(folder / "web", *blocks, pages=pages(Random(SEED)))),
        net.server(f"{RESOLVER}:53", *servers.dnsmasq(RESOLVER, *records)),
        net.server("192.0.2.25:25", *servers.smtpd("192.0.2.25:25", folder)),
        net.server("192.0.2.22:22", *servers.sshd(folder, "192.0.2.22:22")),
        net.server(f"{CLOCK}:123", *servers.chronyd(folder, CLOCK)),
    ):
        yield


def visits(random: Random) -> list[tuple[float, str, Site, str]]:
    """Who looks at which page when: (seconds, host, site, page), by time."""
    found = []
    for host in HOSTS:
        for _ in range(3):
            site = random.choices(SITES, [site.weight for site in SITES])[0]
            page = random.choice(("", "list.html", "item.html"))
            found.append((random.uniform(0, MINUTES * 60 - 20), host, site, page))
    for host in HOSTS6:
        found.append((random.uniform(0, MINUTES * 60 - 20), host, SITE6, ""))
    found += [(at, HOSTS[18], STORE, "list.html") for at in (48.0, 111.0, 190.0)]
    return sorted(found, key=lambda visit: visit[0])


def browse(stage: Stage, host: str, site: Site, page: str) -> None:
    """Ask for the name, then fetch the page."""
    resolver = HOSTS[0] if ":" in host else host
    stage.dig(resolver, site.name, "AAAA" if ":" in host else "A")
    place = f"[{site.address}]" if ":" in site.address else site.address
    stage.curl(host, "--resolve", f"{site.name}:{site.port}:{place}", site.url + page)


def send_mail(stage: Stage) -> None:
    """A letter in clear from the office's mail host to another one, on 25."""
    letter = b"From: b.branch@office.example\r\nTo: desk@mx.example\r\nSubject: Hours\r\n\r\nOpen until six.\r\n"
    stage.net.client("curl", "-s", "-m", "8", "--interface", "10.20.3.18", "smtp://192.0.2.25:25/mail.office.example",
                     "--mail-from", "b.branch@office.example", "--mail-rcpt", "desk@mx.example", "--upload-file", "-",
                     data=letter)  # fmt: skip


def fetch_code(stage: Stage, host: str) -> None:
    """Log in where SSH belongs."""
    stage.net.client(*servers.ssh(stage.folder, "-b", host), "root@192.0.2.22", "head -c 3000 /dev/zero")


def ask_time(stage: Stage, host: str) -> None:
    """One exchange with the time server; no clock is set."""
    stage.net.client("chronyd", "-Q", "-t", "3", "-f", "/dev/null", f"bindacqaddress {host}", "cmdport 0",
                     f"pidfile {stage.folder}/{host}.pid", "user root",
                     f"server {CLOCK} iburst maxsamples 1")  # fmt: skip


def knock(stage: Stage, host: str) -> None:
    """A program that looks for a printer's page where none is served: the connection is refused."""
    stage.curl(host, f"http://{INTRANET}:9100/")


def everyday(stage: Stage) -> list[tuple[float, Callable[[], None]]]:
    """What the office does apart from the scenes: (seconds, deed)."""

    def look(host: str, site: Site, page: str) -> Callable[[], None]:
        return lambda: browse(stage, host, site, page)

    deeds = [(at, look(host, site, page)) for at, host, site, page in visits(Random(SEED))]
    deeds += [(35.0, lambda: send_mail(stage)), (183.0, lambda: send_mail(stage))]
    deeds += [
        (at, _with(fetch_code, stage, host)) for at, host in ((12.0, HOSTS[12]), (95.0, HOSTS[15]), (200.0, HOSTS[12]))
    ]
    deeds += [(5.0 + 17 * number, _with(ask_time, stage, host)) for number, host in enumerate(HOSTS[9:19])]
    deeds += [(at, _with(large_answer, stage, host)) for at, host in ((66.0, HOSTS[0]), (154.0, HOSTS[2]))]
    deeds += [(at, _with(knock, stage, HOSTS[20])) for at in (70.0, 140.0)]
    return deeds


def large_answer(stage: Stage, host: str) -> None:
    """A DNS answer that comes in three fragments."""
    stage.dig(host, "keys.example", "TXT", "+bufsize=4096", "+ignore")


def _with(deed: Callable[[Stage, str], None], stage: Stage, host: str) -> Callable[[], None]:
    return lambda: deed(stage, host)


def play(deeds: Sequence[tuple[float, Callable[[], None]]]) -> None:
    """Do each deed at its time, in a thread of its own. Raises the first RecordingError of any."""
    failed: list[Exception] = []

    def do(deed: Callable[[], None]) -> None:
        try:
            deed()
        except Exception as error:
            failed.append(error)

    began, threads = time.monotonic(), []
    for at, deed in sorted(deeds, key=lambda each: each[0]):
        time.sleep(max(0.0, began + at - time.monotonic()))
        threads.append(threading.Thread(target=do, args=(deed,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if failed:
        raise RecordingError(
            f"{len(failed)} of {len(threads)} deeds of the branch office failed, the first: {failed[0]}"
        ) from failed[0]


def record_office(folder: Path) -> Path:
    """Play four minutes and write them with the drawn scenes to `folder`. Raises RecordingError."""
    target = folder / f"{NAME}.pcapng"
    with tempfile.TemporaryDirectory(prefix="oddport-demo-") as scratch:
        home, raw = Path(scratch), Path(scratch) / "raw.pcap"
        with network((*HOSTS, *HOSTS6), SERVERS) as net, everyday_servers(net, home), net.recorded(raw):
            deeds = everyday(Stage(net, home))
            for number, (at, scene) in enumerate(PLAYED):
                own = home / f"scene-{number}"
                own.mkdir()
                deeds.append((at, _scene(scene, Stage(net, own))))
            play(deeds)
        write_pcapng(target, with_drawn(raw), INTERFACE, COMMENT)
    return target


def _scene(scene: Callable[[Stage], None], stage: Stage) -> Callable[[], None]:
    return lambda: scene(stage)


def with_drawn(raw: Path) -> list[Frame]:
    """The recording with the drawn scenes at their times."""
    recorded = read_pcap(raw)
    if not recorded:
        raise RecordingError("Nothing was recorded at the branch office.")
    began = recorded[0].ns
    drawn = [moved(draw.SCENES[name](), began + round(at * SECOND)) for name, at in DRAWN.items()]
    return merge(recorded, *drawn)
