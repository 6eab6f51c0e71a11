"""What the catalog once held: its version history, asked only where the merge needs it."""

from collections.abc import Callable

from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.model import Entity, Path
from reverse_metadata.planning.text import normal


class History:
    """The earlier descriptions of one database, schema or table and of its columns.

    The versions are read once, on the first question. `formatted` gives a description as the channel writes it: a text
    that was written so, by hand or by a run whose ledger is lost, was the catalog's as well.
    """

    def __init__(self, catalog: Catalog, entity: Entity, formatted: Callable[[str | None], str | None]) -> None:
        self._catalog = catalog
        self._entity = entity
        self._formatted = formatted
        self._descriptions: dict[Path, set[str]] | None = None

    def once_held(self, path: Path, text: str) -> bool:
        """Whether the entity at `path` (the entity itself or one of its columns) once had this description.

        Raises CatalogError.
        """
        if not self._catalog.has_history:
            return False
        if self._descriptions is None:
            self._descriptions = self._read()
        return normal(text) in self._descriptions.get(path, ())

    def _read(self) -> dict[Path, set[str]]:
        descriptions: dict[Path, set[str]] = {}
        for version in self._catalog.versions(self._entity):
            for entity in version.walk():
                texts = {normal(entity.description), normal(self._formatted(entity.description))}
                descriptions.setdefault(entity.path, set()).update(text for text in texts if text is not None)
        return descriptions
