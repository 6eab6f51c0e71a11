"""A database that writes down every COMMENT it commits, in the transaction of the COMMENT."""

from collections import Counter

from reverse_metadata_tests.world import World

_INSTALL = """
CREATE SCHEMA audit;
CREATE TABLE audit.statements (number bigserial PRIMARY KEY, identity text NOT NULL);
CREATE FUNCTION audit.note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO audit.statements (identity) SELECT object_identity FROM pg_event_trigger_ddl_commands();
END $$;
CREATE EVENT TRIGGER audit ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION audit.note()
"""
#: How many COMMENTs ran so far, those of open and of rolled back transactions too: a sequence never goes back.
STATEMENTS_RUN = b"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM audit.statements_number_seq"


class Audit:
    """The audit of a world's database. Comments on databases are not in it: event triggers do not see those."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.run(_INSTALL)

    def committed(self) -> Counter[str]:
        """How often each object was commented."""
        with self._world.connect() as connection:
            return Counter(row[0] for row in connection.execute("SELECT identity FROM audit.statements"))
