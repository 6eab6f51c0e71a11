"""Opens what the configuration names: the catalog, and the connector of any service.

A service has the connection of the configuration, or else the one that the catalog holds.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.config import Block, Config, FolderOptions, OpenMetadataOptions
from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import Connector, ConnectorOptions, is_connection
from reverse_metadata.errors import ConfigurationError, Reason, SourceError

#: Gives a connector that is not connected yet.
ConnectorFactory = Callable[[], Connector]


def open_catalog(
    block: Block[OpenMetadataOptions] | Block[FolderOptions] | Block[OpenMetadataOptions | FolderOptions],
    directory: Path,
    fields: Sequence[str] = (),
) -> Catalog:
    """The catalog of the configuration; a relative folder counts from `directory`. `fields` are what the filters of
    the channels need to know of its entities, see `filter.catalog_fields`.

    Raises ConfigurationError when a variable is not set, and CatalogError for a URL or token that cannot be one.
    """
    options = block.resolve()
    if isinstance(options, FolderOptions):
        from reverse_metadata.catalogs.folder import FolderCatalog

        return FolderCatalog(directory / options.path, name=options.name or "", service_types=options.service_types)
    from reverse_metadata.catalogs.openmetadata import OpenMetadataCatalog

    max_event_age = timedelta(days=options.events.max_age)
    return OpenMetadataCatalog(options.url, options.token, fields=fields, max_event_age=max_event_age)


class Services:
    """The connectors of one run, each made once and closed together.

    `configured` are the services whose connection stands in the configuration; `overrides` are the options of the
    services that take theirs from the catalog. Every connector is told the `run_id`.
    """

    def __init__(
        self,
        catalog: Catalog,
        configured: Mapping[str, ConnectorFactory],
        overrides: Mapping[str, Mapping[str, Any]],
        run_id: str = "",
    ) -> None:
        self._catalog = catalog
        self._run_id = run_id
        self._configured = configured
        self._overrides = overrides
        self._made: dict[str, Connector] = {}
        self._given_up: dict[str, SourceError] = {}

    def connector(self, service: str) -> Connector:
        """The connector of a service. Raises SourceError when there is none, and says what to configure."""
        if service in self._given_up:
            raise self._given_up[service]
        if service not in self._made:
            factory = self._configured.get(service)
            connector = factory() if factory is not None else self._from_catalog(service)
            connector.run_id = self._run_id
            self._made[service] = connector
        return self._made[service]

    def give_up(self, service: str, error: SourceError) -> None:
        """The service cannot be reached: whoever asks for it again in this run is told at once, and nobody waits."""
        self._given_up[service] = error

    def close(self) -> None:
        """Close every connector that was made."""
        while self._made:
            self._made.popitem()[1].close()

    def _from_catalog(self, service: str) -> Connector:
        found = self._catalog.service(service)
        configure = f"configure it under services: {service}: {{type: ...}}"
        if found is None:
            raise _refused(f"{self._catalog.name} knows no service {service}, and none is configured; {configure}")
        try:
            connector_type = registry.for_service_type(found.service_type)
        except ConfigurationError as error:
            narrow = "leave it out with the channel's filter: {not: {service: ...}}"
            raise _refused(f"service {service}: {'; '.join(error.mistakes)}; {narrow}, or {configure}") from None
        if found.masked:
            raise _refused(f"service {service}: {found.masked}; or {configure}")
        if found.connection is None:
            raise _refused(f"{self._catalog.name} holds no connection for service {service}; {configure}")
        try:
            reused = connector_type.options_from_catalog(found.connection)
        except ConfigurationError as error:
            raise _refused(f"service {service}: {'; '.join(error.mistakes)}; or {configure}") from None
        overrides = self._overrides.get(service, {})
        for key in overrides:
            # It is known only now which system this is.
            if is_connection(connector_type.options_type, key):
                raise _refused(
                    f"service {service}: {key} belongs to a connection, and this service has that of the "
                    f"catalog; to connect with another one, {configure}"
                )
        options = {**reused, **overrides}
        try:
            return connector_type(connector_type.options_type.model_validate(options))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise _refused(f"the connection that {self._catalog.name} holds for {service}: {wrong}") from None


def services_of(config: Config, catalog: Catalog) -> Services:
    """The services of a configuration, for those who look without Dagster."""

    def factory(block: Block[ConnectorOptions]) -> ConnectorFactory:
        return lambda: registry.connector_type(block.kind or "")(block.resolve())

    connected = {name: factory(block) for name, block in config.services.items() if block.kind is not None}
    overrides = {
        name: block.resolve().model_dump(exclude_unset=True)
        for name, block in config.services.items()
        if block.kind is None
    }
    return Services(catalog, connected, overrides)


def _refused(message: str) -> SourceError:
    return SourceError(Reason.AUTHENTICATION, message)
