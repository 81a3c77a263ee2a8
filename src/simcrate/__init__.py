"""SimCrate: run network simulations and deliver verified results."""

__version__ = "0.1.0"
