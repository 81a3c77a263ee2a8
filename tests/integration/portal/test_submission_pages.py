"""The two steps of the form, as a browser sends them."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from simcrate.portal.accounts.models import User
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.simulations import offer
from simcrate.portal.simulations.drafts import DraftGoneError, draft_files, submit_draft
from simcrate.portal.simulations.models import Draft, DraftFile, Run, Simulation
from simcrate.portal.simulators.models import SimulatorDefinition
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.workers.models import Worker

INI = """\
[General]
network = OppNet
sim-time-limit = 3600s
[Config Study]
*.numHosts = ${N=10,20}
"""
CHOICES = {
    "title": "My study",
    "config": "Study",
    "run_filter": "",
    "precision_s": "10",
    "storage_id": "local",
    "notify_email": "alice@example.org",
    "licence": "CC-BY-4.0",
}


def upload(name: str, content: bytes = INI.encode()) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def define(name: str, tags: str = "", *, note: str = "", kind: str = "command") -> None:
    """A simulator, and a worker that is alive without any tags."""
    SimulatorDefinition.objects.create(
        name=name, title="My program", kind=kind, command="/usr/bin/env\n{ini}", tags=tags
    )
    Worker.objects.create(
        owner="here/1/1.00", machine="here", version="1", sandbox="bubblewrap", sandbox_note=note
    )


def draft(as_alice: Client, ini: str = INI) -> str:
    """The address of the second step."""
    return str(as_alice.post("/simulations/new/", {"ini_text": ini})["Location"])


def preview(client: Client, address: str, config: str) -> str:
    return client.get(address, {"config": config}).content.decode()


def test_an_uploaded_ini_offers_the_configs_and_runs_that_it_has(
    as_alice: Client, storage: StorageBackend
) -> None:
    response = as_alice.post(
        "/simulations/new/", {"files": [upload("omnetpp.ini"), upload("t.csv", b"1")]}, follow=True
    )

    page = response.content.decode()
    assert 'value="Study"' in page
    assert "2 runs" in page
    assert "Local storage" in page
    assert "alice@example.org" in page


def test_a_pasted_ini_with_uploaded_data_is_one_submission(
    as_alice: Client, storage: StorageBackend
) -> None:
    as_alice.post("/simulations/new/", {"ini_text": INI, "files": [upload("t.csv", b"1")]})

    assert set(Draft.objects.get().files.values_list("name", flat=True)) == {"omnetpp.ini", "t.csv"}


def test_the_second_step_queues_the_runs_and_shows_them(
    as_alice: Client, storage: StorageBackend
) -> None:
    response = as_alice.post(draft(as_alice), CHOICES, follow=True)

    assert response.status_code == 200
    assert "My study" in response.content.decode()
    assert Simulation.objects.get().notify_email == "alice@example.org"
    assert Run.objects.count() == 2
    assert not Draft.objects.exists()


def test_a_second_click_submits_nothing_and_leads_to_the_list(
    as_alice: Client, storage: StorageBackend
) -> None:
    step = draft(as_alice)
    as_alice.post(step, CHOICES)
    second = as_alice.post(step, CHOICES)

    assert second["Location"] == "/simulations/"
    assert Simulation.objects.count() == 1


def test_of_two_clicks_at_once_one_submits(as_alice: Client, storage: StorageBackend) -> None:
    draft(as_alice)
    row = Draft.objects.get()
    files = draft_files(row)

    def click() -> None:
        submit_draft(row, files=files, config="Study", precision_s=10, storage_id="local")

    click()
    with pytest.raises(DraftGoneError):
        click()
    assert Simulation.objects.count() == 1


def test_a_draft_that_is_refused_stays(as_alice: Client, storage: StorageBackend) -> None:
    step = draft(as_alice)
    as_alice.post(step, {**CHOICES, "run_filter": "99"})

    assert as_alice.get(step).status_code == 200


def test_a_bad_file_is_an_error_at_the_first_step_and_keeps_nothing(
    as_alice: Client, storage: StorageBackend
) -> None:
    for files, says in [
        ([upload("omnetpp.ini", b"not an ini\n")], "omnetpp.ini:1"),
        ([upload("trace.csv")], "there is none"),
        ([upload("a.ini"), upload("b.ini")], "there are 2"),
        ([upload("omnetpp.ini"), upload("omnetpp.ini")], "there twice"),
        ([upload("omnetpp.ini"), upload("CON.txt")], "reserve it"),
        ([upload("omnetpp.ini", b"[General]\nload-libs = x\n")], "load-libs"),
    ]:
        response = as_alice.post("/simulations/new/", {"files": files})

        assert response.status_code == 422
        assert says in html.unescape(response.content.decode())
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    ("files", "pasted", "field"),
    [
        (["omnetpp.ini"], "", "files"),
        ([], "not an ini", "ini_text"),
        (["more.txt"], "not an ini", "__all__"),
    ],
)
def test_a_bad_ini_is_an_error_where_it_came_from(
    as_alice: Client, files: list[str], pasted: str, field: str
) -> None:
    values = {"files": [upload(name, b"not an ini") for name in files], "ini_text": pasted}
    response = as_alice.post("/simulations/new/", values)

    assert list(response.context["form"].errors) == [field]


def test_nothing_at_all_is_told_every_way(as_alice: Client) -> None:
    page = as_alice.post("/simulations/new/", {"ini_text": " "}).content.decode()

    assert "Upload an ini, paste one below, or take an example." in page


def test_a_page_shows_the_first_refused_lines_and_says_how_many_more_there_are(
    as_alice: Client, storage: StorageBackend
) -> None:
    ini = INI + "".join(f"no-option-{number} = 1\n" for number in range(1_500))
    page = as_alice.post("/simulations/new/", {"ini_text": ini}).content.decode()

    assert page.count("there is no option") == 200
    assert "and 1,300 more" in page


def test_bad_choices_are_errors_at_their_fields_and_queue_nothing(
    as_alice: Client, storage: StorageBackend
) -> None:
    address = draft(as_alice)
    for field, value in [
        ("config", "Nope"),
        ("run_filter", "$N==99"),
        ("precision_s", "0"),
        ("precision_s", "fast"),
        ("precision_s", "0.001"),
        ("storage_id", "attic"),
        ("notify_email", "charlie@example.org"),
        ("licence", "mine"),
        ("title", "x" * 201),
    ]:
        response = as_alice.post(address, {**CHOICES, field: value})

        assert response.status_code == 422, field
        assert response.context["form"].errors[field], field
    assert not Simulation.objects.exists()
    assert Draft.objects.exists()


def test_what_is_wrong_is_summed_up_where_the_page_begins_and_leads_to_its_fields(
    as_alice: Client, storage: StorageBackend
) -> None:
    page = as_alice.post(draft(as_alice), {**CHOICES, "title": "x" * 201, "precision_s": "0"})
    text = page.content.decode()
    summary = re.search(r'<div[^>]*id="faults"[^>]*autofocus>.*?</div>', text)
    assert summary
    targets = re.findall(r'href="#(\w+)"', summary[0])

    assert targets == ["id_title", "id_precision_s"]
    assert all(f'id="{target}"' in text for target in targets)
    assert all(
        f'id="{each}"' in text for each in re.findall(r'describedby="[^"]*?(\w+_error)"', text)
    )
    assert text.index("<form") < text.index(summary[0]) < text.index("<legend")


def test_where_no_storage_backend_is_active_each_is_told_what_to_do(
    as_alice: Client, as_root: Client
) -> None:
    for client, says in [(as_alice, "Ask an administrator"), (as_root, "storagebackend/add/")]:
        page = client.get(draft(client)).content.decode()

        assert says in page
        assert "<button disabled>Run it" in page


def test_inactive_storage_backends_are_not_offered(
    as_alice: Client, storage: StorageBackend
) -> None:
    address = draft(as_alice)
    StorageBackend.objects.update(active=False)

    assert "Local storage" not in as_alice.get(address).content.decode()
    assert as_alice.post(address, CHOICES).status_code == 422


def test_the_preview_counts_the_runs_of_a_filter(as_alice: Client, storage: StorageBackend) -> None:
    address = draft(as_alice) + "runs/"

    chosen = as_alice.get(address, {"config": "Study", "run_filter": "$N==20"}).content.decode()
    nothing = as_alice.get(address, {"config": "Study", "run_filter": "$N==99"}).content.decode()

    assert "<strong>1 run</strong>" in chosen
    assert "no run that matches" in nothing


def test_the_preview_warns_of_runs_that_nothing_ends(
    as_alice: Client, alice: User, storage: StorageBackend
) -> None:
    address = draft(as_alice, "[General]\nnetwork = OppNet\n[Config A]\ncpu-time-limit = 1h\n")
    address += "runs/"
    assert "may go on until you stop them" in preview(as_alice, address, "General")
    assert "may go on" not in preview(as_alice, address, "A")

    group = Group.objects.create(name="students")
    GroupLimits.objects.create(group=group, wall_time_min=5)
    alice.groups.add(group)

    assert "may go on" not in preview(as_alice, address, "General")


def test_the_browser_asks_for_a_preview_when_nothing_has_changed_for_a_while(
    as_alice: Client, storage: StorageBackend
) -> None:
    page = as_alice.get(draft(as_alice)).content.decode()
    askers = re.findall(r'hx-trigger="([^"]+)" hx-sync="#preview:replace"', page)

    assert len(askers) == page.count("hx-trigger") == 2
    events = [event for asker in askers for event in asker.split(", ") if event != "load"]
    assert all("delay:400ms" in event for event in events)


def test_an_example_is_a_submission_like_any_other(
    as_alice: Client, storage: StorageBackend
) -> None:
    response = as_alice.post("/simulations/new/", {"example": "epidemic"}, follow=True)

    assert response.status_code == 200
    assert response.context["offers"]
    assert not response.context["form"]["title"].value()  # that of the config that will be chosen


def test_an_example_that_is_none_is_an_error(as_alice: Client, storage: StorageBackend) -> None:
    response = as_alice.post("/simulations/new/", {"example": "../etc"})

    assert response.status_code == 422
    assert "there is no example" in response.content.decode()


def test_run_again_begins_with_everything_that_was_submitted(
    as_alice: Client, simulation: Simulation, alice: User
) -> None:
    response = as_alice.post(f"/simulations/{simulation.pk}/again/", follow=True)

    form = response.context["form"]
    assert form["config"].value() == "Study"
    assert not form["title"].value()  # another config is another title
    assert form["precision_s"].value() == 10
    assert form["storage_id"].value() == "local"


def test_a_user_keeps_few_drafts_and_the_oldest_go_first(
    as_alice: Client, storage: StorageBackend
) -> None:
    addresses = [draft(as_alice) for _ in range(12)]

    assert Draft.objects.count() == 10
    assert as_alice.get(addresses[0]).status_code == 404
    assert as_alice.get(addresses[-1]).status_code == 200


def test_what_users_type_is_shown_as_text(as_alice: Client, storage: StorageBackend) -> None:
    address = draft(as_alice, INI + "# <script>alert(1)</script>\n")

    page = as_alice.post(address, {**CHOICES, "title": "<script>x</script>"}, follow=True)

    assert b"<script>alert" not in page.content
    assert b"<script>x" not in page.content
    assert b"&lt;script&gt;x" in page.content


def test_a_draft_that_is_not_accepted_any_more_is_a_sentence(
    as_alice: Client, storage: StorageBackend
) -> None:
    address = draft(as_alice)
    DraftFile.objects.update(content=b"[General]\nload-libs = x\n")

    response = as_alice.post(address, CHOICES)

    assert response.status_code == 422
    assert "load-libs" in response.content.decode()
    assert not Simulation.objects.exists()


def test_what_an_ini_offers_is_worked_out_once(
    as_alice: Client, storage: StorageBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = draft(as_alice)
    monkeypatch.setattr(offer, "MAX_EFFORT", 0)  # no ini can be counted from here on

    page = as_alice.get(address).content.decode()

    assert "2 runs" in page
    assert "over N" in page


def test_a_simulator_that_cannot_be_chosen_any_more_is_a_sentence(
    as_alice: Client, storage: StorageBackend
) -> None:
    define("mine", kind="omnetpp")
    values = {"simulator": "mine", "ini_text": INI}
    address = str(as_alice.post("/simulations/new/", values)["Location"])
    SimulatorDefinition.objects.update(active=False)

    page = as_alice.get(address, follow=True).content.decode()

    assert "there is no simulator" in page


def test_a_long_description_is_shown_by_its_beginning(
    as_alice: Client, storage: StorageBackend
) -> None:
    ini = INI.replace("[Config Study]", f"description = {'x' * 9_000}\n[Config Study]")

    page = as_alice.get(draft(as_alice, ini)).content.decode()

    assert "x" * 499 + "…" in page
    assert "x" * 500 not in page


def test_a_simulator_with_settings_of_its_own_is_asked_for_run_numbers(
    as_alice: Client, storage: StorageBackend
) -> None:
    define("mine")
    values = {"simulator": "mine", "files": [upload("settings.txt", b"\x00 anything")]}

    step = as_alice.post("/simulations/new/", values)
    page = as_alice.get(step["Location"]).content.decode()
    choices = {**CHOICES, "config": "", "run_filter": "0..2"}
    as_alice.post(step["Location"], choices)

    assert "My program" in as_alice.get("/simulations/new/").content.decode()
    assert "Numbers of runs" in page
    assert Simulation.objects.get().simulator == "mine"
    assert Simulation.objects.get().title == "My study"
    assert Run.objects.count() == 3


def test_an_inactive_simulator_is_not_offered(as_alice: Client, storage: StorageBackend) -> None:
    SimulatorDefinition.objects.create(
        name="mine", title="My program", kind="command", command="/usr/bin/env", active=False
    )

    assert "My program" not in as_alice.get("/simulations/new/").content.decode()
    assert (
        as_alice.post("/simulations/new/", {"ini_text": INI, "simulator": "mine"}).status_code
        == 422
    )


def test_one_simulator_is_no_choice(as_alice: Client, storage: StorageBackend) -> None:
    assert 'name="simulator"' not in as_alice.get("/simulations/new/").content.decode()


@pytest.mark.parametrize(
    ("tags", "note", "reason"),
    [
        ("gpu inet", "", "no worker has what it needs: gpu inet"),
        ("", "bubblewrap is missing", "no worker can fence it in: bubblewrap is missing"),
    ],
)
def test_a_simulator_that_no_worker_offers_is_shown_with_the_reason_and_refused(
    as_alice: Client, storage: StorageBackend, tags: str, note: str, reason: str
) -> None:
    define("mine", tags, note=note)
    values = {"simulator": "mine", "files": [upload("omnetpp.ini")]}

    assert reason in as_alice.get("/simulations/new/").content.decode()
    assert reason in as_alice.post("/simulations/new/", values).content.decode()
    assert not Draft.objects.exists()


def test_without_any_worker_only_the_built_in_simulator_can_be_chosen(
    as_alice: Client, storage: StorageBackend
) -> None:
    define("mine")
    Worker.objects.all().delete()

    page = as_alice.get("/simulations/new/").content.decode()

    assert "no worker has shown itself in the last minute" in page
    assert as_alice.post("/simulations/new/", {"ini_text": INI}).status_code == 302


def test_what_a_simulator_allows_counts_in_both_steps(
    as_alice: Client, storage: StorageBackend
) -> None:
    define("mine", kind="omnetpp")
    SimulatorDefinition.objects.update(allowed_keys="record-eventlog")
    ini = INI.replace("[General]", "[General]\nrecord-eventlog = true")
    values = {"simulator": "mine", "ini_text": ini}
    address = str(as_alice.post("/simulations/new/", values)["Location"])
    as_alice.post(address, CHOICES)

    assert Simulation.objects.get().simulator == "mine"
    assert as_alice.post("/simulations/new/", {"ini_text": ini}).status_code == 422


@pytest.mark.parametrize(("version", "selected"), [("5.6.1", 2), ("6.1", 1)])
def test_an_ini_is_read_by_the_rules_of_its_simulators_version(
    as_alice: Client, storage: StorageBackend, version: str, selected: int
) -> None:
    define("mine", kind="omnetpp")
    SimulatorDefinition.objects.update(version=version)
    ini = "[General]\nnetwork = Net\ndescription = one\n   repeat = 2\n"
    address = str(
        as_alice.post("/simulations/new/", {"simulator": "mine", "ini_text": ini})["Location"]
    )
    preview = as_alice.get(f"{address}runs/", {"config": "General"}).content.decode()

    assert f"<strong>{selected} run" in preview


def test_more_configs_than_can_be_shown_are_refused(
    as_alice: Client, storage: StorageBackend
) -> None:
    ini = INI + "".join(f"[Config C{number}]\n" for number in range(500))
    response = as_alice.post("/simulations/new/", {"ini_text": ini})

    assert "omnetpp.ini: 502 configs; at most 500" in response.content.decode()


def test_a_latin_1_ini_is_one_too(as_alice: Client, storage: StorageBackend) -> None:
    ini = INI.replace("[Config Study]", "[Config Study]\ndescription = Mobilit\xe4t")
    values = {"files": [upload("omnetpp.ini", ini.encode("latin-1"))]}

    assert "Mobilität" in as_alice.post("/simulations/new/", values, follow=True).content.decode()


def test_the_limits_are_shown_before_anything_is_submitted(
    as_alice: Client, alice: User, storage: StorageBackend
) -> None:
    group = Group.objects.create(name="students")
    GroupLimits.objects.create(group=group, memory_mib=512, runs_per_simulation=10)
    address = draft(as_alice)
    assert "Your limits" not in as_alice.get(address).content.decode()

    alice.groups.add(group)
    page = as_alice.get(address).content.decode()

    assert "512 MiB of memory for a run" in page
    assert "runs in one simulation: 10" in page


def test_a_template_is_filled_in_and_its_ini_goes_the_way_of_every_other(
    as_alice: Client, storage: StorageBackend
) -> None:
    define("mine", kind="omnetpp")
    SimulatorDefinition.objects.update(
        template=INI.replace("${N=10,20}", "@hosts@"),
        parameters=[{"name": "hosts", "default": "20", "least": 2, "most": 500, "label": "Hosts"}],
    )
    address = "/simulations/new/form/?simulator=mine"

    assert address in as_alice.get("/simulations/new/").content.decode()
    assert "Hosts" in as_alice.get(address).content.decode()
    wrong = as_alice.post(address, {"hosts": "9999"})
    assert wrong.status_code == 422
    assert "no number from 2 up to 500" in html.unescape(wrong.content.decode())
    step = str(as_alice.post(address, {"hosts": "10,20,30"})["Location"])
    as_alice.post(step, CHOICES)

    assert Run.objects.count() == 3
    assert Simulation.objects.get().simulator == "mine"


def test_a_simulator_without_a_template_has_no_form(
    as_alice: Client, storage: StorageBackend
) -> None:
    define("mine", kind="omnetpp")

    assert as_alice.get("/simulations/new/form/?simulator=mine").status_code == 404
    assert as_alice.get("/simulations/new/form/?simulator=oppsim").status_code == 404


def test_a_hostile_template_is_refused_like_any_ini(
    as_alice: Client, storage: StorageBackend
) -> None:
    define("mine", kind="omnetpp")
    SimulatorDefinition.objects.update(template=INI + "load-libs = /tmp/evil\n")
    response = as_alice.post("/simulations/new/form/?simulator=mine", {"csrf": "x"})

    assert response.status_code == 422
    assert "load-libs" in response.content.decode()
