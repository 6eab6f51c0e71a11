"""Mistakes in the configuration, as sentences: file, line, key, what is wrong, what was meant."""

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reverse_metadata.config.environment import has_variable, literal, substitute, texts, variables
from reverse_metadata.config.models import is_secret
from reverse_metadata.documents import Document, Place, spell
from reverse_metadata.errors import ConfigurationError

#: Mappings of names: a database called `token` is no secret.
_NAMES_INSIDE = ("rewrite", "service_types")
_URL_LOGIN = re.compile(r"://([^/?#\s]*)@")
_URL_PARAMETER = re.compile(r"(?i)[?&](?:password|passwd|pwd|token|secret)=([^&#\s]+)")
M = TypeVar("M", bound=BaseModel)

_WORDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "string_too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a part of the configuration stands."""

    document: Document
    place: Place = ()

    def at(self, *more: str | int) -> "Source":
        """What stands below."""
        return Source(self.document, (*self.place, *more))

    @property
    def line(self) -> int:
        """The line, counted from 1; for a key that is missing that of what should hold it."""
        return self.document.line(self.place)

    def sentence(self, message: str) -> str:
        """`reverse_metadata.yaml:14: channels[0].name: message`, without a line for what stands in no file."""
        line = f":{self.line}" if self.document.lines else ""
        where = f" {spell(self.place)}:" if self.place else ""
        return f"{self.document.label}{line}:{where} {message}"


class Mistakes:
    """Collects every mistake, to be told at once and in the order of the files."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._found: dict[str, tuple[int, int]] = {}

    def open(self, label: str) -> None:
        """Note that a file is read now: its mistakes come after those of the files before it."""
        self._files.setdefault(label, len(self._files))

    def add(self, source: Source, message: str) -> None:
        """Note a mistake. The same sentence twice is one mistake."""
        label = source.document.label
        self.open(label)
        self._found.setdefault(source.sentence(message), (self._files[label], source.line))

    def add_unreadable(self, label: str, sentence: str) -> None:
        """Note that a file as a whole cannot be read; the sentence names it."""
        self._found.setdefault(sentence, (self._files[label], 0))

    def raise_all(self) -> None:
        """Raise ConfigurationError when there was a mistake."""
        if self._found:
            raise ConfigurationError(sorted(self._found, key=lambda sentence: self._found[sentence]))


def validate(model: type[M], raw: Any, source: Source, environ: Mapping[str, str], mistakes: Mistakes) -> M | None:
    """The block as its model, variables replaced; None when there are mistakes, which are noted."""
    unset: set[Place] = set()

    def complain(place: Place, message: str) -> None:
        unset.add(place)
        mistakes.add(source.at(*place), message)

    values = substitute(raw, environ, complain)
    try:
        valid = model.model_validate(values)
    except ValidationError as error:
        for place, message in _explain(error.errors(include_url=False, include_input=False), model, raw, environ):
            if place not in unset:
                mistakes.add(source.at(*place), message)
        return None
    return None if unset else valid


def literal_secrets(model: type[BaseModel], raw: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Every secret that is written into the file, with what to write instead."""
    for place, text in texts(raw):
        if place[0] in _NAMES_INSIDE:
            continue
        if has_literal_password(text):
            yield place, "a password must not stand in this file; write it as ${SOME_VARIABLE} within the URL"
        elif "://" not in text and literal(text) and _is_secret_at(model, place):
            what = "a secret must not be a default" if has_variable(text) else "a secret must not stand in this file"
            yield place, f"{what}; write {_key(place)}: ${{SOME_VARIABLE}}"


def has_literal_password(text: str) -> bool:
    """Whether the text holds a URL with a password that does not come from the environment."""
    if "://" not in text:
        return False
    plain = literal(text)
    login = _URL_LOGIN.search(plain)
    return bool(login and login[1].partition(":")[2]) or _URL_PARAMETER.search(plain) is not None


