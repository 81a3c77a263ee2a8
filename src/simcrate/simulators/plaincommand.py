"""Any program as a simulator: a list of arguments with placeholders, and a pattern for its progress."""

from __future__ import annotations

import re

from simcrate.simulators.definition import Simulator
from simcrate.simulators.reader import Ending, EndingKind, Reader, RunArguments, killed

_ERROR = re.compile(r"(?i)\b(error|fatal|\w*exception|traceback)\b")


def command_line(simulator: Simulator, run: RunArguments) -> tuple[str, ...]:
    """The arguments with `{ini}`, `{config}`, `{run}` and `{results}` filled in."""
    values = {
        "{ini}": run.ini_name,
        "{config}": run.config,
        "{run}": str(run.number),
        "{results}": run.result_dir,
    }
    placeholder = re.compile("|".join(map(re.escape, values)))
    return tuple(
        placeholder.sub(lambda found: values[found[0]], word) for word in simulator.command
    )


class PlainReader(Reader):
    """Takes percentages from the lines that the definition's pattern matches."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = re.compile(pattern) if pattern else None

    def understand(self, line: str) -> None:
        """A percentage, never shown to fall."""
        found = self._pattern.search(line) if self._pattern else None
        if found is None:
            return
        try:
            self.percent = max(self.percent, min(100.0, float(found["percent"])))
        except (TypeError, ValueError):  # the program's text, not ours
            return

    def is_error(self, line: str) -> bool:
        """By the words that programs say it with."""
        return bool(_ERROR.search(line))

    def ending(self, exit_code: int) -> Ending:
        """By the exit code: there is nothing else to go by."""
        if exit_code < 0:
            return Ending(EndingKind.ERROR, killed(exit_code))
        if exit_code == 0:
            return Ending(EndingKind.COMPLETE, "The program ended with exit code 0.")
        said = f" and said last: {self.last_line}" if self.last_line else ""
        return Ending(EndingKind.ERROR, f"The program ended with exit code {exit_code}{said}.")
