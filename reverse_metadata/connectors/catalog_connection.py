"""Reads the connection that the catalog holds of a service, and names whatever of it cannot be reused.

Source of the keys: OpenMetadata's JSON schemas, `entity/services/connections/database/*.json`.
"""

import re
from collections.abc import Mapping
from typing import Any

from reverse_metadata.errors import ConfigurationError
from reverse_metadata.redaction import register_secret

#: What the catalog's own ingestion goes by, and a writer does not: `supportsProfiler` and its like, and these.
_INGESTION = {
    "type",
    "scheme",
    "classificationName",
    "databaseSchema",
    "ingestAllDatabases",
    "schemaFilterPattern",
    "tableFilterPattern",
    "databaseFilterPattern",
    "sampleDataStorageConfig",
}
_SUPPORTS = re.compile(r"supports[A-Z]\w*")


class CatalogConnection:
    """A mapping of the catalog, read key by key; a key that nobody asked for is a mistake in the end.

    `where` names the mapping in messages: `gcpConfig`. What is blank, empty or null counts as absent.
    """

    def __init__(self, config: Mapping[str, Any], where: str = "", mistakes: list[str] | None = None) -> None:
        self._left = {key: value for key, value in config.items() if not _absent(value)}
        self._where = where
        self._parts: list[CatalogConnection] = []
        self.mistakes: list[str] = [] if mistakes is None else mistakes

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str) -> Any:
        """The value of a key, None when there is none."""
        return self._left.pop(key, None)

    def text(self, key: str) -> str:
        """The value of a key as text, "" when there is none."""
        value = self.take(key)
        return "" if value is None else str(value)

    def secret(self, key: str) -> str:
        """The value of a key that no message may ever show, "" when there is none; asterisks, which is what people
        without rights see, are a mistake."""
        value = self.text(key)
        if value and not value.strip("*"):
            self.mistakes.append(f"the catalog shows {self._name(key)} as asterisks: its token must be a bot's")
            return ""
        if value:
            register_secret(value)
        return value

    def within(self, key: str) -> "CatalogConnection":
        """The mapping below a key, empty when there is none; its mistakes are counted here."""
        value = self._left.get(key, {})
        if not isinstance(value, Mapping):
            # It stays where it is, and is a mistake in the end.
            return CatalogConnection({}, self._name(key), self.mistakes)
        part = CatalogConnection(self.take(key) or {}, self._name(key), self.mistakes)
        self._parts.append(part)
        return part

    def address(self, key: str = "hostPort") -> tuple[str, int | None]:
        """Host and port of `host:5432`; an IPv6 address stands in brackets when a port follows. A mistake without
        a host."""
        text = self.text(key)
        if not text:
            self.mistakes.append(f"the catalog's connection names no host ({self._name(key)})")
        if bracketed := re.fullmatch(r"\[([^\]]+)\](?::(\d+))?", text):
            return bracketed[1], int(bracketed[2]) if bracketed[2] else None
        host, colon, port = text.rpartition(":")
        if colon and ":" not in host and port.isdigit():
            return host, int(port)
        return text, None

    def ignore(self, *keys: str) -> None:
        """These keys do not matter to a writer."""
        for key in keys:
            self._left.pop(key, None)

    def refuse(self, key: str, why: str) -> None:
        """When there is such a key, it cannot be reused; `why` ends the sentence `… sets sslConfig, `."""
        if self.take(key) is not None:
            self.mistakes.append(f"the catalog's connection sets {self._name(key)}, {why}")

    def rest(self) -> dict[str, Any]:
        """Everything that nobody asked for yet; nothing of it is left then."""
        rest, self._left = self._left, {}
        return rest

    def raise_mistakes(self) -> None:
        """Raise ConfigurationError with every mistake, when there is one: what nobody asked for is one, too."""
        self._end()
        if self.mistakes:
            raise ConfigurationError(self.mistakes)

    def _end(self) -> None:
        for key in sorted(self.rest()):
            if not _SUPPORTS.fullmatch(key) and (self._where or key not in _INGESTION):
                self.mistakes.append(
                    f"the catalog's connection sets {self._name(key)}, which a service block has no key for"
                )
        for part in self._parts:
            part._end()

    def _name(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key


def _absent(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_absent, value.values()))
    return value is None or value in ("", [])
