"""The command-line front end: a batch of runs, printed and ended as Cmdenv does.

Exit codes: 0 all runs came to an end or to a limit, 1 an error, 2 SIGINT or SIGTERM.
Errors go to stderr, or to stdout with `-m`.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from types import FrameType
from typing import TextIO

from simcrate import __version__
from simcrate.inifile import Config, IniError, IniFile, Run, read_ini
from simcrate.inifile.options import known_options
from simcrate.oppsim.arguments import USAGE, Arguments, parse_arguments
from simcrate.oppsim.errors import ModelError, UsageError
from simcrate.oppsim.execution import End, Execution
from simcrate.oppsim.settings import RunOptions, Settings, check_options
from simcrate.oppsim.status import StatusDisplay

BANNER = f"""\
SimCrate oppsim: opportunistic networks of mobile nodes, with the manners of OMNeT++
Version: {__version__}
Runs under Cmdenv; its result files are of format version 3

"""


def main(words: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        words: the command line without the program's name; by default this process's.

    Returns:
        The exit code.
    """
    arguments = None
    try:
        arguments = parse_arguments(sys.argv[1:] if words is None else words)
        return Batch(arguments).run()
    except (UsageError, ModelError, IniError) as error:
        if arguments is None:
            print_out(BANNER)
        merge = arguments.merge_stderr if arguments else "-m" in (words or sys.argv)
        print_error(str(error), merge=merge)
        print_out("\nEnd.\n")
        return 1


