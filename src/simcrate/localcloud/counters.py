"""What has happened since the start, counted; as lines of OpenMetrics.

Source: the OpenMetrics specification 1.0 (text format).
"""

from __future__ import annotations

import threading
from collections import Counter


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
            *family("requests", "counter", "Requests answered."),
            *(
                f'local_cloud_requests_total{{method="{method}",status="{status}"}} {count}'
                for (method, status), count in sorted(requests.items())
            ),
            *family("body_bytes", "counter", "Bytes of request and response bodies.", "bytes"),
            *(
                f'local_cloud_body_bytes_total{{direction="{direction}"}} {count}'
                for direction, count in sorted(moved.items())
            ),
        ]


def family(name: str, kind: str, text: str, unit: str = "") -> list[str]:
    """The lines that introduce a metric."""
    unit_lines = [f"# UNIT local_cloud_{name} {unit}"] if unit else []
    head = [f"# TYPE local_cloud_{name} {kind}", *unit_lines]
    return [*head, f"# HELP local_cloud_{name} {text}"]
