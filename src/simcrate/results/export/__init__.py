"""Write results in formats that other tools read: CSV-R, Parquet, JSON."""

from simcrate.results.export.csvr import write_csv
from simcrate.results.export.jsonfile import plain, write_json
from simcrate.results.export.parquet import write_parquet

__all__ = ["plain", "write_csv", "write_json", "write_parquet"]
