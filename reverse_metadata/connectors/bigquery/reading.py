"""What BigQuery says of a dataset: the dataset, a list of its tables, and each table by a call of its own.

INFORMATION_SCHEMA would say it in three queries. They cost money, need a right to run jobs, and give descriptions and
labels as SQL that would have to be read back; the calls are free, and give what is patched afterwards.
"""

from collections.abc import Callable, Collection

from reverse_metadata.connectors.bigquery.calls import Calls, at_once
from reverse_metadata.connectors.bigquery.names import nameable
from reverse_metadata.connectors.bigquery.options import BigQueryOptions
from reverse_metadata.connectors.bigquery.resources import Json, dataset_object, table_objects
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Partition, Path, SourceState


def schema_state(
    calls: Calls, partition: Partition, path: Path, only: Collection[str] | None, options: BigQueryOptions
) -> SourceState:
    """The dataset, its tables (`only` those named) and their columns; `path` holds the source's names.

    Raises SourceError.
    """
    dataset = _found(lambda: calls.dataset(path))
    if dataset is None:
        return {}
    own = dataset_object(dataset, partition.path)
    state: SourceState = {own.path: own}
    pages = calls.tables(path) if only is None else [sorted(name for name in only if nameable((*path, name)))]
    for names in pages:
        for name, table in zip(
            names, at_once(lambda name: _found(lambda: calls.table((*path, name))), names), strict=True
        ):
            if table is not None:
                state |= {found.path: found for found in table_objects(table, (*own.path, name), own, options)}
    return state


def _found(asked: Callable[[], Json]) -> Json | None:
    """The resource; None where there is none, or none any more."""
    try:
        return asked()
    except SourceError as error:
        if error.reason is Reason.MISSING_OBJECT:
            return None
        raise
