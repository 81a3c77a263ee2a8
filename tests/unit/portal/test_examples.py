"""Every example that comes with SimCrate can be submitted as it stands."""

from __future__ import annotations

import pytest

from simcrate.errors import BadInputError
from simcrate.portal.simulations.examples import INI_NAME, Example, get_example, list_examples
from simcrate.portal.simulations.files import file_faults
from simcrate.portal.simulations.offer import choose_runs, offered_configs, read_ini


@pytest.mark.parametrize("example", list_examples(), ids=lambda example: example.name)
def test_an_example_is_accepted_with_every_config_that_it_offers(example: Example) -> None:
    assert list(file_faults(example.files, max_bytes=2**20)) == []
    ini = read_ini(INI_NAME, example.files)
    offers = offered_configs(ini)

    assert offers
    for offer in offers:
        assert choose_runs(ini.config(offer.name), "")


@pytest.mark.parametrize("example", list_examples(), ids=lambda example: example.name)
def test_an_example_says_what_it_is_about(example: Example) -> None:
    assert len(example.about) > 20


def test_there_is_the_example_of_the_demo() -> None:
    assert get_example("epidemic").title == "Epidemic"


def test_an_unknown_example_is_refused_with_the_list() -> None:
    with pytest.raises(BadInputError, match="epidemic"):
        get_example("no-such-thing")
