"""A marked secret is pushed through failing deliveries of every kind and comes out nowhere.

The servers at the other end are hostile: whatever they are sent, they repeat it in every answer, as
text, as JSON and as a redirect.  Looked through are logs, pages, argument lists, tables, queue, crates,
mails, the output of commands, and every other file of the installation.
"""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from simcrate.secret import SCRUB_FROM_LENGTH
from tests.acceptance.conftest import Installation
from tests.servers.dropbox import dropbox_server
from tests.servers.http_double import Faults, HttpDouble, Reply, Request, Throttle

MARK = "canary/9Xk2+never=sing"
KINDS = ("local", "seafile", "dropbox", "dropbox:token")
REPO_ID = "f158d1dd-cc19-412c-b143-2ac83f352290"
TIMEOUT_S = 90.0

_SETUP = """
import json
from simcrate.portal.accounts.models import User
from allauth.account.models import EmailAddress
from simcrate.portal.storages.services import create_or_update
from simcrate.storage import StorageDefinition
for name, rights in (("alice", {{}}), ("root", {{"is_staff": True, "is_superuser": True}})):
    user = User.objects.create_user(name, name + "@example.org", "a password", **rights)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
mark = {mark!r}
for id, token, config in (
    ("local", {address!r}, {{"secret": mark}}),
    ("seafile", "", {{"server": {url!r}, "token": mark, "repoid": {repo!r}}}),
    ("dropbox", "", {{"app_key": "key", "app_secret": mark, "refresh_token": mark}}),
    ("dropbox:token", mark, {{}}),
):
    saved = create_or_update(
        StorageDefinition(name=id, id=id, token=token, config=config, keep_days=7)
    )
    assert not saved.obstacles, saved.obstacles
"""

_PAGES = """
from django.test import Client
from simcrate.portal.accounts.models import User
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.storages.models import StorageBackend
seen = []
def look(who, paths):
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(User.objects.get(username=who))
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        seen.append(answer.content.decode())
ids = list(Simulation.objects.values_list("pk", flat=True))
look("alice", ["/simulations/", *(f"/simulations/{id}/" for id in ids)])
look("alice", [f"/api/v1/simulations/{id}/deliveries" for id in ids])
admin = [("storages/storagebackend", StorageBackend), ("deliveries/delivery", Delivery)]
for path, model in admin:
    look("root", [f"/admin/{path}/"])
    look("root", [f"/admin/{path}/{key}/change/" for key in model.objects.values_list("pk", flat=True)])
look("root", ["/admin/deliveries/deliveryevent/", "/admin/workers/worker/"])
import json
print(json.dumps(seen))
"""


class Parrot:
    """A server that repeats what it is sent."""

    def __init__(self, media_type: str) -> None:
        self._media_type = media_type
        self._statuses = itertools.cycle([500, 401, 302, 401, 200, 403, 400])
        self.heard = 0

    def answer(self, request: Request) -> Reply:
        sent = f"{request.line} {dict(request.headers)} {request.body.decode('latin-1')}"
        self.heard += MARK in sent or quote(MARK, safe="") in sent
        status = next(self._statuses)
        names = ("error_summary", "error", "error_description", "detail", "error_msg", "code")
        told = dict.fromkeys(names, sent)
        headers = [("Content-Type", self._media_type), ("X-Sent", quote(sent))]
        if status == 302:
            headers.append(("Location", f"/again?{quote(sent)[:4000]}"))
        return Reply(status, json.dumps(told).encode(), tuple(headers))


def forms_of(mark: str) -> list[bytes]:
    """As it is, percent-encoded, and inside Base64 at any alignment."""
    inside = [
        base64.b64encode(b"x" * shift + mark.encode() + b"yy")[4 if shift else 0 : -8]
        for shift in range(3)
    ]
    return [mark.encode(), quote(mark, safe="").encode(), *inside]


def holds_mark(content: bytes) -> bool:
    return any(form in content for form in forms_of(MARK))


@contextmanager
def worker(installation: Installation, environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    """The real worker; its log goes into the installation."""
    with (installation.var_dir / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "simcrate", "worker"],
            env={**installation.environment, **environment},
            stdout=log,
            stderr=log,
        )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=TIMEOUT_S)


def argument_lists(process: psutil.Process) -> Iterator[bytes]:
    for each in (process, *process.children(recursive=True)):
        try:
            yield "\0".join(each.cmdline()).encode()
        except psutil.NoSuchProcess:
            continue


def everything_written(var_dir: Path) -> Iterator[tuple[str, bytes]]:
    """Each file of the installation, and each member of each crate."""
    for path in var_dir.rglob("*"):
        if not path.is_file():
            continue
        yield str(path), path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as crate:
                for name in crate.namelist():
                    yield f"{path}!{name}", crate.read(name)


