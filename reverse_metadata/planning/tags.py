"""Which keys and values an entity should have in the source for its labels. The rules are those of docs/tags.md."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reverse_metadata import fqn as fqns
from reverse_metadata.config import TagEntry, Tags
from reverse_metadata.connectors.base import TagLimits
from reverse_metadata.display import one_line
from reverse_metadata.errors import FqnError
from reverse_metadata.model import Tag, Verdict

#: The rules that decide what is written of a label; the others decide of which labels something is.
_SHAPING = {"map", "case", "prefix", "on_ambiguous", "join_with", "on_too_long", "on_invalid"}
_WITHOUT_ENTRY = TagEntry()
_PART = re.compile(r'"[^"]*"|[^".]+')
#: Between two FQNs of `TagWish.wanted`: within an FQN, commas stand in quotes.
_BETWEEN = re.compile(r', (?=(?:[^"]*"[^"]*")*[^"]*$)')


@dataclass(frozen=True, slots=True)
class TagWish:
    """What should stand under one key of the source.

    `value` is "" for a key without a value, and for one with several (AMBIGUOUS). `wanted` names the labels that it
    comes from: their FQNs, sorted, joined with ", "; a part of an FQN that holds a comma stands in quotes there.
    A wish with a verdict (AMBIGUOUS, TOO_LONG or INVALID) is listed and not written; `reason` is a sentence.
    """

    key: str
    value: str
    wanted: str
    verdict: Verdict | None = None
    reason: str = ""


def wishes(labels: Sequence[Tag], rules: Tags, limits: TagLimits) -> list[TagWish]:
    """What the labels of one entity want in a source with these limits: one wish a key, sorted by key.

    The count of tags that an object can have is not looked at: it takes those of others in the source to know.
    """
    found: dict[str, TagWish] = {}
    values: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for label in labels:
        fqn = _spelled(label.fqn, ".")
        if not _is_pushed(label, fqn, rules) or (entry := _entry(fqn, rules)) is None:
            continue
        names = _names(label.fqn)
        if len(names) < 2:
            reason = f"the label {label.fqn} names no classification and tag; correct it in the catalog"
            found[label.fqn] = TagWish(label.fqn, "", label.fqn, Verdict.INVALID, reason)
            continue
        key, value = _key_and_value(names, entry, rules, limits)
        key = _fit_characters(key, limits.key_characters, rules)
        values[key][_spelled(fqn, ".,")] = _fit(value, rules, limits)
    found.update((key, _wish(key, dict(sorted(wanted.items())), rules, limits)) for key, wanted in values.items())
    return [found[key] for key in sorted(found)]


def carries(labels: Sequence[Tag], wanted: str) -> bool:
    """Whether one of the labels that `wanted` names is still on the entity, whatever the rules say of it."""
    present = {_spelled(label.fqn, ".,") for label in labels if _is_confirmed(label)}
    return not present.isdisjoint(_listed(wanted))


def loses_protected(labels: Sequence[Tag], wanted: str, rules: Tags) -> bool:
    """Whether one of the labels that `wanted` names is protected, and no longer on the entity."""
    return any(_matches(_spelled(fqn, "."), rules.protected) and not carries(labels, fqn) for fqn in _listed(wanted))


def label_of(wanted: str, value: str) -> str:
    """The FQN of the label that a value in the source stands for, when it is of the classification of `wanted`."""
    names = _names(_listed(wanted)[0])
    return _spelled(fqns.join([*names[:1], value]), ".,") if names else ""


def template_of(rules: Tags) -> str:
    """What `Last.template` says of the tags that the channel writes: another one once labels are written otherwise."""
    shaping = json.dumps(rules.model_dump(mode="json", include=_SHAPING))
    return f"tags/{hashlib.sha256(shaping.encode()).hexdigest()[:12]}"


def _listed(wanted: str) -> list[str]:
    return _BETWEEN.split(wanted) if wanted else []


def _is_confirmed(label: Tag) -> bool:
    return label.state.lower() in ("", "confirmed")


def _is_pushed(label: Tag, fqn: str, rules: Tags) -> bool:
    if not _is_confirmed(label) or label.label_type not in rules.label_types:
        return False
    if label.source == "Glossary":
        if not rules.glossary:
            return False
    elif _classification(fqn) == "Tier" and not rules.tier:
        return False
    return _matches(fqn, rules.include) and not _matches(fqn, rules.exclude)


def _entry(fqn: str, rules: Tags) -> TagEntry | None:
    """What `map` says of a label; None when it drops it. Of several entries the most specific counts."""
    label, classification = fqn.lower(), _classification(fqn).lower()
    entries = {name.lower(): entry for name, entry in rules.map.items()}
    globs = (name for name in entries if fnmatchcase(label, name) or fnmatchcase(classification, name))
    name = next((name for name in (label, classification, *globs) if name in entries), None)
    entry = _WITHOUT_ENTRY if name is None else entries[name]
    return TagEntry(key=entry) if isinstance(entry, str) else entry


def _key_and_value(names: tuple[str, ...], entry: TagEntry, rules: Tags, limits: TagLimits) -> tuple[str, str]:
    """The key and value of a label as the rules spell them, whatever the source takes."""
    if entry is _WITHOUT_ENTRY and limits.placeholder and names[0].lower() == limits.placeholder.lower():
        # The catalog read this key in the source, as it is spelled there.
        return ".".join(names[1:]), ""
    case = entry.case or rules.case
    prefix = rules.prefix if entry.prefix is None else entry.prefix
    key = prefix + (entry.key or _cased(names[0], case))
    return key, "" if entry.valueless else entry.value or _cased(".".join(names[1:]), case)


def _cased(text: str, case: str) -> str:
    return text.lower() if case == "lower" else text.upper() if case == "upper" else text


def _fit(value: str, rules: Tags, limits: TagLimits) -> str:
    """The value with what the rules do about the limits of the source."""
    value = _fit_characters(value, limits.value_characters, rules)
    if rules.on_too_long == "report" or limits.max_value is None or len(value) <= limits.max_value:
        return value
    if _refused("…", limits.value_characters):
        return value[: limits.max_value]
    return value[: limits.max_value - 1] + "…"


def _fit_characters(text: str, characters: str, rules: Tags) -> str:
    if rules.on_invalid == "report":
        return text
    refused = _refused(text, characters)
    instead = {
        character: "_" if _refused(character.lower(), characters) else character.lower() for character in refused
    }
    return "".join(instead.get(character, character) for character in text)


def _refused(text: str, characters: str) -> list[str]:
    """The characters of the text that a class of characters does not hold, each once."""
    return list(dict.fromkeys(re.sub(f"[{characters}]", "", text))) if characters else []


def _wish(key: str, values: Mapping[str, str], rules: Tags, limits: TagLimits) -> TagWish:
    """The wish for a key; `values` are those that labels want there by the label's FQN, in their order."""
    value = next(iter(values.values()))
    labels: Iterable[str] = values
    if len(set(values.values())) > 1:
        match rules.on_ambiguous:
            case "report":
                return TagWish(key, "", ", ".join(values), Verdict.AMBIGUOUS, _ambiguous(key, values))
            case "overwrite":
                labels = (fqn for fqn, other in values.items() if other == value)
            case "join":
                value = _fit(rules.join_with.join(sorted(set(values.values()) - {""})), rules, limits)
    verdict, reason = _refusal(key, value, rules, limits)
    return TagWish(key, value, ", ".join(labels), verdict, reason)


