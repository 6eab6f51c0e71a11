"""Changes as the planner makes them, and the statements that a connector without a connection makes of them."""

from reverse_metadata import fqn as fqns
from reverse_metadata.connectors.snowflake import SnowflakeConnector, SnowflakeOptions
from reverse_metadata.model import Aspect, Change, EntityType, Path, Verdict

DESCRIPTION, TAGS, OWNER = Aspect.DESCRIPTION, Aspect.TAGS, Aspect.OWNER


def made(path: Path, kind: str, aspect: Aspect, value: str | None, key: str = "") -> Change:
    """A change of an object of a kind; of a column it is the kind of its table."""
    level = EntityType.of(path)
    return Change(
        entity=fqns.join(("snow", *path)),
        entity_id="1",
        type=level,
        path=path,
        aspect=aspect,
        verdict=Verdict.CLEAR if value is None else Verdict.APPLY,
        value=value,
        actual=None,
        reason="",
        tag_key=key,
        kind=f"{kind} column" if level is EntityType.COLUMN else kind,
    )


def connector(**options: object) -> SnowflakeConnector:
    """A connector that nobody connects."""
    given = {"account": "acme-shop", "username": "rm_writer", "password": "irrelevant", "tags": {"home": "gov.tags"}}
    return SnowflakeConnector(SnowflakeOptions.model_validate({**given, **options}))


def resolved(*changes: Change, **options: object) -> list[str]:
    """The texts of the statements."""
    return [statement.text for statement in connector(**options).resolve(changes)]
