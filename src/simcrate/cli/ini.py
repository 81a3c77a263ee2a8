"""`simcrate ini`: check an omnetpp.ini, list its runs, show effective values.

Reads files only and runs nothing, unless a simulator is to be asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from simcrate.cli.portal import use_portal
from simcrate.errors import BadInputError, IniError
from simcrate.inifile import (
    Entry,
    IniFaultsError,
    IniFile,
    Refusal,
    Run,
    SafetyPolicy,
    check_safety,
    read_ini,
)

if TYPE_CHECKING:
    from simcrate.simulators import Simulator

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
Command = Callable[..., Any]


class ConfigFacts(TypedDict):
    """What is printed of a configuration."""

    name: str
    description: str
    network: str
    extends: list[str]
    runs: int


def _common(command: Command) -> Command:
    """Options that all three commands have."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    command = click.option(
        "--omnetpp",
        "generation",
        type=click.Choice(["5", "6"]),
        help="Whose rules for continuation lines hold: 5.x, or 6.x and newer (by default).",
    )(command)
    command = click.option(
        "--simulator",
        "simulator_name",
        metavar="NAME",
        help="Read FILE as for this simulator: by the rules of its version, with what it may set.",
    )(command)
    return click.argument("file", type=FILE)(command)


@click.group("ini")
def ini() -> None:
    """Check an omnetpp.ini, list its runs, show effective values."""


@ini.command("check")
@_common
def check(file: Path, simulator_name: str | None, generation: str | None, *, as_json: bool) -> None:
    """Say whether SimCrate would run FILE; exit 2 with every refused line and why if not."""
    simulator = _simulator(simulator_name)
    faults: list[IniError] = []
    refusals: tuple[Refusal, ...] = ()
    configs: list[ConfigFacts] = []
    from simcrate.portal.simulations.offer import check_configs

    try:
        document = _read(file, generation, simulator)
        refusals = check_safety(document, _policy(simulator))
        check_configs(document)
        configs = _configs(document, faults)
    except IniFaultsError as several:
        faults.extend(several.faults)
    except IniError as error:
        faults.append(error)
    warnings = _warnings(configs)
    if as_json:
        _print_json(
            {
                "file": file.name,
                "simulator": simulator_name,
                "ok": not (faults or refusals),
                "faults": [_fault(fault) for fault in faults],
                "refusals": [_refusal(refusal) for refusal in refusals],
                "warnings": warnings,
                "configs": configs,
            }
        )
    else:
        _print_check(file, faults, refusals, configs)
        for warning in warnings:
            click.echo(f"warning: {warning}", err=True)
    if faults or refusals:
        raise click.exceptions.Exit(2)


@ini.command("runs")
@click.option("-c", "--config", "config_name", required=True, help="Name of the configuration.")
@click.option(
    "-r", "--runs", "run_filter", default="", help="0,2,5..7 or '$numHosts>=15'; all by default."
)
@click.option(
    "--check-with",
    metavar="NAME",
    help="Ask this simulator (of the kind omnetpp) for the runs, too; exit 2 where it differs.",
)
@_common
def runs(
    file: Path,
    config_name: str,
    run_filter: str,
    check_with: str | None,
    simulator_name: str | None,
    generation: str | None,
    *,
    as_json: bool,
) -> None:
    """List the runs that a configuration of FILE expands to."""
    asked = _simulator(check_with)
    document = _read(file, generation, _simulator(simulator_name) or asked)
    chosen = document.config(config_name).select(run_filter)
    if as_json:
        _print_json([_run(run) for run in chosen])
    else:
        _print_runs(chosen)
    if asked:
        _compare(asked, document, file.parent, config_name)


def _simulator(name: str | None) -> Simulator | None:
    """The one of that name in this machine's portal, which is not needed where none is named.

    Raises:
        BadInputError: there is none, or it reads no ini files.
    """
    if name is None:
        return None
    use_portal()
    from simcrate.portal.simulators.services import get_simulator
    from simcrate.simulators import SimulatorKind

    found = get_simulator(name)
    if found.kind is SimulatorKind.COMMAND:
        message = f"the simulator '{name}' reads settings of its own, not ini files"
        raise BadInputError(message)
    return found


def _policy(simulator: Simulator | None) -> SafetyPolicy:
    if simulator is None:
        return SafetyPolicy()
    from simcrate.portal.simulators.services import safety_policy

    return safety_policy(simulator.name)


def _compare(simulator: Simulator, document: IniFile, ini_dir: Path, config_name: str) -> None:
    """All runs of the config, with those that the simulator lists.

    Raises:
        IniError: they differ, or the file holds what no simulator may be given.
    """
    from django.conf import settings

    from simcrate.simulators import SandboxKind, compare_runs, sandbox_of

    if refusals := check_safety(document, _policy(simulator)):
        raise IniError("\n".join(map(str, refusals)))
    sandbox = sandbox_of(simulator, SandboxKind(settings.ENVIRONMENT.sandbox))
    seen = compare_runs(simulator, sandbox, document, ini_dir, [config_name])
    if seen.differences:
        raise IniError("\n".join(seen.differences))
    click.echo(f"{simulator.name} lists the same {seen.run_count} runs", err=True)