class Batch:
    """All runs that one command line asks for."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._signalled = False

    def run(self) -> int:
        """Answer a query, or run all runs one after the other.

        Raises:
            UsageError, ModelError, IniError: nothing could be started.
        """
        arguments = self._arguments
        if not arguments.silent:
            print_out(BANNER)
        if arguments.help is not None:
            return self._help(arguments.help)
        ini = read_ini(*arguments.files).override(arguments.options)
        if arguments.list_configs:
            return _list_configs(ini)
        config = ini.config(arguments.config)
        if arguments.query:
            return self._query(config)
        print_out("Setting up Cmdenv...\n")
        check_options(ini.entries)
        return self._run_all(config, config.select(arguments.run_filter))

    def _help(self, topic: str) -> int:
        if topic in ("config", "configdetails"):
            print_out("Supported configuration options:\n\n")
            print_out("".join(f"  {option}=<value>\n" for option in known_options()))
        else:
            print_out(USAGE)
        return 0

    def _query(self, config: Config) -> int:
        query, silent = self._arguments.query, self._arguments.silent
        if query == "numruns" and not self._arguments.run_filter:
            count = config.run_count
            print_out(
                f"{count}\n" if silent else f"Config: {config.name}\nNumber of runs: {count}\n"
            )
            return 0
        runs = config.select(self._arguments.run_filter)
        if not silent:
            print_out(f"Config: {config.name}\nNumber of runs: {len(runs)}\n")
        elif query == "numruns":
            print_out(f"{len(runs)}\n")
        if query == "runnumbers":
            print_out(" ".join(str(run.number) for run in runs) + "\n")
        if query in ("runs", "rundetails"):
            print_out("".join(f"Run {run.number}: {run.scenario}\n" for run in runs))
        return 0

    def _run_all(self, config: Config, runs: Sequence[Run]) -> int:
        previous = {
            number: signal.signal(number, self._note_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            failed, started = self._run_each(config, runs)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        if len(runs) > 1:
            print_out(f"\n{_tally(len(runs), failed, started)}\n")
        print_out("\nEnd.\n")
        if self._signalled:
            return 2
        return 1 if failed else 0

    def _run_each(self, config: Config, runs: Sequence[Run]) -> tuple[int, int]:
        """How many failed, and how many were started."""
        failed = started = 0
        for done, run in enumerate(runs):
            if self._signalled:
                break
            started += 1
            one = OneRun(config, run, self._arguments, done=done, total=len(runs))
            if not one.succeeds(lambda: self._signalled):
                failed += 1
                if config.value("cmdenv-stop-batch-on-error", run) != "false":
                    break
        return failed, started

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signalled = True


class OneRun:
    """One run of a batch."""

    def __init__(
        self, config: Config, run: Run, arguments: Arguments, *, done: int, total: int
    ) -> None:
        self._config = config
        self._run = run
        self._arguments = arguments
        self._done = done
        self._total = total
        self._output: TextIO = sys.stdout

    def succeeds(self, signalled: Callable[[], bool]) -> bool:
        """Run it; False after an error, which has then been printed."""
        print_out(
            f"\nPreparing for running configuration {self._config.name}, run #{self._run.number}...\n"
        )
        try:
            options = RunOptions(self._config, self._run, datetime.now().astimezone())
            settings = options.settings()
            with ExitStack() as stack:
                self._redirect(settings, stack)
                self._simulate(options, settings, signalled)
        except (ModelError, IniError) as error:
            print_error(str(error), merge=self._arguments.merge_stderr)
            return False
        except OSError as error:
            text = f"Cannot write result files: {error.strerror}"
            print_error(text, merge=self._arguments.merge_stderr)
            return False
        except MemoryError:
            print_error("Not enough memory", merge=self._arguments.merge_stderr)
            return False
        return True

    def _simulate(
        self, options: RunOptions, settings: Settings, signalled: Callable[[], bool]
    ) -> None:
        if self._run.itervars:
            self._print(f"Scenario: {self._run.scenario}\n")
        self._print(f"Assigned runID={settings.header.run_id}\n")
        self._print(f'Setting up network "{settings.header.attributes["network"]}"...\n')
        execution = Execution(
            options,
            settings,
            base_dir=self._arguments.files[0].parent,
            interrupted=signalled,
        )
        try:
            self._print("Initializing...\n")
            execution.start()
            self._print("\nRunning simulation...\n")
            end = self._until_end(execution, settings)
            self._print(f"\n<!> {end.value} -- {execution.place}\n")
            self._print(f"\nCalling finish() at end of Run #{self._run.number}...\n")
            execution.finish()
        finally:
            execution.close()

    def _until_end(self, execution: Execution, settings: Settings) -> End:
        status = StatusDisplay(
            self._print,
            done_runs=self._done,
            total_runs=self._total,
            performance=settings.performance_display,
        )
        try:
            return execution.run(status)
        except ModelError as error:
            status.show(execution.moment(status.elapsed_s))
            message = f"{error} -- in network OppNet, {execution.place}"
            raise ModelError(message) from error

    def _redirect(self, settings: Settings, stack: ExitStack) -> None:
        if not settings.redirect_output:
            return
        print_out(f'Redirecting output to file "{settings.output_path}"...\n')
        settings.output_path.parent.mkdir(parents=True, exist_ok=True)
        self._output = stack.enter_context(settings.output_path.open("w", encoding="utf-8"))
        name, number = self._config.name, self._run.number
        self._print(f"\nRunning configuration {name}, run #{number}...\n")

    def _print(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()


def print_out(text: str) -> None:
    """Print at once: whoever watches sees it without delay."""
    sys.stdout.write(text)
    sys.stdout.flush()


def print_error(text: str, *, merge: bool) -> None:
    """Print an error the way Cmdenv does."""
    stream = sys.stdout if merge else sys.stderr
    stream.write(f"\n<!> Error: {text}\n")
    stream.flush()


def _list_configs(ini: IniFile) -> int:
    for info in ini.configs:
        print_out(f"Config {info.name}: {ini.config(info.name).run_count}\n")
    return 0


def _tally(total: int, failed: int, started: int) -> str:
    parts = [f"Run statistics: total {total}"]
    counts = (("successful", started - failed), ("errors", failed), ("skipped", total - started))
    parts += [f"{name} {count}" for name, count in counts if count]
    return ", ".join(parts)
