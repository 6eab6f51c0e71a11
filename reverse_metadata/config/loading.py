"""Reads `reverse_metadata.yaml` and the files of its channels, and tells every mistake at once.

Channels are read with their variables replaced. The blocks of the catalog, the ledger and the services keep
`${NAME}` as it stands, so that no secret is held in memory, shown or stored before a connection is opened;
`resolve` gives the values then.
"""

import glob
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from reverse_metadata.catalogs.filter import could_match
from reverse_metadata.config.environment import literal, substitute
from reverse_metadata.config.mistakes import (
    M,
    Mistakes,
    Source,
    has_literal_password,
    literal_secrets,
    nearest,
    secret_values,
    url_secrets,
    validate,
)
from reverse_metadata.config.models import CATALOGS, Channel, FolderOptions, LedgerOptions, OpenMetadataOptions
from reverse_metadata.config.naming import channel_collisions, service_collisions
from reverse_metadata.connectors import registry
from reverse_metadata.connectors.base import ConnectorOptions, Overrides, is_connection
from reverse_metadata.dialects import dialect_of
from reverse_metadata.documents import Document, DocumentError, read_yaml
from reverse_metadata.errors import ConfigurationError
from reverse_metadata.model import Aspect
from reverse_metadata.redaction import register_secret
from reverse_metadata.templates import TemplateMistakes, TemplateSet

CONFIG_VARIABLE = "REVERSE_METADATA_CONFIG"
DEFAULT_FILE = "reverse_metadata.yaml"
LEDGER_FILE = "reverse_metadata_ledger.sqlite"

HOW_TO_BEGIN = """There is no configuration yet. Write a file reverse_metadata.yaml in this directory, for example

  catalog:
    type: openmetadata
    url: https://openmetadata.example.com
    token: ${OPENMETADATA_TOKEN}
  channels:
    - name: descriptions
      filter: {service: my_database_service}

or name another file in REVERSE_METADATA_CONFIG. `reverse-metadata check` then says whether it is right.
To see everything at work first, without a database or catalog of yours: `make demo`."""

_KEYS = ("catalog", "ledger", "services", "channels")
_UPDATES = {
    Aspect.DESCRIPTION: "update_descriptions",
    Aspect.TAGS: "update_tags",
    Aspect.OWNER: "update_owners",
}
_LEDGER_URL = re.compile(r"(sqlite|postgresql|postgres)(\+\w+)?://")


@dataclass(frozen=True)
class Block(Generic[M]):
    """A block of the configuration whose variables are replaced when a connection is opened.

    `kind` is the `type` that the block names: the system, or the sort of catalog; None for a service whose
    connection the catalog holds. `raw` is all that stands below it, `${NAME}` as written: it may be shown and stored.
    """

    kind: str | None
    raw: Mapping[str, Any]
    model: type[M] = field(repr=False)
    source: Source = field(repr=False, compare=False)

    @classmethod
    def of(cls, kind: str | None, raw: Mapping[str, Any], model: type[M], place: str) -> "Block[M]":
        """A block that stands in no file any more, such as a Dagster resource; `place` names it in messages."""
        return cls(kind, raw, model, Source(Document(place, None)))

    def resolve(self, environ: Mapping[str, str] | None = None) -> M:
        """The options with the values of the environment, its secrets kept out of every message from now on.

        Raises ConfigurationError when a variable is not set any more or has another kind of value.
        """
        environ = os.environ if environ is None else environ
        for secret in secret_values(self.model, self.raw, environ):
            register_secret(secret)
        mistakes = Mistakes()
        options = validate(self.model, self.raw, self.source, environ, mistakes)
        mistakes.raise_all()
        assert options is not None
        return options


