import json
import os
from pathlib import Path

import pytest

from reverse_metadata.catalogs.base import Catalog, Event, Person
from reverse_metadata.catalogs.folder import FolderCatalog
from reverse_metadata.documents import Document, read_yaml
from reverse_metadata.errors import CatalogError
from reverse_metadata.model import EntityType, Owner, Partition, Tag

SALES = Partition("shop_pg", "shop", "sales")

ORDERS = """\
fullyQualifiedName: shop_pg.shop.sales.orders
description: One row per order
owners: [{type: user, name: ada}]
columns:
  - {name: id, description: Number of the order}
  - name: address
    children: [{name: a.city, description: Town, tags: [{tagFQN: PII.Sensitive}]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "sales/orders.yaml", ORDERS)
    return tmp_path


def write(file: Path, text: str) -> None:
    """Save a file the way editors do: a new file takes the place of the old one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, file)


def failure(folder: Path) -> str:
    with pytest.raises(CatalogError) as raised:
        FolderCatalog(folder).services()
    return str(raised.value).replace(f"{folder}{os.sep}", "")


def test_a_minimal_file_is_a_table(folder: Path) -> None:
    catalog: Catalog = FolderCatalog(folder)
    [orders] = catalog.tables(SALES)
    assert (orders.fqn, orders.type, orders.service) == ("shop_pg.shop.sales.orders", EntityType.TABLE, "shop_pg")
    assert orders.path == ("shop", "sales", "orders")
    assert orders.description == "One row per order"
    assert orders.owners == (Owner(id="", type="user", name="ada"),)
    assert [(column.path[3:], column.description) for column in orders.walk() if column is not orders] == [
        (("id",), "Number of the order"),
        (("address",), None),
        (("address", "a.city"), "Town"),
    ]
    city = orders.columns[1].columns[0]
    assert city.fqn == 'shop_pg.shop.sales.orders.address."a.city"'
    assert city.tags == (Tag("PII.Sensitive"),)
    assert city.id == orders.id
    assert orders.url == (folder / "sales/orders.yaml").as_uri()
    assert orders.updated_at == (folder / "sales/orders.yaml").stat().st_mtime_ns // 1_000_000


def test_an_entity_without_an_id_has_the_same_for_ever(folder: Path) -> None:
    entity = FolderCatalog(folder).entity("shop_pg.shop.sales.orders")
    assert entity
    assert entity.id == "56e282f8-3bbb-571f-9484-cde99c81831d"


def test_what_the_api_returns_can_be_saved_as_it_is(tmp_path: Path) -> None:
    page = {
        "data": [
            {
                "id": "3f41a42d-1685-4116-aed7-146829996617",
                "name": "v1.events",
                "fullyQualifiedName": 'pg.shop.sales."v1.events"',
                "description": "emoji \N{OWL} and a tab\t",
                "version": 0.3,
                "updatedAt": 1795231044643,
                "updatedBy": "ada",
                "href": "http://localhost/api/v1/tables/3f41a42d",
                "columns": [{"name": "id", "dataType": "INT", "tags": [], "ordinalPosition": 1}],
                "owners": [{"id": "c6", "type": "team", "name": "finance", "displayName": "Fin", "inherited": True}],
                "tags": [
                    {"tagFQN": "Tier.Tier1", "source": "Classification", "labelType": "Manual", "state": "Confirmed"},
                    {"tagFQN": "Business.Revenue", "source": "Glossary", "labelType": "Derived", "state": "Suggested"},
                ],
                "deleted": False,
            },
            {"fullyQualifiedName": "pg.shop.old", "deleted": True, "owner": {"id": "u1", "type": "user", "name": "bo"}},
        ],
        "paging": {"total": 2},
    }
    write(tmp_path / "page.json", json.dumps(page))
    catalog = FolderCatalog(tmp_path)
    events = catalog.entity('pg.shop.sales."v1.events"')
    assert events
    assert (events.id, events.version, events.updated_at, events.updated_by) == (
        "3f41a42d-1685-4116-aed7-146829996617",
        "0.3",
        1795231044643,
        "ada",
    )
    assert events.description == "emoji \N{OWL} and a tab\t"
    assert events.owners == (Owner("c6", "team", "finance", "Fin", inherited=True),)
    assert events.tags == (Tag("Tier.Tier1"), Tag("Business.Revenue", "Glossary", "Derived", "Suggested"))
    old = catalog.entity("pg.shop.old")
    assert old
    assert old.deleted
    assert old.owners == (Owner("u1", "user", "bo"),)


