"""One error for all the faults of an ini file, so that nobody mends them one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

from simcrate.errors import IniError

LONGEST_QUOTATION = 200  # characters: a value may have a hundred thousand


class IniFaultsError(IniError):
    """Several faults of an ini file; each is an `IniError` of its own in `faults`."""

    def __init__(self, faults: Sequence[IniError]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)
        self.file = faults[0].file
        self.line = faults[0].line


def raise_faults(faults: Sequence[IniError]) -> None:
    """Raise what was found: nothing, the one fault, or all of them as one error.

    Raises:
        IniError: there are faults.
    """
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise IniFaultsError(faults)


def excerpt(text: str) -> str:
    """A text as errors quote it: of one that nobody would read, its beginning and its end."""
    if len(text) <= LONGEST_QUOTATION:
        return text
    half = LONGEST_QUOTATION // 2
    return f"{text[:half]} … {text[-half:]}"


def suggest(word: str, known: Sequence[str]) -> str:
    """The end of an error text: the nearest spelling, if any, and what there is."""
    nearest = get_close_matches(word, known, n=1, cutoff=0.6)
    hint = f'; did you mean "{excerpt(nearest[0])}"?' if nearest else ""
    return f"{hint} (there is: {listed(known)})" if known else hint


def listed(names: Collection[str]) -> str:
    """Names as errors list them: whole ones, as many as one reads; of one that nobody would read, an excerpt."""
    shown: list[str] = []
    for name in map(excerpt, names):
        if shown and len(", ".join([*shown, name])) > LONGEST_QUOTATION:
            break
        shown.append(name)
    return ", ".join(shown) + (", …" if len(shown) < len(names) else "")


@contextmanager
def placed(file: str, line: int) -> Iterator[None]:
    """Give errors from inside that name no place this one."""
    try:
        yield
    except IniError as error:
        if error.file:
            raise
        raise IniError(str(error), file=file, line=line) from error
