"""Kinds of storage backends: built-in ones and those of other packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcrate.errors import DefinitionError
from simcrate.storage import KINDS, backend_class, known_kinds, validate_identifier


def install(site: Path, name: str, entry_points: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip leaves behind for a package: the metadata that names its entry points."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[simcrate.storage]\n{entry_points}\n")
    monkeypatch.syspath_prepend(str(site))


def test_the_built_in_kinds_are_dropbox_seafile_and_local() -> None:
    assert list(KINDS) == ["dropbox", "seafile", "local"]
    assert known_kinds()[:3] == ("dropbox", "seafile", "local")


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_built_in_kind_has_a_backend_that_bears_its_name(kind: str) -> None:
    assert backend_class(kind).kind == kind


@pytest.mark.parametrize("kind", ["dropbox_oauth2", "Dropbox", "drop", "", "local "])
def test_an_unknown_kind_is_refused_with_the_list(kind: str) -> None:
    with pytest.raises(DefinitionError, match="dropbox, seafile, local"):
        backend_class(kind)


@pytest.mark.parametrize("identifier", ["dropbox", "dropbox:lab2", "local:a.b-c_9"])
def test_an_identifier_is_a_kind_or_a_kind_with_a_label(identifier: str) -> None:
    assert validate_identifier(identifier) == identifier.partition(":")[0]


@pytest.mark.parametrize("identifier", ["dropbox_oauth2", "my-dropbox", "ftp:lab", ""])
def test_an_identifier_that_starts_with_no_kind_is_refused_with_the_list(identifier: str) -> None:
    with pytest.raises(DefinitionError, match="dropbox, seafile, local"):
        validate_identifier(identifier)


@pytest.mark.parametrize("identifier", ["dropbox:", "dropbox:a b", "local:-x", "local:" + "x" * 65])
def test_a_label_with_odd_characters_is_refused(identifier: str) -> None:
    with pytest.raises(DefinitionError, match="label"):
        validate_identifier(identifier)


def test_an_installed_package_adds_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf.py").write_text(
        "from simcrate.storage.localstoreops import LocalBackend\n"
        "class ShelfBackend(LocalBackend):\n    kind = 'shelf'\n"
    )
    install(tmp_path, "shelf", "shelf = shelf:ShelfBackend", monkeypatch)

    assert backend_class("shelf").kind == "shelf"
    assert validate_identifier("shelf:second") == "shelf"


def test_a_package_that_takes_a_built_in_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "thief", "dropbox = thief:Backend", monkeypatch)

    with pytest.raises(DefinitionError, match="'dropbox' is registered twice"):
        known_kinds()


def test_two_packages_with_one_kind_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "a", "first", "shelf = first:Backend", monkeypatch)
    install(tmp_path / "b", "second", "shelf = second:Backend", monkeypatch)

    with pytest.raises(DefinitionError, match="'shelf' is registered twice"):
        known_kinds()


@pytest.mark.parametrize("target", ["no_such_module_here:Backend", "json:NoSuchClass"])
def test_a_kind_whose_package_is_broken_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    install(tmp_path, "broken", f"broken = {target}", monkeypatch)

    with pytest.raises(DefinitionError, match="'broken' cannot be loaded"):
        backend_class("broken")


def test_what_is_no_storage_backend_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "odd", "odd = json:JSONDecoder", monkeypatch)

    with pytest.raises(DefinitionError, match="no storage backend"):
        backend_class("odd")
