"""local-cloud as a server: downloads against nginx, uploads against copyparty, rclone and a bare socket.

All on loopback, in turns, the best of some rounds; clients are curl.  Ours compares the SHA-256 and has
the file on the disk when it answers; of the peers only the bare socket waits for the disk.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import Row
from benchmarks._peers import CACHE, copyparty, rclone_webdav
from tests.servers.localcloud import LocalCloud, local_cloud

SIZE_BYTES = 1_000_000_000
BLOCK_BYTES = 10_000_000
FAST_BYTES = 300_000_000
ROUNDS = 3
PARALLEL = 64
SMALL_UPLOADS = 10_000
SLOW_CLIENTS = 1_000
MEMORY_TARGET_MB = 150.0
UNLIMITED = ("--requests-per-s", "1000000")

BARE_SOCKET = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
client, _ = server.accept()
with open(sys.argv[1], "wb", buffering=0) as file:
    while chunk := client.recv(1 << 20):
        file.write(chunk)
    os.fsync(file.fileno())
client.sendall(b"done")
"""

NGINX_CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; user root;
worker_processes auto; worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
    access_log off; sendfile on; tcp_nopush on;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""

Timed = Callable[[], float]
"""Do the work once; seconds."""


def run() -> list[Row]:
    rows = []
    for measure in (_downloads, _uploads, _small_uploads, _slow_clients):
        with tempfile.TemporaryDirectory(prefix="simcrate-bench-") as name:
            rows += measure(Path(name))
    return rows


def _downloads(folder: Path) -> list[Row]:
    """One whole download, and many ranged ones at once, against nginx with sendfile."""
    content = _write_content(folder / "root" / "1GB.bin", SIZE_BYTES)
    with local_cloud(folder / "store", *UNLIMITED) as cloud, _nginx(folder, content.parent) as peer:
        ours_url, peer_url = _put(cloud, content), f"{peer}/{content.name}"
        whole = _best({"ours": _fetching(ours_url), "nginx": _fetching(peer_url)})
        ranged = _best(
            {
                "ours": _fetching_ranges(ours_url, folder / "ours.curl"),
                "nginx": _fetching_ranges(peer_url, folder / "nginx.curl"),
            }
        )
    return [
        _speed("download of 1 GB", whole, "nginx", target=0.9),
        _speed(f"{PARALLEL} parallel ranged downloads", ranged, "nginx", target=0.6),
    ]


def _uploads(folder: Path) -> list[Row]:
    """One upload with the digest compared."""
    content = _write_content(folder / "1GB.bin", SIZE_BYTES)
    store = folder / "store"
    best = _best(
        {
            "ours": lambda: _upload_ours(store, content),
            "copyparty": lambda: _upload_peer(copyparty, store, content),
            "rclone serve webdav": lambda: _upload_peer(rclone_webdav, store, content),
            "a bare socket": lambda: _upload_bare(store, content),
        }
    )
    targets = {"copyparty": 1.0, "rclone serve webdav": 1.0, "a bare socket": 0.55}
    claim = "upload of 1 GB, digest verified"
    return [_speed(claim, best, peer, target=target) for peer, target in targets.items()]


def _small_uploads(folder: Path) -> list[Row]:
    """Many small uploads: the last ones against the first ones, and memory throughout."""
    with local_cloud(folder / "store", *UNLIMITED) as cloud:
        address = urlsplit(cloud.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port)
        took_s = []
        for number in range(SMALL_UPLOADS):
            began = time.perf_counter()
            content = number.to_bytes(1000, "big")
            connection.request("PUT", f"/upload/bench/{number}.bin", content, cloud.headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 201
            took_s.append(time.perf_counter() - began)
        peak_mb = _peak_mb(cloud.process.pid)
    tenth = SMALL_UPLOADS // 10
    first_ms = statistics.median(took_s[:tenth]) * 1000
    last_ms = statistics.median(took_s[-tenth:]) * 1000
    return [
        Row(
            claim=f"{SMALL_UPLOADS} small uploads, the last tenth",
            ours=f"{last_ms:.1f} ms each",
            peer=f"the first tenth: {first_ms:.1f} ms each",
            ratio=first_ms / last_ms,
            target=0.9,
        ),
        Row(
            claim="peak memory meanwhile",
            ours=f"{peak_mb:.0f} MB",
            peer=f"target: {MEMORY_TARGET_MB:.0f} MB",
            ratio=MEMORY_TARGET_MB / peak_mb,
            target=1.0,
        ),
    ]


def _slow_clients(folder: Path) -> list[Row]:
    """A fast download beside slow clients of either kind, against the same download alone."""
    content = _write_content(folder / "fast.bin", FAST_BYTES)
    rows = []
    with local_cloud(folder / "store", *UNLIMITED) as cloud:
        url = _put(cloud, content)
        alone_s = min(_fetch(url) for _ in range(ROUNDS))
        for kind, begin in (("downloads", _slow_download), ("uploads", _slow_upload)):
            with ExitStack() as stack:
                for number in range(SLOW_CLIENTS):
                    stack.enter_context(begin(cloud, url, number))
                beside_s = min(_fetch(url) for _ in range(ROUNDS))
            rows.append(
                Row(
                    claim=f"a fast download beside {SLOW_CLIENTS} slow {kind}",
                    ours=f"{beside_s:.2f} s",
                    peer=f"alone: {alone_s:.2f} s",
                    ratio=alone_s / beside_s,
                    target=1 / 3,
                )
            )
        peak_mb = _peak_mb(cloud.process.pid)
    memory = Row(
        claim="peak memory meanwhile",
        ours=f"{peak_mb:.0f} MB",
        peer=f"target: {MEMORY_TARGET_MB:.0f} MB",
        ratio=MEMORY_TARGET_MB / peak_mb,
        target=1.0,
    )
    return [*rows, memory]


def _speed(claim: str, best_s: dict[str, float], peer: str, *, target: float) -> Row:
    return Row(
        claim=claim,
        ours=f"{SIZE_BYTES / best_s['ours'] / 1e6:.0f} MB/s",
        peer=f"{peer}: {SIZE_BYTES / best_s[peer] / 1e6:.0f} MB/s",
        ratio=best_s[peer] / best_s["ours"],
        target=target,
    )


def _best(ways: dict[str, Timed]) -> dict[str, float]:
    """The fastest of some rounds, in turns."""
    best_s = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, work in ways.items():
            best_s[name] = min(best_s[name], work())
    return best_s


def _upload_ours(store: Path, content: Path) -> float:
    sha256 = _sha256(content)
    digest = f"Repr-Digest: sha-256=:{base64.b64encode(sha256).decode()}:"
    with _empty(store), local_cloud(store, *UNLIMITED) as cloud:
        secret = cloud.secret.reveal()
        url = f"{cloud.url}/upload/bench/1GB.bin"
        return _curl("-u", f":{secret}", "-H", digest, "-T", str(content), url)


def _upload_peer(server: Callable[[Path], object], store: Path, content: Path) -> float:
    with _empty(store), server(store) as url:  # type: ignore[attr-defined]
        return _curl("-T", str(content), f"{url}/1GB.bin")


def _upload_bare(store: Path, content: Path) -> float:
    """Bytes from a socket into a file and onto the disk: the least that a server does."""
    command = [sys.executable, "-c", BARE_SOCKET, str(store / "1GB.bin")]
    with _empty(store), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port)) as client, content.open("rb") as file:
            client.sendfile(file)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(10) == b"done"
        return time.perf_counter() - began


