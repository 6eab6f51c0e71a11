"""What the configuration may say, key by key. The descriptions are the reference documentation."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from reverse_metadata.catalogs.filter import EVERYTHING, Filter, FilterError, parse_filter
from reverse_metadata.config.base import Model
from reverse_metadata.config.owners import Owners
from reverse_metadata.config.tags import Tags

_FIELD = r"(?:\*|{value}(?:-{value})?)(?:/[1-9]\d*)?"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
#: Name, lowest and highest value, and the words for values, of the five fields of a cron expression.
_CRON_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)


def check_cron(text: str) -> str:
    """The cron expression itself. Raises ValueError with the field that is wrong."""
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError(
            f"a schedule has 5 fields (minute, hour, day of the month, month, day of the week), not {len(fields)};"
            ' every night at two is "0 2 * * *"'
        )
    for field, (name, lowest, highest, words) in zip(fields, _CRON_FIELDS, strict=True):
        if not all(_is_cron_item(item, lowest, highest, words) for item in field.lower().split(",")):
            raise ValueError(f"the {name} of a schedule is a number from {lowest} to {highest}, *, a range or a list")
    return text


def _is_cron_item(item: str, lowest: int, highest: int, words: list[str]) -> bool:
    value = "|".join([r"\d{1,2}", *words])
    if not re.fullmatch(_FIELD.format(value=f"(?:{value})"), item):
        return False
    bounds = [int(number) for number in re.findall(r"\d+", item.partition("/")[0])]
    return all(lowest <= bound <= highest for bound in bounds) and bounds == sorted(bounds)


def _check_url(text: str) -> str:
    if not re.match(r"https?://[^/\s]", text):
        raise ValueError("must be an address that begins with https:// or http://")
    return text.rstrip("/").removesuffix("/v1").removesuffix("/api")


def _read_filter(value: object) -> Filter:
    if isinstance(value, Filter):
        return value
    try:
        return parse_filter(value)
    except FilterError as error:
        raise PydanticCustomError("filter", "the filter is wrong", {"located": error.located}) from error


class Events(Model):
    """How changes are followed."""

    max_age: int = Field(
        default=6,
        ge=1,
        description="Days. When the last look at the catalog's events is longer ago, everything is compared instead."
        " The catalog itself keeps its events for 7 days.",
    )


class OpenMetadataOptions(Model):
    """OpenMetadata or Collate over REST."""

    url: Annotated[str, AfterValidator(_check_url)] = Field(
        description="The address of the server, as in the browser: `https://openmetadata.example.com`."
    )
    token: str = Field(
        description="The token of a bot. Only bots are shown the connections of services.",
        json_schema_extra={"secret": True},
    )
    events: Events = Field(default_factory=Events, description="How changes are followed.")


class FolderOptions(Model):
    """A folder of entity files: the JSON that the API of OpenMetadata returns, or the same as YAML."""

    path: str = Field(min_length=1, description="The folder, relative to the configuration file.")
    name: str | None = Field(
        default=None,
        min_length=1,
        description="What the ledger calls this catalog. Without it: the absolute path; name it when the folder is"
        " checked out to changing places, or everything is a first contact each time.",
    )
    service_types: dict[str, str] = Field(
        default_factory=dict,
        description="The catalog's type of each service that has no file in the folder: `{shop_pg: Postgres}`.",
    )


#: The catalogs by the `type` that the configuration gives them.
CATALOGS: dict[str, type[OpenMetadataOptions] | type[FolderOptions]] = {
    "openmetadata": OpenMetadataOptions,
    "folder": FolderOptions,
}


#: Days: the brakes look a day back, and an undo wants some history.
LEAST_KEPT = 7


class LedgerOptions(Model):
    """Where it is remembered what was pushed, and for how long."""

    url: str | None = Field(
        default=None,
        description="`postgresql+psycopg2://user:${PASSWORD}@host/database`, or a SQLite file such as"
        " `sqlite:///ledger.sqlite`. Without it: a SQLite file in `DAGSTER_HOME`, else beside the configuration.",
    )
    keep: int | None = Field(
        default=None,
        ge=LEAST_KEPT,
        description="Days that what was pushed is kept; the job `prune_ledger` deletes what is older, every day once"
        " its schedule runs. `null` keeps everything for ever. The newest push of each value always stays.",
    )


class Channel(Model):
    """One sync: which entities, which of their metadata, and when."""

    name: str = Field(min_length=1, description="The name of the channel, free text. Dagster shows it as a group.")
    filter: Annotated[
        InstanceOf[Filter],
        BeforeValidator(_read_filter),
        PlainSerializer(lambda filter: filter.to_json()),
        WithJsonSchema({"definition": "Filter"}),
    ] = Field(default=EVERYTHING, description="Which entities the channel is about. Without it: all.")
    update_descriptions: bool = Field(default=True, description="Whether descriptions are pushed.")
    description_format: Literal["raw", "text"] = Field(
        default="raw",
        description="What descriptions are written as: `raw` is the catalog's Markdown as it stands there, `text` the"
        " same as plain text.",
    )
    update_owners: bool = Field(default=False, description="Whether owners are pushed.")
    update_tags: bool = Field(
        default=False, description="Whether tags are pushed. A system without tags reports them as `unsupported`."
    )
    owners: Owners = Field(default_factory=Owners, description="How owners of the catalog become owners in a database.")
    tags: Tags = Field(default_factory=Tags, description="How tags of the catalog become tags in a database.")
    sql_template: str | dict[str, Any] | None = Field(
        default=None,
        description="The SQL to write with instead of the system's own form, with variables in braces: one text, or a"
        " mapping by aspect, level and operation. docs/templates.md explains it.",
    )
    schedule: Annotated[str, AfterValidator(check_cron)] | None = Field(
        default="0 2 * * *",
        description="When everything in scope is compared and repaired, as a cron expression; `null` for never.",
    )
    on_change: bool = Field(default=True, description="Whether changes in the catalog are pushed as they happen.")
    priority: int = Field(
        default=0,
        description="Which channel pushes a value that several would push differently: the one with the highest"
        " number. With equal numbers nothing of the schema is written, and the error names the channels.",
    )
    approval: Literal["not_required", "required"] = Field(
        default="not_required",
        description="Whether somebody must approve every plan before it is applied. Taking away a tag that is among"
        " `tags.protected` needs approval in every channel.",
    )
    approval_days: int = Field(
        default=7, ge=1, description="Days that a plan waits for approval; then it is made anew."
    )
    on_first_contact: Literal["keep", "overwrite", "fail"] = Field(
        default="keep",
        description="What happens to a text that stands in the source before the first push and that the catalog"
        " never held: `keep` leaves and reports it, `overwrite` replaces it, `fail` fails the partition.",
    )
    on_conflict: Literal["overwrite", "keep", "fail"] = Field(
        default="overwrite",
        description="What happens to a value that somebody edited in the source after it was pushed.",
    )
    on_catalog_delete: Literal["leave", "clear"] = Field(
        default="leave", description="What happens in the source when an entity is deleted in the catalog."
    )
    on_too_long: Literal["report", "truncate"] = Field(
        default="report",
        description="What happens to a text that is too long for the source: `truncate` cuts it and ends it in `…`.",
    )
    max_replacements: int | None = Field(
        default=None,
        ge=0,
        description="How many texts of the source may be replaced within 24 hours; beyond that none is."
        " `null` is the larger of 20 and 5 % of what the channel has pushed.",
    )
    max_removals: int | None = Field(
        default=None,
        ge=0,
        description="How many values may be removed from the source within 24 hours; beyond that none is."
        " `null` is the larger of 20 and 5 % of what the channel has pushed.",
    )
    max_parallel: int = Field(
        default=4, ge=1, description="How many schemas of one service the channel writes at the same time."
    )

    @model_validator(mode="after")
    def _pushes_something(self) -> "Channel":
        if not (self.update_descriptions or self.update_owners or self.update_tags):
            raise ValueError("nothing would be pushed; set update_descriptions, update_owners or update_tags to true")
        return self


def is_secret(model: type[BaseModel] | None, key: str) -> bool:
    """Whether the value of a key must come from the environment: its field says so, or its name does."""
    field = model.model_fields.get(key) if model else None
    extra: dict[str, Any] | Callable[..., None] | None = field.json_schema_extra if field else None
    if isinstance(extra, dict) and "secret" in extra:
        return bool(extra["secret"])
    return re.search(r"(?i)(password|passwd|passphrase|secret|token|private_key|api_key)$", key) is not None
