"""What Dagster loads: names, groups, lineage, and no secret anywhere."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from reverse_metadata.channels.definitions import code_location
from reverse_metadata.config import load_config
from reverse_metadata_tests.channels.conftest import Locate
from reverse_metadata_tests.channels.location import ASSETS, failure_of, logged
from reverse_metadata_tests.world import World

#: Modules that take seconds or hundreds of megabytes to import, or that a run of another system has no use for.
HEAVY = [
    "dagster_snowflake",
    "dagster_gcp",
    "snowflake.connector",
    "google.cloud",
    "pandas",
    "pyarrow",
    "oracledb",
    "pymysql",
    "psycopg",
]


def definitions(directory: Path, channels: list[dict[str, Any]], **top: Any) -> dg.Definitions:
    file = directory / "reverse_metadata.yaml"
    catalog = {"type": "folder", "path": "catalog"}
    services = {"shop_pg": {"type": "postgres", "host": "db"}}
    file.write_text(json.dumps({"catalog": catalog, "services": services, "channels": channels, **top}))
    return code_location(load_config(file))


def test_a_channel_has_three_assets_two_jobs_a_sensor_and_a_schedule(tmp_path: Path) -> None:
    defs = definitions(tmp_path, [{"name": "shop"}])
    dg.Definitions.validate_loadable(defs)
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert set(specs) == {"catalog", "shop_pg", *(f"shop/{asset}" for asset in ASSETS)}
    upstream = {name: [dep.asset_key.to_user_string() for dep in spec.deps] for name, spec in specs.items()}
    assert upstream == {
        "catalog": [],
        "shop/fetched_changes": ["catalog"],
        "shop/resolved_templates": ["shop/fetched_changes"],
        "shop/applied_updates": ["shop/resolved_templates"],
        "shop_pg": ["shop/applied_updates"],
    }
    assert {specs[f"shop/{asset}"].group_name for asset in ASSETS} == {"shop"}
    assert all("launch that job" in (specs[f"shop/{asset}"].description or "") for asset in ASSETS)
    repository = defs.get_repository_def()
    assert {job.name for job in repository.get_all_jobs()} >= {"shop", "shop_sync"}
    assert [sensor.name for sensor in repository.sensor_defs] == ["shop_on_change"]
    assert [schedule.name for schedule in repository.schedule_defs] == ["shop_schedule"]
    assert set(repository.get_top_level_resources()) == {"catalog", "ledger", "services", "shop_pg"}


def test_free_names_become_slugs_and_stand_in_the_metadata(tmp_path: Path) -> None:
    name = "PII: tags & names (é)"
    defs = definitions(tmp_path, [{"name": name}])
    repository = defs.get_repository_def()
    assert {job.name for job in repository.get_all_jobs()} >= {"PII_tags_names_e", "PII_tags_names_e_sync"}
    spec = defs.resolve_assets_def(["PII_tags_names_e", "applied_updates"]).get_asset_spec()
    assert spec.metadata["channel"] == name
    assert spec.group_name == "PII_tags_names_e"


def test_a_channel_without_triggers_has_none(tmp_path: Path) -> None:
    repository = definitions(tmp_path, [{"name": "shop", "on_change": False, "schedule": None}]).get_repository_def()
    assert list(repository.sensor_defs) == []
    assert list(repository.schedule_defs) == []


@pytest.mark.parametrize(("variable", "running"), [(None, False), ("off", False), ("on", True), ("ON", True)])
def test_triggers_start_only_when_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, running: bool
) -> None:
    monkeypatch.delenv("REVERSE_METADATA_TRIGGERS", raising=False)
    if variable is not None:
        monkeypatch.setenv("REVERSE_METADATA_TRIGGERS", variable)
    defs = definitions(tmp_path, [{"name": "shop", "schedule": "30 3 * * 1-5"}])
    sensor, schedule = defs.resolve_sensor_def("shop_on_change"), defs.resolve_schedule_def("shop_schedule")
    expected = "RUNNING" if running else "STOPPED"
    assert (sensor.default_status.value, schedule.default_status.value) == (expected, expected)
    assert (schedule.cron_schedule, schedule.job_name) == ("30 3 * * 1-5", "shop_sync")
    assert sensor.job_name == "shop"


def test_only_services_that_a_channel_can_write_are_downstream_of_it(tmp_path: Path) -> None:
    services = {"shop_pg": {"type": "postgres", "host": "db"}, "other_pg": {"type": "postgres", "host": "db"}}
    channels: list[dict[str, Any]] = [{"name": "shop", "filter": {"service": "shop_pg"}}, {"name": "all"}]
    defs = definitions(tmp_path, channels, services=services)
    upstream = {
        spec.key.to_user_string(): sorted(dep.asset_key.to_user_string() for dep in spec.deps)
        for spec in defs.resolve_all_asset_specs()
    }
    assert upstream["shop_pg"] == ["all/applied_updates", "shop/applied_updates"]
    assert upstream["other_pg"] == ["all/applied_updates"]


def python(code: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    left_out = ("REVERSE_METADATA_CONFIG", "DAGSTER_HOME")
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=directory,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
    )


def test_loading_imports_no_driver(tmp_path: Path) -> None:
    definitions(tmp_path, [{"name": "shop"}])
    code = f"import sys, reverse_metadata.definitions; print([name for name in {HEAVY} if name in sys.modules])"
    done = python(code, tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_without_a_configuration_the_definitions_say_how_to_begin(tmp_path: Path) -> None:
    code = """
