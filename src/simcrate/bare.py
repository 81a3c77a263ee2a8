"""What a process that handles what others wrote is given of our environment: what it needs to work, nothing of ours.

Addresses of databases and mail servers, with their passwords, and names of files that hold secrets are variables
too: none of them is in a core dump or an error text of such a process.  This is no wall: one that is taken over may
read what its user may.
"""

from __future__ import annotations

from collections.abc import Mapping

NAMES = frozenset(
    {
        # where programs, libraries, the user's files and room for temporary ones are
        "HOME", "LD_LIBRARY_PATH", "PATH", "TEMP", "TMP", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
        # how to write text and time
        "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "SOURCE_DATE_EPOCH", "TZ",
        # where Python finds us, and how it is to run
        "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONHOME", "PYTHONPATH", "PYTHONPYCACHEPREFIX",
        "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONWARNINGS",
        # matplotlib and the fonts that it asks for
        "FONTCONFIG_FILE", "FONTCONFIG_PATH", "MPLCONFIGDIR",
        # how many cores libraries take
        "ARROW_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OMP_THREAD_LIMIT",
        "OPENBLAS_NUM_THREADS",
    }
)  # fmt: skip


def bare_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables that tell of the machine and not of us."""
    return {name: value for name, value in variables.items() if name in NAMES}
