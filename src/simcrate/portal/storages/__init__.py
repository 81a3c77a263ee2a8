"""Storage backends as administrators define them, with their secrets encrypted at rest."""
