"""Token and config against the options that a kind declares."""

from __future__ import annotations

import pytest
from simcrate_directory import DirectoryBackend

from simcrate.errors import DefinitionError
from simcrate.secret import Secret
from simcrate.storage import backend_class, parse_config, validate_options
from simcrate.storage.localstoreops import LocalBackend

MARKED = "marked-secret-4711-hunter2"


def test_a_config_may_be_a_table_or_its_json_text() -> None:
    assert parse_config('{"a": "b"}') == parse_config({"a": "b"}) == {"a": "b"}


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_config_is_an_empty_table(text: str) -> None:
    assert parse_config(text) == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": "b"', "line 1, column 10"),
        ('{\n  "a": "b",\n  c: 1}', "line 3, column 3"),
        ("{'a': 'b'}", "line 1, column 2"),
        ('{"a": None}', "line 1, column 7"),
    ],
)
def test_broken_json_is_refused_with_line_and_column(text: str, place: str) -> None:
    with pytest.raises(DefinitionError, match=place):
        parse_config(text)


@pytest.mark.parametrize("text", ['["a"]', '"a"', "7", "null"])
def test_a_config_that_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match="must be a table"):
        parse_config(text)


def test_a_key_given_twice_is_refused_by_name() -> None:
    with pytest.raises(DefinitionError, match="'token'"):
        parse_config('{"token": "a", "token": "b"}')


@pytest.mark.parametrize("value", [{"b": 1}, ["b"], None])
def test_a_nested_value_is_refused_by_name(value: object) -> None:
    with pytest.raises(DefinitionError, match="'deep'"):
        parse_config({"deep": value})


def test_nan_is_no_json() -> None:
    with pytest.raises(DefinitionError, match="NaN"):
        parse_config('{"a": NaN}')


def test_every_declared_option_is_there_with_value_default_or_none() -> None:
    token, config = validate_options(LocalBackend, "10.10.160.10:8976", {"tls": True})

    assert token == "10.10.160.10:8976"
    assert config == {"secret": None, "tls": True, "ca": None}


def test_secret_options_become_secrets() -> None:
    _, config = validate_options(LocalBackend, "10.10.160.10:8976", {"secret": MARKED})

    assert config["secret"] == Secret(MARKED)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        validate_options(LocalBackend, "", {"tls": "yes", "sercet": MARKED, "ca": 7})

    text = str(caught.value)
    assert "token is missing" in text
    assert "'sercet'" in text
    assert "'tls' in the backend config must be true or false" in text
    assert "'ca' in the backend config must be a text" in text
    assert MARKED not in text


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DefinitionError, match="known: 'secret', 'tls', 'ca'"):
        validate_options(LocalBackend, "10.10.160.10:8976", {"password": "x"})


@pytest.mark.parametrize("value", [1, 0])
def test_a_number_is_not_true_or_false(value: int) -> None:
    with pytest.raises(DefinitionError, match="'tls'"):
        validate_options(LocalBackend, "10.10.160.10:8976", {"tls": value})


@pytest.mark.parametrize("config", [{}, {"folder": ""}])
def test_a_missing_required_option_is_named_with_its_meaning(config: dict[str, str]) -> None:
    with pytest.raises(DefinitionError, match=r"'folder' is missing .*as the workers see it"):
        validate_options(DirectoryBackend, "", config)


def test_what_the_kind_itself_finds_wrong_is_reported_too() -> None:
    config = {"folder": "crates", "base_url": "ftp://files"}

    with pytest.raises(DefinitionError, match=r"absolute path; 'base_url'"):
        validate_options(DirectoryBackend, "", config)


def test_a_token_for_a_kind_without_one_is_refused() -> None:
    with pytest.raises(DefinitionError, match="token must be empty"):
        validate_options(DirectoryBackend, "x", {"folder": "/f", "base_url": "http://f"})


@pytest.mark.parametrize("kind", ["dropbox", "seafile", "local"])
def test_every_option_explains_itself(kind: str) -> None:
    backend = backend_class(kind)
    declared = [*backend.options, *([backend.token_option] if backend.token_option else [])]

    for option in declared:
        assert option.help.endswith("."), option.name
        assert option.secret or option.example or option.kind is bool, option.name
