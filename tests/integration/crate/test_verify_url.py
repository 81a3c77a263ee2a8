"""Verifying a crate where it was delivered to."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simcrate.crate import PackedCrate, inspect_crate, verify_crate
from simcrate.crate.remote import CHUNK_BYTES
from simcrate.errors import BadInputError, CrateError
from tests.servers.ranges import serving_ranges
from tests.servers.static_files import serving


def test_crate_behind_a_url_is_verified_by_ranges_and_read_about_once(packed: PackedCrate) -> None:
    with serving_ranges(packed.path) as server:
        verification = verify_crate(server.url)

    sent = sum(last - first + 1 for first, last in server.ranges)
    assert verification.is_good
    assert verification.members == packed.members
    assert sent <= packed.size_bytes + 2 * CHUNK_BYTES


def test_crate_on_a_server_without_ranges_is_downloaded_and_verified(packed: PackedCrate) -> None:
    with serving(packed.path.parent) as url:
        verification = verify_crate(f"{url}/crate.zip")

    assert verification.is_good


def test_redirected_link_is_followed(packed: PackedCrate) -> None:
    with serving_ranges(packed.path) as server:
        assert verify_crate(server.url.replace("crate.zip", "redirect")).is_good


def test_faults_of_a_crate_behind_a_url_are_found(packed: PackedCrate) -> None:
    data = bytearray(packed.path.read_bytes())
    data[len(data) // 2] ^= 1
    packed.path.write_bytes(data)

    with serving_ranges(packed.path) as server:
        faults = verify_crate(server.url).faults

    assert {(fault.kind.value, fault.name) for fault in faults} == {
        ("crc", "results/General/noise.gz"),
        ("changed", "results/General/noise.gz"),
    }


def test_crate_behind_a_url_is_inspected_without_reading_it_all(packed: PackedCrate) -> None:
    with serving_ranges(packed.path) as server:
        inspection = inspect_crate(server.url)

    assert inspection.run_record["title"] == "Epidemic routing"
    assert len(inspection.files) == packed.members


def test_link_that_is_gone_is_bad_input_with_the_servers_answer(packed: PackedCrate) -> None:
    with (
        serving_ranges(packed.path) as server,
        pytest.raises(BadInputError, match=r"the server answered 410 Gone"),
    ):
        verify_crate(server.url.replace("crate.zip", "gone"))


def test_server_that_does_not_answer_is_a_retryable_error(packed: PackedCrate) -> None:
    with serving_ranges(packed.path) as server:
        url = server.url

    with pytest.raises(CrateError, match="try again later") as caught:
        verify_crate(url)
    assert caught.value.retryable


def test_connection_that_breaks_once_is_taken_up_again(packed: PackedCrate) -> None:
    with serving_ranges(packed.path) as server:
        server.cuts = range(3, 4)

        assert verify_crate(server.url).is_good


def test_connection_that_breaks_again_and_again_is_an_error_not_a_fault_of_the_crate(
    packed: PackedCrate,
) -> None:
    with serving_ranges(packed.path) as server:
        server.cuts = range(3, 1000)
        with pytest.raises(CrateError, match="could not read"):
            verify_crate(server.url)


def test_server_that_forgets_about_ranges_is_an_error(packed: PackedCrate) -> None:
    with serving_ranges(packed.path) as server:
        server.forgets_ranges_after = 2
        with pytest.raises(CrateError, match="the server answered 200"):
            verify_crate(server.url)


def test_disk_that_is_full_during_a_download_is_said_plainly(packed: PackedCrate) -> None:
    with (
        serving(packed.path.parent) as url,
        full_disk(100_000),
        pytest.raises(CrateError, match=r"could not download .* too large; TMPDIR"),
    ):
        verify_crate(f"{url}/crate.zip")


def test_crate_that_is_replaced_while_it_is_read_is_an_error(packed: PackedCrate) -> None:
    with serving_ranges(packed.path) as server:

        def replace_it(done: int, total: int) -> None:
            server.etag = '"2"'

        with pytest.raises(CrateError, match="it was replaced while it was read"):
            verify_crate(server.url, progress=replace_it)


def test_address_that_is_no_url_is_bad_input() -> None:
    with pytest.raises(BadInputError, match="no URL"):
        verify_crate("http://host:port/")


@contextmanager
def full_disk(size_bytes: int) -> Iterator[None]:
    """No file may grow above this: the kernel refuses the write as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
