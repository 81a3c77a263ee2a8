"""Read what a simulator wrote: OMNeT++'s `.sca`, `.vec` and `.vci`, SQLite results, CSV time series."""

from simcrate.results.digest import content_digest, run_digests
from simcrate.results.opening import open_results
from simcrate.results.resultset import ResultSet
from simcrate.results.runs import Incomplete, Run
from simcrate.results.tables import Kind

__all__ = [
    "Incomplete",
    "Kind",
    "ResultSet",
    "Run",
    "content_digest",
    "open_results",
    "run_digests",
]
