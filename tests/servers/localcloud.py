"""The real local-cloud as a process on a free loopback port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from simcrate.secret import Secret

READY = "local-cloud: serving on "
STOP_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCloud:
    """A running server."""

    url: str
    secret: Secret
    folder: Path
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        """`host:port`, as in `storage_backend_token`."""
        return self.url.partition("://")[2]

    @property
    def port(self) -> int:
        """On loopback."""
        return int(self.address.rpartition(":")[2])

    @property
    def headers(self) -> dict[str, str]:
        """What authorises a request."""
        return {"Authorization": f"Bearer {self.secret.reveal()}"}

    def client(self) -> httpx.Client:
        """A client that knows the secret."""
        return httpx.Client(base_url=self.url, headers=self.headers, trust_env=False, timeout=60)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait()


@contextmanager
def local_cloud(
    folder: Path, *options: str, prefix: Sequence[str] = (), port: int = 0
) -> Iterator[LocalCloud]:
    """Start a server on a folder, wait for its ready line, and stop it at the end.

    Args:
        folder: kept by the caller, so that a second server can take it up again.
        options: further options of the command.
        prefix: a command that runs the command, `strace …`.
        port: 0 takes a free one.
    """
    secret_file = folder / "secret"
    command = [sys.executable, "-m", "simcrate.localcloud", "--port", str(port)]
    command += ["--folder", str(folder), "--secret-file", str(secret_file), *options]
    with (
        (folder.parent / f"{folder.name}.log").open("a+") as log,
        subprocess.Popen(
            [*prefix, *command], stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith(READY):
                log.seek(0)
                message = f"local-cloud did not start: {line!r} {log.read()}"
                raise RuntimeError(message)
            yield LocalCloud(
                url=line.removeprefix(READY).strip(),
                secret=Secret(secret_file.read_text().strip()),
                folder=folder,
                process=process,
            )
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
