"""The `local-cloud` command: start, secrets, ports, metrics, the audit log, administration."""

from __future__ import annotations

import json
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.servers.certificates import make_certificate
from tests.servers.localcloud import local_cloud


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "simcrate.localcloud", "--folder", str(folder), *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


def test_first_start_makes_a_secret_only_its_owner_reads(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store") as cloud:
        mode = stat.S_IMODE((cloud.folder / "secret").stat().st_mode)
        log = (tmp_path / "store.log").read_text()

    assert mode == 0o600
    assert str(cloud.folder / "secret") in log
    assert cloud.secret.reveal() not in log
    assert cloud.secret.reveal() not in (cloud.folder / "ledger.sqlite3").read_bytes().decode(
        "latin-1"
    )


def test_a_folder_that_others_could_enter_is_closed_and_what_is_made_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o755)
    with local_cloud(folder):
        modes = {path.name: path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())}

    assert modes["ledger.sqlite3"] == 0
    assert set(modes.values()) == {0}


def test_secrets_are_made_and_revoked_while_the_server_runs(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with local_cloud(folder) as cloud:
        made = command(folder, "secret", "new").stdout.strip()
        headers = {"Authorization": f"Bearer {made}"}
        before = httpx.get(f"{cloud.url}/objects", headers=headers, trust_env=False)
        newest = command(folder, "secret", "list").stdout.splitlines()[-1].split()[0]
        command(folder, "secret", "revoke", newest)
        after = httpx.get(f"{cloud.url}/objects", headers=headers, trust_env=False)

    assert [before.status_code, after.status_code] == [200, 401]


def test_open_server_takes_uploads_from_anyone_and_says_so_loudly(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store", "--open") as cloud:
        answer = httpx.put(f"{cloud.url}/upload/x.bin", content=b"x", trust_env=False)
        again = httpx.put(f"{cloud.url}/upload/x.bin", content=b"x", trust_env=False)
        listing = get(f"{cloud.url}/objects")
        health = get(f"{cloud.url}/healthz").json()

    assert answer.status_code == 201
    assert again.json()["id"] != answer.json()["id"]  # nobody gets a stranger's delete token
    assert listing.status_code == 401
    assert health["secret_needed"] is False
    assert "WARNING: --open" in (tmp_path / "store.log").read_text()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--host", "0.0.0.0"], "--public-url"),
        (["--public-url", "cloud.example.org"], "http://"),
        (["--config", __file__], "could not read"),
        (["stat", "nothing"], "no store"),
        (["--reserve-bytes", "lots"], "not a size"),
    ],
)
def test_bad_usage_is_one_sentence_and_exit_2(
    tmp_path: Path, words: list[str], reason: str
) -> None:
    done = command(tmp_path / "none", *words)

    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "first") as first:
        done = command(tmp_path / "second", "--port", first.url.rpartition(":")[2])

    assert done.returncode == 1
    assert "could not listen on 127.0.0.1 port" in done.stderr


