"""The job `prune_ledger` and its schedule, on a ledger with pushes of last year."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from reverse_metadata.channels.definitions import code_location
from reverse_metadata.config import load_config
from reverse_metadata.ledger import Ledger
from reverse_metadata.ledger.schema import plan_changes, plans, pushes
from reverse_metadata_tests.channels.location import failure_of
from reverse_metadata_tests.ledger.samples import change, pushed, record


class Project:
    """A code location over a ledger with six pushes of the same column: 60, 50 ... 10 days old."""

    def __init__(self, directory: Path, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.directory = directory
        self.url = f"sqlite:///{directory}/ledger.db"
        with Ledger.open(self.url) as ledger:
            for days in range(60, 0, -10):
                pushed(ledger, [change("amount")], record(str(days)))
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            for table, column in ((pushes, "pushed_at"), (plan_changes, "finished_at"), (plans, "created_at")):
                moment = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || plan_id || ' days')"
                connection.exec_driver_sql(f"UPDATE {table.name} SET {column} = {moment}")
        engine.dispose()

    def definitions(self, keep: int | None) -> dg.Definitions:
        file = self.directory / "reverse_metadata.yaml"
        catalog = {"type": "folder", "path": "catalog"}
        ledger = {"url": self.url, "keep": keep}
        file.write_text(json.dumps({"catalog": catalog, "ledger": ledger, "channels": [{"name": "shop"}]}))
        return code_location(load_config(file))

    def prune(self, configured: int | None, **config: Any) -> dg.ExecuteInProcessResult:
        job = self.definitions(configured).resolve_job_def("prune_ledger")
        ops = {"prune_ledger_rows": {"config": config}}
        return job.execute_in_process(instance=self.instance, run_config={"ops": ops}, raise_on_error=False)

    def left(self) -> list[str]:
        """The ages of the pushes that are left, newest first."""
        with Ledger.open(self.url) as ledger:
            return [push.plan_id for push in ledger.pushes()]


@pytest.fixture
def project(tmp_path: Path, instance: dg.DagsterInstance) -> Project:
    """The project, with a ledger of its own."""
    return Project(tmp_path, instance)


def test_the_job_deletes_what_is_older_and_logs_how_much(project: Project) -> None:
    result = project.prune(25)
    assert result.success
    assert project.left() == ["10", "20"]
    told = [entry.user_message for entry in project.instance.all_logs(result.run_id)]
    assert any(line.endswith("(25 days): 4 pushes, 4 changes, 4 plans, 0 events, 0 handoffs") for line in told), told
    (output,) = [event for event in result.all_events if event.is_successful_output]
    metadata = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert metadata == {"keep_days": 25, "pushes": 4, "changes": 4, "plans": 4, "events": 0, "handoffs": 0}


def test_one_run_may_keep_less_or_more(project: Project) -> None:
    assert project.prune(None, keep=45).success
    assert project.left() == ["10", "20", "30", "40"]
    assert project.prune(25, keep=35).success
    assert project.left() == ["10", "20", "30"]
    assert "keep: 1 days is too few; at least 7 are kept" in failure_of(project.prune(None, keep=1))
    assert len(project.left()) == 3


def test_without_a_word_everything_is_kept(project: Project) -> None:
    assert "Set ledger.keep in the configuration" in failure_of(project.prune(None))
    assert len(project.left()) == 6


def test_the_schedule_is_there_when_something_is_to_be_forgotten(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REVERSE_METADATA_TRIGGERS", raising=False)
    kept = project.definitions(None).get_repository_def()
    assert [schedule.name for schedule in kept.schedule_defs] == ["shop_schedule"]
    assert "prune_ledger" in {job.name for job in kept.get_all_jobs()}
    definitions = project.definitions(90)
    dg.Definitions.validate_loadable(definitions)
    schedule = definitions.resolve_schedule_def("prune_ledger_schedule")
    assert (schedule.job_name, schedule.cron_schedule) == ("prune_ledger", "30 4 * * *")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    monkeypatch.setenv("REVERSE_METADATA_TRIGGERS", "on")
    running = project.definitions(90).resolve_schedule_def("prune_ledger_schedule")
    assert running.default_status is dg.DefaultScheduleStatus.RUNNING
