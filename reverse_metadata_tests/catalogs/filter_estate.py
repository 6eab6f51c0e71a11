"""An estate of 300 databases, schemas and tables for filters: as the API sends it, as entities, as search documents.

Service `shop_pg` is written by hand, so that what a filter chooses of it can be told by reading. The rest is the
product of a seeded generator that mixes every kind of value with every other. `document` follows OpenMetadata's
`SearchIndex.java`, `TableIndex.java`, `TaggableIndex.java` and `SearchIndexUtils.buildTypedCustomProperties`.
"""

import random
import uuid
from collections.abc import Iterator
from functools import cache
from typing import Any

from reverse_metadata.catalogs.entities import entity_from_json
from reverse_metadata.model import Entity

Json = dict[str, Any]

#: The custom properties that the catalog knows, and their types there.
PROPERTIES = {
    "costCenter": "string",
    "purpose": "markdown",
    "quality": "enum",
    "retentionDays": "integer",
    "score": "number",
    "reviewed": "date-cp",
    "loadedAt": "dateTime-cp",
    "touched": "timestamp",
    "steward": "entityReference",
    "readers": "entityReferenceList",
    "window": "timeInterval",
    "runbook": "hyperlink-cp",
    "contacts": "table-cp",
}
OWNERS = {
    "ada": ("user", "Ada Lovelace"),
    "Grace": ("user", ""),
    "platform": ("team", "Data Platform"),
    "Finance_Team": ("team", "Finance TEAM"),
}
DOMAINS = {"Finance": "Finance & Co", "Finance.Risk": "", "Sales": "sales", "Sales.EMEA": "EMEA", "Ops": ""}
SERVICES = {
    "shop_pg": ("Postgres", "Shop"),
    "Lake_TRINO": ("Trino", ""),
    "snow": ("Snowflake", "Snowflake Prod"),
    "ch": ("Clickhouse", ""),
}


def owner(name: str) -> Json:
    kind, display_name = OWNERS[name]
    return {"id": _id(name), "type": kind, "name": name, "fullyQualifiedName": name} | _shown(display_name)


def domain(fqn: str) -> Json:
    reference = {"id": _id(fqn), "type": "domain", "name": fqn.rpartition(".")[2], "fullyQualifiedName": fqn}
    return reference | _shown(DOMAINS[fqn])


def tag(fqn: str, label_type: str = "Manual", state: str = "Confirmed") -> Json:
    source = "Glossary" if fqn.startswith("Business.") else "Classification"
    return {"tagFQN": fqn, "source": source, "labelType": label_type, "state": state}


def column(name: str, *tags: str, description: str | None = None, children: list[Json] | None = None) -> Json:
    data: Json = {"name": name, "dataType": "STRUCT" if children else "VARCHAR", "tags": list(map(tag, tags))}
    if description is not None:
        data["description"] = description
    return data | ({"children": children} if children else {})


def thing(fqn: str, parents: tuple[Json, ...], *, display_name: str = "", **values: Any) -> Json:
    """A database, schema or table as the API sends it; `parents` are those above it, outermost first."""
    service = fqn.partition(".")[0]
    name = fqn.rpartition(".")[2]
    data: Json = {"id": _id(fqn), "name": name, "fullyQualifiedName": fqn, "serviceType": SERVICES[service][0]}
    data["service"] = {"name": service, "fullyQualifiedName": service} | _shown(SERVICES[service][1])
    for key, parent in zip(("database", "databaseSchema"), parents, strict=False):
        wanted = ("id", "name", "displayName", "fullyQualifiedName")
        data[key] = {name: parent[name] for name in wanted if name in parent}
    return data | _shown(display_name) | {"updatedBy": "admin", "updatedAt": 1_700_000_000_000, "tags": []} | values