def test_reserved_words_in_names_are_decoded_and_needless_quotes_forgotten(tmp_path: Path) -> None:
    write(
        tmp_path / "a.yml",
        'fullyQualifiedName: pg.shop."sales".say __reserved__quote__hi__reserved__quote__\n'
        "columns: [{name: 'a>b'}, {name: c__reserved__arrow__d}]\n",
    )
    [table] = FolderCatalog(tmp_path).tables(Partition("pg", "shop", "sales"))
    assert table.path == ("shop", "sales", 'say "hi"')
    assert table.fqn == "pg.shop.sales.say __reserved__quote__hi__reserved__quote__"
    assert [column.path[-1] for column in table.columns] == ["a>b", "c>d"]
    assert table.columns[0].fqn == f"{table.fqn}.a__reserved__arrow__b"


def test_databases_and_schemas_exist_when_a_table_is_in_them(folder: Path) -> None:
    write(folder / "archive.yaml", "fullyQualifiedName: shop_pg.shop.archive\ndescription: Old\n")
    write(folder / "crm.yaml", "- fullyQualifiedName: crm_pg.crm\n- fullyQualifiedName: crm_pg.crm.x.t\n")
    catalog = FolderCatalog(folder)
    assert [partition.key for partition in catalog.partitions("shop_pg")] == [
        "shop_pg.shop",
        "shop_pg.shop.archive",
        "shop_pg.shop.sales",
    ]
    assert [partition.key for partition in catalog.partitions("crm_pg")] == ["crm_pg.crm", "crm_pg.crm.x"]
    sales = catalog.entity("shop_pg.shop.sales")
    assert sales
    assert (sales.description, sales.deleted, sales.type) == (None, False, EntityType.SCHEMA)
    assert list(catalog.tables(Partition("shop_pg", "shop", None))) == []


def test_deleted_entities_are_named_and_not_listed(folder: Path) -> None:
    write(folder / "gone.yaml", "fullyQualifiedName: shop_pg.shop.sales.gone\ndeleted: true\n")
    write(
        folder / "s.yaml",
        "- {fullyQualifiedName: shop_pg.shop.s, deleted: true}\n- fullyQualifiedName: shop_pg.shop.s.t\n",
    )
    catalog = FolderCatalog(folder)
    assert [table.path[-1] for table in catalog.tables(SALES)] == ["orders"]
    assert list(catalog.tables(Partition("shop_pg", "shop", "s"))) == []
    assert [partition.key for partition in catalog.partitions("shop_pg")] == ["shop_pg.shop", "shop_pg.shop.sales"]
    gone = catalog.entity("shop_pg.shop.sales.gone")
    assert gone
    assert gone.deleted
    assert catalog.entity("shop_pg.shop.sales.never") is None


def test_services_with_and_without_a_file(folder: Path) -> None:
    write(
        folder / "services.yaml",
        "- name: crm_pg\n  serviceType: Postgres\n  connection: {config: {hostPort: 'db:5432', username: rm}}\n"
        "- {name: hidden_pg, serviceType: Postgres, connection: {config: {authType: {password: '********'}}}}\n",
    )
    catalog = FolderCatalog(folder, service_types={"shop_pg": "Postgres"})
    assert [(service.name, service.service_type) for service in catalog.services()] == [
        ("crm_pg", "Postgres"),
        ("hidden_pg", "Postgres"),
        ("shop_pg", "Postgres"),
    ]
    assert all(service.connection is None for service in catalog.services())
    crm, hidden, shop = (catalog.service(name) for name in ("crm_pg", "hidden_pg", "shop_pg"))
    assert crm
    assert (crm.connection, crm.masked) == ({"hostPort": "db:5432", "username": "rm"}, "")
    assert hidden
    assert "password" in hidden.masked
    assert shop
    assert (shop.connection, shop.masked) == (None, "")
    assert catalog.service("other") is None


def test_people(folder: Path) -> None:
    write(
        folder / "users.json", '[{"id": "u1", "name": "ada", "fullyQualifiedName": "ada", "email": "ada@shop.example"}]'
    )
    write(folder / "teams.yaml", "- {name: finance, teamType: Group, displayName: Finance}\n")
    write(folder / "left.yaml", "- {type: user, name: zoe.b, deleted: true}\n")
    catalog = FolderCatalog(folder)
    assert catalog.person(Owner("", "user", "ada")) == Person("u1", "user", "ada", "ada@shop.example")
    assert catalog.person(Owner("", "team", "finance")) == Person("", "team", "finance", "", "Finance", "Group")
    assert catalog.person(Owner("x", "user", "grace", "Grace")) == Person("x", "user", "grace", "", "Grace")
    assert catalog.person(Owner("", "user", "zoe.b")) is None
    assert catalog.person(Owner("", "user", "bo", deleted=True)) is None


