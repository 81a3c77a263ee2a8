"""Hostile ini files at the door: each is refused with its line and the reason, and nothing is queued.

What would happen to them behind it is in `tests/integration/sandbox/test_hostile_inis.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from simcrate.portal.simulations.faults import SubmissionError
from simcrate.portal.simulations.models import Draft, Simulation
from simcrate.portal.simulators.models import SimulatorDefinition
from simcrate.portal.workers.models import Worker

Submit = Callable[..., Simulation]

HOSTILE = [
    ("debugger-attach-on-startup = true", "debugger-attach-on-startup"),
    ("debugger-attach-on-error = true", "debugger-attach-on-error"),
    ('debugger-attach-command = "touch /tmp/x %u"', "debugger-attach-command"),
    ("load-libs = /tmp/evil", "load-libs"),
    ("output-scalar-file = /home/bob/x.sca", "output-scalar-file"),
    ("output-vector-file = ../../x.vec", "output-vector-file"),
    ("eventlog-file = /tmp/x", "eventlog-file"),
    ("snapshot-file = /tmp/x", "snapshot-file"),
    ("cmdenv-output-file = /tmp/x", "cmdenv-output-file"),
    ("result-dir = /home/bob", "result-dir"),
    ('parsim-filecommunications-prefix = "/tmp/"', "parsim-filecommunications-prefix"),
    ("include /etc/passwd", "leads outside"),
    ("include ../../secrets.ini", "leads outside"),
    ("ned-path = /opt/other", "ned-path"),
    ("image-path = /", "image-path"),
    ('**.x = xmldoc("/etc/passwd")', "xmldoc()"),
    ('**.x = readFile("/etc/passwd")', "readFile()"),
    ('**.x = readJSON("/etc/passwd")', "readJSON()"),
    ('**.x = readCSV("/etc/passwd")', "readCSV()"),
    ('**.x = readXML("/etc/passwd")', "readXML()"),
    ("description = harmless\\\n\nload-libs = /tmp/evil", "load-libs"),
    ("description = harmless\n   load-libs = /tmp/evil", "load-libs"),
    ('configuration-class = "Evil"', "configuration-class"),
    ('sectionbasedconfig-configreader-class = "Evil"', "sectionbasedconfig-configreader-class"),
    ('scheduler-class = "cSocketRTScheduler"', "scheduler-class"),
    ("user-interface = Qtenv", "user-interface"),
    ("parallel-simulation = true", "parallel-simulation"),
    ("record-eventlog = true", "record-eventlog"),
    ("cmdenv-interactive = true", "cmdenv-interactive"),
    ("repeat = 1000000", "runs"),
    ("*.x = ${1..1000000}", "runs"),
    ("sim-time-limt = 1s", "sim-time-limit"),
]


def ini_with(line: str) -> bytes:
    return f"[General]\nnetwork = OppNet\n{line}\n".encode()


@pytest.mark.parametrize(("line", "named"), HOSTILE)
def test_a_hostile_ini_is_refused_with_the_reason_and_queues_nothing(
    submit: Submit, line: str, named: str
) -> None:
    with pytest.raises(SubmissionError) as refused:
        submit(files={"omnetpp.ini": ini_with(line)}, config="General")

    assert named in str(refused.value)
    assert not Simulation.objects.exists()


@pytest.mark.parametrize("version", ["5.6.1", "6.1"])
def test_a_line_that_only_one_generation_would_obey_is_refused_for_both(
    submit: Submit, version: str
) -> None:
    SimulatorDefinition.objects.create(name="net", title="Net", command="/bin/net", version=version)
    Worker.objects.create(owner="here/1/1.00", machine="here", sandbox="bubblewrap")
    ini = ini_with("description = harmless\n   load-libs = /tmp/evil")

    with pytest.raises(SubmissionError, match="load-libs"):
        submit(files={"omnetpp.ini": ini}, config="General", simulator="net")


def test_every_refused_line_is_told_at_once_in_the_first_step(as_alice: Client) -> None:
    ini = ini_with("load-libs = /tmp/evil\ncmdenv-interactive = true").decode()
    page = as_alice.post("/simulations/new/", {"ini_text": ini}).content.decode()

    assert "omnetpp.ini:3: load-libs" in page
    assert "omnetpp.ini:4: cmdenv-interactive" in page
    assert not Draft.objects.exists()


def test_an_uploaded_file_is_no_way_around_the_checks(submit: Submit) -> None:
    files = {"omnetpp.ini": ini_with("include more.ini"), "more.ini": b"load-libs = /tmp/evil\n"}

    with pytest.raises(SubmissionError, match=r"more\.ini:1: load-libs"):
        submit(files=files, config="General")


@pytest.mark.parametrize(
    ("config", "says"),
    [("-XX:OnError=touch /tmp/x", "does not start with '-'"), ("a\nb", "printable")],
)
def test_a_config_is_no_option_of_a_program_with_settings_of_its_own(
    submit: Submit, config: str, says: str
) -> None:
    SimulatorDefinition.objects.create(
        name="mine", title="Mine", kind="command", command="/bin/mine\n{config}"
    )
    Worker.objects.create(owner="here/1/1.00", machine="here", sandbox="bubblewrap")

    with pytest.raises(SubmissionError, match=says):
        submit(config=config, simulator="mine")
