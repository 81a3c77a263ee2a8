"""Any program as a simulator: a list of arguments with placeholders, and a pattern for its progress."""

from __future__ import annotations

import re

from simcrate.simulators.definition import Simulator
from simcrate.simulators.reader import Ending, EndingKind, Reader, RunArguments, finite, killed

PROGRESS_GROUPS = {"percent", "time", "rate"}
"""What the groups of a pattern can be called: percent done, simulated seconds, simulated seconds per second."""

_ERROR = re.compile(r"(?i)\b(error|fatal|\w*exception|traceback)\b")


def command_line(simulator: Simulator, run: RunArguments) -> tuple[str, ...]:
    """The arguments with the placeholders filled in; `{run+1}` is for programs that count from 1."""
    values = {
        "{ini}": run.ini_name,
        "{config}": run.config,
        "{run}": str(run.number),
        "{run+1}": str(run.number + 1),
        "{results}": run.result_dir,
    }
    placeholder = re.compile("|".join(map(re.escape, values)))
    return tuple(
        placeholder.sub(lambda found: values[found[0]], word) for word in simulator.command
    )


class PlainReader(Reader):
    """Takes progress from the lines that the definition's pattern matches, by the names of its groups."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = re.compile(pattern) if pattern else None

    def understand(self, line: str) -> None:
        """Percentage and simulated time, which are never shown to fall, and the pace."""
        found = self._pattern.search(line) if self._pattern else None
        if found is None:
            return
        said = {name: finite(text) for name, text in found.groupdict().items() if text}
        if (percent := said.get("percent")) is not None:
            self.percent = max(self.percent, min(100.0, percent))
        if (sim_time_s := said.get("time")) is not None:
            self.sim_time_s = max(self.sim_time_s, sim_time_s)
        self.sim_s_per_s = said.get("rate", self.sim_s_per_s)

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
