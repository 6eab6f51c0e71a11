"""What the catalog once held: its version history, asked only where the merge needs it."""

from reverse_metadata.catalogs.base import Catalog
from reverse_metadata.model import Entity, Path
from reverse_metadata.planning.text import normal


class History:
    """The earlier descriptions of one database, schema or table and of its columns.

    The versions are read once, on the first question.
    """

    def __init__(self, catalog: Catalog, entity: Entity) -> None:
        self._catalog = catalog
        self._entity = entity
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
                text = normal(entity.description)
                if text is not None:
                    descriptions.setdefault(entity.path, set()).add(text)
        return descriptions