def _print_runs(chosen: Sequence[Run]) -> None:
    names = list(chosen[0].itervars)
    table = Table("run", *(f"${name}" for name in names), "repetition", "seed set")
    for run in chosen:
        values = [escape(run.itervars[name]) for name in names]
        table.add_row(str(run.number), *values, str(run.repetition), str(run.seed_set))
    Console().print(table)


@ini.command("show")
@click.option("-c", "--config", "config_name", required=True, help="Name of the configuration.")
@click.option(
    "-r", "--run", "run_number", type=int, help="Number of the run whose values replace ${…}."
)
@_common
@click.argument("key", required=False)
def show(
    file: Path,
    config_name: str,
    run_number: int | None,
    key: str | None,
    simulator_name: str | None,
    generation: str | None,
    *,
    as_json: bool,
) -> None:
    """Show what a configuration of FILE sets, in the order of search, or the value of one KEY.

    KEY is an option (sim-time-limit) or the full path of a parameter (Aloha.host[3].iaTime).
    """
    config = _read(file, generation, _simulator(simulator_name)).config(config_name)
    run = None if run_number is None else config.run(run_number)
    if key is None:
        _print_entries(config.entries(run), as_json=as_json)
        return
    value = config.value(key, run)
    if value is None:
        message = f"config {config_name} sets no {key}"
        raise IniError(message, file=file.name)
    if as_json:
        _print_json({"config": config_name, "run": run_number, "key": key, "value": value})
    else:
        click.echo(value)


def _read(file: Path, generation: str | None, simulator: Simulator | None) -> IniFile:
    """By the rules that were asked for, else by those of the simulator, else by those of 6.x."""
    if generation is None and simulator:
        return read_ini(file, generation=simulator.generation)
    return read_ini(file, generation=5 if generation == "5" else 6)


def _configs(document: IniFile, faults: list[IniError]) -> list[ConfigFacts]:
    """What each configuration is; those that cannot be counted add a fault."""
    configs: list[ConfigFacts] = []
    for info in document.configs:
        try:
            count = document.config(info.name).run_count
        except IniError as error:
            if str(error) not in map(str, faults):  # configs share the lines of their parents
                faults.append(error)
            continue
        configs.append(
            {
                "name": info.name,
                "description": info.description,
                "network": info.network,
                "extends": list(info.extends),
                "runs": count,
            }
        )
    return configs


def _warnings(configs: Sequence[ConfigFacts]) -> list[str]:
    """What can be run only in part."""
    from simcrate.portal.simulations.offer import too_many

    return [
        f"config {config['name']} has {why}"
        for config in configs
        if (why := too_many(config["runs"]))
    ]


def _print_check(
    file: Path,
    faults: Sequence[IniError],
    refusals: Sequence[Refusal],
    configs: Sequence[ConfigFacts],
) -> None:
    console = Console(soft_wrap=True)
    for fault in faults:
        console.print(f"[red]error[/]    {escape(str(fault))}", highlight=False)
    for refusal in refusals:
        console.print(f"[red]refused[/]  {escape(str(refusal))}", highlight=False)
    if faults or refusals:
        return
    table = Table("config", "runs", "network", "description")
    for config in configs:
        cells = (config["name"], str(config["runs"]), config["network"], config["description"])
        table.add_row(*map(escape, cells))
    console.print(f"{escape(file.name)}: nothing is refused", highlight=False)
    console.print(table)


def _print_entries(entries: Sequence[Entry], *, as_json: bool) -> None:
    if as_json:
        _print_json([_entry(entry) for entry in entries])
        return
    table = Table("key", "value", "section", "line")
    for entry in entries:
        cells = (entry.key, entry.value, entry.section, f"{entry.file}:{entry.line}")
        table.add_row(*(escape(cell) for cell in cells))
    Console().print(table)


def _print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _fault(fault: IniError) -> dict[str, object]:
    return {"file": fault.file, "line": fault.line, "message": str(fault)}


def _refusal(refusal: Refusal) -> dict[str, object]:
    return {"file": refusal.file, "line": refusal.line, "key": refusal.key, "why": refusal.why}


def _run(run: Run) -> dict[str, object]:
    return {
        "number": run.number,
        "itervars": dict(run.itervars),
        "repetition": run.repetition,
        "seed_set": run.seed_set,
        "scenario": run.scenario,
    }


def _entry(entry: Entry) -> dict[str, object]:
    return {
        "key": entry.key,
        "value": entry.value,
        "file": entry.file,
        "line": entry.line,
        "section": entry.section,
    }
