"""Errors that end a run; each becomes one `<!> Error: …` line and exit code 1."""

from __future__ import annotations


class ModelError(Exception):
    """The model cannot be set up or go on."""


class UsageError(Exception):
    """The command line cannot be understood."""
