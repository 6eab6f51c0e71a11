"""The configuration described to people and to editors, made of the models themselves."""

import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reverse_metadata.catalogs.filter import Filter
from reverse_metadata.catalogs.filter.schema import CLAUSE_SCHEMA, FILTER_SCHEMA
from reverse_metadata.config.models import (
    CATALOGS,
    Channel,
    Events,
    FolderOptions,
    LedgerOptions,
    OpenMetadataOptions,
    is_secret,
)
from reverse_metadata.config.owners import Owners, Rewrite
from reverse_metadata.config.tags import TagEntry, Tags
from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import ConnectorOptions, is_connection

_LEDGER = (
    "Where it is remembered what was pushed: its URL alone, or a mapping. Without it: a SQLite file in `DAGSTER_HOME`,"
    " else beside this file."
)
_SERVICES = (
    "Connections by the catalog's name of the service. A service whose connection the catalog holds needs none here;"
    " a block without `type` keeps that connection and changes what it names."
)
_CHANNELS = "What is pushed. An item is a channel, or a glob of files that each hold a channel or a list of them."
#: A text with a variable is welcome wherever a number or a choice is.
_VARIABLE = {"type": "string", "pattern": r"\$\{"}


def schema_json() -> str:
    """The JSON schema of the configuration file, for editors."""
    definitions: dict[str, Any] = {"Clause": CLAUSE_SCHEMA, "Filter": FILTER_SCHEMA}
    blocks = {name: _block(model, name, definitions) for name, model in CATALOGS.items()}
    systems = [
        _block(registry.connector_type(system).options_type, system, definitions) for system in registry.CONNECTORS
    ]
    channel = _block(Channel, None, definitions)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "reverse_metadata.yaml",
        "type": "object",
        "additionalProperties": False,
        "required": ["catalog", "channels"],
        "properties": {
            "catalog": {
                "description": "Where descriptions, owners and tags come from.",
                "oneOf": list(blocks.values()),
            },
            "ledger": {
                "description": _LEDGER,
                "oneOf": [{"type": ["string", "null"]}, _block(LedgerOptions, None, definitions)],
            },
            "services": {
                "description": _SERVICES,
                "type": ["object", "null"],
                "additionalProperties": {"oneOf": [*systems, _overrides(definitions)]},
            },
            "channels": {
                "description": _CHANNELS,
                "type": "array",
                "minItems": 1,
                "items": {"oneOf": [{"type": "string"}, channel]},
            },
        },
        "$defs": definitions,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False)


