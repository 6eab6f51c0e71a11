"""Spark SQL, as the wheel `pyspark` has it: one session with one thread, in a process of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reverse_metadata_tests.engines.asked import Asked, answer, asked
from reverse_metadata_tests.engines.servers import absent, home


@contextmanager
def spark() -> Iterator[Asked]:
    """A Spark with an empty catalog in memory, whose tables are files of a temporary directory."""
    if find_spec("pyspark") is None:
        absent("Spark", "make engines")
    java = next((path for version in (17, 21) for path in Path("/usr/lib/jvm").glob(f"java-{version}-openjdk-*")), None)
    if java is None:
        absent("Java 17, which Spark needs,", "apt-get install openjdk-17-jre-headless")
    with home() as directory, asked(__name__, directory, JAVA_HOME=str(java)) as engine:
        yield engine


@contextmanager
def _started(directory: Path) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={directory} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "700m",
        "spark.local.dir": str(directory),
        "spark.sql.warehouse.dir": str(directory / "warehouse"),
        "spark.ui.enabled": "false",
    }
    builder = SparkSession.builder.master("local[1]").config(map=settings)
    session = builder.getOrCreate()

    def run(sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in session.sql(sql).collect()]

    # Its Java ends when its input does, and would write into the directory until then.
    java = session.sparkContext._gateway.proc
    try:
        yield run
    finally:
        session.stop()
        java.stdin.close()
        java.wait()


if __name__ == "__main__":
    answer(_started)
