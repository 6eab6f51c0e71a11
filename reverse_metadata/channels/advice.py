"""The warning of `applying.reingestion` in a Dagster run: logged once a service, shown on every plan of the service."""

import dagster as dg

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.applying.reingestion import advice_of
from reverse_metadata.channels.report import Metadata
from reverse_metadata.channels.steps import Context
from reverse_metadata.display import printable


class RunAdvice:
    """What one run is told of each of its services; the catalog is asked once a service."""

    def __init__(self, context: Context, pipeline: Pipeline) -> None:
        self._log = context.log
        self._pipeline = pipeline
        self._shown: dict[str, Metadata] = {}

    def metadata(self, service: str) -> Metadata:
        """`warning` for a plan of the service, or nothing."""
        if service not in self._shown:
            self._shown[service] = self._asked(service)
        return self._shown[service]

    def _asked(self, service: str) -> Metadata:
        found = advice_of(self._pipeline.catalog, [self._pipeline.channel], service)
        if found.note:
            self._log.info(printable(found.note))
        text = printable("\n".join(found.warnings))
        if not text:
            return {}
        self._log.warning(text)
        return {"warning": dg.MetadataValue.text(text)}
