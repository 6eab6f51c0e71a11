"""Which names something in BigQuery can have, and what a call names by them.

A name becomes a part of the URL that is called: what cannot be one is not asked for.
"""

import re
import unicodedata

from reverse_metadata.model import Path

_PROJECT = re.compile(r"(?:[A-Za-z0-9.-]+:)?[A-Za-z0-9-]+")
#: https://cloud.google.com/bigquery/docs/datasets#dataset-naming
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
#: Letters, marks, numbers, connectors, dashes and spaces: https://cloud.google.com/bigquery/docs/tables#table_naming
_TABLE = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Zs"})


def nameable(path: Path) -> bool:
    """Whether a project, dataset or table of the source can have these names; columns may have any."""
    if not _PROJECT.fullmatch(path[0]) or (len(path) > 1 and not _DATASET.fullmatch(path[1])):
        return False
    if len(path) < 3:
        return True
    return 0 < len(path[2].encode(errors="replace")) <= 1024 and all(
        unicodedata.category(character) in _TABLE for character in path[2]
    )


def called(path: Path) -> str:
    """The resource that a call names: `projects/shop/datasets/sales/tables/orders`."""
    kinds = ("projects", "datasets", "tables")
    return "/".join(part for pair in zip(kinds, path[:3], strict=False) for part in pair)
