"""What is measured: counters, delays, contacts, buffers, for the network and for every node.

Whatever happens before the end of the warm-up period is left out, and so is whatever becomes of messages
that were created before it.  A ratio with nothing to divide by is NaN, never 0.

Source of the names and definitions: the ONE's MessageStatsReport (delivery ratio, overhead ratio);
Keränen, Ott, Kärkkäinen: The ONE simulator for DTN protocol evaluation, SIMUTools 2009.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from simcrate.oppsim import measures
from simcrate.oppsim.contacts import Pair
from simcrate.oppsim.kernel import Kernel
from simcrate.oppsim.measures import Counters, HeldValue, Measure, ratio
from simcrate.oppsim.messages import Message
from simcrate.oppsim.parameters import NETWORK, Assignment
from simcrate.oppsim.recording import Attributes, ScalarFile, Vector, VectorFile

Wanted = Callable[[str, str], bool]
"""Whether an option of objects (`vector-recording`) is on for a result (`OppNet.delay:vector`)."""


@dataclass(slots=True)
class NodeStatistics:
    """What is measured at one node."""

    module: str
    buffer: HeldValue
    neighbours: HeldValue
    buffer_vector: Vector | None
    neighbours_vector: Vector | None
    counters: Counters = field(default_factory=Counters)


class NetworkStatistics:
    """Told by the network of everything that happens.

    Args:
        kernel: simulated time.
        node_count: how many nodes there are.
        vectors: where values over time go.
        warmup_s: simulated time before which nothing counts.
        wanted: what the ini file wants recorded.
    """

    def __init__(
        self,
        kernel: Kernel,
        node_count: int,
        vectors: VectorFile,
        *,
        warmup_s: float = 0.0,
        wanted: Wanted = lambda _path, _option: True,
    ) -> None:
        self._kernel = kernel
        self._vectors = vectors
        self._warmup_s = warmup_s
        self._wanted = wanted
        self._counters = Counters()
        self._aborted = 0
        self._delays = array("d")
        self._hop_counts = array("d")
        self._durations = array("d")
        self._gaps = array("d")
        self._last_end: dict[Pair, float] = {}
        self._contacts = HeldValue(warmup_s)
        self._buffers = HeldValue(warmup_s)
        self._buffered_bytes = 0
        self._delay_vector = self._vector(NETWORK, measures.DELAY)
        self._hop_vector = self._vector(NETWORK, measures.HOP_COUNT)
        self._ratio_vector = self._vector(NETWORK, measures.DELIVERY_RATIO)
        self._contacts_vector = self._vector(NETWORK, measures.CONTACTS_UP)
        self._buffers_vector = self._vector(NETWORK, measures.MEAN_BUFFER_OCCUPANCY)
        self._duration_vector = self._vector(NETWORK, measures.CONTACT_DURATION)
        self._gap_vector = self._vector(NETWORK, measures.INTER_CONTACT_TIME)
        self._nodes = [self._node(index) for index in range(node_count)]

    # the beginning

    def start(self) -> None:
        """See to it that every held value is recorded when measuring begins, whether or not it ever changes."""
        if self._is_warm():
            self._record_held_values()
        else:
            self._kernel.schedule(self._warmup_s, self._record_held_values)

    def _record_held_values(self) -> None:
        self._record(self._contacts_vector, self._contacts.value)
        self._record(self._buffers_vector, self._buffers.value)
        for node in self._nodes:
            self._record(node.buffer_vector, node.buffer.value)
            self._record(node.neighbours_vector, node.neighbours.value)

    # what happens to messages

    def created(self, message: Message) -> None:
        """A message begins its life at its source."""
        if self._is_counted(message):
            self._counters.created += 1
            self._nodes[message.source].counters.created += 1
            self._record_ratio()

    def relayed(self, message: Message, sender: int) -> None:
        """A transfer was completed, to whomever."""
        if self._is_counted(message):
            self._counters.relayed += 1
            self._nodes[sender].counters.relayed += 1

    def delivered(self, message: Message, hop_count: int) -> None:
        """A message reached its destination, for the first and only time."""
        if not self._is_counted(message):
            return
        delay_s = self._kernel.now_s - message.created_s
        self._counters.delivered += 1
        self._nodes[message.destination].counters.delivered += 1
        self._delays.append(delay_s)
        self._hop_counts.append(hop_count)
        self._record(self._delay_vector, delay_s)
        self._record(self._hop_vector, hop_count)
        self._record_ratio()

    def dropped(self, message: Message, node: int) -> None:
        """A copy had to leave a full buffer."""
        if self._is_counted(message):
            self._counters.dropped += 1
            self._nodes[node].counters.dropped += 1

    def expired(self, message: Message, node: int) -> None:
        """A copy's time to live ended."""
        if self._is_counted(message):
            self._counters.expired += 1
            self._nodes[node].counters.expired += 1

    def aborted(self, message: Message) -> None:
        """A transfer was broken off."""
        if self._is_counted(message):
            self._aborted += 1

    def buffer_changed(self, node: int, used_bytes: int) -> None:
        """A buffer holds more or less than before."""
        now_s = self._kernel.now_s
        statistics = self._nodes[node]
        self._buffered_bytes += used_bytes - int(statistics.buffer.value)
        statistics.buffer.change(now_s, used_bytes)
        self._buffers.change(now_s, self._buffered_bytes / len(self._nodes))
        self._record(statistics.buffer_vector, used_bytes)
        self._record(self._buffers_vector, self._buffers.value)

    # what happens to contacts

    def contact_began(self, pair: Pair) -> None:
        """Two nodes come into reach."""
        now_s = self._kernel.now_s
        if self._is_warm():
            self._counters.contacts += 1
            if (ended_s := self._last_end.get(pair)) is not None:
                self._gaps.append(now_s - ended_s)
                self._record(self._gap_vector, now_s - ended_s)
            for node in pair:
                self._nodes[node].counters.contacts += 1
        self._neighbours_changed(pair, +1)

    def contact_ended(self, pair: Pair, duration_s: float) -> None:
        """Two nodes are out of reach."""
        self._last_end[pair] = self._kernel.now_s
        if self._is_warm():
            self._durations.append(duration_s)
            self._record(self._duration_vector, duration_s)
        self._neighbours_changed(pair, -1)

    # the end

    def finish(self, file: ScalarFile, assignments: list[Assignment]) -> None:
        """Record everything that is not a vector."""
        writer = _ScalarWriter(file, self._wanted)
        parameters: dict[str, list[Assignment]] = {}
        for assignment in assignments:
            parameters.setdefault(assignment.module, []).append(assignment)
        writer.parameters(parameters.get(NETWORK, []))
        self._finish_network(writer)
        for node in self._nodes:
            writer.parameters(parameters.get(node.module, []))
            self._finish_node(writer, node)

    def _finish_network(self, writer: _ScalarWriter) -> None:
        counted = self._counters
        writer.counters(NETWORK, counted)
        overhead = ratio(counted.relayed - counted.delivered, counted.delivered)
        delivery = ratio(counted.delivered, counted.created)
        neighbours = 2 * self._mean(self._contacts) / len(self._nodes)
        writer.scalar(NETWORK, measures.ABORTED, "count", self._aborted)
        writer.scalar(NETWORK, measures.DELIVERY_RATIO, "last", delivery)
        writer.scalar(NETWORK, measures.OVERHEAD_RATIO, "last", overhead)
        writer.distribution(NETWORK, measures.DELAY, self._delays)
        writer.distribution(NETWORK, measures.HOP_COUNT, self._hop_counts)
        writer.distribution(NETWORK, measures.CONTACT_DURATION, self._durations)
        writer.distribution(NETWORK, measures.INTER_CONTACT_TIME, self._gaps)
        writer.scalar(NETWORK, measures.MEAN_NEIGHBOURHOOD_SIZE, "timeavg", neighbours)
        writer.scalar(NETWORK, measures.MEAN_BUFFER_OCCUPANCY, "timeavg", self._mean(self._buffers))

    def _finish_node(self, writer: _ScalarWriter, node: NodeStatistics) -> None:
        writer.counters(node.module, node.counters)
        for measure, held in (
            (measures.BUFFER_OCCUPANCY, node.buffer),
            (measures.NEIGHBOURHOOD_SIZE, node.neighbours),
        ):
            writer.scalar(node.module, measure, "timeavg", self._mean(held))
            writer.scalar(node.module, measure, "max", held.maximum)

    # recording

    def _node(self, index: int) -> NodeStatistics:
        module = f"{NETWORK}.node[{index}]"
        return NodeStatistics(
            module=module,
            buffer=HeldValue(self._warmup_s),
            neighbours=HeldValue(self._warmup_s),
            buffer_vector=self._vector(module, measures.BUFFER_OCCUPANCY),
            neighbours_vector=self._vector(module, measures.NEIGHBOURHOOD_SIZE),
        )

    def _vector(self, module: str, measure: Measure) -> Vector | None:
        if not self._wanted(f"{module}.{measure.name}:vector", "vector-recording"):
            return None
        attributes = {
            "title": measure.title,
            "unit": measure.unit,
            "interpolationmode": measure.interpolation,
            "recordingmode": "vector",
        }
        return self._vectors.add(module, f"{measure.name}:vector", attributes)

    def _is_counted(self, message: Message) -> bool:
        return message.created_s >= self._warmup_s

    def _is_warm(self) -> bool:
        return self._kernel.now_s >= self._warmup_s

    def _record(self, vector: Vector | None, value: float) -> None:
        if vector is not None and self._is_warm():
            vector.record(self._kernel.event_count, self._kernel.now_s, value)

    def _record_ratio(self) -> None:
        self._record(self._ratio_vector, ratio(self._counters.delivered, self._counters.created))

    def _neighbours_changed(self, pair: Pair, change: int) -> None:
        now_s = self._kernel.now_s
        for index in pair:
            node = self._nodes[index]
            node.neighbours.change(now_s, node.neighbours.value + change)
            self._record(node.neighbours_vector, node.neighbours.value)
        self._contacts.change(now_s, self._contacts.value + change)
        self._record(self._contacts_vector, self._contacts.value)

    def _mean(self, held: HeldValue) -> float:
        return held.mean(self._warmup_s, self._kernel.now_s)


