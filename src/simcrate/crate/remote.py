"""Read a crate from a server: by ranges where it answers them, else downloaded to a temporary file.

Source: RFC 9110, 14 (range requests) and 8.8.3 (ETag).
"""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

import httpx

from simcrate.crate.reading import Bytes, LocalBytes
from simcrate.errors import BadInputError, CrateError

CHUNK_BYTES = 4 << 20  # one request; small enough to keep, large enough to hide the way there
CHUNKS_KEPT = 6
PIECE_BYTES = 1 << 20  # of a download
TIMEOUT_S = 30.0  # of connecting, and of silence while reading
REDIRECTS = 5
ATTEMPTS = 3  # at one piece; connections break in the hours that a large crate takes


@contextmanager
def open_url(url: str) -> Iterator[Bytes]:
    """The bytes behind an http or https URL.

    Raises:
        BadInputError: it is no URL, or the server says that there is nothing.
        CrateError: the server does not answer.
    """
    with _http_client() as client, _first_answer(client, url) as answer:
        _check_answer(url, answer)
        size = _size_if_ranges(answer)
        if size is None:
            with _downloaded(url, answer) as local:
                yield local
        else:
            yield RemoteBytes(url, str(answer.url), client, size, answer.headers.get("ETag", ""))


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
            index, start = divmod(offset, CHUNK_BYTES)
            part = self._chunk(index)[start : start + end - offset]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def _chunk(self, index: int) -> bytes:
        with self._lock:
            if index not in self._kept:
                self._kept[index] = self._fetch(index * CHUNK_BYTES)
                if len(self._kept) > CHUNKS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(index)
            return self._kept[index]

    def _fetch(self, start: int) -> bytes:
        last = min(start + CHUNK_BYTES, self.size_bytes) - 1
        for _ in range(ATTEMPTS - 1):
            with suppress(httpx.TransportError):
                return self._ask(start, last)
        try:
            return self._ask(start, last)
        except httpx.HTTPError as error:
            raise _unreachable(self.name, error) from error

    def _ask(self, first: int, last: int) -> bytes:
        wanted = last - first + 1
        data = bytearray()
        asked = {"Range": f"bytes={first}-{last}"}
        with self._client.stream("GET", self._url, headers=asked) as answer:
            if answer.headers.get("ETag", "") != self._etag:
                raise self._unreadable("it was replaced while it was read")
            if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                raise self._unreadable(f"the server answered {answer.status_code}")
            for piece in answer.iter_raw():
                data += piece
                if len(data) > wanted:
                    break
        if len(data) != wanted:
            raise self._unreadable(f"the server sent {len(data)} bytes or more, not {wanted}")
        return bytes(data)

    def _unreadable(self, why: str) -> CrateError:
        return CrateError(f"could not read {self.name!r}: {why}; try again")


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
        try:
            for piece in answer.iter_raw(PIECE_BYTES):
                file.write(piece)
            file.flush()
        except OSError as error:
            message = (
                f"could not download {url!r}: {error.strerror}; TMPDIR names the directory used"
            )
            raise CrateError(message, detail=str(error)) from error
        yield LocalBytes(url, file)


def _unreachable(url: str, error: httpx.HTTPError) -> CrateError:
    return CrateError(f"could not read {url!r}: {error}; try again later", detail=repr(error))
