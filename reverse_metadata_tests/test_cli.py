import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reverse_metadata.cli import main
from reverse_metadata.config import HOW_TO_BEGIN, schema_json

RIGHT = """\
catalog: {type: folder, path: catalog}
services: {shop_pg: {type: postgres, host: db}}
channels: [{name: shop}, {name: crm}]
"""
WRONG = RIGHT.replace("type: folder", "type: foldr").replace("name: crm", "nam: crm")


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REVERSE_METADATA_CONFIG", raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_check_of_a_right_configuration(tmp_path: Path) -> None:
    (tmp_path / "reverse_metadata.yaml").write_text(RIGHT)
    result = run("check")
    assert result.exit_code == 0
    assert result.stdout == (
        "reverse_metadata.yaml is right.\n  catalog   folder\n  services  shop_pg\n  channels  shop, crm\n"
    )
    assert result.stderr == ""
    assert json.loads(run("check", "--json").stdout) == {
        "ok": True,
        "mistakes": [],
        "channels": ["shop", "crm"],
        "services": ["shop_pg"],
        "warnings": [],
        "note": "",
    }


def test_check_tells_every_mistake_and_exits_with_2(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(WRONG)
    mistakes = [
        "mine.yaml:1: catalog.type: must be one of openmetadata, folder, not 'foldr'; did you mean folder?",
        "mine.yaml:3: channels[1].name: this key is missing",
        "mine.yaml:3: channels[1].nam: unknown key; did you mean name?",
    ]
    result = run("--config", "mine.yaml", "check")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == ["3 mistakes:", *mistakes]
    result = run("--config", "mine.yaml", "check", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {"ok": False, "mistakes": mistakes}


def test_the_terminal_is_safe_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "reverse_metadata.yaml").write_text(RIGHT + '"evil\\e[2J\\u202e": 1\n')
    result = run("check")
    assert "4: evil\\u{1b}[2J\\u{202e}: unknown key" in result.stderr
    assert "\x1b" not in result.stderr


def test_newcomers_are_told_how_to_begin() -> None:
    result = run("check")
    assert result.exit_code == 2
    assert result.stderr == HOW_TO_BEGIN + "\n"


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.yaml").write_text(RIGHT)
    monkeypatch.setenv("REVERSE_METADATA_CONFIG", "other.yaml")
    assert run("check").stdout.startswith("other.yaml is right.\n")


def test_schema() -> None:
    result = run("schema")
    assert result.exit_code == 0
    assert result.stdout == schema_json() + "\n"


def test_systems() -> None:
    result = run("systems", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["postgres"] == {
        "description": ["database", "schema", "table", "column"],
        "owner": ["database", "schema", "table"],
        "tags": [],
    }
    header, line, *rows = run("systems").stdout.splitlines()
    assert header.split() == ["system", "description", "owner", "tags"]
    assert set(line) == {"─", " "}
    postgres = next(row for row in rows if row.startswith("postgres "))
    assert [cell.strip() for cell in postgres.split("  ") if cell.strip()] == [
        "postgres",
        "database, schema, table, column",
        "database, schema, table",
        "–",
    ]


def test_looking_needs_neither_dagster_nor_a_driver(tmp_path: Path) -> None:
    (tmp_path / "reverse_metadata.yaml").write_text(RIGHT)
    script = (
        "import sys; from reverse_metadata.cli import main\n"
        "for command in ('check', 'schema', 'systems'): main([command], standalone_mode=False)\n"
        "heavy = {'dagster', 'psycopg', 'sqlalchemy', 'requests'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
