"""Where a crate is read from: a file, or a server, by ranges where it can."""

from __future__ import annotations

import io
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Protocol

import httpx

from simcrate.errors import BadInputError, CrateError

REMOTE_CHUNK_BYTES = (
    4 << 20
)  # one request; small enough to keep, large enough to hide the way there
REMOTE_CHUNKS_KEPT = 6
TIMEOUT_S = 30.0  # of connecting, and of silence while reading
REDIRECTS = 5


class Bytes(Protocol):
    """Bytes of known length, readable at any place by several threads."""

    name: str
    size_bytes: int

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at [offset, offset + size), fewer at the end.

        Raises:
            CrateError: they cannot be read.
        """


@contextmanager
def open_crate(where: Path | str) -> Iterator[Bytes]:
    """The bytes of a crate.

    Args:
        where: a file, or an http or https URL.

    Raises:
        BadInputError: there is no such file or the server says that there is none.
        CrateError: the server does not answer.
    """
    if isinstance(where, str) and where.startswith(("http://", "https://")):
        with _open_url(where) as remote:
            yield remote
        return
    with _open_file(Path(where)) as local:
        yield local


class LocalBytes:
    """A file's bytes."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        self.size_bytes = file.seek(0, os.SEEK_END)
        self._descriptor = file.fileno()

    def read(self, offset: int, size: int) -> bytes:
        """See `Bytes`."""
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            message = f"could not read {self.name!r}: {error.strerror}"
            raise CrateError(message) from error


class RemoteBytes:
    """A URL's bytes, fetched by ranges; the pieces read last are kept.

    Args:
        name: the URL, as it may be shown.
        url: where it is, after all redirections.
        client: asks the server.
        size_bytes: how many there are.
        etag: what must not change between two requests; empty where the server gives none.
    """

    def __init__(
        self, name: str, url: str, client: httpx.Client, size_bytes: int, etag: str
    ) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self._url = url
        self._client = client
        self._etag = etag
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._lock = Lock()

    def read(self, offset: int, size: int) -> bytes:
        """See `Bytes`."""
        end = min(offset + size, self.size_bytes)
        parts = []
        while offset < end:
            index, start = divmod(offset, REMOTE_CHUNK_BYTES)
            part = self._chunk(index)[start : start + end - offset]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def _chunk(self, index: int) -> bytes:
        with self._lock:
            if index not in self._kept:
                self._kept[index] = self._fetch(index * REMOTE_CHUNK_BYTES)
                if len(self._kept) > REMOTE_CHUNKS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(index)
            return self._kept[index]

    def _fetch(self, start: int) -> bytes:
        end = min(start + REMOTE_CHUNK_BYTES, self.size_bytes)
        try:
            answer = self._client.get(self._url, headers={"Range": f"bytes={start}-{end - 1}"})
        except httpx.HTTPError as error:
            raise _unreachable(self.name, error) from error
        if answer.status_code != httpx.codes.PARTIAL_CONTENT or len(answer.content) != end - start:
            message = (
                f"could not read {self.name!r}: the server answered {answer.status_code} with "
                f"{len(answer.content)} bytes where {end - start} were asked for; try again"
            )
            raise CrateError(message)
        if answer.headers.get("ETag", "") != self._etag:
            message = f"could not read {self.name!r}: it was replaced while it was read; try again"
            raise CrateError(message)
        return answer.content


class BytesFile(io.RawIOBase):
    """Bytes as a file object, for libraries that want one."""

    def __init__(self, source: Bytes) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As files do."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size_bytes}
        if base[whence] + offset < 0:
            message = "a position before the start"
            raise OSError(message)
        self._position = base[whence] + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """As files do."""
        remaining = max(0, self._source.size_bytes - self._position)
        count = remaining if size is None or size < 0 else min(size, remaining)
        data = self._source.read(self._position, count)
        self._position += len(data)
        return data


@contextmanager
def _open_file(path: Path) -> Iterator[Bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        message = f"could not open {path.name!r}: {error.strerror}; give a crate's file or URL"
        raise BadInputError(message, detail=str(error)) from error
    with file:
        yield LocalBytes(path.name, file)


@contextmanager
def _open_url(url: str) -> Iterator[Bytes]:
    with _http_client() as client, _first_answer(client, url) as answer:
        _check_answer(url, answer)
        size = _size_if_ranges(answer)
        if size is None:
            with _downloaded(url, answer) as local:
                yield local
        else:
            yield RemoteBytes(url, str(answer.url), client, size, answer.headers.get("ETag", ""))


def _http_client() -> httpx.Client:
    return httpx.Client(
        timeout=TIMEOUT_S,
        follow_redirects=True,
        max_redirects=REDIRECTS,
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
    )


@contextmanager
def _first_answer(client: httpx.Client, url: str) -> Iterator[httpx.Response]:
    try:
        with client.stream("GET", url, headers={"Range": "bytes=0-0"}) as answer:
            yield answer
    except httpx.InvalidURL as error:
        message = f"could not open {url!r}: that is no URL"
        raise BadInputError(message) from error
    except httpx.HTTPError as error:
        raise _unreachable(url, error) from error


def _check_answer(url: str, answer: httpx.Response) -> None:
    if answer.is_success:
        return
    reason = f"the server answered {answer.status_code} {answer.reason_phrase}".rstrip()
    if answer.is_client_error:
        message = f"could not open {url!r}: {reason}; is the link complete, and still valid?"
        raise BadInputError(message)
    message = f"could not open {url!r}: {reason}; try again later"
    raise CrateError(message)


def _size_if_ranges(answer: httpx.Response) -> int | None:
    """The full size, where the server answers ranges; None where it does not."""
    unit, _, total = answer.headers.get("Content-Range", "").partition("/")
    if answer.status_code != httpx.codes.PARTIAL_CONTENT or unit != "bytes 0-0":
        return None
    return int(total) if total.isdecimal() else None


@contextmanager
def _downloaded(url: str, answer: httpx.Response) -> Iterator[Bytes]:
    with tempfile.TemporaryFile() as file:
        for chunk in answer.iter_bytes(1 << 20):
            file.write(chunk)
        file.flush()
        yield LocalBytes(url, file)


def _unreachable(url: str, error: httpx.HTTPError) -> CrateError:
    return CrateError(f"could not read {url!r}: {error}; try again later", detail=repr(error))
