"""Read an `omnetpp.ini` as OMNeT++ reads it, and judge what it may set.

    ini = read_ini(Path("omnetpp.ini"))
    for info in ini.configs:
        print(info.name, info.description)
    config = ini.config("Study")
    for run in config.select("$numHosts>=15"):
        print(run.number, run.scenario, config.value("sim-time-limit", run))
    for refusal in check_safety(ini):
        print(refusal)

Knows nothing of simulators, files of results or the portal.
"""

from simcrate.errors import IniError
from simcrate.inifile.config import Config, ConfigInfo
from simcrate.inifile.document import IniFile, parse_ini, read_ini
from simcrate.inifile.effort import Effort
from simcrate.inifile.expression import Value, evaluate, evaluate_condition, evaluate_number
from simcrate.inifile.faults import IniFaultsError
from simcrate.inifile.lines import Generation
from simcrate.inifile.patterns import Pattern
from simcrate.inifile.quantities import Quantity
from simcrate.inifile.reader import Entry, Includes, decode_ini
from simcrate.inifile.runs import Run, parse_run_numbers
from simcrate.inifile.safety import Refusal, SafetyPolicy, check_safety
from simcrate.inifile.variables import unquote

__all__ = [
    "Config",
    "ConfigInfo",
    "Effort",
    "Entry",
    "Generation",
    "Includes",
    "IniError",
    "IniFaultsError",
    "IniFile",
    "Pattern",
    "Quantity",
    "Refusal",
    "Run",
    "SafetyPolicy",
    "Value",
    "check_safety",
    "decode_ini",
    "evaluate",
    "evaluate_condition",
    "evaluate_number",
    "parse_ini",
    "parse_run_numbers",
    "read_ini",
    "unquote",
]
