"""Result files of format version 3, as OMNeT++ 6 writes them.

Source: OMNeT++ Simulation Manual, appendix "Result File Formats"; details as in recorded files.
"""

from simcrate.oppsim.recording.header import Attributes, RunHeader
from simcrate.oppsim.recording.scalars import Histogram, ScalarFile, Summary
from simcrate.oppsim.recording.vectors import Vector, VectorFile

__all__ = ["Attributes", "Histogram", "RunHeader", "ScalarFile", "Summary", "Vector", "VectorFile"]
