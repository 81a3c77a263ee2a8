"""What every test stands on: no `SIMCRATE_*` of the developer's shell, and a var directory of its own."""

from __future__ import annotations

import os
import tempfile

import pytest

pytest.register_assert_rewrite("simcrate.storage.contract")

for _name in [name for name in os.environ if name.startswith("SIMCRATE_")]:
    del os.environ[_name]
os.environ["SIMCRATE_VAR"] = tempfile.mkdtemp(prefix="simcrate-tests-")
