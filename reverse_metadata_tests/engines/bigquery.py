"""The BigQuery emulator of the project local-bigquery, which needs a Python 3.13 of its own.

`python -m reverse_metadata_tests.engines.bigquery` installs it below the environment that runs the tests. The Python is
the one that `PYTHON313` names, or one that pyenv has.

It keeps datasets, tables, views, descriptions, labels and policy tags, and refuses an old etag. Its SQL is DuckDB's,
and falls short where a nested column or a materialized view is altered. It knows no quotas and no permissions.
"""

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reverse_metadata_tests.engines.servers import absent, free_port, home, mortal, server

if TYPE_CHECKING:
    from google.cloud import bigquery

_REQUIREMENTS = Path(__file__).with_name("local_bigquery.txt")
_EXTENSIONS = ("ducklake", "icu", "spatial")
#: Says what is installed, and that it is all there.
_STAMP = "installed.txt"
_HINT = "make engines PYTHON313=/path/to/python3.13"


@contextmanager
def bigquery_emulator() -> Iterator[str]:
    """The URL of an empty BigQuery; `client` connects to it. Every project exists, and everybody may do everything."""
    if not (installed() / _STAMP).exists():
        absent("local-bigquery", _HINT)
    with home() as directory:
        port = free_port()
        options = [
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--grpc-port",
            "0",
            "--data-dir",
            str(directory / "data"),
        ]
        url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"{url}/bigquery/v2/projects/none/datasets", timeout=30):
                    return True
            except OSError:
                return False

        # DuckDB looks for its extensions in the home directory.
        command = [*mortal(), str(installed() / "bin" / "local-bigquery"), *options, "serve"]
        with server(command, directory / "log", ready, HOME=str(installed())):
            yield url


def client(url: str, project: str = "shop-project") -> "bigquery.Client":
    """Google's client for an emulator or a stand-in."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    return bigquery.Client(
        project=project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": url},
    )


def installed() -> Path:
    """Where `install` puts it."""
    return Path(sys.prefix) / "bigquery-emulator"


def install(python: str) -> None:
    """Make its environment with this Python 3.13, unless it is there and of these versions."""
    target, stamp = installed(), installed() / _STAMP
    if stamp.exists() and stamp.read_bytes() == _REQUIREMENTS.read_bytes():
        return
    print(f"==> installing the BigQuery emulator into {target}", flush=True)
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run([python, "-m", "venv", target], check=True)
    own = str(target / "bin" / "python")
    quiet = ["--disable-pip-version-check", "--no-input", "-q"]
    subprocess.run([own, "-m", "pip", "install", *quiet, "--no-deps", "-r", str(_REQUIREMENTS)], check=True)
    imports = "import sys; from duckdb_extensions import import_extension; [*map(import_extension, sys.argv[1:])]"
    subprocess.run([own, "-c", imports, *_EXTENSIONS], check=True, env=os.environ | {"HOME": str(target)})
    shutil.copy(_REQUIREMENTS, stamp)


def python_313() -> str | None:
    """A Python 3.13 that works: the one that is named, and otherwise the first that is found."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found_here = [*map(str, sorted(pyenv.glob("3.13*/bin/python"))), "python3.13", sys.executable]
    named = os.environ.get("PYTHON313")
    for python in [named] if named else found_here:
        try:
            found = subprocess.run([python, "-c", "import sys, venv; print(sys.version_info[:2])"], capture_output=True)
        except OSError:
            continue
        if found.stdout.strip() == b"(3, 13)":
            return python
    return None


if __name__ == "__main__":
    if python := python_313():
        install(python)
    else:
        message = f"==> no Python 3.13 is here, which the BigQuery emulator needs: {_HINT}"
        # Its tests are skipped then, which is no pass where every engine must be there.
        if os.environ.get("REQUIRE_ENGINES") == "1":
            sys.exit(message)
        print(message)
