"""The plan of a channel without a run: nothing is written to a source, nothing is recorded."""

from collections.abc import Iterator
from contextlib import closing

from reverse_metadata.applying.approval import Approvals
from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.catalogs.filter import catalog_fields
from reverse_metadata.config import Channel, Config, ledger_url
from reverse_metadata.errors import ReverseMetadataError
from reverse_metadata.ledger import Ledger
from reverse_metadata.model import Partition
from reverse_metadata.planning.plan import Plan
from reverse_metadata.services import open_catalog, services_of


def preview(
    config: Config, channel: Channel, partition: Partition | None = None
) -> Iterator[tuple[Partition, Plan | str]]:
    """Every partition in the channel's scope, or one, with its plan or the sentence that says why there is none.

    Raises ReverseMetadataError when the catalog or the ledger cannot be read at all.
    """
    directory, fields = config.path.absolute().parent, catalog_fields(each.filter for each in config.channels)
    with closing(open_catalog(config.catalog, directory, fields)) as catalog, Ledger.open(ledger_url(config)) as ledger:
        with closing(services_of(config, catalog)) as services:
            others = config.others(channel)
            pipeline = Pipeline(channel, catalog, services, ledger, run_id="preview", preview=True, others=others)
            for each in [partition] if partition is not None else pipeline.discover():
                yield each, _planned(pipeline, each)


def _planned(pipeline: Pipeline, partition: Partition) -> Plan | str:
    try:
        return Approvals(pipeline).shown(pipeline.resolve(pipeline.fetch(partition, "full")))
    except ReverseMetadataError as error:
        return str(error)
