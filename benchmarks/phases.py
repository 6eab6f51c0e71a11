"""One pass over the estate without Dagster, each phase timed: `python -m benchmarks.phases CONFIG`.

Prints one JSON document: seconds by phase, statements, queries sent to the source, peak memory in MiB.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.config import ledger_url, load_config
from reverse_metadata.ledger import Ledger
from reverse_metadata.services import Services, open_catalog, services_of

_READS = ("source read", "check before writing", "read back")


class Stopwatch:
    """Seconds by phase. A phase inside another one counts for itself only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block."""
        self._switch()
        self._running.append(name)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._running:
            phase = self._running[-1]
            self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._since
        self._since = now


class Timed:
    """Stands before an object and times the calls of its methods as one phase, generators to their end."""

    def __init__(self, target: Any, watch: Stopwatch, phase: Callable[[str], str]) -> None:
        self._target = target
        self._watch = watch
        self._phase = phase

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **options: Any) -> Any:
            phase = self._phase(name)
            with self._watch.phase(phase):
                result = value(*arguments, **options)
            return self._iterate(result, phase) if isinstance(result, Iterator) else result

        return call

    def _iterate(self, items: Iterator[Any], phase: str) -> Iterator[Any]:
        while True:
            with self._watch.phase(phase):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item


class _ConnectorPhases:
    """The first read of a partition is for the plan, the second checks it, the third verifies."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, method: str) -> str:
        if method != "read":
            return "execute" if method == "execute" else "statements"
        self.reads += 1
        return _READS[(self.reads - 1) % len(_READS)]


class _TimedServices:
    """Services whose connectors are timed."""

    def __init__(self, services: Services, watch: Stopwatch, phases: _ConnectorPhases) -> None:
        self._services = services
        self._watch = watch
        self._phases = phases

    def connector(self, service: str) -> Any:
        """The timed connector of a service."""
        return Timed(self._services.connector(service), self._watch, self._phases)


def main(path: str) -> None:
    """One pass over everything in the scope of the first channel."""
    queries = _count_queries()
    config = load_config(path)
    watch = Stopwatch()
    directory = config.path.absolute().parent
    with closing(Ledger.open(ledger_url(config))) as ledger:
        with closing(open_catalog(config.catalog, directory)) as catalog:
            timed_catalog: Any = Timed(catalog, watch, lambda _: "catalog read")
            timed_ledger: Any = Timed(ledger, watch, lambda _: "ledger")
            with closing(services_of(config, catalog)) as services:
                phases = _ConnectorPhases()
                timed_services: Any = _TimedServices(services, watch, phases)
                pipeline = Pipeline(config.channels[0], timed_catalog, timed_services, timed_ledger, "bench")
                result = _pass(pipeline, watch, phases)
    result["queries"] = queries[0]
    result["seconds"] = {phase: round(seconds, 4) for phase, seconds in watch.seconds.items()}
    result["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(result))


def _pass(pipeline: Pipeline, watch: Stopwatch, phases: _ConnectorPhases) -> dict[str, Any]:
    statements = changes = 0
    for partition in pipeline.discover():
        phases.reads = 0
        with watch.phase("catalog read"):
            fetched = pipeline.fetch(partition, "full")
        with watch.phase("merge"):
            plan = pipeline.recover_and_resolve(fetched)
        with watch.phase("apply, the rest"):
            applied = pipeline.apply(plan)
        if applied.problems:
            raise SystemExit(f"{partition.key}: {applied.problems}")
        statements += applied.statements
        changes += len(applied.arrived)
    return {"statements": statements, "changes": changes}


def _count_queries() -> list[int]:
    """Counts every query that psycopg sends from now on; the number is the only item of the list."""
    count = [0]
    original = psycopg.Cursor.execute

    def execute(self: Any, *arguments: Any, **options: Any) -> Any:
        count[0] += 1
        return original(self, *arguments, **options)

    psycopg.Cursor.execute = execute  # type: ignore[method-assign]
    return count


if __name__ == "__main__":
    main(str(Path(sys.argv[1])))
