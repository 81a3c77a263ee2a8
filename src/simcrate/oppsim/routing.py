"""Routing strategies: what a node hands to whom.

A message whose destination is met is always delivered, first of all and without asking the strategy.
A strategy decides about everybody else.  One object per node; it knows the node's number and what it
remembers itself, and never touches buffers.

Adding one: a subclass, a name in `ROUTERS`, and its parameters in `parameters.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from simcrate.oppsim.messages import Copy, Message
from simcrate.oppsim.parameters import NetworkParameters


class Router(ABC):
    """What one node decides."""

    def __init__(self, node: int, parameters: NetworkParameters) -> None:
        self.node = node
        self.parameters = parameters

    def tokens_of(self, message: Message) -> int:  # noqa: ARG002 - strategies may look at it
        """How many copies a new message of this node stands for."""
        return 1

    def summary(self, now_s: float) -> Mapping[int, float]:  # noqa: ARG002 - most know nothing
        """What this node tells at the beginning of a contact: a number for each node it knows of."""
        return {}

    def meet(self, peer: int, summary: Mapping[int, float], now_s: float) -> None:  # noqa: B027
        """A contact begins; called for both ends with the other's summary, before anything is sent.

        By default nothing is remembered.
        """

    def accepts(self, message: Message) -> bool:  # noqa: ARG002 - strategies may look at it
        """Whether this node takes a message that it does not carry and is not for it."""
        return True

    @abstractmethod
    def offers(self, copy: Copy, peer: Router) -> bool:
        """Whether this node hands a copy to a peer that is not the destination."""

    def split(self, copy: Copy) -> int:
        """Tokens that go with a copy handed over; the copy stays if it keeps any, else it is removed.

        By default every copy counts for itself and the sender keeps its own.
        """
        return copy.tokens


class Epidemic(Router):
    """Everything to everybody who lacks it.

    Source: Vahdat, Becker: Epidemic routing for partially-connected ad hoc networks, Duke University,
    technical report CS-200006, 2000.
    """

    def offers(self, copy: Copy, peer: Router) -> bool:  # noqa: ARG002 - to everybody
        """Always."""
        return True


class DirectDelivery(Router):
    """The source carries its message until it meets the destination.

    Source: Grossglauser, Tse: Mobility increases the capacity of ad hoc wireless networks, INFOCOM 2001.
    """

    def offers(self, copy: Copy, peer: Router) -> bool:  # noqa: ARG002 - to nobody
        """Never."""
        return False


class FirstContact(Router):
    """The only copy goes to whoever is met first, but never to somebody who had it before.

    Source: Jain, Fall, Patra: Routing in a delay tolerant network, SIGCOMM 2004.
    """

    def __init__(self, node: int, parameters: NetworkParameters) -> None:
        super().__init__(node, parameters)
        self._had: set[int] = set()

    def accepts(self, message: Message) -> bool:
        """Unless it has been here."""
        return message.id not in self._had

    def offers(self, copy: Copy, peer: Router) -> bool:  # noqa: ARG002 - to the first
        """Unless somebody is getting it already."""
        return not copy.sending

    def split(self, copy: Copy) -> int:
        """All that there is."""
        self._had.add(copy.message.id)
        tokens, copy.tokens = copy.tokens, 0
        return tokens


class SprayAndWait(Router):
    """Half of a limited number of copies to everybody met; the last one waits for the destination.

    Source: Spyropoulos, Psounis, Raghavendra: Spray and Wait: an efficient routing scheme for
    intermittently connected mobile networks, WDTN 2005 (the binary form).
    """

    def tokens_of(self, message: Message) -> int:  # noqa: ARG002 - the same for all
        """The parameter `copies`."""
        return self.parameters.copies

    def offers(self, copy: Copy, peer: Router) -> bool:  # noqa: ARG002 - to everybody
        """While there is more than one left, to one peer after the other."""
        return copy.tokens > 1 and not copy.sending

    def split(self, copy: Copy) -> int:
        """Half, rounded down."""
        given = copy.tokens // 2
        copy.tokens -= given
        return given


class Prophet(Router):
    """A copy to whoever is likelier to meet the destination, by the history of encounters.

    Source: Lindgren, Doria, Schelén: Probabilistic routing in intermittently connected networks,
    ACM SIGMOBILE MC2R 7(3), 2003 (delivery predictabilities and their three equations, GRTR).
    """

    def __init__(self, node: int, parameters: NetworkParameters) -> None:
        super().__init__(node, parameters)
        self._predictability: dict[int, float] = {}
        self._aged_s = 0.0

    def predictability(self, node: int) -> float:
        """How likely this node is to meet another, from 0 to 1, as of the last contact."""
        return self._predictability.get(node, 0.0)

    def summary(self, now_s: float) -> Mapping[int, float]:
        """All predictabilities, aged."""
        self._age(now_s)
        return dict(self._predictability)

    def meet(self, peer: int, summary: Mapping[int, float], now_s: float) -> None:
        """Age, raise the peer's predictability, and take over what the peer can reach."""
        self._age(now_s)
        known = self.predictability(peer)
        raised = known + (1 - known) * self.parameters.prophet_initial
        self._predictability[peer] = raised
        share = raised * self.parameters.prophet_transitivity
        for node, probability in summary.items():
            if node != self.node:
                known = self.predictability(node)
                self._predictability[node] = known + (1 - known) * probability * share

    def offers(self, copy: Copy, peer: Router) -> bool:
        """If the peer is likelier to meet the destination."""
        assert isinstance(peer, Prophet)
        destination = copy.message.destination
        return peer.predictability(destination) > self.predictability(destination)

    def _age(self, now_s: float) -> None:
        units = (now_s - self._aged_s) / self.parameters.prophet_time_unit_s
        factor = self.parameters.prophet_aging**units
        self._aged_s = now_s
        for node in self._predictability:
            self._predictability[node] *= factor


ROUTERS: dict[str, Callable[[int, NetworkParameters], Router]] = {
    "Epidemic": Epidemic,
    "DirectDelivery": DirectDelivery,
    "FirstContact": FirstContact,
    "SprayAndWait": SprayAndWait,
    "Prophet": Prophet,
}
"""Values of the parameter `routing`."""
