"""The simulator that was chosen, and what that means for the ini."""

from __future__ import annotations

from collections.abc import Mapping

from simcrate.inifile import IniFile
from simcrate.portal.simulations.faults import Fault, SubmissionError
from simcrate.portal.simulations.offer import read_ini
from simcrate.portal.simulators.offers import list_offers
from simcrate.portal.simulators.services import safety_policy
from simcrate.simulators.definition import Simulator


def choosable(name: str) -> Simulator:
    """The simulator of that name.

    Raises:
        SubmissionError: there is none that is active, or no worker that is alive has it.
    """
    offers = {offer.simulator.name: offer for offer in list_offers()}
    if name not in offers:
        message = f"there is no simulator '{name}' to choose; choose one of: {', '.join(offers)}"
        raise SubmissionError([Fault("simulator", message)])
    if why_not := offers[name].why_not:
        message = f"the simulator '{name}' cannot be chosen now: {why_not}"
        raise SubmissionError([Fault("simulator", message)])
    return offers[name].simulator


def read_ini_for(simulator: Simulator, ini_name: str, files: Mapping[str, bytes]) -> IniFile:
    """Parse the ini by the simulator's rules, and refuse what must not reach a worker.

    Raises:
        SubmissionError: as `read_ini`.
    """
    policy = safety_policy(simulator.name)
    return read_ini(ini_name, files, policy, generation=simulator.generation)
