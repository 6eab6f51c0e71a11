"""What a writer without superuser rights is told, and whether it is enough."""

from collections.abc import Iterable

import pytest

from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Change, Statement
from reverse_metadata_tests.connectors.postgres.shop import Shop, spied

MISSING = "What is missing: "


class Writer:
    """A login without any right, and the owner of everything that it must write to."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.name = shop.role()
        self.owner = shop.role("NOLOGIN")
        shop.run(
            f"CREATE SCHEMA sales AUTHORIZATION {self.owner}",
            "CREATE TABLE sales.orders (id int, amount int)",
            f"ALTER TABLE sales.orders OWNER TO {self.owner}",
        )
        #: PostgreSQL 16 made it an option of each membership to become the role.
        self.set_true = " WITH SET TRUE" if shop.version() >= 16 else ""

    def push(self, change: Change) -> SourceError | None:
        schema = change.path[1] if len(change.path) > 1 else None
        (outcome,) = self.shop.push([change], schema, username=self.name)
        return outcome.error

    def refused(self, change: Change) -> list[str]:
        """The GRANTs that the refusal asks for."""
        error = self.push(change)
        assert error is not None
        assert error.reason is Reason.MISSING_PRIVILEGE
        assert not error.transient
        message, _, grants = str(error).partition(MISSING)
        assert grants, message
        return [f"{grant};" for grant in grants.split("; ")[:-1]] + [grants.split("; ")[-1]]

    def suffices(self, change: Change, *grants: str) -> None:
        """Exactly these GRANTs are asked for, and with them the change arrives."""
        assert self.refused(change) == list(grants)
        self.shop.run(*grants)
        assert self.push(change) is None


@pytest.fixture
def writer(shop: Shop) -> Writer:
    return Writer(shop)


@pytest.fixture
def looking(writer: Writer) -> Writer:
    """A writer that may look into the schema."""
    writer.shop.run(f"GRANT USAGE ON SCHEMA sales TO {writer.name}")
    return writer


def test_a_comment_needs_membership_in_the_owning_role(looking: Writer) -> None:
    change = looking.shop.describe("sales", "orders", text="x")
    assert str(looking.push(change)) == (
        "COMMENT ON TABLE sales.orders: must be owner of table orders. "
        f"What is missing: GRANT {looking.owner} TO {looking.name};"
    )
    looking.suffices(change, f"GRANT {looking.owner} TO {looking.name};")


def test_a_comment_on_a_column_needs_the_same(looking: Writer) -> None:
    change = looking.shop.describe("sales", "orders", "id", text="x")
    looking.suffices(change, f"GRANT {looking.owner} TO {looking.name};")


def test_a_comment_on_a_schema_needs_the_same(writer: Writer) -> None:
    writer.suffices(writer.shop.describe("sales", text="x"), f"GRANT {writer.owner} TO {writer.name};")


def test_a_comment_on_a_database_needs_the_same(writer: Writer) -> None:
    writer.shop.run(f"ALTER DATABASE {writer.shop.database} OWNER TO {writer.owner}")
    writer.suffices(writer.shop.describe(text="x"), f"GRANT {writer.owner} TO {writer.name};")


def test_a_writer_must_be_able_to_look_into_the_schema(writer: Writer) -> None:
    writer.shop.run(f"ALTER SCHEMA sales OWNER TO postgres; GRANT {writer.owner} TO {writer.name}")
    change = writer.shop.describe("sales", "orders", text="x")
    assert str(writer.push(change)) == (
        "COMMENT ON TABLE sales.orders: permission denied for schema sales. "
        f"What is missing: GRANT USAGE ON SCHEMA sales TO {writer.name};"
    )
    writer.suffices(change, f"GRANT USAGE ON SCHEMA sales TO {writer.name};")


def test_everything_that_is_missing_is_named_at_once(writer: Writer) -> None:
    heir = writer.shop.role("NOLOGIN")
    writer.suffices(
        writer.shop.give("sales", "orders", owner=heir),
        f"GRANT USAGE ON SCHEMA sales TO {writer.name};",
        f"GRANT {writer.owner} TO {writer.name};",
        f"GRANT {heir} TO {writer.name}{writer.set_true};",
        f"GRANT CREATE ON SCHEMA sales TO {heir};",
    )


def test_a_schema_is_handed_over_by_a_writer_who_may_create_schemas(writer: Writer) -> None:
    heir = writer.shop.role("NOLOGIN")
    writer.suffices(
        writer.shop.give("sales", owner=heir),
        f"GRANT {writer.owner} TO {writer.name};",
        f"GRANT {heir} TO {writer.name}{writer.set_true};",
        f"GRANT CREATE ON DATABASE {writer.shop.database} TO {writer.name};",
    )


def test_a_database_is_handed_over_by_a_writer_who_may_create_databases(writer: Writer) -> None:
    heir = writer.shop.role("NOLOGIN")
    writer.shop.run(f"ALTER DATABASE {writer.shop.database} OWNER TO {writer.owner}")
    writer.suffices(
        writer.shop.give(owner=heir),
        f"GRANT {writer.owner} TO {writer.name};",
        f"GRANT {heir} TO {writer.name}{writer.set_true};",
        f"ALTER ROLE {writer.name} CREATEDB;",
    )


def test_a_writer_that_does_not_inherit_is_made_to(looking: Writer) -> None:
    change = looking.shop.describe("sales", "orders", text="x")
    looking.shop.run(f"ALTER ROLE {looking.name} NOINHERIT")
    if looking.set_true:
        looking.suffices(change, f"GRANT {looking.owner} TO {looking.name} WITH INHERIT TRUE;")
    else:
        membership = f"GRANT {looking.owner} TO {looking.name};"
        looking.suffices(change, membership, f"ALTER ROLE {looking.name} INHERIT;")


def test_a_member_that_does_not_inherit_is_made_to(looking: Writer) -> None:
    change = looking.shop.describe("sales", "orders", text="x")
    looking.shop.run(f"ALTER ROLE {looking.name} NOINHERIT; GRANT {looking.owner} TO {looking.name}")
    if looking.set_true:
        looking.suffices(change, f"GRANT {looking.owner} TO {looking.name} WITH INHERIT TRUE;")
    else:
        looking.suffices(change, f"ALTER ROLE {looking.name} INHERIT;")


def test_nobody_is_told_to_become_a_superuser(looking: Writer) -> None:
    looking.shop.run("ALTER TABLE sales.orders OWNER TO postgres")
    assert str(looking.push(looking.shop.describe("sales", "orders", text="x"))) == (
        "COMMENT ON TABLE sales.orders: must be owner of table orders. "
        f"table {looking.shop.database}.sales.orders belongs to postgres, a superuser, for whom nobody else may act: "
        f"give it to a role that {looking.name} can be a member of."
    )


def test_names_in_a_grant_are_quoted(shop: Shop) -> None:
    owner, writer = f"{shop.database} Team", shop.role()
    shop.run(f'CREATE ROLE "{owner}"', f'CREATE SCHEMA "My.Sales" AUTHORIZATION "{owner}"')
    shop.roles.append(owner)
    (outcome,) = shop.push([shop.describe("My.Sales", text="x")], "My.Sales", username=writer)
    assert str(outcome.error) == (
        f'COMMENT ON SCHEMA "My.Sales": must be owner of schema My.Sales. What is missing: GRANT "{owner}" TO {writer};'
    )


def test_a_role_of_the_session_is_the_one_that_lacks_the_right(looking: Writer) -> None:
    login = looking.shop.role("LOGIN SUPERUSER")
    change = looking.shop.describe("sales", "orders", text="x")
    (outcome,) = looking.shop.push([change], "sales", username=login, options=f"-c role={looking.name}")
    assert str(outcome.error).endswith(f"What is missing: GRANT {looking.owner} TO {looking.name};")


@pytest.mark.parametrize("named_by", ["option", "environment"])
def test_a_database_that_may_not_be_entered_names_the_grant(
    shop: Shop, named_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = shop.role()
    monkeypatch.setenv("PGUSER", writer)
    username = writer if named_by == "option" else None
    shop.run(f"REVOKE CONNECT ON DATABASE {shop.database} FROM PUBLIC")
    with pytest.raises(SourceError) as raised:
        shop.read(username=username)
    assert raised.value.reason is Reason.MISSING_PRIVILEGE
    grant = f"GRANT CONNECT ON DATABASE {shop.database} TO {writer};"
    assert str(raised.value).endswith(f"What is missing: {grant}")
    shop.run(grant)
    assert shop.read(username=username) != {}


def test_one_forbidden_table_costs_nothing_but_itself(looking: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = looking.shop
    allowed = [f"t{number}" for number in range(8)]
    for name in allowed:
        shop.table(name, columns=3, schema="sales")
        shop.run(f"ALTER TABLE sales.{name} OWNER TO {looking.name}")
    tables = [*allowed[:4], "orders", *allowed[4:]]
    columns = {name: ["id", "amount"] if name == "orders" else ["c0", "c1", "c2"] for name in tables}
    changes = [shop.describe("sales", name, column, text="x") for name in tables for column in columns[name]]
    sent = spied(monkeypatch)
    outcomes = shop.push(changes, "sales", username=looking.name)
    assert tables_of(outcome.statement for outcome in outcomes if outcome.error) == {"orders"}
    assert tables_of(outcome.statement for outcome in outcomes if not outcome.error) == set(allowed)
    assert len(outcomes) == len(changes)
    assert sum(message.startswith(b"BEGIN") for message in sent) <= 5


def tables_of(statements: Iterable[Statement]) -> set[str]:
    return {statement.table[2] for statement in statements}
