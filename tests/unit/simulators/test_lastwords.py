from __future__ import annotations

import pytest

from simcrate.simulators.lastwords import LINES, LastWords


def heard(*lines: str) -> LastWords:
    last_words = LastWords()
    for line in lines:
        last_words.hear(line)
    return last_words


@pytest.mark.parametrize(
    "line",
    [
        "<!> Error: std::bad_alloc: std::bad_alloc -- in module (Net) net (id=1), at t=1s, event #7",
        "  what():  std::bad_alloc",
        "MemoryError",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 745. GiB for an array",
        "sh: 1: Cannot allocate memory",
        "# There is insufficient memory for the Java Runtime Environment to continue.",
        "fatal error: runtime: out of memory",
        "memory allocation of 1048576 bytes failed",
    ],
)
def test_a_program_that_was_refused_memory_says_so(line: str) -> None:
    assert heard("** Event #1", line, "undisposed object: net.host[0]").tell_of_no_memory


@pytest.mark.parametrize(
    "line",
    [
        "node 7 is out of memory: message M12 is dropped",
        'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space',
        "<!> Error: Unknown parameter `memory'",
    ],
)
def test_what_a_simulation_is_about_is_no_refusal(line: str) -> None:
    assert not heard(line).tell_of_no_memory


def test_what_was_said_long_before_the_end_is_forgotten() -> None:
    assert not heard("MemoryError", *["goes on"] * LINES).tell_of_no_memory
