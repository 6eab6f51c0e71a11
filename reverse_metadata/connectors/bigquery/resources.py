"""What BigQuery's resources say, and what a change makes of them.

Resources are the JSON of https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset and
.../v2/tables#Table. They are changed as they came: whatever a field has that nobody here knows is sent back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reverse_metadata.connectors.bigquery.options import BigQueryOptions
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Aspect, Change, Path, SourceObject

Json = dict[str, Any]

#: A column with columns of its own. BigQuery has policy tags on others alone.
RECORD = "record"
#: Stands before the kind of everything in a dataset that another organisation shares.
LINKED = "linked "
#: Mistakes that one message names.
_SHOWN = 5
_KINDS = {
    "EXTERNAL": "external table",
    "MATERIALIZED_VIEW": "materialized view",
}


def dataset_object(resource: Json, path: Path) -> SourceObject:
    """A dataset; `path` is the catalog's."""
    linked = LINKED if "linkedDatasetSource" in resource else ""
    made = str(resource.get("creationTime", ""))
    return SourceObject(path, f"{linked}dataset", made, resource.get("description"), tags=_labels(resource))


def table_objects(
    resource: Json, path: Path, dataset: SourceObject, options: BigQueryOptions
) -> Iterator[SourceObject]:
    """A table of any type and its columns, nested ones after their parent; `path` is the catalog's."""
    linked = LINKED if dataset.kind.startswith(LINKED) else ""
    made = str(resource.get("creationTime", ""))
    word = str(resource.get("type") or "TABLE")
    kind = linked + _KINDS.get(word, word.lower().replace("_", " "))
    yield SourceObject(path, kind, made, resource.get("description"), tags=_labels(resource))
    for names, column in _columns(resource.get("schema") or {}):
        kind = linked + (RECORD if column.get("fields") else "column")
        tags = _policy_tags(column, options)
        yield SourceObject((*path, *names), kind, made, column.get("description"), tags=tags)


def _columns(within: Json, above: Path = ()) -> Iterator[tuple[Path, Json]]:
    for column in within.get("fields") or ():
        path = (*above, str(column["name"]))
        yield path, column
        yield from _columns(column, path)


def _labels(resource: Json) -> Mapping[str, str]:
    return {str(key): str(value) for key, value in (resource.get("labels") or {}).items()}


def policy_tagged(resource: Json) -> bool:
    """Whether a column of the table has a policy tag."""
    return any(_policy_tag_names(column) for _, column in _columns(resource.get("schema") or {}))


def _policy_tags(column: Json, options: BigQueryOptions) -> Mapping[str, str]:
    """The labels that the policy tags of a column stand for; one of others is a key without a value."""
    return dict(options.label(name) or (name, "") for name in _policy_tag_names(column))


def _policy_tag_names(column: Json) -> list[str]:
    return list((column.get("policyTags") or {}).get("names") or ())


@dataclass
class Update:
    """What a PATCH is to hold, and the changes that cannot be in it, all of them for one reason."""

    fields: Json = field(default_factory=dict)
    blamed: list[Change] = field(default_factory=list)
    reason: Reason | None = None
    messages: list[str] = field(default_factory=list)

    def blame(self, change: Change, reason: Reason, message: str) -> None:
        """Leave a change out, unless others are left out for another reason: then it is its turn the next time."""
        if self.reason in (None, reason):
            self.reason = reason
            self.blamed.append(change)
            self.messages.append(message)

    def error(self, what: str) -> SourceError | None:
        """Why changes were left out, when some were; `what` names the call."""
        if self.reason is None:
            return None
        more = f"; and {len(self.messages) - _SHOWN} more" if len(self.messages) > _SHOWN else ""
        return SourceError(self.reason, f"{what}: {'; '.join(self.messages[:_SHOWN])}{more}.")


def updated(resource: Json, changes: Iterable[Change], options: BigQueryOptions) -> Update:
    """What changes of a dataset or table and its columns make of its resource, which is altered where it has to be.

    Only what differs from what stands there already is in the update: a schema as a whole, and of labels those that
    change, with null for one that goes.
    """
    update = Update()
    columns = dict(_columns(resource.get("schema") or {}))
    # What goes makes room: a column has one policy tag at most.
    for change in sorted(changes, key=lambda change: change.value is not None):
        if len(change.path) > 3:
            _change_column(update, columns, change, options, resource)
        elif change.aspect is Aspect.TAGS:
            if _labels(resource).get(change.tag_key) != change.value:
                update.fields.setdefault("labels", {})[change.tag_key] = change.value
        elif (resource.get("description") or None) != (change.value or None):
            update.fields["description"] = change.value
    return update


def _change_column(
    update: Update, columns: Mapping[Path, Json], change: Change, options: BigQueryOptions, resource: Json
) -> None:
    column = columns.get(change.path[3:])
    named = ".".join(change.path[3:])
    if column is None:
        update.blame(change, Reason.MISSING_OBJECT, f"there is no column {named}")
        return
    if change.aspect is Aspect.DESCRIPTION:
        if (column.get("description") or None) != (change.value or None):
            # An absent description would be kept: https://github.com/googleapis/python-bigquery/pull/558
            column["description"] = change.value
            update.fields["schema"] = resource["schema"]
        return
    stands = _policy_tag_names(column)
    others = [name for name in stands if (options.label(name) or ("",))[0] != change.tag_key]
    wanted = [] if change.value is None else [options.policy_tag(change.tag_key, change.value)]
    if None in wanted:
        update.blame(change, Reason.INVALID_VALUE, unmapped(change.tag_key, change.value))
    elif wanted and others:
        has = f"column {named} has the policy tag {others[0]}, and takes no second one; take that off first"
        update.blame(change, Reason.OTHER, has)
    elif wanted + others != stands:
        column["policyTags"] = {"names": wanted + others}
        update.fields["schema"] = resource["schema"]


def unmapped(key: str, value: str | None) -> str:
    """Why a label of a column is not written."""
    return f"policy_tags of the service has no policy tag for {key}: {value}; add it there"
