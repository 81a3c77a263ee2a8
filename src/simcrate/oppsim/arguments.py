"""The command line, with the options of an OMNeT++ simulation.

    python -m simcrate.oppsim [-u Cmdenv] [-c CONFIG] [-r RUNFILTER] [-f FILE] [--key=value] …

`-n`, `-l`, `-x` and `-i` (NED path, libraries, packages, images) are accepted and mean nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simcrate.inifile.options import is_known
from simcrate.oppsim.errors import UsageError

QUERIES = ("numruns", "runnumbers", "runs", "rundetails")

USAGE = f"""\
Usage: python -m simcrate.oppsim [options] [FILE.ini]

  -u NAME        user interface; only Cmdenv is there
  -f FILE        ini file; omnetpp.ini by default, may be repeated
  -c CONFIG      configuration; General by default
  -r FILTER      runs: 0,2,5..7 or a condition such as '$numNodes>=50'; all by default
  -q QUERY       print {", ".join(QUERIES)} of the configuration and exit
  -a             list the configurations and exit
  -m             errors to stdout, not to stderr
  -s             no banner
  -h             this text; -h config lists the configuration options
  --key=value    a configuration option or parameter; wins over the ini file
"""

_WITH_VALUE = frozenset("ucrfqnlxi")
_FLAGS = frozenset("ams")


@dataclass(slots=True, kw_only=True)
class Arguments:
    """What the command line asks for."""

    files: list[Path] = field(default_factory=list)
    config: str = "General"
    run_filter: str = ""
    query: str = ""
    help: str | None = None
    """The topic of `-h`; empty for the usage, None when no help is wanted."""

    list_configs: bool = False
    merge_stderr: bool = False
    silent: bool = False
    options: dict[str, str] = field(default_factory=dict)
    """`--key=value`, in the order given."""


def parse_arguments(words: Sequence[str]) -> Arguments:
    """Understand a command line.

    Raises:
        UsageError: an option is unknown or lacks its value.
    """
    arguments = Arguments()
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if word.startswith("--"):
            key, value = _configuration_option(word)
            arguments.options[key] = value
        elif word.startswith("-") and len(word) > 1:
            _short_option(arguments, word, waiting)
        else:
            arguments.files.append(Path(word))
    if not arguments.files:
        arguments.files.append(Path("omnetpp.ini"))
    return arguments


def _configuration_option(word: str) -> tuple[str, str]:
    key, equals, value = word[2:].partition("=")
    if "." not in key and "*" not in key and not is_known(key):
        message = f"Unknown command-line configuration option --{key}"
        raise UsageError(message)
    if not equals or not value:
        message = f"Missing value for command-line option --{key}"
        raise UsageError(message)
    return key, value


def _short_option(arguments: Arguments, word: str, waiting: list[str]) -> None:
    letter = word[1]
    if letter == "h":
        arguments.help = word[2:] or (waiting.pop() if waiting else "")
    elif letter in _WITH_VALUE:
        if len(word) == 2 and not waiting:
            message = f"Missing value for command-line option -{letter}"
            raise UsageError(message)
        _set(arguments, letter, word[2:] or waiting.pop())
    elif letter in _FLAGS and len(word) == 2:
        _set_flag(arguments, letter)
    else:
        message = f"Invalid command-line option {word}; -h lists them"
        raise UsageError(message)


def _set(arguments: Arguments, letter: str, value: str) -> None:
    match letter:
        case "u" if value != "Cmdenv":
            message = f"User interface '{value}' not found; there is only Cmdenv"
            raise UsageError(message)
        case "f":
            arguments.files.append(Path(value))
        case "c":
            arguments.config = value
        case "r":
            arguments.run_filter = value
        case "q" if value not in QUERIES:
            message = f"Unknown query -q {value}; there is {', '.join(QUERIES)}"
            raise UsageError(message)
        case "q":
            arguments.query = value


def _set_flag(arguments: Arguments, letter: str) -> None:
    match letter:
        case "a":
            arguments.list_configs = True
        case "m":
            arguments.merge_stderr = True
        case "s":
            arguments.silent = True