@dataclass(frozen=True)
class Config:
    """The whole configuration, valid. The URL of the ledger is as written, None for the default of `ledger_url`."""

    path: Path
    catalog: Block[OpenMetadataOptions] | Block[FolderOptions]
    ledger: LedgerOptions
    services: Mapping[str, Block[ConnectorOptions]]
    channels: tuple[Channel, ...]

    @property
    def directory(self) -> Path:
        """The absolute directory of the file: relative paths in it count from here."""
        return self.path.absolute().parent

    def channel(self, name: str) -> Channel:
        """The channel of that name. Raises ConfigurationError naming the nearest one."""
        for channel in self.channels:
            if channel.name == name:
                return channel
        names = [channel.name for channel in self.channels]
        hint = nearest(name, names) or f"; the channels are {', '.join(names)}"
        raise ConfigurationError([f"there is no channel {name!r}{hint}"])

    def others(self, channel: Channel) -> tuple[Channel, ...]:
        """Every channel but this one."""
        return tuple(other for other in self.channels if other.name != channel.name)


def find_config(environ: Mapping[str, str] | None = None) -> Path | None:
    """The configuration file: REVERSE_METADATA_CONFIG, else ./reverse_metadata.yaml when there is one."""
    environ = os.environ if environ is None else environ
    if named := environ.get(CONFIG_VARIABLE):
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None


