"""A double of Dropbox: API, content and web host in one, over TLS, as its specification says.

The real SDK talks to it: `dropbox_server` sets the SDK's own environment variables, and imports it anew
because it reads them when it is imported.  State is kept; error shapes are the published ones.
"""

from __future__ import annotations

import ipaddress
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.dropbox_api import DropboxRoutes
from tests.servers.dropbox_state import DropboxState
from tests.servers.http_double import Faults, HttpDouble, Reply, Request, Throttle


@dataclass
class DropboxServer:
    """A running double; `reset` gives it an empty account."""

    http: HttpDouble
    ca_path: Path

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.state = DropboxState(url=self.http.url)
        self.routes = DropboxRoutes(self.state)
        self.http.faults.clear()
        self.http.seen.clear()

    def answer(self, request: Request) -> Reply:
        return self.routes.answer(request)

    @property
    def faults(self) -> Faults:
        return self.http.faults

    @property
    def seen(self) -> list[str]:
        return self.http.seen

    @property
    def environment(self) -> dict[str, str]:
        """What the SDK and `requests` read."""
        hosts = (
            "DROPBOX_API_HOST",
            "DROPBOX_API_CONTENT_HOST",
            "DROPBOX_API_NOTIFY_HOST",
            "DROPBOX_WEB_HOST",
        )
        return {**dict.fromkeys(hosts, self.http.host), "REQUESTS_CA_BUNDLE": str(self.ca_path)}


@contextmanager
def dropbox_server(throttle: Throttle | None = None) -> Iterator[DropboxServer]:
    """Run the double, and let an SDK that is imported from now on talk to it."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        ca_path = Path(folder) / "ca.pem"
        tls = _tls(ca_path)
        with HttpDouble(_not_yet, Faults(), throttle or Throttle(), tls) as http:
            server = DropboxServer(http, ca_path)
            http.handle = server.answer
            for name, value in server.environment.items():
                patch.setenv(name, value)
            for name in [name for name in sys.modules if name.partition(".")[0] == "dropbox"]:
                patch.delitem(sys.modules, name)
            yield server
            for name in [name for name in sys.modules if name.partition(".")[0] == "dropbox"]:
                del sys.modules[name]  # it has the hosts of this double


def _not_yet(_: Request) -> Reply:
    return Reply(503)


def _tls(ca_path: Path) -> ssl.SSLContext:
    """A certificate for loopback that signs itself; its public part is at `ca_path`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "double")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    ca_path.write_bytes(pem)
    both_path = ca_path.with_name("server.pem")
    both_path.write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both_path)
    return context