def test_there_is_no_history(folder: Path) -> None:
    catalog = FolderCatalog(folder)
    [orders] = catalog.tables(SALES)
    assert not catalog.has_history
    assert list(catalog.versions(orders)) == []


def test_the_name_is_the_path_unless_one_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert FolderCatalog(Path(folder.name)).name == str(folder)
    assert FolderCatalog(folder, name="git").name == "git"


def test_hidden_and_other_files_are_left_out(folder: Path) -> None:
    write(folder / ".git/config.yaml", "not: an entity")
    write(folder / ".draft.yaml", "not: an entity")
    write(folder / "README.md", "# not an entity")
    write(folder / "empty/notes.txt", "nor this")
    assert [table.path[-1] for table in FolderCatalog(folder).tables(SALES)] == ["orders"]


def test_an_edited_file_is_read_again_and_others_are_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "other.yaml", "fullyQualifiedName: shop_pg.shop.sales.other\n")
    catalog = FolderCatalog(folder)
    list(catalog.tables(SALES))
    write(folder / "sales/orders.yaml", ORDERS.replace("One row", "A line"))
    read: list[str] = []

    def noting(file: Path) -> Document:
        read.append(file.name)
        return read_yaml(file)

    monkeypatch.setattr("reverse_metadata.catalogs.folder.read_yaml", noting)
    assert [table.description for table in catalog.tables(SALES)] == ["A line per order", None]
    assert read == ["orders.yaml"]


def test_the_first_look_asks_for_everything_and_the_next_finds_nothing(folder: Path) -> None:
    catalog = FolderCatalog(folder, name="files")
    first = catalog.events("")
    assert first.events == ()
    assert first.reconcile == "files is looked at for the first time"
    again = FolderCatalog(folder).events(first.cursor)
    assert (again.events, again.cursor, again.reconcile) == ((), first.cursor, "")


def changes(folder: Path, cursor: str) -> list[tuple[str, str, bool]]:
    batch = FolderCatalog(folder).events(cursor)
    assert batch.reconcile == ""
    return [(event.entity, event.kind, event.whole) for event in batch.events]


def test_changes_are_found_by_content(folder: Path) -> None:
    write(folder / "sales.yaml", "fullyQualifiedName: shop_pg.shop.sales\ndescription: Sales\n")
    cursor = FolderCatalog(folder).events("").cursor
    write(folder / "sales/orders.yaml", ORDERS + "# saved again, and only a comment was added\n")
    assert changes(folder, cursor) == []
    write(folder / "sales/orders.yaml", ORDERS.replace("Town", "City"))
    write(folder / "new.yaml", "fullyQualifiedName: shop_pg.shop.sales.new\n")
    assert changes(folder, cursor) == [
        ("shop_pg.shop.sales.new", "entityCreated", False),
        ("shop_pg.shop.sales.orders", "entityUpdated", False),
    ]
    (folder / "sales/orders.yaml").unlink()
    assert changes(folder, cursor)[1] == ("shop_pg.shop.sales.orders", "entityDeleted", False)


def test_a_schema_reaches_what_is_in_it_only_with_its_owner_or_its_end(folder: Path) -> None:
    schema = folder / "sales.yaml"
    write(schema, "fullyQualifiedName: shop_pg.shop.sales\ndescription: Sales\n")
    cursor = FolderCatalog(folder).events("").cursor
    write(schema, "fullyQualifiedName: shop_pg.shop.sales\ndescription: What was sold\n")
    assert changes(folder, cursor) == [("shop_pg.shop.sales", "entityUpdated", False)]
    write(schema, "fullyQualifiedName: shop_pg.shop.sales\ndescription: Sales\nowners: [{name: ada}]\n")
    assert changes(folder, cursor) == [("shop_pg.shop.sales", "entityUpdated", True)]
    write(schema, "fullyQualifiedName: shop_pg.shop.sales\ndescription: Sales\ndeleted: true\n")
    assert changes(folder, cursor) == [("shop_pg.shop.sales", "entityUpdated", True)]
    schema.unlink()
    assert changes(folder, cursor) == [("shop_pg.shop.sales", "entityDeleted", True)]