@cache
def written_by_hand() -> list[Json]:
    """Database `shop` of `shop_pg`: schemas `sales`, `crm` and `archive`, and twelve tables."""
    shop = thing("shop_pg.shop", (), display_name="Web Shop", description="All of the shop", owners=[owner("platform")])
    sales = thing("shop_pg.shop.sales", (shop,), display_name="Sales Area", tags=[tag("Domain.Sales")])
    crm = thing("shop_pg.shop.crm", (shop,), description="Customers", domains=[domain("Sales")])
    archive = thing("shop_pg.shop.archive", (shop,), deleted=True)

    def table(schema: Json, name: str, *columns: Json, kind: str = "Regular", **values: Any) -> Json:
        fqn = f"{schema['fullyQualifiedName']}.{name}"
        return thing(fqn, (shop, schema), tableType=kind, columns=list(columns), **values)

    return [
        shop,
        sales,
        crm,
        archive,
        table(
            sales,
            "Orders",
            column("id", description="Key"),
            column("email", "PII.Sensitive", description="Where the bill goes"),
            display_name="Customer Orders",
            description="Every order; see the runbook.",
            tags=[tag("Tier.Tier1"), tag("Business.Revenue")],
            owners=[owner("ada"), owner("platform")],
            domains=[domain("Finance")],
            certification={"tagLabel": tag("Certification.Gold")},
            extension={
                "costCenter": "CC-42",
                "quality": ["low", "High"],
                "retentionDays": 30,
                "score": 0.5,
                "reviewed": "2026-02-01",
                "steward": {"id": "7", "type": "user", "name": "ada", "fullyQualifiedName": "ada"},
                "purpose": "Feeds the Revenue dashboard",
            },
        ),
        table(
            sales,
            "order_items",
            column("order_id"),
            column("price", "Business.Revenue"),
            tags=[tag("Tier.Tier2", "Derived")],
            owners=[owner("Grace")],
            domains=[domain("Finance.Risk")],
            extension={"costCenter": "cc-42", "retentionDays": 365, "reviewed": "2025-11-30", "quality": "high"},
        ),
        table(
            sales,
            "daily_revenue",
            column("day", description="Day"),
            column("total", description="Money"),
            kind="View",
            description="",
            tags=[tag("PII.None", "Automated")],
            certification={"tagLabel": tag("Certification.Silver")},
            extension={"score": 2, "loadedAt": "2026-01-15 06:00:00", "window": {"start": 100, "end": 200}},
        ),
        table(sales, "tmp_1", column("x"), description="scratch", updatedBy="grace", updatedAt=1_750_000_000_000),
        table(sales, "TMP_2", column("x", "PII.Sensitive"), description="Scratch, too", deleted=True),
        table(
            crm,
            "customers",
            column("name", "PII.Sensitive", description="Full name"),
            column("address", description="", children=[column("city", "PII.NonSensitive", description="City")]),
            description="Who buys",
            tags=[tag("Tier.Tier1"), tag("PII.Sensitive")],
            owners=[owner("Finance_Team")],
            domains=[domain("Sales"), domain("Sales.EMEA")],
            extension={
                "costCenter": "CC-7",
                "touched": 1_700_000_000_000,
                "readers": [
                    {"id": "8", "type": "team", "name": "platform", "displayName": "Data Platform"},
                    {"id": "9", "type": "user", "name": "Grace"},
                ],
                "runbook": {"url": "https://wiki/customers", "displayText": "How to"},
                "contacts": {"columns": ["role"], "rows": [{"role": "owner"}, {"role": "DPO"}]},
            },
        ),
        table(crm, "Customers_View", column("name", "PII.Sensitive"), kind="View", display_name="customers"),
        table(crm, "leads", column("email"), tags=[tag("PII.Sensitive", state="Suggested")], owners=[owner("ada")]),
        table(crm, "segments", column("id", description="Key"), kind="MaterializedView", domains=[domain("Ops")]),
        table(archive, "orders_2019", column("id"), deleted=True, extension={"retentionDays": 3650, "score": 9.75}),
        table(archive, "orders_2020", column("id", description="Key"), description="Old orders", deleted=True),
        table(archive, "readme", description="Nothing but text"),
    ]


@cache
def api() -> list[Json]:
    """All 300, as the API sends them."""
    hand = written_by_hand()
    return [*hand, *list(_generated())[: 300 - len(hand)]]


@cache
def entities() -> list[Entity]:
    """All 300, as we know them."""
    return [entity_from_json(data) for data in api()]


@cache
def documents() -> list[Json]:
    """All 300, as the search index holds them."""
    return [document(data) for data in api()]


