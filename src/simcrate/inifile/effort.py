"""How much work an ini file may cause: a few lines can ask for more than a machine has.

`${b=$a$a…}` over `${a=…}` multiplies lengths, loops multiply counts, and a constraint is evaluated for
every combination.  All of that is paid for in characters, out of one purse.
"""

from __future__ import annotations

from simcrate.errors import IniError

MOST_EFFORT = 4_000_000  # characters to evaluate, about five seconds
PER_ITEM = 10  # what a combination or a text costs besides its characters
LONGEST_TEXT = 100_000  # characters of an expression, or of a value whose variables are replaced


class Effort:
    """What is left to spend on one task, or on several that share it.

    Args:
        most: characters.
    """

    def __init__(self, most: int = MOST_EFFORT) -> None:
        self._left = most

    def spend(self, characters: int) -> None:
        """Take what one more item of so many characters costs.

        Raises:
            IniError: nothing is left.
        """
        self._left -= PER_ITEM + characters
        if self._left < 0:
            message = (
                "too many or too long combinations to go through; shorten the lists of values, "
                "or do without constraint and references"
            )
            raise IniError(message)


def bearable_count(length: int) -> int:
    """How many items of so many characters `Effort` allows."""
    return MOST_EFFORT // (PER_ITEM + length)


def refuse_too_long(length: int) -> None:
    """Refuse a text before it is made or evaluated.

    Raises:
        IniError: it has more than `LONGEST_TEXT` characters.
    """
    if length > LONGEST_TEXT:
        message = f"a value of {length:,} characters, variables replaced; at most {LONGEST_TEXT:,} are allowed"
        raise IniError(message)