def test_a_change_that_is_made_twice_gives_two_ids(folder: Path) -> None:
    def edit(text: str, cursor: str) -> tuple[str, Event]:
        write(folder / "sales/orders.yaml", ORDERS.replace("One row", text))
        batch = FolderCatalog(folder).events(cursor)
        return batch.cursor, batch.events[0]

    cursor = FolderCatalog(folder).events("").cursor
    cursor, first = edit("A line", cursor)
    cursor, back = edit("One row", cursor)
    cursor, again = edit("A line", cursor)
    assert len({first.id, back.id, again.id}) == 3


@pytest.mark.parametrize("cursor", ["nonsense", "1795231044643", "e30="])
def test_a_cursor_that_cannot_be_read_asks_for_everything(folder: Path, cursor: str) -> None:
    assert FolderCatalog(folder, name="files").events(cursor).reconcile == (
        "files: what was seen last cannot be read any more"
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: b: c", "a.yaml:1:5: this is not valid YAML: mapping values are not allowed in this context; "),
        ("a.json", '{"a": 1,\n "b"}', "a.json:2:5: this is not valid JSON: Expecting ':' delimiter"),
        ("a.json", "", "a.json:1:1: this is not valid JSON: Expecting value"),
        ("a.yaml", "", "a.yaml:1: must be an entity: a mapping with a fullyQualifiedName"),
        (
            "a.yaml",
            "description: x",
            "a.yaml:1: fullyQualifiedName is missing; write for example shop_pg.shop.sales.orders",
        ),
        ("a.yaml", "data:\n  - fullyQualifiedName: s.d\n  - text", "a.yaml:3: data[1]: must be an entity: "),
        ("a.yaml", "description: x\nfullyQualifiedName: a..b", "a.yaml:2: fullyQualifiedName: 'a..b': part 2 is empty"),
        (
            "a.yaml",
            "fullyQualifiedName: a.b.c.d.e",
            "a.yaml:1: fullyQualifiedName: 'a.b.c.d.e' has 5 parts; a database ",
        ),
        ("a.yaml", "fullyQualifiedName: alone", "a.yaml:1: fullyQualifiedName: has 1 part; a database has 2, "),
        (
            "a.yaml",
            "fullyQualifiedName: a.b.c.d\ncolumns:\n  - name: ok\n  - name: 2024\n",
            "a.yaml:4: columns[1].name: must be text, not a whole number; put it in quotes",
        ),
        (
            "a.json",
            '{"fullyQualifiedName": "a.b.c.d",\n "columns": [\n  {"description": "x"}]}',
            "a.json:3: columns[0]: name is missing",
        ),
        (
            "a.yaml",
            "- fullyQualifiedName: a.b\n- fullyQualifiedName: a.b.c.d\n  description:\n    text: x\n",
            "a.yaml:3: [1].description: must be text, not a mapping",
        ),
        ("a.yaml", "name: orders", "a.yaml:1: fullyQualifiedName is missing; write for example "),
        (
            "a.yaml",
            "fullyQualifiedName: a.b\nx: 1\nx: 2",
            "a.yaml:3: x: this key stands twice, first in line 2; remove one",
        ),
        ("a.yaml", "fullyQualifiedName: a.b\nowners: ada", "a.yaml:2: owners: must be a list, not text"),
        ("a.yaml", "fullyQualifiedName: a.b\nowners: [ada]", "a.yaml:2: owners[0]: must be a mapping, not text"),
        ("a.yaml", "fullyQualifiedName: a.b\ndeleted: 'no'", "a.yaml:2: deleted: must be true or false, not text"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    write(tmp_path / name, text)
    assert failure(tmp_path).startswith(message)


def test_every_bad_file_is_named_at_once(tmp_path: Path) -> None:
    for number in range(22):
        write(tmp_path / f"{number:02}.yaml", "x: 1")
    lines = failure(tmp_path).split("\n")
    assert len(lines) == 21
    assert lines[19].startswith("19.yaml:1: ")
    assert lines[20] == "and 2 more files"


def test_a_name_that_two_files_have(folder: Path) -> None:
    write(folder / "copy.yaml", ORDERS)
    assert failure(folder) == (
        f"shop_pg.shop.sales.orders stands in copy.yaml and sales{os.sep}orders.yaml; keep one of them"
    )


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert failure(tmp_path / "absent") == (
        f"the catalog folder {tmp_path / 'absent'} cannot be read: No such file or directory"
    )


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"fullyQualifiedName: a.b\ndescription: caf\xe9\n")
    assert failure(tmp_path) == "a.yaml:2: this is not UTF-8; save the file in that encoding"
