"""The Dagster resources: the catalog, the ledger, and one a configured service.

A resource holds its settings as the configuration writes them, `${VARIABLE}` and all: Dagster shows and stores
them, and no secret's value is among them. The variables are replaced when a connection opens, inside a step.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from reverse_metadata.applying.pipeline import Pipeline
from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.catalogs.filter import catalog_fields
from reverse_metadata.config import Block, Channel, Config, ledger_location, slug
from reverse_metadata.config.models import CATALOGS
from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import Connector, Overrides
from reverse_metadata.ledger import Ledger
from reverse_metadata.services import Services, open_catalog

CATALOG = "catalog"
LEDGER = "ledger"
SERVICES = "services"


class CatalogResource(dg.ConfigurableResource[Any]):
    """The system of record."""

    type: str = Field(description="`openmetadata` or `folder`.")
    settings: dict[str, Any] = Field(description="The keys of the configuration, variables unresolved.")
    directory: str = Field(description="Where the configuration stands; a relative folder counts from here.")
    fields: list[str] = Field(default=[], description="What the channels' filters look at beside what is pushed.")

    @contextmanager
    def open(self) -> Iterator[Catalog]:
        """The catalog, for the time of a step. Raises ConfigurationError when a variable is not set."""
        block = Block.of(self.type, self.settings, CATALOGS[self.type], "catalog")
        with closing(open_catalog(block, Path(self.directory), self.fields)) as catalog:
            yield catalog


class LedgerResource(dg.ConfigurableResource[Any]):
    """The durable record of what is pending, what was planned and what was pushed."""

    url: str | None = Field(description="As in the configuration; without it a SQLite file under DAGSTER_HOME.")
    directory: str = Field(description="Where the configuration stands.")

    @contextmanager
    def open(self) -> Iterator[Ledger]:
        """The ledger, for the time of a step. Raises LedgerError."""
        with closing(Ledger.open(ledger_location(self.url, Path(self.directory)))) as ledger:
            yield ledger


class ConnectorResource(dg.ConfigurableResource[Any]):
    """Reads and writes one service, with the connection that stands in the configuration."""

    service: str = Field(description="The service as the catalog names it.")
    system: str = Field(description="The kind of database.")
    settings: dict[str, Any] = Field(description="The keys of the configuration, variables unresolved.")

    def connector(self) -> Connector:
        """The connector, not connected yet. Raises ConfigurationError when a variable is not set."""
        connector_type = registry.connector_type(self.system)
        block = Block.of(self.system, self.settings, connector_type.options_type, f"services.{self.service}")
        return connector_type(block.resolve())


class ServicesResource(dg.ConfigurableResource[Any]):
    """Hands a run the connector of any service: the configured one, or one that the catalog knows to connect."""

    configured: dict[str, str] = Field(description="The resource of each configured service.")
    overrides: dict[str, Any] = Field(description="What the configuration adds to connections of the catalog.")

    def of(self, catalog: Catalog, resources: Any, run_id: str) -> Services:
        """The services of a run; `resources` are those of its context."""
        factories = {name: getattr(resources, key).connector for name, key in self.configured.items()}
        overrides = {
            name: Block.of(None, raw, Overrides, f"services.{name}").resolve().model_dump(exclude_unset=True)
            for name, raw in self.overrides.items()
        }
        return Services(catalog, factories, overrides, run_id)


def resources_of(config: Config) -> dict[str, Any]:
    """Every resource of the code location, by key."""
    directory = str(config.path.absolute().parent)
    connected = {name: block for name, block in config.services.items() if block.kind is not None}
    return {
        CATALOG: CatalogResource(
            type=config.catalog.kind or "",
            settings=dict(config.catalog.raw),
            directory=directory,
            fields=catalog_fields(channel.filter for channel in config.channels),
        ),
        LEDGER: LedgerResource(url=config.ledger.url, directory=directory),
        SERVICES: ServicesResource(
            configured={name: slug(name) for name in connected},
            overrides={name: dict(block.raw) for name, block in config.services.items() if block.kind is None},
        ),
        **{
            slug(name): ConnectorResource(service=name, system=block.kind or "", settings=dict(block.raw))
            for name, block in connected.items()
        },
    }


def required_keys(config: Config) -> set[str]:
    """The resource keys that every step of a channel needs."""
    return {CATALOG, LEDGER, SERVICES, *(slug(name) for name, block in config.services.items() if block.kind)}


@contextmanager
def open_pipeline(
    channel: Channel, resources: Any, run_id: str, *, ignore_brakes: bool = False, others: tuple[Channel, ...] = ()
) -> Iterator[Pipeline]:
    """The steps of a channel with everything they need, for the time of a Dagster step. A step that plans needs the
    other channels of the configuration, too."""
    with getattr(resources, CATALOG).open() as catalog, getattr(resources, LEDGER).open() as ledger:
        with closing(getattr(resources, SERVICES).of(catalog, resources, run_id)) as services:
            yield Pipeline(channel, catalog, services, ledger, run_id, ignore_brakes, others=others)
