from __future__ import annotations

import copy
import json
import logging
import pickle

import pytest

from simcrate.secret import ScrubbingFormatter, Secret, scrub

VALUE = "correct horse/battery"


@pytest.fixture
def secret() -> Secret:
    return Secret(VALUE)


def test_a_secret_prints_as_a_mask(secret: Secret) -> None:
    assert f"{secret} {secret!r}" == "[secret] [secret]"


def test_only_reveal_gives_its_value(secret: Secret) -> None:
    assert secret.reveal() == VALUE
    assert secret.matches(VALUE)
    assert secret == Secret(VALUE)
    assert secret != VALUE


def test_a_secret_has_no_way_out(secret: Secret) -> None:
    for leak in (pickle.dumps, json.dumps, hash):
        with pytest.raises(TypeError):
            leak(secret)
    assert copy.deepcopy(secret) is secret


def test_known_secrets_are_scrubbed_in_every_form(secret: Secret) -> None:
    text = f"plain {VALUE} quoted correct%20horse%2Fbattery base64 Y29ycmVjdCBob3JzZS9iYXR0ZXJ5"

    assert scrub(text) == "plain [secret] quoted [secret] base64 [secret]"


def test_a_secret_that_is_gone_is_not_scrubbed() -> None:
    Secret("a passing value")

    assert scrub("a passing value") == "a passing value"


def formatted(message: str, **fields: object) -> str:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", **fields})
    return ScrubbingFormatter("%(levelname)s %(message)s").format(record)


def test_a_log_line_shows_its_fields() -> None:
    assert formatted("task.started", claim="7") == "INFO task.started claim=7"


def test_a_log_line_leaks_no_secret(secret: Secret) -> None:
    assert formatted("upload.failed", why=f"bad token {VALUE}") == (
        "INFO upload.failed why=bad token [secret]"
    )


def test_a_field_cannot_forge_a_line() -> None:
    assert formatted("a", title="x\nINFO b") == "INFO a title=x\\nINFO b"
