"""What the environment says of the account that `make live` may use."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reverse_metadata.config import Block
from reverse_metadata.config.mistakes import Source, literal_secrets
from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import ConnectorOptions
from reverse_metadata.documents import Document, DocumentError, parse_yaml
from reverse_metadata.errors import ConfigurationError
from reverse_metadata_tests.contract.live.systems import SYSTEMS

SYSTEM, SERVICE, LACKING, DATABASE = "LIVE_SYSTEM", "LIVE_SERVICE", "LIVE_SERVICE_LACKING", "LIVE_DATABASE"


@dataclass(frozen=True)
class Settings:
    """The account: options with their secrets, and the service as it is written, which may be shown.

    `database` is the catalog's name of it: `default` where the catalog invents one. `lacking` are the options of a
    second login, None when there is none.
    """

    system: str
    options: ConnectorOptions
    written: Mapping[str, Any]
    database: str
    lacking: ConnectorOptions | None


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """What the variables LIVE_* say. Raises ConfigurationError with every mistake."""
    environ = os.environ if environ is None else environ
    system = environ.get(SYSTEM, "")
    if system not in SYSTEMS:
        raise ConfigurationError([f"name a system, make live SYSTEM=...: one of {', '.join(SYSTEMS)}"])
    mistakes: list[str] = []
    database = environ.get(DATABASE, "") if SYSTEMS[system].in_database else "default"
    if not environ.get(SERVICE):
        mistakes.append(f"{SERVICE} is not set: it holds the service block, as in reverse_metadata.yaml")
    if not database:
        mistakes.append(f"{DATABASE} is not set: it names the database in which two schemas are created")
    found: dict[str, tuple[ConnectorOptions, Mapping[str, Any]]] = {}
    for variable in (SERVICE, LACKING):
        try:
            if text := environ.get(variable):
                found[variable] = _service(system, text, variable, environ)
        except ConfigurationError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigurationError(mistakes)
    options, written = found[SERVICE]
    lacking = found[LACKING][0] if LACKING in found else None
    return Settings(system, options, written, database, lacking)


def _service(
    system: str, text: str, variable: str, environ: Mapping[str, str]
) -> tuple[ConnectorOptions, Mapping[str, Any]]:
    try:
        document = parse_yaml(text, variable)
    except DocumentError as error:
        raise ConfigurationError([str(error)]) from None
    # Alone in its text: a line says nothing.
    source = Source(Document(variable, document.value))
    if not isinstance(document.value, dict):
        raise ConfigurationError([source.sentence("must be a mapping: the block of a service")])
    raw = dict(document.value)
    if raw.pop("type", system) != system:
        raise ConfigurationError([source.at("type").sentence(f"must be {system}, the system that is tried")])
    model = registry.connector_type(system).options_type
    for place, _ in literal_secrets(model, raw):
        # The block is shown, and only what comes from a variable of its own is kept out of messages.
        raise ConfigurationError([source.at(*place).sentence("a secret goes into a variable of its own: ${NAME}")])
    return Block(system, raw, model, source).resolve(environ), raw