def _ambiguous(key: str, values: Mapping[str, str]) -> str:
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for label, value in values.items():
        wanted[f"as '{value}'" if value else "without a value"].append(label)
    sides = " and ".join(f"{side} ({', '.join(labels)})" for side, labels in wanted.items())
    return f"{key} is wanted {sides}; take labels off in the catalog, or set tags.map or tags.on_ambiguous"


def _refusal(key: str, value: str, rules: Tags, limits: TagLimits) -> tuple[Verdict | None, str]:
    """Why the source cannot hold the key or the value, when it cannot."""
    if refused := _refused(key, limits.key_characters):
        return Verdict.INVALID, f"the key {key} {_holds(refused)}; give it another in tags.map{_transform(rules)}"
    if limits.max_key is not None and len(key) > limits.max_key:
        return Verdict.TOO_LONG, f"the key {key} {_long(key, limits.max_key)}; give it a shorter one in tags.map"
    if not value and not limits.valueless:
        return Verdict.INVALID, f"the source takes no key without a value; give the entry of {key} in tags.map a value"
    if refused := _refused(value, limits.value_characters):
        reason = f"the value {value} of {key} {_holds(refused)}; give it another in tags.map{_transform(rules)}"
        return Verdict.INVALID, reason
    if limits.max_value is not None and len(value) > limits.max_value:
        too_long = f"the value of {key} {_long(value, limits.max_value)}"
        return Verdict.TOO_LONG, f"{too_long}; give it a shorter one in tags.map, or set tags.on_too_long to truncate"
    return None, ""


def _holds(refused: list[str]) -> str:
    shown = one_line(" ".join(f"'{character}'" for character in refused), 60)
    return f"holds {shown}, which the source does not take"


def _transform(rules: Tags) -> str:
    return ", or set tags.on_invalid to transform" if rules.on_invalid == "report" else ""


def _long(text: str, most: int) -> str:
    return f"has {len(text)} characters, and the source takes {most}"


def _names(fqn: str) -> tuple[str, ...]:
    try:
        return fqns.split(fqn)
    except FqnError:
        return ()


def _spelled(fqn: str, special: str) -> str:
    """The FQN with quotes around the parts that hold one of the special characters, and around no other."""

    def quoted(part: re.Match[str]) -> str:
        name = part[0].strip('"')
        return f'"{name}"' if any(character in name for character in special) else name

    return _PART.sub(quoted, fqn)


def _classification(fqn: str) -> str:
    """The first part of an FQN, as the catalog quotes it."""
    part = _PART.match(fqn)
    return part[0] if part else fqn


def _matches(fqn: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(fqn.lower(), glob.lower()) for glob in globs)
