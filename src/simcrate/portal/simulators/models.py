"""A simulator's definition."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models

from simcrate.errors import BadInputError
from simcrate.portal.simulators.parameters import placeholders, read_parameters
from simcrate.simulators.definition import OPPSIM, RESULTS, SimulatorKind
from simcrate.simulators.plaincommand import PROGRESS_GROUPS

KINDS = [(kind.value, kind.value) for kind in SimulatorKind]


def validate_lines_are_absolute(text: str) -> None:
    """Every line is an absolute path."""
    if wrong := [line for line in text.split("\n") if line.strip() and not line.startswith("/")]:
        message = f"not an absolute path: {wrong[0]!r}"
        raise ValidationError(message)


def validate_progress(pattern: str) -> None:
    """A regular expression with groups that mean something."""
    try:
        names = re.compile(pattern).groupindex.keys()
    except re.error as error:
        message = f"not a regular expression: {error}"
        raise ValidationError(message) from error
    if pattern and not names & PROGRESS_GROUPS:
        message = (
            r"the pattern needs a group named percent, such as (?P<percent>\d+)%, "
            "or time (simulated seconds), or rate (simulated seconds per second)"
        )
        raise ValidationError(message)


def validate_result_dir(text: str) -> None:
    """A directory below the working directory that means nothing else there."""
    path = PurePosixPath(text)
    if str(path) != text or path.is_absolute() or {".", ".."} & {text, *path.parts}:
        message = "not a directory below the working directory, such as 'reports' or 'out/reports'"
        raise ValidationError(message)
    if path.parts[0] == RESULTS or text.startswith("."):
        message = f"'{path.parts[0]}' is taken there; blank means '{RESULTS}'"
        raise ValidationError(message)


def validate_parameters(value: object) -> None:
    """A list that `parameters.read_parameters` takes."""
    try:
        read_parameters(value)
    except BadInputError as error:
        raise ValidationError(str(error)) from error


def validate_name(name: str) -> None:
    """Not the built-in one's."""
    if name == OPPSIM.name:
        message = f"'{OPPSIM.name}' is the built-in simulator's name"
        raise ValidationError(message)


class SimulatorDefinition(models.Model):
    """What workers must know to start a simulator; `services.definition_of` reads it."""

    name = models.SlugField(unique=True, validators=[validate_name])
    title = models.CharField(max_length=200)
    version = models.CharField(
        max_length=50,
        blank=True,
        help_text="of OMNeT++, for the kind omnetpp: ini files of 5.x are read by its rules",
    )
    url = models.CharField(
        "URL",
        max_length=500,
        blank=True,
        validators=[URLValidator(schemes=["http", "https"])],
        help_text="where it is described; crates name it as the instrument of their results",
    )
    kind = models.CharField(max_length=10, choices=KINDS, default=SimulatorKind.OMNETPP)
    command = models.TextField(
        help_text="the program and its arguments, one a line; for the kind command with the "
        "placeholders {ini} {config} {run} {run+1} {results}"
    )
    ned_path = models.TextField(
        "NED path", blank=True, validators=[validate_lines_are_absolute], help_text="one a line"
    )
    libraries = models.TextField(
        blank=True,
        validators=[validate_lines_are_absolute],
        help_text="shared libraries of models, one a line",
    )
    readable = models.TextField(
        blank=True,
        validators=[validate_lines_are_absolute],
        help_text="what else it may read in its sandbox, one directory a line",
    )
    working_dir = models.CharField(
        "working directory",
        max_length=500,
        blank=True,
        validators=[validate_lines_are_absolute],
        help_text="a directory whose content every run finds beside the submitted files",
    )
    result_dir = models.CharField(
        "result directory",
        max_length=200,
        blank=True,
        validators=[validate_result_dir],
        help_text="for the kind command: where it leaves its results, below the working directory of a "
        "run, as in reports; blank: results",
    )
    environment = models.JSONField(
        blank=True,
        default=dict,
        help_text='as in {"OMNETPP_IMAGE_PATH": "/opt/images"}; no secrets',
    )
    progress = models.CharField(
        max_length=500,
        blank=True,
        validators=[validate_progress],
        help_text="for the kind command: a regular expression with groups percent, time or rate",
    )
    allowed_keys = models.TextField(
        blank=True, help_text="ini options that users may set besides the usual ones, one a line"
    )
    template = models.TextField(
        "template ini",
        blank=True,
        help_text="an ini with @names@ of the parameters below, for who wants to fill in a form",
    )
    parameters = models.JSONField(
        blank=True,
        default=list,
        validators=[validate_parameters],
        help_text='as in [{"name": "hosts", "default": "20", "least": 2, "most": 500}]',
    )
    tags = models.CharField(
        max_length=200, blank=True, help_text="what a worker must have to be given its runs"
    )
    active = models.BooleanField(default=True, help_text="whether users can choose it")

    class Meta:
        verbose_name = "simulator"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """OMNeT++ is told where its results go; the template asks for nothing but parameters that there are."""
        if self.result_dir and self.kind != SimulatorKind.COMMAND:
            message = f"only for the kind {SimulatorKind.COMMAND}: others are told where to write"
            raise ValidationError({"result_dir": message})
        try:
            names = {parameter.name for parameter in read_parameters(self.parameters)}
        except BadInputError:  # told at their own field
            return
        if unknown := placeholders(self.template) - names:
            message = f"no such parameter: {', '.join(sorted(unknown))}"
            raise ValidationError({"template": message})
