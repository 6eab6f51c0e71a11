"""What the ledger knows of the last value of every aspect."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reverse_metadata.ledger.database import Database, chunks
from reverse_metadata.ledger.schema import last_values, pushes
from reverse_metadata.model import Aspect, EntityType, Last, LastKey, Origin


class LastValues(Database):
    """The part of the ledger that the merge asks. A catalog and a service together name a set of entities."""

    def last(
        self, catalog: str, service: str, partition_key: str, tables: Collection[str] | None = None
    ) -> dict[LastKey, Last]:
        """The last values in a partition; `tables` restricts them to these tables (or the schema or database).

        `tables` are FQNs; the columns of a table come with it. Raises LedgerError.
        """
        c = last_values.c
        query = sa.select(
            c.entity, c.aspect, c.tag_key, c.wanted, c.stored, c.origin, c.entity_id, c.object_id, c.template,
            c.channel, c.filter_hash,
        ).where(c.catalog == catalog, c.service == service, c.partition_key == partition_key)  # fmt: skip
        queries = [query] if tables is None else [query.where(c.table_entity.in_(some)) for some in chunks(tables)]
        found: dict[LastKey, Last] = {}
        with self._reading() as connection:
            for each in queries:
                for entity, aspect, tag_key, wanted, stored, origin, *others in connection.execute(each):
                    key = LastKey(entity, Aspect(aspect), tag_key)
                    found[key] = Last(wanted, stored, Origin(origin), *others)
        return found

    def record_last(
        self,
        catalog: str,
        service: str,
        partition_key: str,
        rows: Iterable[tuple[LastKey, str, EntityType, Last]],
    ) -> None:
        """Remember last values: (key, FQN of the table or of the schema or database itself, type, value)."""
        now = datetime.now(UTC)
        values = [last_row(catalog, service, partition_key, *row, now=now) for row in rows]
        if values:
            with self._writing() as connection:
                self._upsert(connection, last_values, values)

    def forget(self, catalog: str, service: str, keys: Iterable[LastKey]) -> None:
        """Know nothing of these aspects any more."""
        rows = [{"k_entity": key.entity, "k_aspect": key.aspect, "k_tag_key": key.tag_key} for key in keys]
        if rows:
            c = last_values.c
            statement = sa.delete(last_values).where(
                c.catalog == catalog,
                c.service == service,
                c.entity == sa.bindparam("k_entity"),
                c.aspect == sa.bindparam("k_aspect"),
                c.tag_key == sa.bindparam("k_tag_key"),
            )
            with self._writing() as connection:
                connection.execute(statement, rows)

    def known_entities(self, catalog: str, service: str, partition_key: str) -> set[str]:
        """The FQNs of the database, schema and tables of a partition that have a last value, also in a column."""
        c = last_values.c
        return self._distinct(
            sa.select(c.table_entity).where(
                c.catalog == catalog,
                c.service == service,
                c.partition_key == partition_key,
            )
        )

    def known_partitions(self, catalog: str, channel: str) -> set[str]:
        """The keys of the partitions in which the channel wrote or adopted a value that still counts."""
        c = last_values.c
        return self._distinct(sa.select(c.partition_key).where(c.catalog == catalog, c.channel == channel))

    def count_last(self, catalog: str, channel: str) -> int:
        """How many last values the channel answers for: the base of its brakes."""
        c = last_values.c
        query = sa.select(sa.func.count()).where(c.catalog == catalog, c.channel == channel)
        with self._reading() as connection:
            return connection.execute(query).scalar_one()

    def first_contact(self, catalog: str, service: str) -> bool:
        """Whether the ledger knows nothing of the service: neither a last value nor a push."""
        with self._reading() as connection:
            for table in (last_values, pushes):
                query = sa.select(sa.literal(1)).where(table.c.catalog == catalog, table.c.service == service).limit(1)
                if connection.execute(query).first() is not None:
                    return False
        return True

    def _distinct(self, query: sa.Select[tuple[str]]) -> set[str]:
        with self._reading() as connection:
            return set(connection.scalars(query.distinct()))


def last_row(
    catalog: str,
    service: str,
    partition_key: str,
    key: LastKey,
    table: str,
    entity_type: EntityType,
    last: Last,
    *,
    now: datetime,
) -> dict[str, Any]:
    """A row of `last_values`."""
    return {
        "catalog": catalog,
        "service": service,
        "entity": key.entity,
        "aspect": key.aspect,
        "tag_key": key.tag_key,
        "partition_key": partition_key,
        "table_entity": table,
        "entity_type": entity_type,
        "entity_id": last.entity_id,
        "object_id": last.object_id,
        "wanted": last.wanted,
        "stored": last.stored,
        "origin": last.origin,
        "template": last.template,
        "channel": last.channel,
        "filter_hash": last.filter_hash,
        "updated_at": now,
    }
