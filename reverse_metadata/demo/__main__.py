"""`python -m reverse_metadata.demo`: what the Makefile's `demo`, `ui`, `psql` and `demo-stop` run."""

import os
import shlex
import shutil
import socket
import sys
from pathlib import Path

import click

from reverse_metadata.catalogs.folder import FolderCatalog
from reverse_metadata.demo import home, server, shop
from reverse_metadata.demo.dagster_run import run_job
from reverse_metadata.demo.pushed import pushed, summary
from reverse_metadata.demo.report import report, wishes
from reverse_metadata.errors import ReverseMetadataError

SERVICE = "shop_pg"
CHANNEL = "shop"
PORT = 3000
URL = f"http://127.0.0.1:{PORT}"

_NEXT = """\
What to try next
  make ui          Dagster at {url}; edit {example} and watch the change arrive within a minute
  make demo        again: nothing changed, nothing is sent
  make psql        look for yourself:  \\d+ sales.orders   \\dn+   \\l+ shop
                   edit a comment there, or drop and re-create a table, then `make demo` repairs it
  eval "$(make -s demo-env)"; .venv/bin/reverse-metadata plan shop
                   what a run would do; `reverse-metadata --help` has more commands
  make demo-stop   stop the database; `make clean` removes everything"""


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """The demo: a small shop on an embedded PostgreSQL, and a catalog in a folder of files."""
    if context.invoked_subcommand is None:
        context.invoke(run)


@main.command()
def run() -> None:
    """Push the catalog's descriptions and owners to the shop, and show what arrived."""
    place, running = _begin()
    environment = {**os.environ, **place.environment(running.host)}
    held, sent = shop.look(running.host), pushed(place, environment)
    failure = run_job(f"{CHANNEL}_sync", environment, place.log, click.echo)
    click.echo(f"    Everything it printed is in {_near(place.log)}\n")
    if not failure or shop.look(running.host) != held:
        _show(place, running, held)
    if failure:
        raise server.DemoError(f"the run failed: {failure}\nEverything it printed is in {_near(place.log)}")
    click.echo(f"\n{summary(sent, pushed(place, environment))}\n")
    click.echo(_NEXT.format(url=URL, example=_near(place.catalog / SERVICE / "sales" / "orders.yaml")))


@main.command(name="report")
def report_() -> None:
    """Show what the shop holds now."""
    place, running = _begin()
    _show(place, running, None)


@main.command()
def ui() -> None:
    """Open Dagster's UI with its daemon, sensor and schedule on the demo, until Ctrl-C."""
    _refuse_taken_port()
    place, running = _begin()
    os.environ.update(place.environment(running.host), REVERSE_METADATA_TRIGGERS="on")
    # dagster dev warns of a dagster.yaml in the current directory that is not DAGSTER_HOME's.
    os.chdir(place.dagster_home)
    click.echo(f"==> Dagster opens at {URL} in some seconds; Ctrl-C ends it\n")
    os.execv(
        sys.executable,
        [
            *(sys.executable, "-W", "ignore:Function `dev_command` is superseded:FutureWarning", "-m", "dagster"),
            *("dev", "-w", str(place.project / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(PORT)),
        ],
    )


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the shop as the role that writes: it may edit and re-create everything, and is no superuser."""
    _, running = _begin(quiet=True)
    os.execv(running.psql, ["psql", "-h", running.host, "-U", shop.WRITER, "-d", shop.DATABASE, *arguments])


@main.command()
def env() -> None:
    """Print what a shell needs for commands of your own: eval "$(make -s demo-env)"."""
    place, running = _begin(quiet=True)
    for name, value in place.environment(running.host).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command()
def stop() -> None:
    """Stop the embedded PostgreSQL."""
    stopped = server.stop(home.find().postgres)
    click.echo("The embedded PostgreSQL has stopped." if stopped else "The embedded PostgreSQL was not running.")


def _refuse_taken_port() -> None:
    """Two daemons on one instance would disturb each other, and the second interface would never answer."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise server.DemoError(f"something already listens at {URL}; is Dagster open in another terminal?")


def _begin(quiet: bool = False) -> tuple[home.Home, server.Server]:
    """The demo with its server running and its shop filled."""
    place = home.find()
    place.prepare()
    running = server.start(place.postgres)
    filled = shop.fill(running.host)
    if not quiet:
        click.echo(f"==> PostgreSQL  runs on a socket in {_near(Path(running.host))}")
        click.echo(f"==> Database    {shop.DATABASE} {'has been filled' if filled else 'is filled'}")
        click.echo(f"==> Catalog     files in {_near(place.catalog)}")
    return place, running


def _show(place: home.Home, running: server.Server, before: shop.Snapshot | None) -> None:
    wanted = wishes(FolderCatalog(place.catalog), SERVICE)
    width = shutil.get_terminal_size(fallback=(140, 24)).columns
    click.echo("What PostgreSQL holds, read back from its own tables:\n")
    click.echo(report(shop.look(running.host), before, wanted, width))


def _near(path: Path) -> str:
    """The path as somebody in the current directory would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    try:
        main(prog_name="python -m reverse_metadata.demo")
    except ReverseMetadataError as error:
        sys.exit(f"Error: {error}")
