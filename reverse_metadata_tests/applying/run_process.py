"""A run of a whole channel in a process of its own, which tests pause and kill.

    python -m reverse_metadata_tests.applying.run_process '{"url": ..., ...}'

`processes.a_run` starts it. The catalog's token stands in the variable TOKEN. `die` names a moment at which the
process kills itself: SIGKILL, so that nothing is tidied up. Prints `planned KEY` and `done KEY STATEMENTS` or
`failed KEY MESSAGE` for each partition.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog
from reverse_metadata.config import Channel
from reverse_metadata.connectors.postgres import PostgresConnector, PostgresOptions
from reverse_metadata.errors import ReverseMetadataError
from reverse_metadata.ledger import Ledger
from reverse_metadata.services import Services
from reverse_metadata_tests.world import SERVICE


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: type, method: str, when: Callable[..., bool] = lambda *_: True) -> None:
    original = getattr(owner, method)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when(*args):
            _die()
        return original(*args, **kwargs)

    setattr(owner, method, wrapped)


def _after(owner: type, method: str, when: Callable[..., bool] = lambda *_: True) -> None:
    original = getattr(owner, method)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if when(*args):
            _die()
        return result

    setattr(owner, method, wrapped)


def _is_commit(_: Any, query: Any, *__: Any) -> bool:
    return bool(query == b"COMMIT")


#: The moments at which a run can be made to die.
MOMENTS: dict[str, Callable[[], None]] = {
    "holding the lease": lambda: _before(Ledger, "save_plan"),
    "planned, not started": lambda: _before(Ledger, "start"),
    "started, nothing sent": lambda: _after(Ledger, "start"),
    "between BEGIN and COMMIT": lambda: _before(psycopg.Connection, "execute", _is_commit),
    "committed, not recorded": lambda: _after(psycopg.Connection, "execute", _is_commit),
    "read back, not recorded": lambda: _before(Ledger, "finish"),
    "recorded, not delivered": lambda: _after(Ledger, "finish"),
}


def main(settings: dict[str, Any]) -> None:
    """One run of everything in the channel's scope."""
    if settings["die"]:
        MOMENTS[settings["die"]]()
    options = PostgresOptions(
        host=settings["host"],
        username="postgres",
        database=settings["database"],
        lock_timeout=60,  # tests hold locks for as long as they look
    )
    with closing(OpenMetadataCatalog(settings["url"], os.environ["TOKEN"])) as catalog:
        with Ledger.open(settings["ledger"]) as ledger:
            with closing(Services(catalog, {SERVICE: lambda: PostgresConnector(options)}, {})) as services:
                channel = Channel(name="shop", **settings["channel"])
                run_id, patience = settings["run_id"], settings["patience"]
                pipeline = Pipeline(channel, catalog, services, ledger, run_id, patience=patience)
                for partition in pipeline.discover():
                    _run(pipeline, partition)


def _run(pipeline: Pipeline, partition: Any) -> None:
    try:
        plan = pipeline.recover_and_resolve(pipeline.fetch(partition, "full"))
        print("planned", partition.key, flush=True)
        applied = pipeline.apply(plan)
    except ReverseMetadataError as error:
        print("failed", partition.key, str(error).replace("\n", " "), flush=True)
        return
    problem = "; ".join(applied.problems)
    print(*(("failed", partition.key, problem) if problem else ("done", partition.key, applied.statements)), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
