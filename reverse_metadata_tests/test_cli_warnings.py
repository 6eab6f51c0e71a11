"""What `check` and `plan` say of ingestion that overrides what is pushed."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from reverse_metadata.cli import main
from reverse_metadata_tests.dagster_process import TOKEN, write_config
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer
from reverse_metadata_tests.world import World

PIPELINES = "services/ingestionPipelines"
WARNING = (
    "shop_pg: the ingestion pipeline nightly has overrideMetadata on. Each run of it replaces descriptions, tags and"
    " owners in the catalog by what the source holds, so that an edit that was not pushed before is lost. Switch"
    " overrideMetadata off there, or expect edits in the catalog to vanish."
)
HIDDEN = "does not show the token the settings of its ingestion pipelines"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenMetadataServer]:
    """A catalog with two services; the ingestion of one overrides."""
    with OpenMetadataServer() as server:
        server.estate.service("shop_pg")
        server.estate.service("crm_pg")
        server.estate.ingestion("shop_pg", "nightly", overrideMetadata=True)
        server.estate.ingestion("crm_pg", "hourly")
        monkeypatch.setenv(TOKEN, server.bot_token)
        yield server


def configuration(url: str, directory: Path, *channels: dict[str, Any]) -> Path:
    file = directory / "reverse_metadata.yaml"
    catalog = {"type": "openmetadata", "url": url, "token": f"${{{TOKEN}}}"}
    file.write_text(json.dumps({"catalog": catalog, "channels": list(channels) or [{"name": "shop"}]}))
    return file


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(file), *arguments])


def test_check_warns_once_for_all_channels(server: OpenMetadataServer, tmp_path: Path) -> None:
    file = configuration(server.url, tmp_path, {"name": "shop"}, {"name": "crm"})
    result = run(file, "check")
    assert (result.exit_code, result.stderr) == (0, f"warning: {WARNING}\n")
    assert result.stdout.startswith(f"{file} is right.\n")
    assert [path for path, _ in server.requests] == [PIPELINES]
    assert json.loads(run(file, "check", "--json").stdout) == {
        "ok": True,
        "mistakes": [],
        "channels": ["shop", "crm"],
        "services": [],
        "warnings": [WARNING],
        "note": "",
    }


def test_several_pipelines_are_one_warning(server: OpenMetadataServer, tmp_path: Path) -> None:
    server.estate.ingestion("shop_pg", "e\u202evil\nnote: all is well", overrideMetadata=True)
    result = run(configuration(server.url, tmp_path), "check")
    named = "the ingestion pipelines e\\u{202e}vil⏎note: all is well and nightly have overrideMetadata on."
    assert result.stderr.startswith(f"warning: shop_pg: {named} Each run")
    assert result.stderr.count("\n") == 1


def test_a_service_out_of_scope_gives_no_warning(server: OpenMetadataServer, tmp_path: Path) -> None:
    result = run(configuration(server.url, tmp_path, {"name": "crm", "filter": {"service": "crm_pg"}}), "check")
    assert (result.exit_code, result.stderr) == (0, "")


def test_offline_asks_nobody(server: OpenMetadataServer, tmp_path: Path) -> None:
    file = configuration(server.url, tmp_path)
    result = run(file, "check", "--offline")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(run(file, "check", "--offline", "--json").stdout)["warnings"] == []
    assert server.requests == []


def test_a_wrong_file_asks_nobody(server: OpenMetadataServer, tmp_path: Path) -> None:
    assert run(configuration(server.url, tmp_path, {"nam": "shop"}), "check").exit_code == 2
    assert server.requests == []


def test_what_cannot_be_checked_is_a_note(
    server: OpenMetadataServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = configuration(server.url, tmp_path)
    server.hide_pipeline_settings = True
    told = [run(file, "check")]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    file = configuration(f"http://127.0.0.1:{closed}", tmp_path)
    told.append(run(file, "check"))
    monkeypatch.setenv(TOKEN, "two words")
    told.append(run(file, "check"))
    notes = [result.stderr for result in told]
    assert [result.exit_code for result in told] == [0, 0, 0]
    assert [note.count("\n") for note in notes] == [1, 1, 1]
    beginning = "note: whether the catalog's ingestion overrides edits could not be checked: "
    assert all(note.startswith(beginning) for note in notes)
    assert HIDDEN in notes[0]
    assert f"http://127.0.0.1:{closed} was asked once for {PIPELINES}: " in notes[1]
    assert "The catalog's token is empty or holds a blank" in notes[2]
    document = json.loads(run(file, "check", "--json").stdout)
    assert document["warnings"] == []
    assert notes[2] == f"note: {document['note']}\n"


def test_the_secret_of_a_pipeline_is_never_shown(server: OpenMetadataServer, tmp_path: Path) -> None:
    file = configuration(server.url, tmp_path)
    assert server.estate.pipeline_secret not in run(file, "check").output + run(file, "check", "--json").output


@pytest.fixture
def config(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world with two schemas, whose ingestion overrides."""
    monkeypatch.setenv(TOKEN, world.server.bot_token)
    for schema in ("sales", "stock"):
        world.table(schema, "orders", description="One row an order")
    world.estate.ingestion("shop_pg", "nightly", overrideMetadata=True)
    return write_config(world, tmp_path / "project")


def test_plan_warns_once(config: Path) -> None:
    result = run(config, "plan", "shop")
    assert (result.exit_code, result.stderr) == (3, f"warning: {WARNING}\n")
    assert "overrideMetadata" not in result.stdout


def test_plan_of_one_partition(world: World, config: Path) -> None:
    world.estate.service("crm_pg")
    world.estate.ingestion("crm_pg", "hourly", overrideMetadata=True)
    result = run(config, "plan", "shop", "--partition", world.fqn("sales"))
    assert (result.exit_code, result.stderr) == (3, f"warning: {WARNING}\n")


def test_the_script_is_free_of_warnings(world: World, config: Path) -> None:
    result = run(config, "plan", "shop", "--sql", "--partition", world.fqn("sales"))
    assert result.stderr == f"warning: {WARNING}\n"
    assert result.stdout == f"-- {world.fqn('sales')}\nCOMMENT ON TABLE sales.orders IS 'One row an order';\n"


def test_plan_as_json(config: Path) -> None:
    result = run(config, "plan", "shop", "--json")
    document = json.loads(result.stdout)
    assert (document["warnings"], document["note"], len(document["partitions"])) == ([WARNING], "", 3)
    assert result.stderr == ""


def test_a_plan_that_cannot_ask_is_a_plan(world: World, config: Path) -> None:
    world.server.fail(403, path=PIPELINES)
    result = run(config, "plan", "shop")
    assert result.exit_code == 3
    assert HIDDEN in result.stderr
    assert result.stderr.startswith("note: ")


def test_the_page_shows_the_warning_as_printed(server: OpenMetadataServer, tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs/reingestion.md").read_text(encoding="utf-8")
    shown = re.search(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert " ".join(shown[1].split()) == run(configuration(server.url, tmp_path), "check").stderr.rstrip("\n")
