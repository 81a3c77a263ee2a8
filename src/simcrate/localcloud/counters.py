"""What has happened since the start, counted; as lines of OpenMetrics."""

from __future__ import annotations

import threading
from collections import Counter

from simcrate.openmetrics import family, sample

REQUESTS = "local_cloud_requests"
BODY_BYTES = "local_cloud_body_bytes"


class Counters:
    """What has happened since the start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._bytes: Counter[str] = Counter()

    def count_request(self, method: str, status: int) -> None:
        """A request was answered."""
        with self._lock:
            self._requests[method, status] += 1

    def count_bytes(self, direction: str, size_bytes: int) -> None:
        """Bytes of bodies went `in` or `out`."""
        with self._lock:
            self._bytes[direction] += size_bytes

    def lines(self) -> list[str]:
        """The counters as OpenMetrics."""
        with self._lock:
            requests, moved = dict(self._requests), dict(self._bytes)
        return [
            *family(REQUESTS, "counter", "Requests answered."),
            *(
                sample(f"{REQUESTS}_total", count, method=method, status=str(status))
                for (method, status), count in sorted(requests.items())
            ),
            *family(BODY_BYTES, "counter", "Bytes of request and response bodies.", "bytes"),
            *(
                sample(f"{BODY_BYTES}_total", count, direction=direction)
                for direction, count in sorted(moved.items())
            ),
        ]