def document(data: Json) -> Json:
    """What OpenMetadata makes of an entity for its search index, as far as the query builder can ask for it.

    Two differences, both meant: a label that is only suggested is left out, and a database or schema is its own
    `database` or `databaseSchema`, because a filter that names a schema is about the schema, too.
    """
    depth = data["fullyQualifiedName"].count(".")
    shown = data.get("displayName") or data["name"]
    doc = {key: data[key] for key in ("name", "fullyQualifiedName", "serviceType", "updatedBy", "updatedAt")}
    doc |= {"_id": data["id"], "id": data["id"], "displayName": shown, "deleted": data.get("deleted", False)}
    doc["entityType"] = ("database", "databaseSchema", "table")[depth - 1]
    for key in ("service", "database", "databaseSchema"):
        if key in data:
            doc[key] = _with_display_name(data[key])
    if depth < 3:
        doc["database" if depth == 1 else "databaseSchema"] = _with_display_name(data)
    doc["owners"] = doc["owner"] = [_with_display_name(each) for each in data.get("owners", [])]
    doc["ownerName"] = [each["name"] for each in doc["owners"]]
    doc["ownerDisplayName"] = [each["displayName"] for each in doc["owners"]]
    doc["domains"] = doc["domain"] = [_with_display_name(each) for each in data.get("domains", [])]
    doc["descriptionStatus"] = "COMPLETE" if data.get("description") else "INCOMPLETE"
    if data.get("description"):
        doc["description"] = data["description"]
    own = [each for each in data["tags"] if each["state"] != "Suggested"]
    plain = [each for each in own if not each["tagFQN"].startswith("Tier.")]
    doc["tier"] = next((each for each in own if each["tagFQN"].startswith("Tier.")), None)
    doc["classificationTags"] = [each["tagFQN"] for each in plain if each["source"] == "Classification"]
    doc["glossaryTags"] = [each["tagFQN"] for each in plain if each["source"] == "Glossary"]
    doc["tags"] = [*plain, *(each for part in _parts(data.get("columns", [])) for each in part["tags"])]
    doc["certification"] = data.get("certification")
    if depth == 3:
        doc["tableType"] = data["tableType"]
        doc["columns"] = [{"name": each["name"]} for each in data["columns"]]
        complete = all(each.get("description") for each in data["columns"])
        doc["columnDescriptionStatus"] = "COMPLETE" if complete else "INCOMPLETE"
    doc["extension"] = data.get("extension", {})
    doc["customPropertiesTyped"] = [entry for item in doc["extension"].items() for entry in _typed(*item)]
    return doc


def _typed(name: str, value: Any) -> Iterator[Json]:
    """The nested documents of one custom property."""
    kind = PROPERTIES[name]
    base = {"name": name, "propertyType": kind}
    match kind:
        case "integer" | "timestamp":
            yield base | {"longValue": value}
        case "number":
            yield base | {"doubleValue" if isinstance(value, float) else "longValue": value}
        case "timeInterval":
            yield base | {"start": value["start"], "end": value["end"]}
        case "enum":
            for each in value if isinstance(value, list) else [value]:
                yield base | {"stringValue": each}
        case "entityReference" | "entityReferenceList":
            if value == []:
                yield base
            names = {"refId": "id", "refType": "type", "refName": "name", "refFqn": "fullyQualifiedName"}
            for each in value if isinstance(value, list) else [value]:
                known = names | {"stringValue": "displayName"}
                yield base | {key: each[said] for key, said in known.items() if said in each}
        case "table-cp":
            for row in value["rows"]:
                for cell, text in row.items():
                    yield {**base, "name": f"{name}.rows.{cell}", "stringValue": text, "textValue": text}
        case "hyperlink-cp":
            for part in value.keys() & {"url", "displayText"}:
                yield {**base, "name": f"{name}.{part}", "stringValue": value[part], "textValue": value[part]}
        case "date-cp" | "dateTime-cp":
            yield base | {"stringValue": value}
        case _:
            yield base | {"stringValue": value, "textValue": value}


