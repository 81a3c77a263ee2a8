"""Numbers, tables and figures from simulation results."""
