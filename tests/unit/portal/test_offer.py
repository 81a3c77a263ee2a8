"""What an ini offers is worked out within bounds, however many configs it has."""

from __future__ import annotations

import pytest

from simcrate.inifile import parse_ini
from simcrate.portal.simulations import offer
from simcrate.portal.simulations.faults import SubmissionError


def test_configs_that_have_too_much_to_count_together_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offer, "MAX_EFFORT", 100_000)
    study = "network = X\n**.a = ${a=1..200}\nconstraint = $a > 0\n"
    few, many = ("".join(f"[Config C{i}]\n" for i in range(count)) for count in (5, 50))

    assert len(offer.offered_configs(parse_ini(study + few))) == 6
    with pytest.raises(SubmissionError, match="combinations to go through"):
        offer.offered_configs(parse_ini(study + many))


def test_a_time_limit_that_is_long_in_every_run_is_refused() -> None:
    config = parse_ini(
        f"**.n = ${{n=1..200}}\nsim-time-limit = 1s + ${{n}}s{' + 1s' * 10_000}\n"
    ).config("General")

    with pytest.raises(SubmissionError, match=r"sim-time-limit: .* to go through"):
        offer.check_rows(config, offer.choose_runs(config, ""), 1.0)