def load_config(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of a file, by default that of `find_config`.

    Raises ConfigurationError with every mistake; without a file it says how to begin.
    """
    environ = os.environ if environ is None else environ
    file = Path(path) if path is not None else find_config(environ)
    if file is None:
        raise ConfigurationError([HOW_TO_BEGIN])
    if not file.is_file():
        named = "" if path is not None else f"; {CONFIG_VARIABLE} names it"
        raise ConfigurationError([f"{file}: there is no such file{named}"])
    return _Loading(file, environ).load()


def ledger_url(config: Config, environ: Mapping[str, str] | None = None) -> str:
    """The URL of the ledger of a configuration, secrets included; see `ledger_location`."""
    return ledger_location(config.ledger.url, config.path.absolute().parent, environ)


def ledger_location(written: str | None, directory: Path, environ: Mapping[str, str] | None = None) -> str:
    """The URL of the ledger, secrets included: the one that is written, else a SQLite file under DAGSTER_HOME or in
    `directory`, that of the configuration. A relative SQLite path counts from there.

    Raises ConfigurationError when a variable is not set any more.
    """
    environ = os.environ if environ is None else environ
    if written is None:
        home = environ.get("DAGSTER_HOME")
        return f"sqlite:///{(Path(home).absolute() if home else directory.absolute()) / LEDGER_FILE}"
    unset: list[str] = []
    url = str(substitute(written, environ, lambda _, message: unset.append(f"ledger: {message}")))
    if unset:
        raise ConfigurationError(unset)
    for secret in url_secrets(written, environ):
        register_secret(secret)
    scheme, separator, file = url.partition(":///")
    if scheme.partition("+")[0] == "sqlite" and separator:
        return f"{scheme}:///{directory.absolute() / file}"
    return url


class _Loading:
    """One reading of the configuration; mistakes gather until the end."""

    def __init__(self, file: Path, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ
        self._mistakes = Mistakes()

    def load(self) -> Config:
        document = self._read(self._file)
        if document is None:
            self._mistakes.raise_all()
            raise AssertionError("a file that cannot be read is a mistake")
        top = Source(document)
        if document.value is not None and not isinstance(document.value, dict):
            self._mistakes.add(top, f"the file must be a mapping with the keys {', '.join(_KEYS)}")
            self._mistakes.raise_all()
        data: dict[str, Any] = document.value or {}
        for key in data.keys() - set(_KEYS):
            hint = nearest(key, _KEYS) or f"; the keys here are {', '.join(_KEYS)}"
            self._mistakes.add(top.at(key), f"unknown key{hint}")
        catalog = self._catalog(data.get("catalog"), top.at("catalog"))
        ledger = self._ledger(data.get("ledger"), top.at("ledger"))
        services = self._services(data.get("services"), top.at("services"))
        channels = self._channels(data.get("channels"), top.at("channels"), services)
        self._mistakes.raise_all()
        assert catalog is not None
        assert ledger is not None
        return Config(self._file, catalog, ledger, services, tuple(channels))

    def _read(self, file: Path) -> Document | None:
        label = _label(file)
        self._mistakes.open(label)
        try:
            document = read_yaml(file, label)
        except DocumentError as error:
            self._mistakes.add_unreadable(label, str(error))
            return None
        for duplicate in document.duplicates:
            again = Source(Document(document.label, None, {duplicate.place: duplicate.line}), duplicate.place)
            self._mistakes.add(
                again, f"this key stands twice, first in line {duplicate.first_line}; remove one of them"
            )
        return document

    def _catalog(self, raw: Any, source: Source) -> Block[OpenMetadataOptions] | Block[FolderOptions] | None:
        if raw is None:
            self._mistakes.add(source, "this key is missing; it says where descriptions come from")
            return None
        block = self._block(raw, source, list(CATALOGS))
        if block is None:
            return None
        type_, options = block
        if type_ is None:
            self._mistakes.add(source.at("type"), f"this key is missing; write one of {', '.join(CATALOGS)}")
            return None
        model = CATALOGS[type_]
        if model is FolderOptions:
            return self._checked(Block(type_, options, FolderOptions, source))
        return self._checked(Block(type_, options, OpenMetadataOptions, source))

    def _ledger(self, raw: Any, source: Source) -> LedgerOptions | None:
        """The options, the URL with its variables as written."""
        if isinstance(raw, dict):
            url = raw.get("url")
            if isinstance(url, str):
                self._ledger_url(url, source.at("url"))
            options = validate(LedgerOptions, raw, source, self._environ, self._mistakes)
            return options and options.model_copy(update={"url": url})
        if raw is not None and not isinstance(raw, str):
            self._mistakes.add(source, "must be the URL of a database, a mapping with url and keep, or null")
            return None
        if raw is not None:
            self._ledger_url(raw, source)
        return LedgerOptions(url=raw)

    def _ledger_url(self, raw: str, source: Source) -> None:
        if has_literal_password(raw):
            self._mistakes.add(
                source, "a password must not stand in this file; write it as ${SOME_VARIABLE} within the URL"
            )
        unset: list[str] = []
        url = substitute(raw, self._environ, lambda _, message: unset.append(message))
        for message in unset:
            self._mistakes.add(source, message)
        if not unset and not _LEDGER_URL.match(url):
            self._mistakes.add(source, "must begin with sqlite:/// or postgresql+psycopg2://")
        elif url in ("sqlite://", "sqlite:///") or ":memory:" in url:
            self._mistakes.add(source, "a ledger in memory forgets at the end of each run; name a file")

    def _services(self, raw: Any, source: Source) -> dict[str, Block[ConnectorOptions]]:
        if raw is not None and not isinstance(raw, dict):
            self._mistakes.add(source, "must be a mapping from the catalog's name of a service to its connection")
            return {}
        services: dict[str, Block[ConnectorOptions]] = {}
        systems = list(registry.CONNECTORS)
        for name, value in (raw or {}).items():
            block = self._block(value, source.at(name), systems)
            if block is None:
                continue
            type_, options = block
            model = registry.connector_type(type_).options_type if type_ else Overrides
            if checked := self._checked(Block(type_, options, model, source.at(name))):
                services[name] = checked
        for name, message in service_collisions(raw or {}):
            self._mistakes.add(source.at(name), message)
        return services

    def _block(self, raw: Any, source: Source, types: list[str]) -> tuple[str | None, dict[str, Any]] | None:
        """The type and the other keys of a block; None when it is no block or has no such type."""
        if not isinstance(raw, dict):
            self._mistakes.add(source, "must be a mapping")
            return None
        options = dict(raw)
        type_ = options.pop("type", None)
        if type_ is not None and type_ not in types:
            hint = nearest(str(type_), types)
            self._mistakes.add(source.at("type"), f"must be one of {', '.join(types)}, not {str(type_)!r}{hint}")
            return None
        return type_, options

    def _checked(self, block: Block[M]) -> Block[M] | None:
        """The block itself, its mistakes noted."""
        for place, message in literal_secrets(block.model, block.raw):
            self._mistakes.add(block.source.at(*place), message)
        raw = block.raw if block.kind else self._without_connection(block)
        return block if validate(block.model, raw, block.source, self._environ, self._mistakes) else None

    def _without_connection(self, block: Block[M]) -> dict[str, Any]:
        """What a block without a type says; what it must not say is noted and left out."""
        raw = dict(block.raw)
        for key in [each for each in raw if each not in ConnectorOptions.model_fields]:
            types = [registry.connector_type(system).options_type for system in registry.CONNECTORS]
            having = [each for each in types if key in each.model_fields]
            if any(is_connection(each, key) for each in having):
                self._mistakes.add(
                    block.source.at(key),
                    "belongs to a connection, and this service has that of the catalog; to connect with this one,"
                    " write the type of the system and the whole connection here",
                )
            elif not having:
                known = sorted({name for each in types for name in each.model_fields if not is_connection(each, name)})
                self._mistakes.add(block.source.at(key), f"unknown key{nearest(key, known)}")
            else:
                continue
            del raw[key]
        return raw

    def _channels(self, raw: Any, source: Source, services: Mapping[str, Block[ConnectorOptions]]) -> list[Channel]:
        if not isinstance(raw, list) or not raw:
            self._mistakes.add(
                source, "must be a list with at least one channel, or with files of channels such as channels/*.yaml"
            )
            return []
        found: list[tuple[Channel, Source]] = []
        for position, item in enumerate(raw):
            for value, where in (
                self._files(item, source.at(position)) if isinstance(item, str) else ([(item, source.at(position))])
            ):
                if not isinstance(value, dict):
                    self._mistakes.add(where, "a channel is a mapping, and its first key is name")
                elif channel := validate(Channel, value, where, self._environ, self._mistakes):
                    found.append((channel, where))
        for position, message in channel_collisions(channel.name for channel, _ in found):
            self._mistakes.add(found[position][1].at("name"), message)
        for channel, where in found:
            self._templates(channel, where.at("sql_template"), services)
        return [channel for channel, _ in found]

    def _templates(self, channel: Channel, source: Source, services: Mapping[str, Block[ConnectorOptions]]) -> None:
        """Read a channel's templates as every system does that it may write to and that is known from this file."""
        if channel.sql_template is None:
            return
        kinds = {block.kind for name, block in services.items() if block.kind and could_match(channel.filter, name)}
        for kind in sorted(kinds):
            try:
                templates = TemplateSet.of(channel.sql_template, dialect_of(kind))
                for aspect in dict.fromkeys(aspect for aspect, _, _ in templates.templates):
                    setting = _UPDATES[aspect]
                    if not getattr(channel, setting):
                        self._mistakes.add(source, f"this writes the {aspect}, and {setting} is off; turn it on")
            except (TemplateMistakes, ConfigurationError) as error:
                for mistake in error.mistakes:
                    self._mistakes.add(source, f"for {kind}: {mistake}")

    def _files(self, pattern: str, source: Source) -> list[tuple[Any, Source]]:
        """What stands in the files that a glob names: one channel or a list of them in each."""
        complaints: list[str] = []
        pattern = substitute(pattern, self._environ, lambda _, message: complaints.append(message))
        for message in complaints:
            self._mistakes.add(source, message)
        files = sorted(glob.glob(pattern, root_dir=self._file.absolute().parent, recursive=True))
        if not files and not complaints:
            self._mistakes.add(source, f"no file matches {literal(pattern)!r}, seen from the directory of this file")
        channels: list[tuple[Any, Source]] = []
        for file in files:
            document = self._read(self._file.parent / file)
            if document is None:
                continue
            top = Source(document)
            if isinstance(document.value, list):
                channels += [(value, top.at(position)) for position, value in enumerate(document.value)]
            else:
                channels.append((document.value, top))
        return channels


def _label(file: Path) -> str:
    """The file as messages name it: relative to the current directory where it is below."""
    absolute = file.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)
