"""The two steps of the submission form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from simcrate.errors import BadInputError
from simcrate.portal.accounts.models import User
from simcrate.portal.accounts.queries import confirmed_addresses
from simcrate.portal.simulations.drafts import USUAL_INI, gather_files, make_draft, submit_draft
from simcrate.portal.simulations.examples import get_example
from simcrate.portal.simulations.faults import SubmissionError
from simcrate.portal.simulations.models import Draft, Simulation
from simcrate.portal.simulations.offer import OfferedConfig
from simcrate.portal.simulations.parts import PARTS, all_but
from simcrate.portal.simulations.submission import offered_licences
from simcrate.portal.simulators.offers import list_offers
from simcrate.portal.storages.services import active_backends
from simcrate.simulators.definition import OPPSIM


class ManyFiles(forms.ClearableFileInput):
    """A file input that takes several."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, as a list."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:  # noqa: ANN401, ARG002 - Django's signature
        """Names and sizes are the submission's to judge; an empty data file is one."""
        return [file for file in data or [] if file]


class FilesForm(forms.Form):
    """Step 1: an ini with its data files, uploaded, pasted, or one of the examples."""

    files = FilesField(  # type: ignore[assignment]  # fields are no attributes of a form
        required=False,
        label="Ini and data files",
        help_text="omnetpp.ini and whatever it reads: traces, includes, parameter files.",
    )
    ini_text = forms.CharField(
        required=False,
        strip=False,
        label="… or paste the ini",
        widget=forms.Textarea(
            attrs={"rows": 10, "spellcheck": "false", "placeholder": "[General]\nnetwork = …"}
        ),
    )
    simulator = forms.ChoiceField(required=False, label="Simulator")
    example = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 - Django's signature
        super().__init__(*args)
        self.simulators = list_offers()
        field = self.fields["simulator"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(one.simulator.name, one.simulator.title) for one in self.simulators]

    def clean(self) -> dict[str, Any]:
        """There must be something to run."""
        given = self.cleaned_data
        if not (given.get("files") or given.get("ini_text", "").strip() or given.get("example")):
            self.add_error("files", "Upload an ini, paste one below, or take an example.")
        return given

    def save(self, owner: User) -> Draft | None:
        """Keep a draft; None, and errors at the fields, where that cannot be."""
        try:
            return self._make_draft(owner)
        except SubmissionError as error:
            show_faults(self, error, of_files=self._field_of_files())
        except BadInputError as error:
            self.add_error(None, str(error))
        return None

    def _field_of_files(self) -> str:
        """Where they came from; with an uploaded and a pasted one it is not known whose fault it is."""
        is_pasted = bool(self.cleaned_data["ini_text"].strip())
        if is_pasted and self.cleaned_data["files"]:
            return ""
        return "ini_text" if is_pasted else "files"

    def _make_draft(self, owner: User) -> Draft:
        if name := self.cleaned_data["example"]:
            example = get_example(name)
            return make_draft(owner=owner, files=example.files)
        uploads: list[UploadedFile[Any]] = self.cleaned_data["files"]
        named = [(str(file.name), file.read()) for file in uploads]
        pasted = self.cleaned_data["ini_text"]
        if pasted.strip():
            named.insert(0, (USUAL_INI, pasted.replace("\r\n", "\n").encode()))
        return make_draft(
            owner=owner,
            files=gather_files(named),
            simulator=self.cleaned_data["simulator"] or OPPSIM.name,
        )


class ChoicesForm(forms.Form):
    """Step 2: what to run, how finely to resample, where to deliver, whom to tell."""

    title = forms.CharField(required=False, help_text="Empty for the name of the config.")
    config = forms.ChoiceField(widget=forms.RadioSelect)
    run_filter = forms.CharField(
        required=False,
        label="Runs",
        help_text="Empty for all. Or numbers, as in 0..3,7; or a condition, as in $numHosts>=15.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": "all"}),
    )
    precision_s = forms.CharField(
        label="Precision",
        initial="10",
        help_text="Simulated seconds between two rows of the resampled tables.",
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    storage_id = forms.ChoiceField(label="Deliver to", widget=forms.RadioSelect)
    fallback_id = forms.ChoiceField(
        label="If it refuses the crate for good",
        required=False,
        help_text="What is only down for a while is waited for.",
    )
    notify_email = forms.ChoiceField(label="Mail me at", required=False)
    licence = forms.ChoiceField(label="Licence of the results")
    parts = forms.MultipleChoiceField(
        required=False,
        choices=list(PARTS.items()),
        initial=list(PARTS),
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self, data: QueryDict | None, *, draft: Draft, offers: list[OfferedConfig] | None
    ) -> None:
        super().__init__(data, initial={"title": draft.title, **draft.choices})
        self._draft = draft
        if offers is None:
            self.fields["config"] = forms.CharField(
                required=False, help_text="What the simulator is given as its config, if anything."
            )
            self.fields["run_filter"].help_text = "Numbers of runs, as in 0..3,7; empty for run 0."
        else:
            self._offer("config", [(offer.name, offer.name) for offer in offers])
        storages = [(backend.identifier, backend.name) for backend in active_backends()]
        others = [(key, f"deliver to {name}") for key, name in storages]
        self._offer("licence", [(licence, licence) for licence in offered_licences()])
        self._offer("storage_id", storages)
        self._offer("fallback_id", [("", "tell me"), *others])
        addresses = confirmed_addresses(draft.owner)
        self._offer("notify_email", [(a, a) for a in addresses] + [("", "no mail")])
        self.fields["notify_email"].required = False

    def save(self, files: dict[str, bytes]) -> Simulation | None:
        """Submit; None, and errors at the fields, where that cannot be.

        Raises:
            DraftGoneError: it was submitted already.
        """
        chosen = dict(self.cleaned_data)
        try:
            left_out = all_but(chosen.pop("parts"))
            return submit_draft(self._draft, files=files, left_out=left_out, **chosen)
        except SubmissionError as error:
            show_faults(self, error)
            return None

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        if choices:
            self.initial.setdefault(name, choices[0][0])


def show_faults(form: forms.Form, error: SubmissionError, *, of_files: str = "") -> None:
    """Each fault at its field, those of files at that one; what has no field here, above the form."""
    for fault in error.shown:
        field = of_files if fault.field == "files" else fault.field
        form.add_error(field if field in form.fields else None, fault.message)
