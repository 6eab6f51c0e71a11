"""Changes as the planner makes them."""

from reverse_metadata import fqn
from reverse_metadata.connectors.databricks import DatabricksConnector, DatabricksOptions
from reverse_metadata.model import Aspect, Change, EntityType, Verdict


def change(path: str, kind: str, value: str | None, aspect: Aspect = Aspect.DESCRIPTION, tag_key: str = "") -> Change:
    """Of what stands at `main.sales.orders.id`, a part with a dot in double quotes."""
    names = fqn.split(path)
    return Change(
        entity=f"lakehouse.{path}",
        entity_id="1",
        type=EntityType.of(names),
        path=names,
        aspect=aspect,
        verdict=Verdict.CLEAR if value is None else Verdict.APPLY,
        value=value,
        actual=None,
        reason="",
        tag_key=tag_key,
        kind=kind,
    )


def tag(path: str, kind: str, key: str, value: str | None) -> Change:
    """A change of one tag."""
    return change(path, kind, value, Aspect.TAGS, key)


def owner(path: str, kind: str, value: str | None) -> Change:
    """A change of owner."""
    return change(path, kind, value, Aspect.OWNER)


def connector(**options: object) -> DatabricksConnector:
    """One that never connects."""
    fields = {"host": "dbc-1.cloud.databricks.com", "http_path": "/sql/1.0/warehouses/1", "token": "dapi"} | options
    return DatabricksConnector(DatabricksOptions.model_validate(fields))


def statements(*changes: Change, **options: object) -> list[str]:
    """What carries the changes."""
    return [statement.text for statement in connector(**options).resolve(changes)]
