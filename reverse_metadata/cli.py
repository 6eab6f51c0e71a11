"""`reverse-metadata`: looking from a terminal. Dagster runs the channels; nothing here writes to a source."""

import json
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import NoReturn

import click

from reverse_metadata import fqn as fqns
from reverse_metadata.applying.reingestion import Advice, advice
from reverse_metadata.config import Config, ledger_url, load_config, schema_json
from reverse_metadata.connectors import registry
from reverse_metadata.display import printable, table
from reverse_metadata.errors import ConfigurationError, ReverseMetadataError
from reverse_metadata.model import Aspect, Partition

#: The exit code of every command that found something wrong.
PROBLEMS = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration; by default $REVERSE_METADATA_CONFIG, else ./reverse_metadata.yaml.",
)
@click.version_option(package_name="reverse-metadata")
@click.pass_context
def main(context: click.Context, file: Path | None) -> None:
    """Push curated metadata from a catalog back into the databases: look at what is configured and would happen."""
    context.obj = file


@main.command()
@click.option("--offline", is_flag=True, help="Look at the file alone; the catalog is not asked for warnings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: ok, mistakes, channels, services, warnings.")
@click.pass_context
def check(context: click.Context, offline: bool, as_json: bool) -> None:
    """Validate the configuration and tell every mistake at once; of one that is right, ask the catalog for warnings.

    Exit code 0, whatever the warnings, or 2.
    """
    try:
        config = load_config(context.obj)
    except ConfigurationError as error:
        if as_json:
            click.echo(json.dumps({"ok": False, "mistakes": error.mistakes}, ensure_ascii=False))
        else:
            click.echo(_told(error), err=True)
        context.exit(PROBLEMS)
    channels = [channel.name for channel in config.channels]
    found = Advice() if offline else advice(config, config.channels)
    if as_json:
        document = {"ok": True, "mistakes": [], "channels": channels, "services": list(config.services)}
        click.echo(json.dumps(document | asdict(found), ensure_ascii=False))
    else:
        click.echo(_summary(config))
        _advise(found)


@main.command()
def schema() -> None:
    """Print the JSON schema of the configuration, for editors and pipelines."""
    click.echo(schema_json())


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document: system, aspect, levels.")
def systems(as_json: bool) -> None:
    """Show which metadata can be pushed to which system, and at which levels."""
    matrix = {
        system: {
            aspect.value: aspects.get(aspect.value, []) for aspect in (Aspect.DESCRIPTION, Aspect.OWNER, Aspect.TAGS)
        }
        for system, aspects in sorted(registry.systems().items())
    }
    if as_json:
        click.echo(json.dumps(matrix, indent=2))
        return
    rows: list[tuple[str, ...]] = [("system", "description", "owner", "tags")]
    rows += [(system, *(", ".join(levels) or "–" for levels in aspects.values())) for system, aspects in matrix.items()]
    click.echo(table(rows))


@main.command()
@click.argument("channel")
@click.option("--partition", "key", metavar="FQN", help="Only this schema (service.database.schema) or database.")
@click.option("--explain", "entity", metavar="FQN", help="No plan: why this entity is in the channel's scope or not.")
@click.option("--sql", is_flag=True, help="Only the statements, as a script.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: partitions, changes, statements.")
@click.pass_context
def plan(context: click.Context, channel: str, key: str | None, entity: str | None, sql: bool, as_json: bool) -> None:
    """Show what a run of CHANNEL would write; nothing is written, nothing is recorded.

    Exit code 0: nothing to do, or it was explained; 3: changes are pending; 2: there are problems.
    """
    if entity is not None:
        _explain(context, channel, entity, as_json)
        return
    from reverse_metadata.applying.preview import preview
    from reverse_metadata.planning import show

    shown: list[show.Previewed] = []
    try:
        config = load_config(context.obj)
        partition = None if key is None else Partition.parse(key)
        for each, result in preview(config, config.channel(channel), partition):
            shown.append((each, result))
            if not as_json:
                click.echo(show.script(each, result, raw=not sys.stdout.isatty()) if sql else show.page(each, result))
        # After the plan, so that a catalog that cannot be read is told once.
        found = advice(config, [config.channel(channel)], partition.service if partition else "")
    except ReverseMetadataError as error:
        _fail(context, error)
    if as_json:
        click.echo(json.dumps(show.document(channel, shown) | asdict(found)))
    else:
        _advise(found)
        if not sql:
            click.echo(show.total(shown))
    context.exit(show.exit_code(shown))