class _ScalarWriter:
    """Scalars with their attributes, those that the ini file wants."""

    def __init__(self, file: ScalarFile, wanted: Wanted) -> None:
        self._file = file
        self._wanted = wanted

    def parameters(self, assignments: list[Assignment]) -> None:
        for assignment in assignments:
            path = f"{assignment.module}.{assignment.name}"
            if self._wanted(path, "param-recording"):
                self._file.parameter(
                    assignment.module, assignment.name, assignment.value, assignment.unit
                )

    def counters(self, module: str, counters: Counters) -> None:
        for field_name, measure in measures.COUNTED.items():
            self.scalar(module, measure, "count", getattr(counters, field_name))

    def scalar(self, module: str, measure: Measure, mode: str, value: float) -> None:
        if self._wanted(f"{module}.{measure.name}:{mode}", "scalar-recording"):
            self._file.scalar(module, f"{measure.name}:{mode}", value, _attributes(measure, mode))

    def distribution(self, module: str, measure: Measure, values: array[float]) -> None:
        mean = sum(values) / len(values) if values else math.nan
        self.scalar(module, measure, "mean", mean)
        self.scalar(module, measure, "max", max(values, default=math.nan))
        name = f"{measure.name}:histogram"
        if self._wanted(f"{module}.{name}", "statistic-recording"):
            bins = self._wanted(f"{module}.{name}", "bin-recording")
            attributes = _attributes(measure, "histogram")
            self._file.histogram(module, name, values, attributes, bins=bins)


def _attributes(measure: Measure, mode: str) -> Attributes:
    return {
        "title": f"{measure.title}, {mode}",
        "unit": measure.unit,
        "interpolationmode": measure.interpolation,
        "recordingmode": mode,
    }