def _block(model: type[BaseModel], type_: str | None, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of one block; the models inside go to the shared definitions."""
    schema: dict[str, Any] = model.model_json_schema()
    definitions.update({name: _open(inner) for name, inner in schema.pop("$defs", {}).items()})
    schema = _open(schema)
    if type_ is not None:
        schema["properties"] = {"type": {"const": type_}, **schema["properties"]}
        schema["required"] = ["type", *schema.get("required", [])]
    return schema


def _overrides(definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a service without `type`: the system is the catalog's to know, so the options of all may stand."""
    block = _block(ConnectorOptions, None, definitions)
    for system in registry.CONNECTORS:
        for name, option in registry.connector_type(system).options_type.model_fields.items():
            if not is_connection(registry.connector_type(system).options_type, name):
                block["properties"].setdefault(name, {"description": option.description})
    return block


def _open(schema: Any) -> Any:
    """The schema with variables allowed in place of numbers, choices, and true and false."""
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "definition" in schema:
        return {"$ref": f"#/$defs/{schema['definition']}", "description": schema["description"]}
    if schema.get("type") in ("integer", "number", "boolean") or "enum" in schema:
        outside = {key: schema[key] for key in ("title", "description", "default") if key in schema}
        return {**outside, "anyOf": [{key: schema[key] for key in schema if key not in outside}, _VARIABLE]}
    properties = {name: _open(value) for name, value in schema.get("properties", {}).items()}
    rest = {key: _open(value) for key, value in schema.items() if key not in ("properties", "secret", "connection")}
    return {**rest, "properties": properties} if properties else rest


def reference() -> str:
    """The reference of every key, as Markdown: the content of `docs/configuration.md`."""
    return "\n".join(_reference()) + "\n"


def _reference() -> Iterator[str]:
    yield _INTRODUCTION
    yield from _table("catalog: openmetadata", "OpenMetadata or Collate over REST.", OpenMetadataOptions)
    yield from _table("catalog.events", "How changes are followed.", Events)
    yield from _table(
        "catalog: folder",
        "A folder of entity files: the JSON that the API of OpenMetadata returns, or the same as YAML.",
        FolderOptions,
    )
    yield from _table("ledger", _LEDGER, LedgerOptions)
    yield f"## services\n\n{_SERVICES}\n"
    yield from _table(
        "A service without `type`",
        "The connection is that of the catalog. Besides, every option of its system may stand here that is not said to"
        " be part of the connection.",
        ConnectorOptions,
    )
    for system in registry.CONNECTORS:
        options = registry.connector_type(system).options_type
        yield from _table(f"services: {system}", f"A service with `type: {system}`.", options)
        for name, field in options.model_fields.items():
            for inner in (field.annotation, *get_args(field.annotation)):
                if isinstance(inner, type) and issubclass(inner, BaseModel):
                    yield from _table(f"services: {system}: {name}", field.description or "", inner)
    yield from _table("channels", _CHANNELS, Channel)
    yield from _table("channels: owners", "How owners of the catalog become owners in a database.", Owners)
    yield from _table(
        "channels: owners: a rewrite",
        "An item of `users` or `teams` that makes a name: `{of: email, regex: '(.+)@shop\\.example', replace: '\\1'}`.",
        Rewrite,
    )
    yield from _table("channels: tags", "How tags of the catalog become tags in a database.", Tags)
    yield from _table(
        "channels: tags: an entry of `map`",
        "What becomes of some labels, where the key alone does not say it: `{PII.Sensitive: {key: pii, value: high}}`."
        " What is not said is as without the entry.",
        TagEntry,
    )
    yield _FILTERS


def _table(title: str, introduction: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"## {title}\n\n{introduction}\n"
    yield "| key | value | default | |"
    yield "|---|---|---|---|"
    for field_name, field in model.model_fields.items():
        name = field.alias or field_name
        text = (field.description or "").replace("|", "\\|")
        if is_secret(model, field_name):
            text += " Its password only as `${SOME_VARIABLE}`." if name == "url" else " Only as `${SOME_VARIABLE}`."
        if is_connection(model, field_name):
            text += " Part of the connection."
        yield f"| `{name}` | {_kind(model, name)} | {_default(field)} | {text} |"
    yield ""


def _kind(model: type[BaseModel], name: str) -> str:
    """What the key takes, in words."""
    schema = model.model_json_schema()["properties"][name]
    kinds = [_kind_word(arm) for arm in schema.get("anyOf") or schema.get("oneOf") or [schema]]
    return " or ".join(dict.fromkeys(kinds))


def _kind_word(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if "definition" in schema:
        return "a filter, see below"
    if "$ref" in schema:
        return "mapping, see below"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "`true` or `false`",
        "null": "`null`",
        "array": "list",
        "object": "mapping",
    }
    return words.get(schema.get("type", ""), "text")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Filter):
        return "everything"
    return "see below" if isinstance(value, BaseModel) else f"`{json.dumps(value)}`"


_INTRODUCTION = """# Configuration

Everything is said in one YAML file, `reverse_metadata.yaml` in the current directory, or the file that the
environment variable `REVERSE_METADATA_CONFIG` names. This page is made from the code: every key is here.

```yaml
catalog:
  type: openmetadata
  url: https://openmetadata.example.com
  token: ${OPENMETADATA_TOKEN}
services:
  shop_pg: {type: postgres, host: db.example.com, database: shop, username: rm_writer, password: ${PG_PASSWORD}}
channels:
  - name: shop
    filter: {service: shop_pg}
    update_owners: true
```

* `reverse-metadata check` finds every mistake at once and says the file, the line and what was meant.
* `reverse-metadata schema > reverse_metadata.schema.json` writes a JSON schema. With
  `# yaml-language-server: $schema=reverse_metadata.schema.json` in the first line, editors complete and check keys.
* `${NAME}` takes the environment variable `NAME`, `${NAME:-default}` the default when it is not set or empty, and
  `$${` stands for the characters `${`. Variables of the catalog, the ledger and the services are replaced when a
  connection is opened, and stand nowhere else.
* Secrets must be variables: a password or token that is written into the file is a mistake.
* Unknown keys and keys that stand twice are mistakes.
"""

_FILTERS = """## Filters

```yaml
filter:
  all:
    - service: shop_pg
    - any: [{schema: [sales, "sales_*"]}, {tags: "PII.*"}]
    - not: {table: "tmp_*"}
```

A clause looks at a name (`service`, `database`, `schema`, `table`), at what the catalog says of the entity (`tags`,
`owner`, `domain`, `extension.<property>` and more), or holds other clauses (`all`, `any`, `not`). Several keys in one
clause must all hold; a list of patterns is any of them. A column is in scope when its table is, unless the filter
speaks of columns.

[filters.md](filters.md) has every clause. `reverse-metadata plan CHANNEL --explain FQN` says why an entity is in scope
or not."""
