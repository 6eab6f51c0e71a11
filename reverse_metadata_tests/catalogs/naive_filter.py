"""A second reading of Elasticsearch's query language, for the tests alone: slow, plain, and without a line of ours.

It takes a search document as OpenMetadata indexes it (`filter_estate.document`) and a query as Python data, and
interprets clause by clause. Which field has which type follows `table_index_mapping.json` of OpenMetadata; three
things are read as docs/filters.md says, and not as the index: a plain clause on `owners` (mapped as nested since 1.9)
sees every owner, words are compared without stemming, and a pattern on a text is one for all of it.
"""

import re
from fnmatch import translate
from typing import Any

#: `lower` keywords have the lowercase normalizer, `exact` ones none; `text` is analysed into words.
TYPES = {
    "lower": """
        name.keyword displayName.keyword fullyQualifiedName tableType serviceType columns.name.keyword
        service.name.keyword service.displayName.keyword service.fullyQualifiedName.keyword
        database.name.keyword database.displayName.keyword
        databaseSchema.name.keyword databaseSchema.displayName.keyword databaseSchema.fullyQualifiedName.keyword
        owners.name owners.displayName.keyword ownerName ownerDisplayName owner.displayName.keyword
        domains.displayName.keyword domain.displayName.keyword entityType.keyword
        tags.tagFQN tier.tagFQN classificationTags glossaryTags certification.tagLabel.tagFQN
    """.split(),
    "exact": """
        displayName.actualCase entityType id.keyword descriptionStatus columnDescriptionStatus
        service.name service.displayName database.name database.displayName
        databaseSchema.name databaseSchema.displayName
        owners.name.keyword owners.displayName owners.type owner.name.keyword
        domains.name domains.name.keyword domains.displayName domains.fullyQualifiedName domain.name.keyword
        domain.fullyQualifiedName tags.labelType tier.labelType
        customPropertiesTyped.name customPropertiesTyped.stringValue customPropertiesTyped.refName
        customPropertiesTyped.refFqn customPropertiesTyped.refId customPropertiesTyped.refType
    """.split(),
    "text": "name displayName description updatedBy customPropertiesTyped.textValue".split(),
    "number": """
        updatedAt customPropertiesTyped.longValue customPropertiesTyped.doubleValue customPropertiesTyped.start
        customPropertiesTyped.end
    """.split(),
    "boolean": ["deleted"],
}
TYPE = {field: type_ for type_, fields in TYPES.items() for field in fields}


def answers(query: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether the document is a hit of the query (without the outermost `query` key)."""
    ((kind, body),) = query.items()
    match kind:
        case "match_all":
            return True
        case "match_none":
            return False
        case "bool":
            return boolean(body, document)
        case "nested":
            return any(answers(body["query"], {body["path"]: each}) for each in document.get(body["path"]) or [])
        case "ids":
            return document["_id"] in body["values"]
        case "exists":
            return bool(found(document, source(body["field"])))
    ((field, said),) = body.items()
    if kind == "terms":
        return any(answers({"term": {field: each}}, document) for each in said)
    values = found(document, source(field))
    type_ = "flattened" if field.startswith("extension.") else TYPE[field]
    if kind == "range":
        return any(in_range(value, said, type_) for value in values)
    details = said if isinstance(said, dict) else {}
    wanted = next((details[key] for key in ("value", "query", "wildcard") if key in details), said)
    lower = type_ in ("lower", "text") or details.get("case_insensitive", False)
    texts = [written(value).lower() if lower else written(value) for value in values]
    pattern = written(wanted).lower() if lower else written(wanted)
    match kind:
        case "term":
            if type_ == "number":
                return any(value == float(wanted) for value in values)
            return pattern in texts
        case "match" if type_ != "text":
            return pattern in texts
        case "match":
            held = {word for text in texts for word in words(text)}
            hits = [word in held for word in words(pattern)]
            return bool(hits) and (all(hits) if details.get("operator", "or").lower() == "and" else any(hits))
        case "wildcard":
            return any(re.fullmatch(translate(pattern.replace("[", "[[]")), text) for text in texts)
        case "regexp":
            return any(re.fullmatch(pattern.replace("@", ".*"), text, re.DOTALL) for text in texts)
    raise ValueError(f"{kind} is no clause of the query builder")


def boolean(body: dict[str, Any], document: dict[str, Any]) -> bool:
    """`bool`: of `should` one must hold when there is neither `must` nor `filter`, whatever `minimum_should_match`."""

    def each(name: str) -> list[bool]:
        clauses = body.get(name, [])
        return [answers(one, document) for one in (clauses if isinstance(clauses, list) else [clauses])]

    should = each("should")
    least = body.get("minimum_should_match", 0)
    if isinstance(least, str) and least.endswith("%"):
        share = int(least[:-1])
        least = len(should) * share // 100 if share >= 0 else len(should) - len(should) * -share // 100
    least = int(least) if int(least) >= 0 else len(should) + int(least)
    if should and not each("must") and not each("filter"):
        least = max(least, 1)
    return (
        all(each("must"))
        and all(each("filter"))
        and not any(each("must_not"))
        and not any(each("should_not"))
        and sum(should) >= least
    )


def source(field: str) -> str:
    """Where the value of a field stands in the document: multi-fields are other readings of one value."""
    return re.sub(r"\.(keyword|actualCase)$", "", field)


def found(value: Any, path: str) -> list[Any]:
    """Every value at a path, through lists and objects. An object counts as one for `exists`."""
    if isinstance(value, list):
        return [inner for each in value for inner in found(each, path)]
    if not path:
        return [] if value is None else [value]
    if not isinstance(value, dict):
        return []
    head, _, rest = path.partition(".")
    return found(value.get(head), rest)


def in_range(value: Any, limits: dict[str, Any], type_: str) -> bool:
    """Numbers compare as numbers and keywords letter by letter; a custom property as its limits are written."""
    if type_ == "number" or (type_ == "flattened" and isinstance(value, int | float)):
        told: dict[str, Any] = {key: float(limit) for key, limit in limits.items()}
    else:
        value, told = str(value), {key: str(limit) for key, limit in limits.items()}
    return all(
        {"gt": value > limit, "gte": value >= limit, "lt": value < limit, "lte": value <= limit}[key]
        for key, limit in told.items()
    )


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def written(value: Any) -> str:
    """A value as the index writes it: booleans in lower case, whole numbers without a fraction."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