def _fetching(url: str) -> Timed:
    return lambda: _fetch(url)


def _fetching_ranges(url: str, config: Path) -> Timed:
    """Fetch the whole by ranges, all at once."""
    step = SIZE_BYTES // PARALLEL
    parts = [
        f'url = "{url}"\nrange = "{start}-{start + step - 1}"\noutput = "/dev/null"\n'
        for start in range(0, step * PARALLEL, step)
    ]
    config.write_text("next\n".join(parts))
    options = [
        "--no-progress-meter",
        "--parallel",
        "--parallel-immediate",
        "--parallel-max",
        str(PARALLEL),
    ]
    return lambda: _curl(*options, "-K", str(config))


def _fetch(url: str) -> float:
    return _curl("-o", "/dev/null", url)


def _put(cloud: LocalCloud, content: Path) -> str:
    with cloud.client() as client, content.open("rb") as file:
        headers = {"Content-Length": str(content.stat().st_size)}
        answer = client.put(f"/upload/bench/{content.name}", content=file, headers=headers)
        url: str = answer.json()["url"]
        return url


def _curl(*arguments: str) -> float:
    began = time.perf_counter()
    command = ["curl", "-sS", "--fail", "--noproxy", "*", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


@contextmanager
def _slow_download(cloud: LocalCloud, url: str, _: int) -> Iterator[None]:
    """A client that asks for a large object and reads nothing more than the beginning."""
    path = urlsplit(url).path
    with _connection(cloud) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: slow\r\n\r\n".encode())
        client.recv(1)
        yield


@contextmanager
def _slow_upload(cloud: LocalCloud, _: str, number: int) -> Iterator[None]:
    """A client that announces a large object and sends only its beginning."""
    authorization = cloud.headers["Authorization"]
    with _connection(cloud) as client:
        client.sendall(
            f"PUT /upload/slow/{number}.bin HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000000\r\n"
            f"Authorization: {authorization}\r\n\r\n0123456789".encode()
        )
        yield


def _connection(cloud: LocalCloud) -> socket.socket:
    address = urlsplit(cloud.url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((address.hostname, address.port))
    return client


@contextmanager
def _nginx(folder: Path, root: Path) -> Iterator[str]:
    """Start nginx, sendfile on, as Debian packages it; yields its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, port=port, root=root))
    command = [str(_nginx_program()), "-p", str(folder), "-c", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _nginx_program() -> Path:
    """That of the system if there is one, else from Debian's package without installing it."""
    if found := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        return Path(found)
    program = CACHE / "nginx" / "usr" / "sbin" / "nginx"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", "nginx"], cwd=CACHE, check=True)
        (package,) = CACHE.glob("nginx_*.deb")
        subprocess.run(["dpkg", "-x", package, CACHE / "nginx"], check=True)
    return program


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"nginx ended with {process.returncode}"
    raise RuntimeError(message)


@contextmanager
def _empty(store: Path) -> Iterator[None]:
    """An empty folder, and a disk that has nothing else to do."""
    store.mkdir()
    os.sync()
    try:
        yield
    finally:
        shutil.rmtree(store)


def _write_content(path: Path, size_bytes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for _ in range(size_bytes // BLOCK_BYTES):
            file.write(os.urandom(BLOCK_BYTES))
    return path


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _peak_mb(pid: int) -> float:
    """Peak memory of a process (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6
