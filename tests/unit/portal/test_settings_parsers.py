"""The texts of the environment that become settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.errors import BadInputError
from simcrate.portal.database import NOTICE_ABSENCE, database_entry
from simcrate.portal.environment import host_and_port, read_environment
from simcrate.portal.mail import parse_smtp_url


def test_without_anything_everything_has_a_safe_default() -> None:
    environment = read_environment({})

    assert not environment.debug
    assert environment.registration == "closed"
    assert environment.sandbox == "bubblewrap"
    assert environment.licence == "CC-BY-4.0"
    assert environment.database_url == environment.smtp_url == ""


def test_all_faults_of_the_environment_come_in_one_text() -> None:
    with pytest.raises(BadInputError) as refused:
        read_environment(
            {
                "SIMCRATE_KEEP_RUN_DAYS": "a week",
                "SIMCRATE_SANDBOX": "maybe",
                "SIMCRATE_REGISTRATION": "yes",
                "SIMCRATE_DEBUG": "true",
                "SIMCRATE_PUBLIC_URL": "portal.example",
                "SIMCRATE_DATABSE_URL": "",
                "SIMCRATE_LICENCE": "mine\n" * 30,
            }
        )

    text = str(refused.value)
    assert "SIMCRATE_KEEP_RUN_DAYS is 'a week'" in text
    assert "SIMCRATE_LICENCE is 'mine" in text
    assert "SIMCRATE_SANDBOX is 'maybe'" in text
    assert "SIMCRATE_REGISTRATION is 'yes'" in text
    assert "SIMCRATE_DEBUG is 'true'" in text
    assert "SIMCRATE_PUBLIC_URL is 'portal.example'" in text
    assert "SIMCRATE_DATABSE_URL is not a setting" in text


@pytest.mark.parametrize(
    "url", ["portal", "ftp://x", "https://", "https://x/below", "http://[x", "//x"]
)
def test_a_public_url_is_a_scheme_and_a_host(url: str) -> None:
    with pytest.raises(BadInputError, match="SIMCRATE_PUBLIC_URL"):
        read_environment({"SIMCRATE_PUBLIC_URL": url})


def test_host_names_may_be_written_with_spaces() -> None:
    environment = read_environment({"SIMCRATE_ALLOWED_HOSTS": "a.example, b.example"})

    assert environment.allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.88.0.1/16", "127.0.0.1,,::1"])
def test_a_trusted_proxy_is_an_address_or_a_network(proxies: str) -> None:
    with pytest.raises(BadInputError, match="SIMCRATE_TRUSTED_PROXIES"):
        read_environment({"SIMCRATE_TRUSTED_PROXIES": proxies})


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        ("[::1]:9100", ("::1", 9100)),
        ("portal.example:1", ("portal.example", 1)),
    ],
)
def test_metrics_have_a_host_and_a_port(address: str, parts: tuple[str, int]) -> None:
    environment = read_environment({"SIMCRATE_METRICS_ADDRESS": address})

    assert host_and_port(environment.metrics_address) == parts


@pytest.mark.parametrize("address", ["9100", ":9100", "127.0.0.1", "127.0.0.1:0", "[::1]:65536"])
def test_an_address_for_metrics_that_is_none_is_a_fault(address: str) -> None:
    with pytest.raises(BadInputError, match="SIMCRATE_METRICS_ADDRESS"):
        read_environment({"SIMCRATE_METRICS_ADDRESS": address})


def test_sqlite_takes_its_write_lock_at_the_start_of_a_transaction(tmp_path: Path) -> None:
    entry = database_entry("", tmp_path)

    assert entry["NAME"] == tmp_path / "db.sqlite3"
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in entry["OPTIONS"]["init_command"]


def test_a_postgresql_url_is_taken_apart(tmp_path: Path) -> None:
    entry = database_entry("postgresql://u%40x:p%2Fw@db.example:5433/sim?sslmode=require", tmp_path)

    assert entry["ENGINE"] == "django.db.backends.postgresql"
    assert (entry["USER"], entry["PASSWORD"]) == ("u@x", "p/w")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example", "5433", "sim")
    assert entry["OPTIONS"] == {**NOTICE_ABSENCE, "sslmode": "require"}


def test_a_postgresql_url_says_itself_how_long_to_wait(tmp_path: Path) -> None:
    entry = database_entry("postgresql://db.example/sim?connect_timeout=60", tmp_path)

    assert entry["OPTIONS"] == {**NOTICE_ABSENCE, "connect_timeout": "60"}


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://host", "sim.db"])
def test_another_database_url_is_refused_without_repeating_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="SIMCRATE_DATABASE_URL") as refused:
        database_entry(url, tmp_path)

    assert url not in str(refused.value)


def test_an_smtp_url_is_taken_apart() -> None:
    server = parse_smtp_url("smtp://user:p%40ss@mail.example:587?starttls=1")

    assert (server.host, server.port, server.user) == ("mail.example", 587, "user")
    assert server.password.reveal() == "p@ss"
    assert server.starttls
    assert not server.tls
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize("url", ["http://mail.example", "mail.example:25", "smtp://"])
def test_another_mail_url_is_refused(url: str) -> None:
    with pytest.raises(BadInputError, match="SIMCRATE_SMTP_URL"):
        parse_smtp_url(url)
