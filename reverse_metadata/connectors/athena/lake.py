"""Lake Formation's tags, which decide who may see what.

A resource has one value a key, and setting another replaces it:
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-tag-considerations.html. Keys and values must be defined before
they are set: https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_CreateLFTag.html.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reverse_metadata.connectors.athena.clients import Call
from reverse_metadata.connectors.aws import reason_of_code
from reverse_metadata.connectors.base import TagLimits
from reverse_metadata.connectors.refusals import Refusal, told
from reverse_metadata.errors import Reason, SourceError
from reverse_metadata.model import Change

#: Letters that AWS would turn into others are none of ours: it keeps keys and values in lower case. Of the letters
#: beyond English, which it takes, these are the ones without capitals, or with none of their own.
_LETTERS = "a-zß-öø-ÿ\u0591-\u07ff\u0900-\u0e7f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3"
#: https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_LFTagPair.html has 128, 256 and the characters;
#: https://docs.aws.amazon.com/lake-formation/latest/dg/lf-tag-considerations.html has 50 tags, and 50 characters for
#: both.
LIMITS = TagLimits(
    max_key=50,
    max_value=50,
    max_tags=50,
    key_characters=rf"{_LETTERS}0-9 _.:/=+\-@%",
    value_characters=rf"{_LETTERS}0-9 _.:/=+\-@%*",
)


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags that were set on a table, and on its columns by name."""

    table: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def of_database(call: Call, database: str, within: Mapping[str, str]) -> Mapping[str, str]:
    """The tags that were set on a database. Raises SourceError."""
    answer = _assigned(call, f"reading the tags of schema {database}", {"Database": {"Name": database, **within}})
    return _values(answer.get("LFTagOnDatabase"))


def of_table(call: Call, database: str, table: str, within: Mapping[str, str]) -> Tags:
    """The tags that were set on a table and on its columns, and none that they inherit. Raises SourceError."""
    resource = {"Table": {"DatabaseName": database, "Name": table, **within}}
    answer = _assigned(call, f"reading the tags of table {database}.{table}", resource)
    return Tags(
        _values(answer.get("LFTagsOnTable")),
        {each["Name"]: _values(each.get("LFTags")) for each in answer.get("LFTagsOnColumns") or ()},
    )


def _assigned(call: Call, what: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_GetResourceLFTags.html"""
    return call("lakeformation", "get_resource_lf_tags", what, Resource=resource, ShowAssignedLFTags=True)


def _values(pairs: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    return {pair["TagKey"]: pair["TagValues"][0] for pair in pairs or () if pair.get("TagValues")}


def together(changes: Iterable[Change]) -> list[tuple[Change, ...]]:
    """The changes of one table, apart by the calls that carry them: what is set or removed of the same object, or of
    columns that all get the same."""
    by_object: dict[tuple[bool, tuple[str, ...]], list[Change]] = {}
    for change in changes:
        by_object.setdefault((change.value is None, change.path), []).append(change)
    calls: dict[object, list[Change]] = {}
    # What is removed comes last: nothing stands without a tag for a while that decides who may see it.
    for (removes, path), own in sorted(by_object.items()):
        alike = frozenset(_pairs(own).items()) if len(path) > 3 else path
        calls.setdefault((removes, alike), []).extend(own)
    return [tuple(own) for own in calls.values()]


class NotTagged(SourceError):
    """Lake Formation took the call, and refused a tag."""


@dataclass(frozen=True, slots=True)
class Lake:
    """Sets and removes the tags of one catalog. `within` names it, where it is not the caller's own."""

    call: Call
    within: Mapping[str, str]
    creates: bool

    def send(self, names: tuple[str, ...], changes: tuple[Change, ...]) -> None:
        """Carry out changes that `together` put together; `names` are those of the database and table.

        Raises NotTagged and SourceError.
        """
        action, resource, pairs = request(names, changes, self.within)
        what = named(names, action)
        if self.creates and action == _ADD:
            for key, value in pairs.items():
                self._define(what, key, value)
        tags = [{"TagKey": key, "TagValues": [value], **self.within} for key, value in pairs.items()]
        answer = self.call("lakeformation", action, what, Resource=resource, LFTags=tags)
        # AWS answers 200, and says here what it did not do.
        for failure in answer.get("Failures") or ():
            raise _failed(what, failure)

    def _define(self, what: str, key: str, value: str) -> None:
        try:
            tag = self.call("lakeformation", "get_lf_tag", what, TagKey=key, **self.within)
        except SourceError as error:
            if error.reason is not Reason.MISSING_OBJECT:
                raise
            self.call("lakeformation", "create_lf_tag", what, TagKey=key, TagValues=[value], **self.within)
            return
        if value not in tag["TagValues"]:
            self.call("lakeformation", "update_lf_tag", what, TagKey=key, TagValuesToAdd=[value], **self.within)


_ADD, _REMOVE = "add_lf_tags_to_resource", "remove_lf_tags_from_resource"


def request(
    names: tuple[str, ...], changes: tuple[Change, ...], within: Mapping[str, str]
) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The action, the resource and the tags of one call.

    https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_AddLFTagsToResource.html,
    https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_RemoveLFTagsFromResource.html
    """
    if len(names) == 1:
        resource: dict[str, Any] = {"Database": {"Name": names[0], **within}}
    else:
        table = {"DatabaseName": names[0], "Name": names[1], **within}
        columns = list(dict.fromkeys(change.path[3] for change in changes if len(change.path) > 3))
        resource = {"TableWithColumns": {**table, "ColumnNames": columns}} if columns else {"Table": table}
    return _REMOVE if changes[0].value is None else _ADD, resource, _pairs(changes)


def named(names: tuple[str, ...], action: str) -> str:
    """What is attempted, for messages."""
    return f"{action} of {'table' if len(names) > 1 else 'schema'} {'.'.join(names)}"


def _pairs(changes: Iterable[Change]) -> dict[str, str]:
    """Value by key; what is removed is named by the value that stands there."""
    return {change.tag_key: (change.actual or "") if change.value is None else change.value for change in changes}


def _failed(what: str, failure: Mapping[str, Any]) -> SourceError:
    error, tag = failure.get("Error") or {}, failure.get("LFTag") or {}
    key, value = tag.get("TagKey", ""), (tag.get("TagValues") or [""])[0]
    code = str(error.get("ErrorCode"))
    reason, advice = reason_of_code(code), ""
    if reason is Reason.MISSING_OBJECT:
        # It is the tag that is missing, not the table.
        reason = Reason.INVALID_VALUE
        advice = f"Define the LF-tag {key} with the value {value} in Lake Formation, or set lf_tags_create: true."
    elif reason is Reason.MISSING_PRIVILEGE:
        advice = f"Grant ASSOCIATE on the LF-tag {key} in Lake Formation."
    refusal = Refusal(reason, f"{code}: {told(error.get('ErrorMessage') or code)} (LF-tag {key} = {value})")
    return NotTagged(reason, str(refusal.error(what, advice)))
