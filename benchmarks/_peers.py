"""The storage servers that we are measured against: fetched once, below `var/bench`, started on loopback.

rclone comes from Debian's package without being installed, copyparty from the Python package index.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).parent.parent / "var" / "bench"
START_WITHIN_S = 30.0


def rclone() -> Path:
    """The rclone program; that of the system if there is one."""
    if found := shutil.which("rclone"):
        return Path(found)
    program = CACHE / "rclone" / "usr" / "bin" / "rclone"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", "rclone"], cwd=CACHE, check=True)
        (package,) = CACHE.glob("rclone_*.deb")
        subprocess.run(["dpkg", "-x", package, CACHE / "rclone"], check=True)
    return program


@contextmanager
def rclone_webdav(folder: Path) -> Iterator[str]:
    """`rclone serve webdav` on a folder; yields its URL."""
    port = _free_port()
    address = f"127.0.0.1:{port}"
    with _server([str(rclone()), "serve", "webdav", str(folder), "--addr", address], port):
        yield f"http://{address}"


@contextmanager
def copyparty(folder: Path) -> Iterator[str]:
    """Start copyparty with a folder that everybody may write to; yields its URL."""
    library = CACHE / "copyparty"
    if not library.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run(
            [*pip, "--target", str(library), "copyparty", "jinja2", "markupsafe"], check=True
        )
    port = _free_port()
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from copyparty.__main__ import main; main()"
    options = ["-q", "-i", "127.0.0.1", "-p", str(port), "-v", f"{folder}::rw"]
    with _server([sys.executable, "-c", start, str(library), *options], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _server(command: Sequence[str], port: int) -> Iterator[None]:
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=CACHE
    ) as process:
        try:
            _wait_until_it_listens(process, port)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            message = f"{process.args!r} ended with {process.returncode}"
            raise RuntimeError(message)
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"{process.args!r} does not listen on port {port}"
    raise RuntimeError(message)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
        return port