@main.command()
@click.argument("system")
@click.argument("text", metavar="TEMPLATE")
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="A variable: --set table=orders.")
@click.pass_context
def template(context: click.Context, system: str, text: str, given: tuple[str, ...]) -> None:
    """Show the SQL that TEMPLATE gives in the dialect of SYSTEM: `reverse-metadata template postgres 'COMMENT ON ...'`.

    Tags are pairs: --set tags="[('PII', 'Sensitive')]". Exit code 0, or 2 with a caret under what is wrong.
    """
    from reverse_metadata.dialects import dialect_of
    from reverse_metadata.templates import parse
    from reverse_metadata.templates.given import values_of

    try:
        read = parse(text, dialect_of(system))
        statements = read.render(values_of(given, read.level))
    except ReverseMetadataError as error:
        _fail(context, error)
    sql = ";\n".join(statements)
    click.echo(printable(sql) if sys.stdout.isatty() else sql)


@main.command()
@click.argument("service", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: ready, services.")
@click.pass_context
def preflight(context: click.Context, service: str, as_json: bool) -> None:
    """Connect to every service, or to SERVICE, and show which privileges the channels lack, with the GRANTs.

    Nothing is written. Exit code 0: everything is ready; 2: something is missing.
    """
    from reverse_metadata.applying.preflight import Checked, preflight

    found: list[Checked] = []
    try:
        for each in preflight(load_config(context.obj), service):
            found.append(each)
            if not as_json:
                click.echo(each.page())
    except ReverseMetadataError as error:
        _fail(context, error)
    ready = bool(found) and all(each.ready for each in found)
    if as_json:
        click.echo(json.dumps({"ready": ready, "services": [each.document() for each in found]}, ensure_ascii=False))
    elif not found:
        named = f"the service {service}" if service else "any service of the catalog"
        click.echo(printable(f"No channel has {named} in its filter."), err=True)
    context.exit(0 if ready else PROBLEMS)


@main.command()
@click.argument("entity", metavar="FQN")
@click.option("--below", is_flag=True, help="Also what is below it: the columns of a table, the tables of a schema.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many pushes at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: entity, below, pushes, more.")
@click.pass_context
def history(context: click.Context, entity: str, below: bool, limit: int, as_json: bool) -> None:
    """Show what was pushed to an entity, newest first: FQN is as service.database.schema.table.column.

    Exit code 0 or 2.
    """
    from reverse_metadata.ledger import Ledger, show

    try:
        # As the catalog writes it, however it was quoted here.
        entity = fqns.join(fqns.split(entity))
        with Ledger.open(ledger_url(load_config(context.obj))) as ledger:
            found = list(islice(ledger.pushes(entity=entity, below=below), limit + 1))
            elsewhere = not found and not below and any(ledger.pushes(entity=entity, below=True))
            name = ledger.name
    except ReverseMetadataError as error:
        _fail(context, error)
    pushes, more = found[:limit], len(found) > limit
    if as_json:
        click.echo(json.dumps(show.document(entity, pushes, below=below, more=more)))
    elif pushes:
        click.echo(show.page(entity, pushes, below=below))
        if more:
            click.echo(f"There are older ones; --limit {2 * limit} shows more.")
    else:
        hint = "; something below it was: add --below" if elsewhere else ""
        click.echo(printable(f"Nothing was pushed to {entity}, says the ledger {name}{hint}."))


def _explain(context: click.Context, channel: str, entity: str, as_json: bool) -> None:
    from reverse_metadata.applying.explain import explanation

    try:
        config = load_config(context.obj)
        found = explanation(config, config.channel(channel), entity)
    except ReverseMetadataError as error:
        _fail(context, error)
    click.echo(json.dumps(found.document()) if as_json else found.page())


def _advise(found: Advice) -> None:
    """On standard error, since a script or a page may go into a file."""
    for warning in found.warnings:
        click.echo(printable(f"warning: {warning}"), err=True)
    if found.note:
        click.echo(printable(f"note: {found.note}"), err=True)


def _fail(context: click.Context, error: ReverseMetadataError) -> NoReturn:
    click.echo(_told(error) if isinstance(error, ConfigurationError) else printable(str(error)), err=True)
    context.exit(PROBLEMS)


def _summary(config: Config) -> str:
    channels = ", ".join(channel.name for channel in config.channels)
    services = ", ".join(config.services) or "those of the catalog"
    return printable(
        f"{config.path} is right.\n  catalog   {config.catalog.kind}\n  services  {services}\n  channels  {channels}"
    )


def _told(error: ConfigurationError) -> str:
    """The mistakes one a line; what newcomers are told needs no heading."""
    if len(error.mistakes) == 1:
        return printable(error.mistakes[0])
    return printable("\n".join([f"{len(error.mistakes)} mistakes:", *error.mistakes]))
