"""Credential-like lines of an ini are found, and ordinary ones are not."""

from __future__ import annotations

import pytest

from simcrate.crate import SuspectedCredential, find_credentials

AWS_KEY = "AKIA" + "ABCDEFGHIJKLMNOP"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('**.server.password = "hunter22"', "a value for 'password'"),
        ('**.uploadToken = "abcdef"', "a value for 'uploadToken'"),
        ('# old: *.api_key = "abcdef"', "a value for 'api_key'"),
        ("db-secret = x1y2z3", "a value for 'db-secret'"),
        (f'**.key = "{AWS_KEY}"', "an AWS access key"),
        ('**.url = "https://bob:pa55@example.org/x"', "a password in a URL"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ('**.t = "ghp_' + "a" * 36 + '"', "a GitHub token"),
        (f'**.t = "eyJ{"a" * 20}.eyJ{"b" * 40}.{"c" * 43}"', "a JSON web token"),
        ('**.password += "hunter22"', "a value for 'password'"),
        (f'**.x = "{"y" * 100_000} {AWS_KEY}"', "an AWS access key"),
    ],
)
def test_credential_is_found_and_its_value_is_not_repeated(line: str, what: str) -> None:
    found = find_credentials("[General]\n" + line)

    assert found == (SuspectedCredential(line=2, what=what),)


@pytest.mark.parametrize(
    "line",
    [
        "sim-time-limit = 3600s",
        "**.tokenBucket.size = 100B",
        "**.tokenRate = 5Mbps",
        "**.useToken = true",
        '**.password = ""',
        "**.token = ${1, 2, 3}",
        "**.passive = on",
        '**.network = "compass"',
        "# password =",
        "**.x = 3 # ${N} with a password = 3",
        "# a secret of good simulations: many seeds",
        '**.url = "https://example.org/a:b"',
        "",
    ],
)
def test_ordinary_line_is_not_suspected(line: str) -> None:
    assert find_credentials(line) == ()


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        " ",
        "a.",
        "eyJ-",
        "eyJ.",
        "x.eyJ",
        "a://",
        "a://b:",
        ":",
        "-----BEGIN ",
        "+",
        "passWord",
        "# a ",
    ],
)
def test_a_line_of_any_length_is_looked_at_in_no_time(piece: str) -> None:
    length = 300_000

    for start in ("# a", "password = a"):
        find_credentials(start + piece * (length // len(piece)))  # or it takes for ever
