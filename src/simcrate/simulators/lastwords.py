"""How a program ends that the kernel gives no more memory: it says so itself, or nobody knows."""

from __future__ import annotations

import re
from collections import deque

LINES = 100  # an error may be followed by all that was not cleaned up
CHARACTERS = 500  # of a line; what is said of memory stands near its beginning

# The words of C++ (OMNeT++ repeats them), Python, the C library, Java's machine, Go and Rust.  Not those of a
# Java program whose own heap is full: that is a limit of its command line.
_NO_MEMORY = re.compile(
    r"\bbad_alloc\b|(?<!OutOf)MemoryError\b|(?i:cannot allocate memory)"
    r"|insufficient memory for the Java|fatal error: .*out of memory|memory allocation of \d+ bytes failed"
)


class LastWords:
    """The last lines of a program."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES)

    def hear(self, line: str) -> None:
        """Take one line of output."""
        self._lines.append(line[:CHARACTERS])

    @property
    def tell_of_no_memory(self) -> bool:
        """Whether it was refused memory."""
        return any(map(_NO_MEMORY.search, self._lines))
