"""Simulators as administrators define them; `oppsim` is there from the start."""
