"""Database services of the catalog: their connection, and whether its secrets are really there."""

import re
from collections.abc import Iterator
from typing import Any

from reverse_metadata.catalogs.base import Service
from reverse_metadata.catalogs.openmetadata.client import Json
from reverse_metadata.redaction import register_secret

#: What people are shown in place of a secret; bots are shown the secret.
_HIDDEN = re.compile(r"\*{4,}")
#: What the catalog holds when an external secrets manager keeps the secret itself.
_REFERENCE = re.compile(r"secret:\S+")
_SECRET_KEY = re.compile(
    r"(?i)password|passphrase|secret|token(?!.*ur[il])|private_?key|api_?key|credential|connectionstring"
)


def without_connection(body: Json) -> Service:
    """The service of a document in a list."""
    return Service(str(body.get("name", "")), str(body.get("serviceType", "")))


def with_connection(body: Json) -> Service:
    """The service of a document, with its connection. Its secrets are registered for redaction."""
    service = without_connection(body)
    config = (body.get("connection") or {}).get("config")
    if not isinstance(config, dict):
        return Service(service.name, service.service_type, None, f"The catalog holds no connection for {service.name}.")
    leaves = list(_leaves(config, ()))
    for path, value in leaves:
        if _SECRET_KEY.search(path[-1]) and not _HIDDEN.fullmatch(value) and not _REFERENCE.fullmatch(value):
            register_secret(value)
    return Service(service.name, service.service_type, config, _masked(service.name, leaves))


def _masked(name: str, leaves: list[tuple[tuple[str, ...], str]]) -> str:
    """Why the secrets of the connection cannot be used; "" when they can."""
    instead = f"Give the connection of {name} under `services` in the configuration"
    hidden = [".".join(path) for path, value in leaves if _HIDDEN.fullmatch(value)]
    if hidden:
        return (
            f"The catalog hides {' and '.join(hidden)} of {name} from this token: only bots are shown secrets. "
            f"Use the token of a bot. {instead} otherwise."
        )
    kept = [".".join(path) for path, value in leaves if _REFERENCE.fullmatch(value)]
    if kept:
        return (
            f"The catalog keeps {' and '.join(kept)} of {name} in an external secrets manager and gives out a "
            f"reference only. {instead}."
        )
    return ""


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text in the connection with the keys that lead to it; a list adds no key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    elif isinstance(value, str) and path:
        yield path, value
