#!/usr/bin/env bash
# Makes a virtual environment with locked requirements and this checkout in it.
# usage: make-venv.sh VENV REQUIREMENTS
set -euo pipefail
venv=$1 requirements=$2 python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null; then
    echo "SimCrate needs Python 3.11 or newer, and '$python' was not found: install the package python3." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "SimCrate needs Python 3.11 or newer, and '$python' is $("$python" -V 2>&1); name a newer one with: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "Python's venv module is missing: install the package python3-venv (Debian, Ubuntu), then try again." >&2
    exit 1
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing the locked requirements into $venv ..."
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$requirements"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
