"""The warning that the catalog's own ingestion writes over what a channel pushes from there.

Nothing fails because of it: where it cannot be found out, a note says so.
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.catalogs.filter import could_match
from reverse_metadata.config import Channel, Config
from reverse_metadata.display import one_line
from reverse_metadata.errors import CatalogError, ReverseMetadataError
from reverse_metadata.services import open_catalog

_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence a service that deserves a warning; `note` says why nothing is known, and is "" when it is."""

    warnings: tuple[str, ...] = ()
    note: str = ""


def advice(config: Config, channels: Iterable[Channel], service: str = "") -> Advice:
    """The advice for the services in scope of the channels, or for one of them; opens the catalog."""
    if config.catalog.kind == "folder":
        # It ingests nothing: `check` need not open it to know that.
        return Advice()
    try:
        with closing(open_catalog(config.catalog, config.path.absolute().parent)) as catalog:
            return advice_of(catalog, channels, service)
    except ReverseMetadataError as error:
        return _unknown(error)


def advice_of(catalog: Catalog, channels: Iterable[Channel], service: str = "") -> Advice:
    """As `advice`, of a catalog that is open: one request, unless there are very many services."""
    try:
        found = catalog.overriding(service)
    except CatalogError as error:
        return _unknown(error)
    filters = [channel.filter for channel in channels]
    in_scope = [name for name in found if any(could_match(each, name) for each in filters)]
    return Advice(tuple(_warning(name, found[name]) for name in in_scope))


def _warning(service: str, pipelines: list[str]) -> str:
    names = " and ".join(one_line(name, _WIDTH) for name in pipelines)
    which = f"the ingestion pipeline {names} has" if len(pipelines) == 1 else f"the ingestion pipelines {names} have"
    return (
        f"{one_line(service, _WIDTH)}: {which} overrideMetadata on. Each run of it replaces descriptions, tags and"
        " owners in the catalog by what the source holds, so that an edit that was not pushed before is lost. Switch"
        " overrideMetadata off there, or expect edits in the catalog to vanish."
    )


def _unknown(error: ReverseMetadataError) -> Advice:
    return Advice(note=f"whether the catalog's ingestion overrides edits could not be checked: {error}")
