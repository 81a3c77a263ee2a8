#!/usr/bin/env bash
# Pins every dependency with its hashes, for Python 3.11 and newer, without any index address.
# Needs uv (https://docs.astral.sh/uv/). Run it after a change of the dependencies in pyproject.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() {
    uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --quiet "$@"
}
lock --group build --output-file requirements/run.txt
lock --group build --group dev --constraint requirements/run.txt --output-file requirements/dev.txt
