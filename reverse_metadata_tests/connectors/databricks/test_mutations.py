"""The stand-in notices when the connector is wrong: each mistake is made on purpose, and does not go unseen."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from reverse_metadata.connectors.databricks import DatabricksConnector, kinds, reading, sql
from reverse_metadata.dialects import DIALECTS
from reverse_metadata.model import Aspect, Change, Path, Statement
from reverse_metadata_tests.contract.databricks import Databricks
from reverse_metadata_tests.contract.peer import change as changed

TEXT = "it's \\ $\\q ${env:HOME}"
SPARK = DIALECTS["databricks"]
Patch = Callable[[pytest.MonkeyPatch], None]


def arrived(lakehouse: Databricks) -> bool:
    """Whether text, tags and owner arrive at everything that can have them, in no more statements than it takes."""
    lakehouse.kinds()
    lakehouse.table("back`tick", ["id", "n"])
    owner = lakehouse.owner()
    with lakehouse.connector() as connector:
        state = connector.read(lakehouse.database) | connector.read(lakehouse.partition)
        wishes: list[Change] = []
        for path in state:
            wishes.append(changed(path, TEXT, state))
            wishes += [changed(path, value, state, Aspect.TAGS, key) for key, value in (("a $", TEXT), ("b", ""))]
            wishes.append(changed(path, owner, state, Aspect.OWNER))
        wishes = [wish for wish in wishes if not (len(wish.path) > 3 and wish.aspect is Aspect.OWNER)]
        wishes = [wish for wish in wishes if connector.refuse(wish) is None]
        if len(wishes) < 95:
            return False
        for part in ([w for w in wishes if len(w.path) > 1], [w for w in wishes if len(w.path) == 1]):
            statements = connector.resolve(part)
            before = lakehouse.requests()
            partition = lakehouse.partition if len(part[0].path) > 1 else lakehouse.database
            if any(outcome.error for outcome in connector.execute(partition, statements)):
                return False
            if lakehouse.requests() - before != len(statements):
                return False
        after = connector.read(lakehouse.database) | connector.read(lakehouse.partition)
    return all(
        wish.value == after[wish.path].value(wish.aspect, wish.tag_key) == held(lakehouse, wish) for wish in wishes
    )


def held(lakehouse: Databricks, wish: Change) -> str | None:
    return lakehouse.stored(wish.path, wish.aspect, wish.tag_key)


def rewriting(pattern: str, instead: str) -> Patch:
    """Every statement says something else."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        resolve = DatabricksConnector.resolve

        def wrong(self: DatabricksConnector, changes: Iterable[Change]) -> list[Statement]:
            return [
                Statement(re.sub(pattern, instead, statement.text), statement.changes)
                for statement in resolve(self, changes)
            ]

        monkeypatch.setattr(DatabricksConnector, "resolve", wrong)

    return patch


def replacing(target: Any, name: str, wrong: Any) -> Patch:
    """A function or table of the connector is another one."""
    return lambda monkeypatch: monkeypatch.setattr(target, name, wrong)


def quoting(escapes: dict[str, str]) -> Callable[[str], str]:
    return lambda text: "'" + "".join(escapes.get(character, character) for character in text) + "'"


def no_elements(change: Change, path: Path) -> Path:
    return (*(name.lower() for name in path[:3]), *path[3:])


def no_names(path: Iterable[str]) -> str:
    return ".".join(f"`{name}`" for name in path)


MUTATIONS: dict[str, Patch] = {
    "quotes are doubled": replacing(sql, "literal", quoting({"'": "''", "\\": "\\\\", "$": "\\u0024"})),
    "backslashes are left alone": replacing(sql, "literal", quoting({"'": "\\'", "$": "\\u0024"})),
    "dollars are left alone": replacing(sql, "literal", quoting({"'": "\\'", "\\": "\\\\"})),
    "dollars are escaped by a backslash": replacing(sql, "literal", quoting({"'": "\\'", "\\": "\\\\", "$": "\\$"})),
    "backticks are left alone": replacing(sql, "named", no_names),
    "arrays have no elements": replacing(sql, "places", no_elements),
    "views have a keyword of their own": rewriting(r"COMMENT ON TABLE (\S+)recent IS", r"COMMENT ON VIEW \1recent IS"),
    "columns are named again": rewriting(r"(?<=')(, )(?=\w+(\.\w+)* COMMENT)", ", ALTER COLUMN "),
    "columns have no keyword": rewriting("ALTER COLUMN", "MODIFY COLUMN"),
    "one tag a statement": rewriting("SET TAGS", "SET TAG"),
    "tags as pairs": rewriting(r"SET TAGS \((.*)\)", r"SET TAGS [\1]"),
    "owners are texts": rewriting("OWNER TO `(.*)`", r"OWNER TO '\1'"),
    "owners are bare": rewriting("OWNER TO `(.*)`", r"OWNER TO \1"),
    "owners without SET": rewriting("SET OWNER TO", "OWNER TO"),
    "columns of views are tagged by ALTER VIEW": rewriting(r"ALTER TABLE (\S+recent) ALTER", r"ALTER VIEW \1 ALTER"),
    "materialized views are views": replacing(kinds, "ALTERED", {**kinds.ALTERED, "materialized view": "VIEW"}),
    "streaming tables are tables": replacing(kinds, "ALTERED", {**kinds.ALTERED, "streaming table": "TABLE"}),
    "files are Delta tables": replacing(kinds, "_EVOLVING", {"DELTA", "ICEBERG", "PARQUET"}),
    "foreign tables are tables": replacing(kinds, "_TYPES", {**kinds._TYPES, "FOREIGN": "table"}),
    "all tables are read as those of another schema": replacing(
        reading, "select", lambda items, relation, where: sql.select(items, relation, where.replace("sales", "Sales"))
    ),
    "tags of columns are looked for elsewhere": replacing(
        reading, "select", lambda items, relation, where: sql.select(items, relation.replace("column_", ""), where)
    ),
}


def test_nothing_is_noticed_where_nothing_is_wrong(lakehouse: Databricks) -> None:
    assert arrived(lakehouse)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mistake_is_noticed(lakehouse: Databricks, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    MUTATIONS[name](monkeypatch)
    assert not arrived(lakehouse)
