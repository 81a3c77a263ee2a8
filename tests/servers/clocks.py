"""A clock that moves only when somebody waits."""

from __future__ import annotations


class Clock:
    """Monotonic seconds; `sleep` moves it and remembers for how long."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