def test_second_server_on_one_folder_is_refused(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store"):
        done = command(tmp_path / "store", "--port", "0")

    assert done.returncode == 1
    assert "another local-cloud is serving" in done.stderr


def test_config_file_gives_defaults_and_unknown_keys_are_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('max-file-bytes = "1k"\nmax-keep-days = 1.0\n')
    bad.write_text("prot = 1\n")

    with local_cloud(tmp_path / "store", "--config", str(good)) as cloud, cloud.client() as client:
        space = client.get("/space").json()
        stored = client.put("/upload/x.bin", content=b"x").json()
    refused = command(tmp_path / "none", "--config", str(bad))

    assert (space["max_file"], space["max_keep_s"]) == (1000, 86_400)
    assert stored["expires_at"] is not None
    assert "unknown keys: prot" in refused.stderr


def test_web_port_serves_links_and_the_main_port_uploads(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store", "--web-port", "0") as cloud, cloud.client() as client:
        stored = client.put("/upload/x.bin", content=b"x").json()
        web_url = stored["url"].rsplit("/", 2)[0]

        assert web_url != cloud.url
        assert get(stored["url"]).content == b"x"
        assert get(stored["url"].replace(web_url, cloud.url)).status_code == 404
        assert client.get(f"{web_url}/objects").status_code == 404


def test_metrics_are_on_their_own_port_only(tmp_path: Path, free_port: int) -> None:
    options = ["--metrics-port", str(free_port)]
    with local_cloud(tmp_path / "store", *options) as cloud, cloud.client() as client:
        client.put("/upload/x.bin", content=b"12345")
        metrics = get(f"http://127.0.0.1:{free_port}/metrics")

        assert client.get("/metrics").status_code == 404
        assert get(f"http://127.0.0.1:{free_port}/objects").status_code == 404
    lines = metrics.text.splitlines()
    assert "local_cloud_objects 1" in lines
    assert "local_cloud_stored_bytes 5" in lines
    assert 'local_cloud_requests_total{method="PUT",status="201"} 1' in lines
    assert lines[-1] == "# EOF"


def test_audit_log_says_who_did_what_and_no_name_forges_a_line(tmp_path: Path) -> None:
    with local_cloud(tmp_path / "store") as cloud, cloud.client() as client:
        stored = client.put("/upload/x.bin", content=b"12345").json()
        get(stored["url"])
        client.delete(f"/objects/{stored['id']}")
        client.put("/upload/x%0a%7B%22event%22:%22forged%22%7D", content=b"x")
    lines = (cloud.folder / "audit.jsonl").read_text().splitlines()  # it has ended: all is written

    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == [
        *("object.stored", "object.fetched", "object.removed", "request.refused"),
    ]
    assert events[0]["sha256"] == stored["sha256"]
    assert (events[0]["owner"], events[0]["address"]) == ("main", "127.0.0.1")
    assert events[0]["received"] == events[1]["sent"] == 5


def test_administrator_lists_shows_extends_and_deletes(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with local_cloud(folder) as cloud, cloud.client() as client:
        stored = client.put("/upload/lab/x.bin", content=b"12345").json()
        listed = command(folder, "list").stdout
        shown = json.loads(command(folder, "stat", stored["id"]).stdout)
        held = json.loads(
            command(folder, "extend", stored["id"], "--expires", "60", "--hold").stdout
        )
        refused = command(folder, "delete", stored["id"])
        command(folder, "extend", stored["id"], "--release")
        deleted = command(folder, "delete", stored["id"])

        assert stored["id"] in listed
        assert "lab/x.bin" in listed
        assert shown["sha256"] == stored["sha256"]
        assert (held["held"], held["expires_at"] is not None) == (True, True)
        assert [refused.returncode, deleted.returncode] == [2, 0]
        assert get(stored["url"]).status_code == 410


def test_scrub_finds_bytes_that_changed_on_disk(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with local_cloud(folder) as cloud, cloud.client() as client:
        client.put("/upload/good.bin", content=b"12345")
        bad = client.put("/upload/bad.bin", content=b"67890").json()
    clean = command(folder, "scrub")
    for blob in (folder / "blobs").glob("*/*"):
        if blob.read_bytes() == b"67890":
            blob.write_bytes(b"67891")
    damaged = command(folder, "scrub", "--json")

    assert (clean.returncode, damaged.returncode) == (0, 1)
    assert "2 objects are as they were stored" in clean.stdout
    assert json.loads(damaged.stdout)["name"] == bad["id"]


def test_tls_serves_large_objects_by_https_links(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    options = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    content = bytes(range(256)) * 20_000
    trusting = ssl.create_default_context(cafile=str(certificate))
    with (
        local_cloud(tmp_path / "store", *options) as cloud,
        httpx.Client(headers=cloud.headers, verify=trusting, trust_env=False) as client,
    ):
        stored = client.put(f"{cloud.url}/upload/x.bin", content=content).json()

        assert stored["url"].startswith("https://")
        assert client.get(stored["url"]).content == content


def test_launcher_of_a_checkout_runs_the_same_command() -> None:
    launcher = Path(__file__).parents[3] / "scripts" / "local-cloud.py"
    done = subprocess.run(
        [sys.executable, str(launcher), "--help"], capture_output=True, text=True, check=True
    )

    assert "Store large result files" in done.stdout
    for option in ["--web-port", "--secret-file", "--reserve-bytes", "--config"]:
        assert option in done.stdout