def secret_values(model: type[BaseModel], raw: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """Every value of the environment that must never be shown: those of secrets and within URLs with a login."""
    for place, text in texts(raw):
        if place[0] not in _NAMES_INSIDE and _is_secret_at(model, place):
            yield from (environ[name] for name in variables(text) if environ.get(name))
        yield from url_secrets(text, environ)


def url_secrets(text: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The secrets within a URL: its password, and the variables that make up its login or the whole of it."""
    whole = substitute(text, environ, lambda *_: None)
    login = _URL_LOGIN.search(whole)
    parameter = _URL_PARAMETER.search(whole)
    if login and (password := login[1].partition(":")[2]):
        yield password
        yield from (environ[name] for name in variables(text) if environ.get(name, "\0") in password)
    if parameter:
        yield parameter[1]


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean x?` for the choice that is most like the word, or nothing."""
    near = get_close_matches(word, list(choices), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _is_secret_at(model: type[BaseModel], place: Place) -> bool:
    return is_secret(_model_at(model, place[:-1]), _key(place))


def _key(place: Place) -> str:
    return str(next(part for part in reversed(place) if isinstance(part, str)))


#: One of those that pydantic lists: `0, 1 or 'all'`.
_CHOICE = re.compile(r"'([^']*)'|\b(\d+)\b")


def _explain(
    errors: Iterable[ErrorDetails], model: type[BaseModel], raw: Any, environ: Mapping[str, str]
) -> Iterator[tuple[Place, str]]:
    for error in errors:
        loc, context = error["loc"], error.get("ctx", {})
        match error["type"]:
            case "missing":
                yield (*_existing(raw, loc[:-1]), loc[-1]), "this key is missing"
            case "extra_forbidden":
                place = _existing(raw, loc)
                yield place, _unknown_key(model, place)
            case "filter":
                yield from (((*loc, *place), message) for place, message in context["located"])
            case "literal_error" | "enum":
                place = _existing(raw, loc)
                choices = [text or number for text, number in _CHOICE.findall(str(context["expected"]))]
                yield place, _not_a_choice(_at(raw, place), choices)
            case "value_error":
                place = _existing(raw, loc)
                yield place, _without_values(str(context["error"]), _at(raw, place), environ)
            case kind:
                place = _existing(raw, loc)
                words = (
                    _WORDS[kind].format(**context) if kind in _WORDS else error["msg"].replace("Input should", "must")
                )
                value = _at(raw, place)
                quotes = "; put it in quotes" if kind == "string_type" and isinstance(value, int | float) else ""
                found = "" if kind == "string_too_short" else _found(model, place, value)
                yield place, words + found + quotes


def _unknown_key(model: type[BaseModel], loc: Place) -> str:
    owner = _model_at(model, loc[:-1])
    keys = list(owner.model_fields) if owner else []
    hint = nearest(str(loc[-1]), keys)
    return f"unknown key{hint}" if hint else f"unknown key; the keys here are {', '.join(keys)}"


def _not_a_choice(value: Any, choices: list[str]) -> str:
    listed = ", ".join(choices)
    if isinstance(value, str) and has_variable(value):
        return f"must be one of {listed}; the value of {value} is not"
    hint = nearest(value, choices) if isinstance(value, str) else ""
    return f"must be one of {listed}, not {_describe(value)}{hint}"


def _found(model: type[BaseModel], place: Place, value: Any) -> str:
    if isinstance(value, str) and has_variable(value):
        return f"; the value of {value} is not"
    if place and _is_secret_at(model, place):
        return ""
    return f", not {_describe(value)}"


def _describe(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str() if not value:
            return "empty"
        case str():
            return repr(value) if len(value) <= 40 else repr(value[:37] + "...")
        case list():
            return "a list"
    return "a mapping"


def _without_values(message: str, raw: Any, environ: Mapping[str, str]) -> str:
    """The message of a validator, with every value of the environment put back to the variable it came from."""
    for name in variables(raw):
        if value := environ.get(name):
            message = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", f"${{{name}}}", message)
    return message


def _existing(raw: Any, loc: Place) -> Place:
    """What of pydantic's location stands in the file: it also names the arms of unions."""
    place: Place = ()
    for part in loc:
        inside = isinstance(raw, dict) and part in raw
        if not inside and not (isinstance(raw, list) and isinstance(part, int) and part < len(raw)):
            continue
        raw = raw[part]
        place = (*place, part)
    return place


def _at(raw: Any, place: Place) -> Any:
    for part in place:
        raw = raw[part]
    return raw


def _model_at(model: Any, place: Place) -> type[BaseModel] | None:
    """The model of the block at a place below a model, through lists, mappings and unions."""
    if place and isinstance(model, type) and issubclass(model, BaseModel):
        field = model.model_fields.get(str(place[0]))
        return _model_at(field.annotation, place[1:]) if field else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        return model
    arguments = typing.get_args(model)
    if typing.get_origin(model) is typing.Annotated:
        return _model_at(arguments[0], place)
    if typing.get_origin(model) in (typing.Union, types.UnionType):
        return next((found for argument in arguments if (found := _model_at(argument, place))), None)
    return _model_at(arguments[-1], place[1:]) if arguments and place else None
