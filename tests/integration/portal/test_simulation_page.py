"""The page that follows a simulation, from the queue to the link."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from simcrate.portal.accounts.models import User
from simcrate.portal.accounts.services import issue_token
from simcrate.portal.deliveries.models import Delivery
from simcrate.portal.limits.models import GroupLimits
from simcrate.portal.simulations.models import Simulation
from simcrate.portal.storages.models import StorageBackend
from simcrate.portal.workers.models import Worker
from tests.integration.portal.conftest import INI

Submit = Callable[..., Simulation]
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def page(client: Client, simulation: Simulation) -> str:
    return client.get(f"/simulations/{simulation.pk}/").content.decode()


def live(client: Client, simulation: Simulation, seen: str = "") -> str:
    return client.get(f"/simulations/{simulation.pk}/live/", {"seen": seen}).content.decode()


def end_runs(simulation: Simulation, state: str = "completed") -> None:
    simulation.runs.update(state=state, percent=100, started_at=NOW, ended_at=NOW)


def deliver(simulation: Simulation, **changes: object) -> Delivery:
    Simulation.objects.filter(pk=simulation.pk).update(packed_at=NOW)
    values: dict[str, object] = {
        "state": "announced",
        "machine": "here",
        "file_name": "study.zip",
        "size_bytes": 2_000_000,
        "sha256": "ab" * 32,
        "keep_days": 7,
        "link_url": "https://cloud.example/s/study.zip",
        "announced_at": NOW,
        "expires_at": datetime(2030, 12, 2, tzinfo=UTC),
    }
    values |= {"simulation": simulation, "storage": simulation.storage}
    return Delivery.objects.create(**{**values, **changes})


def test_a_new_simulation_waits_for_a_worker(as_alice: Client, simulation: Simulation) -> None:
    assert "4 runs wait for a free worker" in page(as_alice, simulation)


def test_a_simulation_that_nobody_can_run_says_so_until_a_worker_shows_itself(
    as_alice: Client, simulation: Simulation
) -> None:
    assert "No worker that has oppsim" in page(as_alice, simulation)

    Worker.objects.create(owner="here/1", machine="here")

    assert "No worker that has oppsim" not in page(as_alice, simulation)


def test_a_simulation_waits_for_space_while_all_workers_that_could_run_it_are_short_of_it(
    as_alice: Client, simulation: Simulation
) -> None:
    Worker.objects.create(owner="here/1", machine="here", is_short_of_disk=True)
    assert "The disks of the workers that have oppsim are full" in page(as_alice, simulation)

    Worker.objects.create(owner="there/1", machine="there")
    assert "are full" not in page(as_alice, simulation)


def test_a_running_one_shows_stage_percent_and_the_end_of_its_log(
    as_alice: Client, simulation: Simulation
) -> None:
    simulation.runs.filter(number=0).update(
        state="running", percent=50, started_at=NOW, log_tail="** Event #12000  t=42.5", log_lines=1
    )

    text = page(as_alice, simulation)

    assert "1 running" in text
    assert re.search(r'class="current"[^>]*>simulate', text)
    assert "** Event #12000" in text
    assert "11 %" in text  # half of one of four runs, and runs are 85 % of the way


def test_the_browser_is_sent_nothing_while_nothing_changes(
    as_alice: Client, simulation: Simulation
) -> None:
    found = re.search(r"seen=(\w+)", live(as_alice, simulation))
    assert found

    response = as_alice.get(f"/simulations/{simulation.pk}/live/?seen={found[1]}")

    assert response.status_code == 204


def test_the_browser_is_told_to_fetch_the_whole_page_when_it_is_over(
    as_alice: Client, simulation: Simulation
) -> None:
    end_runs(simulation)
    deliver(simulation)

    response = as_alice.get(f"/simulations/{simulation.pk}/live/")

    assert response["HX-Refresh"] == "true"
    assert "hx-trigger" not in page(as_alice, simulation)


def test_a_link_is_shown_before_its_mail_went_out_and_the_page_goes_on(
    as_alice: Client, simulation: Simulation
) -> None:
    end_runs(simulation)
    deliver(simulation, state="linked", announced_at=None, expires_at=None)
    address = f"/simulations/{simulation.pk}/live/"

    assert as_alice.get(address)["HX-Refresh"] == "true"
    text = page(as_alice, simulation)
    assert "7 days after the mail went out" in text
    assert "ready=1" in text
    assert re.search(r'class="current"[^>]*>notify', text)
    assert "HX-Refresh" not in as_alice.get(address, {"ready": "1"})
    Delivery.objects.update(state="announced", announced_at=NOW)
    assert as_alice.get(address, {"ready": "1"})["HX-Refresh"] == "true"


def test_packing_shows_the_stage_that_it_is_at(as_alice: Client, simulation: Simulation) -> None:
    end_runs(simulation)
    Simulation.objects.update(stage="statistics", percent=40)

    text = live(as_alice, simulation)

    assert re.search(r'class="current"[^>]*>statistics', text)


def test_the_end_is_link_permalink_expiry_digest_and_size(
    as_alice: Client, simulation: Simulation
) -> None:
    end_runs(simulation)
    delivery = deliver(simulation)

    text = page(as_alice, simulation)

    assert "https://cloud.example/s/study.zip" in text
    assert f"http://127.0.0.1:8000/r/{delivery.permalink}" in text
    assert "2 December 2030, 00:00 UTC" in text
    assert "ab" * 32 in text
    assert "1.9\N{NO-BREAK SPACE}MB" in text


def test_every_run_shows_how_it_ended_and_why(as_alice: Client, simulation: Simulation) -> None:
    end_runs(simulation)
    simulation.runs.filter(number=2).update(state="failed", reason="The buffer is too small.")
    deliver(simulation)

    text = page(as_alice, simulation)

    assert "3 completed, 1 failed" in text
    assert "The buffer is too small." in text


def test_what_failed_on_the_way_is_said(as_alice: Client, simulation: Simulation) -> None:
    end_runs(simulation)
    Simulation.objects.update(problems=["could not read b.vec, line 7: no number"])
    deliver(simulation)

    assert "could not read b.vec, line 7: no number" in page(as_alice, simulation)


def test_a_storage_backend_that_refuses_is_named_with_its_reason(
    as_alice: Client, simulation: Simulation
) -> None:
    end_runs(simulation)
    deliver(simulation, state="failed", error="quota exceeded; free space", link_url="")

    text = page(as_alice, simulation)

    assert "could not be delivered to Local storage: quota exceeded; free space" in text


def test_the_cancel_button_cancels_and_goes(as_alice: Client, simulation: Simulation) -> None:
    assert ">Cancel</button>" in page(as_alice, simulation)

    text = as_alice.post(f"/simulations/{simulation.pk}/cancel/", follow=True).content.decode()

    assert "cancelled before any run started" in text
    assert ">Cancel</button>" not in text


def test_what_cannot_be_taken_back_is_asked_about_first(
    as_alice: Client, simulation: Simulation
) -> None:
    end_runs(simulation)
    deliver(simulation)
    issue_token(owner=simulation.owner, name="laptop")
    text = page(as_alice, simulation) + as_alice.get("/account/").content.decode()
    final = re.findall(r"<form[^>]*>(?:<input[^>]*>)?<button[^>]*danger[^>]*>(\w+)", text)
    asked = re.findall(r"<form[^>]*hx-confirm[^>]*>(?:<input[^>]*>)?<button[^>]*>(\w+)", text)

    assert final == asked == ["Revoke", "Revoke"]


def test_cancel_is_not_a_link(as_alice: Client, simulation: Simulation) -> None:
    assert as_alice.get(f"/simulations/{simulation.pk}/cancel/").status_code == 405


def test_cancel_wants_a_form_of_ours(alice: User, simulation: Simulation) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(f"/simulations/{simulation.pk}/cancel/").status_code == 403


def test_a_run_has_a_page_with_its_outcome(as_alice: Client, simulation: Simulation) -> None:
    simulation.runs.filter(number=1).update(
        state="completed",
        log_tail="End.",
        log_lines=9,
        outcome={"exit_code": 0, "wall_time_s": 4.25},
    )

    text = as_alice.get(f"/simulations/{simulation.pk}/runs/1/").content.decode()

    assert "End." in text
    assert "… 8 more lines in the crate …" in text
    assert "hx-get" not in text
    assert "4.2 s" in text or "4.3 s" in text


@pytest.mark.parametrize(("runs", "is_over", "are_folded"), [(2, 1, 0), (12, 0, 0), (12, 1, 1)])
def test_many_runs_are_folded_when_all_is_over(
    as_alice: Client, submit: Submit, runs: int, is_over: int, are_folded: int
) -> None:
    simulation = submit(
        files={"omnetpp.ini": INI.replace(b"repeat = 2", b"repeat = %d" % (runs / 2))}
    )
    if is_over:
        end_runs(simulation)
        deliver(simulation)
    text = page(as_alice, simulation)

    assert text.count('<td class="number"><a') == runs
    assert ("<summary>Show each run" in text) == are_folded


def test_the_list_is_paged_and_newest_first(
    as_alice: Client, submit: Submit, simulation: Simulation
) -> None:
    for number in range(20):
        submit(title=f"number {number}")

    first = as_alice.get("/simulations/").content.decode()
    second = as_alice.get("/simulations/?page=2").content.decode()

    assert first.index("number 19") < first.index("number 0<")
    assert str(simulation.pk) in second
    assert str(simulation.pk) not in first


@pytest.mark.parametrize(
    ("failed", "badge"),
    [(0, "delivered all"), (1, "delivered some"), (4, "delivered none")],
)
def test_list_and_page_look_delivered_as_far_as_runs_completed(
    as_alice: Client, simulation: Simulation, failed: int, badge: str
) -> None:
    end_runs(simulation)
    simulation.runs.filter(number__lt=failed).update(state="failed")
    deliver(simulation)

    for text in (page(as_alice, simulation), as_alice.get("/simulations/").content.decode()):
        assert f'class="state {badge}"' in text
        assert bool(failed) == (f"{failed} failed" in text)


def test_the_list_says_where_the_crate_went_in_the_end(
    as_alice: Client, simulation: Simulation
) -> None:
    other = StorageBackend.objects.create(name="The fallback", identifier="local:2", keep_days=7)
    end_runs(simulation)
    deliver(simulation, state="failed", error="it is full", link_url="")
    deliver(simulation, storage=other)

    text = as_alice.get("/simulations/").content.decode()

    assert "The fallback" in text
    assert "Local storage" not in text


def test_a_list_costs_the_same_number_of_queries_at_any_length(
    as_alice: Client, submit: Submit, django_assert_num_queries: object
) -> None:
    for _ in range(5):
        submit()
    with django_assert_num_queries(6):  # type: ignore[operator]
        as_alice.get("/simulations/")


def test_a_running_run_shows_its_pace_and_when_it_will_end(
    as_alice: Client, simulation: Simulation
) -> None:
    begun = datetime.now(UTC) - timedelta(hours=1)
    simulation.runs.exclude(number=0).delete()
    simulation.runs.update(
        state="running", percent=25, started_at=begun, events_per_s=1.01096e6, sim_s_per_s=32448.6,
        messages_present=11,
    )  # fmt: skip

    text = live(as_alice, simulation)

    assert "1,010,960 per s" in text
    assert "32,448.6 per s" in text
    assert re.search(r'class="number roomy">11<', text)
    end = begun + timedelta(hours=4)
    assert f"until about {end:%H:%M}" in text
    assert f"the runs end at about {end.day} {end:%b, %H:%M} UTC" in text


def test_the_first_error_is_pinned_whatever_else_is_printed(
    as_alice: Client, simulation: Simulation
) -> None:
    simulation.runs.filter(number=2).update(
        state="running", first_error="<!> Error: no route to <b>sink</b>", log_tail="fine"
    )

    text = live(as_alice, simulation)

    pinned = re.search(r'id="first-error">(.*?)</p>', text)
    assert pinned
    assert "Run 2" in pinned[1]
    assert "no route to &lt;b&gt;sink&lt;/b&gt;" in pinned[1]


def print_lines(simulation: Simulation, number: int, first: int, last: int) -> None:
    """The run has printed lines 1 to `last`; those from `first` on are kept."""
    simulation.runs.filter(number=number).update(
        state="running", started_at=NOW, log_lines=last,
        log_tail="\n".join(f"line {n}" for n in range(first, last + 1)),
    )  # fmt: skip


def cursor_of(text: str) -> str:
    """Where the browser asks for what follows."""
    found = re.search(r'hx-get="([^"]+)"[^>]*hx-trigger="load', text)
    assert found
    return html.unescape(found[1])


def test_of_a_log_that_grows_only_what_is_new_is_sent(
    as_alice: Client, simulation: Simulation
) -> None:
    print_lines(simulation, 0, 1, 3)
    address = cursor_of(page(as_alice, simulation))
    print_lines(simulation, 0, 2, 5)

    piece = as_alice.get(address).content.decode()

    assert piece.startswith("line 4\nline 5\n<span")
    assert as_alice.get(cursor_of(piece)).content.decode().startswith("<span")


def test_lines_that_came_too_fast_for_the_browser_are_counted(
    as_alice: Client, simulation: Simulation
) -> None:
    print_lines(simulation, 0, 1, 3)
    address = cursor_of(page(as_alice, simulation))
    print_lines(simulation, 0, 9, 10)

    assert "… 5 more lines in the crate …\nline 9" in as_alice.get(address).content.decode()


def test_when_another_run_is_of_interest_its_whole_log_takes_the_place(
    as_alice: Client, simulation: Simulation
) -> None:
    print_lines(simulation, 0, 1, 3)
    address = cursor_of(page(as_alice, simulation))
    simulation.runs.filter(number=0).update(state="completed")
    print_lines(simulation, 1, 1, 1)

    response = as_alice.get(address)

    assert response["HX-Retarget"] == "#log"
    assert "Log of run 1" in response.content.decode()


def test_a_log_that_began_anew_is_shown_from_its_beginning(
    as_alice: Client, simulation: Simulation
) -> None:
    print_lines(simulation, 0, 1, 9)
    address = cursor_of(page(as_alice, simulation))
    print_lines(simulation, 0, 1, 1)

    assert as_alice.get(address).content.decode().startswith("line 1\n")


def test_the_log_of_a_run_ends_with_the_run(as_alice: Client, simulation: Simulation) -> None:
    print_lines(simulation, 0, 1, 2)
    text = as_alice.get(f"/simulations/{simulation.pk}/runs/0/").content.decode()
    assert "line 2" in text
    simulation.runs.update(state="completed", log_lines=3, log_tail="line 1\nline 2\nEnd.")

    found = re.search(r'hx-get="([^"]+/log/[^"]*)"', text)
    assert found
    assert as_alice.get(html.unescape(found[1])).content.decode() == "End.\n"


def test_stop_is_a_button_of_its_own_and_says_why_it_cannot(
    as_alice: Client, simulation: Simulation
) -> None:
    simulation.runs.filter(number=0).update(state="running", started_at=NOW)
    assert "Stop and keep" in page(as_alice, simulation)

    text = as_alice.post(f"/simulations/{simulation.pk}/stop/", follow=True).content.decode()
    assert "Stopping, and keeping what is there: 1 running, 3 stopped." in text
    assert "Stop and keep</button>" not in text

    end_runs(simulation)
    Simulation.objects.update(cancel_requested_at=None)
    text = as_alice.post(f"/simulations/{simulation.pk}/stop/", follow=True).content.decode()
    assert "its runs have ended and the crate is being packed" in text


def test_who_has_as_many_under_way_as_allowed_is_told_that_this_one_waits(
    as_alice: Client, alice: User, submit: Submit, simulation: Simulation
) -> None:
    group = Group.objects.create(name="students")
    GroupLimits.objects.create(group=group, parallel_simulations=1)
    alice.groups.add(group)
    second = submit()
    assert "Your limit is" not in live(as_alice, second)

    simulation.runs.filter(number=0).update(state="running", started_at=NOW)

    assert "Your limit is 1 simulation at a time" in live(as_alice, second)
