"""Deflate in independent blocks, so that several threads can work on one file.

Each block is compressed by itself and ended at a byte boundary (a sync flush), the last one is finished:
put together in order they are one raw deflate stream that any inflater reads.  ISA-L chooses its code by
the processor, so its bytes are the same on machines of one type, not everywhere.

Source: RFC 1951, 3.2.3 and 3.2.4 (blocks; an empty stored block aligns to bytes); ISA-L, `igzip_lib.h`.
"""

from __future__ import annotations

from dataclasses import dataclass

from isal import isal_zlib

BLOCK_BYTES = 1 << 20  # larger ones save nothing; smaller ones cost ratio
LEVEL = 3  # the densest that ISA-L has

STORED = 0
DEFLATED = 8

_RAW = -15  # a raw deflate stream with a window of 32 KiB
_COMPRESSED = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",  # JPEG
    b"PK\x03\x04",
    b"PAR1",
    b"\x1f\x8b\x08",  # gzip
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",  # zstd
    b"7z\xbc\xaf\x27\x1c",
    b"wOF2",
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block as it stands in the zip."""

    method: int
    data: bytes
    crc: int
    size_bytes: int
    """Before compression."""


def is_compressed(head: bytes) -> bool:
    """Whether a file that starts so is compressed already, and compressing it again only costs time."""
    return head.startswith(_COMPRESSED)


def store(data: bytes) -> Block:
    """The block as it is."""
    return Block(STORED, data, isal_zlib.crc32(data), len(data))


def squeeze(data: bytes) -> Block:
    """A whole file in one block, deflated where that makes it smaller."""
    deflated = isal_zlib.compress(data, LEVEL, _RAW)
    if len(deflated) >= len(data):
        return store(data)
    return Block(DEFLATED, deflated, isal_zlib.crc32(data), len(data))


def deflate(data: bytes) -> Block:
    """A block that another one follows."""
    return _deflate(data, isal_zlib.Z_SYNC_FLUSH)


def deflate_last(data: bytes) -> Block:
    """The last block of a file."""
    return _deflate(data, isal_zlib.Z_FINISH)


def combine_crc(first: int, second: Block) -> int:
    """The CRC-32 of what has the CRC `first`, followed by a block."""
    return int(isal_zlib.crc32_combine(first, second.crc, second.size_bytes))


def _deflate(data: bytes, flush: int) -> Block:
    compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _RAW)
    deflated = compressor.compress(data) + compressor.flush(flush)
    return Block(DEFLATED, deflated, isal_zlib.crc32(data), len(data))
