"""Which database a service stood for: what was written to one says nothing about another.

A service can be pointed at a clone for a rehearsal, and back at production. The values that were written to the clone
must not count as written in production, where texts of its own may stand.
"""

import hashlib

import sqlalchemy as sa

from reverse_metadata.ledger.database import Database
from reverse_metadata.ledger.schema import sources


class Sources(Database):
    """The part of the ledger that tells the databases behind a service apart."""

    def source(self, catalog: str, service: str, identity: str, *, record: bool = True) -> str:
        """The name under which the ledger keeps what is known of a service while it stands for this database.

        The first database keeps the service's own name; any other has a suffix. Without `record` the name is the one
        that it would get. Raises LedgerError.
        """
        c = sources.c
        known = sa.select(c.name).where(c.catalog == catalog, c.service == service, c.identity == identity)
        with self._reading() as connection:
            name = connection.scalar(known)
        if name is not None:
            return str(name)
        suffixed = f"{service}@{hashlib.sha256(identity.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        if not record:
            with self._reading() as connection:
                taken = connection.scalar(sa.select(c.name).where(c.catalog == catalog, c.service == service))
            return service if taken is None else suffixed
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                # Two first ones at once would both keep the service's name; SQLite has one writer anyway.
                connection.execute(sa.text("LOCK TABLE sources IN SHARE ROW EXCLUSIVE MODE"))
            first = connection.scalar(sa.select(c.name).where(c.catalog == catalog, c.service == service)) is None
            row = {
                "catalog": catalog,
                "service": service,
                "identity": identity,
                "name": service if first else suffixed,
            }
            connection.execute(self._insert(sources).on_conflict_do_nothing(), row)
            (name,) = connection.execute(known).one()
        return str(name)
