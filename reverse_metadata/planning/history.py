"""What the catalog once held: its version history, asked only where the merge needs it."""

from collections.abc import Callable
from functools import cached_property

from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.config import Channel
from reverse_metadata.connectors.base import TagLimits
from reverse_metadata.model import Entity, EntityType, Path
from reverse_metadata.planning import tags
from reverse_metadata.planning.descriptions import formatted
from reverse_metadata.planning.text import normal


class History:
    """The earlier descriptions and tags of one database, schema or table and of its columns.

    The versions are read once, on the first question. What counts is what the channel would have written of them: a
    text that was written so, by hand or by a run whose ledger is lost, was the catalog's as well. Every question may
    raise CatalogError.
    """

    def __init__(
        self, catalog: Catalog, entity: Entity, channel: Channel, limits: Callable[[EntityType], TagLimits]
    ) -> None:
        self._catalog = catalog
        self._entity = entity
        self._channel = channel
        self._limits = limits

    def described(self, path: Path, text: str) -> bool:
        """Whether the entity at `path` (the entity itself or one of its columns) once had this description."""
        return normal(text) in self._descriptions.get(path, ())

    def tagged(self, path: Path, key: str, value: str) -> bool:
        """Whether the entity at `path` once had a label that the channel writes as this key and value."""
        return (key, value) in self._tags.get(path, ())

    @cached_property
    def _versions(self) -> list[Entity]:
        if not self._catalog.has_history:
            return []
        return [entity for version in self._catalog.versions(self._entity) for entity in version.walk()]

    @cached_property
    def _descriptions(self) -> dict[Path, set[str]]:
        found: dict[Path, set[str]] = {}
        # What the catalog holds now as well: a source may hold its Markdown where the channel writes plain text.
        for entity in (*self._entity.walk(), *self._versions):
            texts = {normal(entity.description), normal(formatted(entity.description, self._channel))}
            found.setdefault(entity.path, set()).update(text for text in texts if text is not None)
        return found

    @cached_property
    def _tags(self) -> dict[Path, set[tuple[str, str]]]:
        found: dict[Path, set[tuple[str, str]]] = {}
        for entity in self._versions:
            wishes = tags.wishes(entity.tags, self._channel.tags, self._limits(entity.type))
            held = {(wish.key, wish.value) for wish in wishes if wish.verdict is None}
            found.setdefault(entity.path, set()).update(held)
        return found
