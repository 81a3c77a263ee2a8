"""The network: contacts come and go, messages are created, carried, transferred, dropped, expire.

Model: a contact is a half-duplex link of its own, over which one message at a time is transferred at
`bandwidth`; a contact that breaks aborts the transfer, and nothing of it remains.  Messages for the peer
go first, then by the order in which they came; the two ends take turns.  A node whose buffer is full
drops its oldest copies, but none that it is sending.  Whoever delivered a message forgets it; other
copies live on until they expire.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from simcrate.oppsim.contacts import ContactSource, Pair, Step
from simcrate.oppsim.kernel import Event, Kernel
from simcrate.oppsim.messages import Buffer, Copy, Message
from simcrate.oppsim.parameters import NetworkParameters
from simcrate.oppsim.routing import ROUTERS, Router
from simcrate.oppsim.statistics import NetworkStatistics
from simcrate.oppsim.traffic import Demand, TrafficSource


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """One mobile node."""

    index: int
    buffer: Buffer
    router: Router
    links: dict[int, Link] = field(default_factory=dict)
    """Contacts by the peer's index, oldest first."""

    delivered: set[int] = field(default_factory=set)
    """Messages that it was the destination of and has got."""

    receiving: set[int] = field(default_factory=set)
    """Messages that are on their way to it."""

    def lacks(self, message: Message) -> bool:
        """Whether the node neither has nor is getting a message."""
        return (
            message.id not in self.buffer
            and message.id not in self.receiving
            and message.id not in self.delivered
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Link:
    """A contact that lasts."""

    ends: tuple[Node, Node]
    since_s: float
    turn: int
    """Which end may send next, if it has something."""

    transfer: Transfer | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Transfer:
    """A message on its way over a link."""

    sender: Node
    receiver: Node
    copy: Copy
    arrival: Event


class Network:
    """All nodes and what happens to them.

    Args:
        kernel: simulated time.
        parameters: of the model.
        contacts: who meets whom.
        traffic: who sends to whom, and when.
        protocol: the stream of random numbers that decides which end of a contact begins.
        statistics: told of everything that is measured.
    """

    def __init__(
        self,
        kernel: Kernel,
        parameters: NetworkParameters,
        contacts: ContactSource,
        traffic: TrafficSource,
        protocol: np.random.Generator,
        statistics: NetworkStatistics,
    ) -> None:
        self.created_count = 0
        self._kernel = kernel
        self._parameters = parameters
        self._contacts = contacts
        self._traffic = traffic
        self._protocol = protocol
        self._statistics = statistics
        self._nodes = [
            Node(
                index=index,
                buffer=Buffer(size),
                router=ROUTERS[parameters.routing](index, parameters),
            )
            for index, size in enumerate(parameters.buffer_size_bytes)
        ]
        self._holders: dict[int, set[int]] = {}

    def start(self) -> None:
        """Begin to measure; schedule the first step of contacts and the first message."""
        self._statistics.start()
        self._schedule_step()
        self._schedule_message()

    @property
    def present_count(self) -> int:
        """How many copies the buffers hold."""
        return sum(len(node.buffer) for node in self._nodes)

    # contacts

    def _schedule_step(self) -> None:
        step = next(self._contacts, None)
        if step is not None:
            self._kernel.schedule(step.time_s, lambda: self._take_step(step))

    def _take_step(self, step: Step) -> None:
        for pair in step.down:
            self._end_contact(pair)
        for pair in step.up:
            self._begin_contact(pair)
        self._schedule_step()

    def _begin_contact(self, pair: Pair) -> None:
        a, b = (self._nodes[index] for index in pair)
        turn = int(self._protocol.integers(2))
        link = Link(ends=(a, b), since_s=self._kernel.now_s, turn=turn)
        a.links[b.index] = b.links[a.index] = link
        self._statistics.contact_began(pair)
        summaries = [node.router.summary(self._kernel.now_s) for node in (a, b)]
        a.router.meet(b.index, summaries[1], self._kernel.now_s)
        b.router.meet(a.index, summaries[0], self._kernel.now_s)
        self._use(link)

    def _end_contact(self, pair: Pair) -> None:
        a, b = (self._nodes[index] for index in pair)
        link = a.links.pop(b.index)
        del b.links[a.index]
        self._statistics.contact_ended(pair, self._kernel.now_s - link.since_s)
        if link.transfer is not None:
            self._offer_elsewhere(self._abort(link))

    # messages

    def _schedule_message(self) -> None:
        demand = next(self._traffic, None)
        if demand is not None:
            self._kernel.schedule(demand.time_s, lambda: self._create_message(demand))

    def _create_message(self, demand: Demand) -> None:
        now_s = self._kernel.now_s
        message = Message(
            id=self.created_count,
            source=demand.source,
            destination=demand.destination,
            size_bytes=self._parameters.message_size_bytes,
            created_s=now_s,
            expires_s=now_s + self._parameters.ttl_s,
        )
        self.created_count += 1
        self._statistics.created(message)
        node = self._nodes[demand.source]
        copy = Copy(message=message, hop_count=0, tokens=node.router.tokens_of(message))
        self._holders[message.id] = set()
        if math.isfinite(message.expires_s):
            self._kernel.schedule(message.expires_s, lambda: self._expire(message))
        self._store(node, copy)
        self._schedule_message()

    def _expire(self, message: Message) -> None:
        holders = [self._nodes[index] for index in sorted(self._holders[message.id])]
        del self._holders[message.id]
        idle: list[Link] = []
        for node in holders:
            for link in node.links.values():
                transfer = link.transfer
                if transfer and transfer.sender is node and transfer.copy.message is message:
                    self._abort(link)
                    idle.append(link)
            node.buffer.remove(message.id)
            self._statistics.buffer_changed(node.index, node.buffer.used_bytes)
            self._statistics.expired(message, node.index)
        for link in idle:
            if link.transfer is None:
                self._use(link)

    def _store(self, node: Node, copy: Copy) -> None:
        """Put a copy into a buffer, dropping the oldest; then offer it to everybody in reach."""
        if copy.message.expires_s <= self._kernel.now_s:
            self._statistics.expired(copy.message, node.index)  # while it was on its way
            return
        victims = node.buffer.victims(copy.message.size_bytes)
        if victims is None:
            self._statistics.dropped(copy.message, node.index)
            return
        for victim in victims:
            self._remove(node, victim.message.id)
            self._statistics.dropped(victim.message, node.index)
        node.buffer.add(copy)
        self._holders[copy.message.id].add(node.index)
        self._statistics.buffer_changed(node.index, node.buffer.used_bytes)
        for link in node.links.values():
            if link.transfer is None:
                self._offer(link, node, copy)

    def _remove(self, node: Node, message_id: int) -> None:
        node.buffer.remove(message_id)
        self._holders[message_id].discard(node.index)
        self._statistics.buffer_changed(node.index, node.buffer.used_bytes)

    # transfers

    def _use(self, link: Link) -> None:
        """Start the next transfer of an idle link, if there is anything to send."""
        for turn in (link.turn, 1 - link.turn):
            sender, receiver = link.ends[turn], link.ends[1 - turn]
            copy = _next_copy(sender, receiver)
            if copy is not None:
                self._send(link, sender, receiver, copy)
                return

    def _offer(self, link: Link, sender: Node, copy: Copy) -> None:
        """Send one copy over an idle link if the other end wants it; no other copy was wanted before."""
        receiver = link.ends[link.ends[0] is sender]
        if receiver.lacks(copy.message) and (
            copy.message.destination == receiver.index or _agree(sender, receiver, copy)
        ):
            self._send(link, sender, receiver, copy)

    def _offer_elsewhere(self, broken: Transfer) -> None:
        """Let other neighbours get, or send, what a broken contact did not bring."""
        message_id = broken.copy.message.id
        links = (*broken.sender.links.values(), *broken.receiver.links.values())
        for link in links:
            for sender in link.ends:
                copy = sender.buffer.get(message_id)
                if link.transfer is None and copy is not None:
                    self._offer(link, sender, copy)

    def _send(self, link: Link, sender: Node, receiver: Node, copy: Copy) -> None:
        duration_s = copy.message.size_bytes * 8 / self._parameters.bandwidth_bps
        arrival = self._kernel.schedule(self._kernel.now_s + duration_s, lambda: self._arrive(link))
        link.turn = int(link.ends[0] is sender)
        copy.sending += 1
        receiver.receiving.add(copy.message.id)
        link.transfer = Transfer(sender=sender, receiver=receiver, copy=copy, arrival=arrival)

    def _abort(self, link: Link) -> Transfer:
        transfer = self._finish(link)
        transfer.arrival.cancel()
        self._statistics.aborted(transfer.copy.message)
        return transfer

    def _finish(self, link: Link) -> Transfer:
        transfer = link.transfer
        assert transfer is not None
        link.transfer = None
        transfer.copy.sending -= 1
        transfer.receiver.receiving.discard(transfer.copy.message.id)
        return transfer

    def _arrive(self, link: Link) -> None:
        transfer = self._finish(link)
        sender, receiver, copy = transfer.sender, transfer.receiver, transfer.copy
        hop_count = copy.hop_count + 1
        self._statistics.relayed(copy.message, sender.index)
        if receiver.index == copy.message.destination:
            receiver.delivered.add(copy.message.id)
            self._statistics.delivered(copy.message, hop_count)
            if copy.message.id in sender.buffer:
                self._remove(sender, copy.message.id)
        else:
            tokens = sender.router.split(copy)
            if not copy.tokens and copy.message.id in sender.buffer:
                self._remove(sender, copy.message.id)
            self._store(receiver, Copy(message=copy.message, hop_count=hop_count, tokens=tokens))
        if link.transfer is None:
            self._use(link)


def _next_copy(sender: Node, receiver: Node) -> Copy | None:
    """What a node sends to another first: anything for it, else the oldest that both agree on."""
    relayed = None
    had, receiving, delivered = receiver.buffer.message_ids, receiver.receiving, receiver.delivered
    for copy in sender.buffer:
        message_id = copy.message.id
        if message_id in had or message_id in receiving or message_id in delivered:
            continue
        if copy.message.destination == receiver.index:
            return copy
        if relayed is None and _agree(sender, receiver, copy):
            relayed = copy
    return relayed


def _agree(sender: Node, receiver: Node, copy: Copy) -> bool:
    """Whether one node hands a copy to another that is not its destination, and the other takes it."""
    return (
        copy.message.size_bytes <= receiver.buffer.capacity_bytes
        and sender.router.offers(copy, receiver.router)
        and receiver.router.accepts(copy.message)
    )