def _generated() -> Iterator[Json]:
    chance = random.Random(20260101)

    def maybe(values: list[Any], share: float = 0.5) -> Any:
        return chance.choice(values) if chance.random() < share else None

    def some(values: list[Any], most: int) -> list[Any]:
        return chance.sample(values, chance.randint(0, most))

    def said() -> Json:
        labels = [maybe(["Tier.Tier1", "Tier.Tier2", "Tier.Tier3"]), *some(_LABELS, 2)]
        values: Json = {
            "tags": [tag(each, chance.choice(["Manual", "Derived", "Propagated"])) for each in labels if each],
            "owners": [owner(each) for each in some(list(OWNERS), 2)],
            "domains": [domain(each) for each in some(list(DOMAINS), 1)],
            "extension": {name: chance.choice(_VALUES[name]) for name in some(list(PROPERTIES), 5)},
            "display_name": maybe(["Orders", "ORDERS", "Dim Customer", "Läden"], 0.3) or "",
            "updatedBy": chance.choice(["admin", "ingestion-bot", "Ada"]),
            "updatedAt": 1_700_000_000_000 + chance.randint(0, 3) * 86_400_000,
        }
        description = maybe(["All orders of a customer", "Revenue per day, in EUR", ""])
        certification = maybe(["Certification.Gold", "Certification.Bronze"], 0.2)
        values |= {} if description is None else {"description": description}
        return values | ({"certification": {"tagLabel": tag(certification)}} if certification else {})

    for service in list(SERVICES)[1:]:
        for database in ("core", "CORE_EU"):
            top = thing(f"{service}.{database}", (), **said())
            yield top
            for name in ("sales", "Finance", "tmp"):
                schema = thing(f"{top['fullyQualifiedName']}.{name}", (top,), **said())
                yield schema
                for number in range(15):
                    fqn = f"{schema['fullyQualifiedName']}.{chance.choice(_NAMES)}_{number}"
                    columns = [
                        column(each, *some(_LABELS, 1), description=maybe(["Key", "Text"], 0.8))
                        for each in ["id", *some(["email", "Amount", "geo"], 3)]
                    ]
                    kind = chance.choice(["Regular", "View", "MaterializedView", "External", "Partitioned"])
                    deleted = chance.random() < 0.1
                    yield thing(fqn, (top, schema), tableType=kind, columns=columns, deleted=deleted, **said())


_LABELS = ["PII.Sensitive", "PII.None", "pii.legacy", "Business.Revenue", "Business.Customer", "Geo.EU"]
_NAMES = ["orders", "Orders", "dim_customer", "FACT_SALES", "läden", "stg"]
_PEOPLE: list[Json] = [
    {"id": "7", "type": "user", "name": "ada", "fullyQualifiedName": "ada", "displayName": "Ada Lovelace"},
    {"id": "8", "type": "team", "name": "platform", "fullyQualifiedName": "platform"},
    {"id": "9", "type": "user", "name": "Grace"},
]
_VALUES: dict[str, list[Any]] = {
    "costCenter": ["CC-1", "cc-1", "CC-42", "Group 7"],
    "purpose": ["Feeds the Revenue dashboard", "For audits", "revenue"],
    "quality": ["low", "High", ["low", "high"], ["High"]],
    "retentionDays": [1, 30, 90, 365],
    "score": [0, 0.5, 1.5, 2, 9.75],
    "reviewed": ["2024-12-31", "2025-06-30", "2026-01-01"],
    "loadedAt": ["2026-01-15 06:00:00", "2026-01-15 18:30:00"],
    "touched": [1_690_000_000_000, 1_700_000_000_000],
    "steward": _PEOPLE,
    "readers": [_PEOPLE[:2], _PEOPLE[1:], []],
    "window": [{"start": 100, "end": 200}, {"start": 150, "end": 400}],
    "runbook": [{"url": "https://wiki/a"}, {"url": "https://wiki/b", "displayText": "How to"}],
    "contacts": [{"columns": ["role"], "rows": [{"role": "owner"}]}, {"columns": ["role"], "rows": []}],
}


def _id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _shown(display_name: str) -> Json:
    return {"displayName": display_name} if display_name else {}


def _with_display_name(reference: Json) -> Json:
    wanted = ("id", "type", "name", "fullyQualifiedName")
    known = {key: reference[key] for key in wanted if key in reference}
    return known | {"displayName": reference.get("displayName") or reference["name"]}


def _parts(columns: list[Json]) -> Iterator[Json]:
    for each in columns:
        yield each
        yield from _parts(each.get("children", []))
