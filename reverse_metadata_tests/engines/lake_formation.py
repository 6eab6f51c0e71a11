"""Which LF-tags stand on what, as Lake Formation keeps them: moto keeps those of the last call alone.

* one value a key on each resource, and setting another replaces it:
  https://docs.aws.amazon.com/lake-formation/latest/dg/lf-tag-considerations.html
* what has no tag of a key itself inherits that of what it stands in, unless only assigned tags are asked for; of a
  table, the columns are told too: https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_GetResourceLFTags.html
* what cannot be done stands in `Failures`, with HTTP 200:
  https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_AddLFTagsToResource.html
"""

from collections.abc import Mapping
from typing import Any

_Place = tuple[str, ...]


class LakeTags:
    """The tags of one account's catalog. A place is a database, a table or a column."""

    def __init__(self) -> None:
        self._set: dict[_Place, dict[str, str]] = {}

    def add(self, body: Mapping[str, Any], defined: Mapping[str, list[str]]) -> dict[str, Any]:
        """Set tags; `defined` are the values by key that tags can have."""
        unknown = [tag for tag in body["LFTags"] if tag["TagValues"][0] not in defined.get(tag["TagKey"], ())]
        for place in _places(body["Resource"]) if not unknown else ():
            self._set.setdefault(place, {}).update({tag["TagKey"]: tag["TagValues"][0] for tag in body["LFTags"]})
        return _failures(unknown, "Tag or tag value does not exist.")

    def remove(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take tags off that have the value that is named."""
        places = _places(body["Resource"])
        absent = [
            tag
            for tag in body["LFTags"]
            if any(self._set.get(place, {}).get(tag["TagKey"]) != tag["TagValues"][0] for place in places)
        ]
        for place in places if not absent else ():
            for tag in body["LFTags"]:
                del self._set[place][tag["TagKey"]]
        return _failures(absent, "Tag is not assigned to the resource.")

    def get(self, body: Mapping[str, Any], columns: list[str]) -> dict[str, Any]:
        """The tags of a resource; `columns` are all of its table."""
        places, inherits = _places(body["Resource"]), not body.get("ShowAssignedLFTags")
        place = places[0]
        found: dict[str, Any] = {"LFTagOnDatabase": self._told(place[:1], inherits)}
        if len(place) > 1:
            if len(place) == 2:
                places = [(*place, column) for column in columns]
            told = {each[2]: self._told(each, inherits) for each in places}
            found = {
                "LFTagOnDatabase": self._told(place[:1], inherits) if inherits else [],
                "LFTagsOnTable": self._told(place[:2], inherits),
                "LFTagsOnColumns": [{"Name": name, "LFTags": tags} for name, tags in told.items() if tags],
            }
        return {name: tags for name, tags in found.items() if tags}

    def _told(self, place: _Place, inherits: bool) -> list[dict[str, Any]]:
        tags: dict[str, str] = {}
        for depth in range(1 if inherits else len(place), len(place) + 1):
            tags |= self._set.get(place[:depth], {})
        return [{"TagKey": key, "TagValues": [value]} for key, value in tags.items()]


def _places(resource: Mapping[str, Any]) -> list[_Place]:
    if "Database" in resource:
        return [(resource["Database"]["Name"],)]
    if "TableWithColumns" in resource:
        table = resource["TableWithColumns"]
        return [(table["DatabaseName"], table["Name"], column) for column in table["ColumnNames"]]
    return [(resource["Table"]["DatabaseName"], resource["Table"]["Name"])]


def _failures(tags: list[dict[str, Any]], message: str) -> dict[str, Any]:
    error = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": message}
    return {"Failures": [{"LFTag": tag, "Error": error} for tag in tags]}