from reverse_metadata.definitions import defs
(spec,) = defs.resolve_all_asset_specs()
print(spec.key.to_user_string(), spec.description)
"""
    done = python(code, tmp_path)
    assert done.stderr == ""
    assert done.stdout.startswith("how_to_begin There is no configuration yet. Write a file reverse_metadata.yaml")
    assert "make demo" in done.stdout


def test_a_wrong_configuration_is_told_in_whole_when_loading(tmp_path: Path) -> None:
    (tmp_path / "reverse_metadata.yaml").write_text("catlog: {}\nchannels: [{nam: x}]\n")
    done = python("import reverse_metadata.definitions", tmp_path)
    assert done.returncode != 0
    assert "did you mean" in done.stderr
    assert "catlog" in done.stderr
    assert "nam" in done.stderr


# Dagster's own snapshot asks its schedules for a property that it has deprecated.
@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`:DeprecationWarning")
def test_no_secret_is_shown_or_stored(
    world: World, locate: Locate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the repository snapshot, the run configuration, the events, the log, the output and the ledger."""
    world.table("sales", "orders", description="One row an order")
    password = secrets.token_hex(12)
    monkeypatch.setenv("SHOP_PASSWORD", password)
    world.username = "nobody_at_all"
    # The server repeats `options` in its refusal, and libpq the URL in its own.
    location = locate(
        password="${SHOP_PASSWORD}", url="postgresql://someone:${SHOP_PASSWORD}@/", options="-c x=${SHOP_PASSWORD}"
    )
    snapshot = dg.serialize_value(RepositorySnap.from_def(location.defs.get_repository_def()))
    assert "${SHOP_PASSWORD}" in snapshot
    result = location.run(world.fqn("sales"))
    assert failure_of(result)
    run = location.instance.get_run_by_id(result.run_id)
    assert run is not None
    everything = [
        snapshot,
        dg.serialize_value(run),
        json.dumps(run.run_config),
        *(dg.serialize_value(event) for event in result.all_events),
        *logged(location, result),
        *map(dg.serialize_value, location.instance.all_logs(result.run_id)),
        *capfd.readouterr(),
    ]
    ledger = Path(world.ledger_url.removeprefix("sqlite:///"))
    stored = b"".join(file.read_bytes() for file in ledger.parent.glob(f"{ledger.name}*"))
    for secret in (password, world.server.bot_token):
        assert not [text for text in everything if secret in text]
        assert secret.encode() not in stored
