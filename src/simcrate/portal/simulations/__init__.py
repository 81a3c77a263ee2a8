"""Simulations and their runs: submission, rows, live pages, cancel."""