@pytest.fixture(scope="module")
def parrots() -> dict[str, Parrot]:
    media_types = {"http": "application/problem+json", "dropbox": "application/json"}
    return {name: Parrot(media_type) for name, media_type in media_types.items()}


@pytest.fixture(scope="module")
def failed(
    tmp_path_factory: pytest.TempPathFactory, parrots: dict[str, Parrot]
) -> Iterator[tuple[Installation, list[bytes]]]:
    """An installation in which a delivery to each kind has failed, and what was seen meanwhile."""
    directory = tmp_path_factory.mktemp("marked")
    with (
        HttpDouble(parrots["http"].answer, Faults(), Throttle()) as http,
        dropbox_server() as dropbox,
    ):
        dropbox.http.handle = parrots["dropbox"].answer
        installation = Installation(directory / "var", None)  # type: ignore[arg-type]  # no cloud
        address = http.url.partition("://")[2]
        installation.python(_SETUP.format(mark=MARK, address=address, url=http.url, repo=REPO_ID))
        seen: list[bytes] = []
        for kind in KINDS:
            submit(installation, kind)
        commands = [("check", kind) for kind in KINDS] + [("list",), ("show",), ("export",)]
        with worker(installation, dropbox.environment) as process:
            seen += [run(installation, dropbox.environment, "storage", *each) for each in commands]
            seen.append(deliver_without_portal(installation, directory, http.url))
            wait_until_failed(installation, process, seen)
        pages = installation.python(_PAGES)
        yield installation, [*seen, *(page.encode() for page in pages)]


def submit(installation: Installation, kind: str) -> None:
    ini = installation.var_dir / "omnetpp.ini"
    ini.write_text(
        "[General]\nnetwork = OppNet\nsim-time-limit = 20s\n[Config Short]\nOppNet.numNodes = 3\n"
    )
    done = installation.simcrate(
        *("submit", str(ini), "--config", "Short", "--storage", kind, "--title", kind),
        *("--user", "alice", "--mail", "alice@example.org"),
    )
    assert done.returncode == 0, done.stderr


def run(installation: Installation, environment: Mapping[str, str], *arguments: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "simcrate", *arguments],
        env={**installation.environment, **environment},
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.stdout + done.stderr


def deliver_without_portal(installation: Installation, directory: Path, url: str) -> bytes:
    """From a definition file; that the token is refused is final."""
    (directory / "results").mkdir()
    (directory / "results" / "a.sca").write_text("version 3\nrun a-0\nscalar Net.host sent 7\n")
    definitions = directory / "backends.json"
    config = {"server": url, "token": MARK, "repoid": REPO_ID}
    tags = {
        "storage_backend": "Seafile",
        "storage_backend_id": "seafile",
        "storage_backend_config": config,
    }
    definitions.write_text(json.dumps([tags]))
    return run(
        installation,
        {},
        *("deliver", str(directory / "results"), "--storage", "seafile"),
        *("--definitions", str(definitions), "--spool", str(directory / "spool")),
    )


def wait_until_failed(
    installation: Installation, process: psutil.Process, seen: list[bytes]
) -> None:
    """Every delivery was tried and did not work; argument lists are looked at all the while."""
    sql = "select count(*) from deliveries_delivery where error <> ''"
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        seen.extend(argument_lists(process))
        ((count,),) = installation.query(sql)
        if count == len(KINDS):
            return
        time.sleep(0.1)
    pytest.fail((installation.var_dir / "worker.log").read_text()[-4000:])


def test_the_mark_was_sent_and_would_be_found(
    failed: tuple[Installation, list[bytes]], parrots: dict[str, Parrot]
) -> None:
    assert min(parrot.heard for parrot in parrots.values()) > 1
    assert len(MARK) >= SCRUB_FROM_LENGTH
    assert all(map(holds_mark, forms_of(MARK)))
    assert not holds_mark(b"canary")
    assert holds_mark(base64.b64encode(f"key:{MARK}".encode()))


def test_no_page_no_output_and_no_argument_list_holds_it(
    failed: tuple[Installation, list[bytes]],
) -> None:
    _, seen = failed

    assert len(seen) > 20
    assert [text for text in seen if holds_mark(text)] == []


def test_no_log_table_crate_mail_or_other_file_holds_it(
    failed: tuple[Installation, list[bytes]],
) -> None:
    installation, _ = failed
    written = dict(everything_written(installation.var_dir))

    assert any(name.endswith("worker.log") for name in written)
    assert any("!" in name for name in written)
    assert [name for name, content in written.items() if holds_mark(content)] == []
