import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from reverse_metadata.errors import LedgerError
from reverse_metadata.ledger import Ledger, upgrade
from reverse_metadata.ledger.database import normalise
from reverse_metadata.ledger.schema import REVISION, VERSION_TABLE, metadata

Sql = Callable[[str], list[tuple[object, ...]]]


def test_the_migrations_create_exactly_the_tables_of_the_schema(ledger: Ledger, ledger_url: str) -> None:
    engine = sa.create_engine(normalise(ledger_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_that_the_schema_names() -> None:
    scripts = ScriptDirectory(str(Path(upgrade.__file__).parent / "migrations"))
    assert scripts.get_heads() == [REVISION]


def test_opening_again_changes_nothing(ledger: Ledger, ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(upgrade, "_migrate")
    ledger.put_handoff("run", "p", "plan", b"kept")
    with Ledger.open(ledger_url) as again:
        assert again.get_handoff("run", "p", "plan") == b"kept"


def test_a_current_ledger_is_opened_without_importing_alembic(ledger: Ledger, ledger_url: str) -> None:
    code = (
        "import sys; from reverse_metadata.ledger import Ledger\n"
        "assert not {'alembic', 'psycopg', 'sqlalchemy.orm'} & set(sys.modules), 'imported too early'\n"
        "Ledger.open(sys.argv[1]).close(); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, ledger_url], check=True)


def test_processes_that_start_at_once_all_get_the_ledger(ledger_url: str) -> None:
    code = (
        "import sys; from reverse_metadata.ledger import Ledger\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "with Ledger.open(sys.argv[1]) as ledger: ledger.put_handoff(sys.argv[2], 'p', 's', b'x')"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, ledger_url, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for number in range(3)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.flush()
        assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    with Ledger.open(ledger_url) as ledger:
        assert [ledger.get_handoff(str(number), "p", "s") for number in range(3)] == [b"x", b"x", b"x"]


def test_a_ledger_of_a_newer_version_is_refused(ledger: Ledger, ledger_url: str, sql: Sql) -> None:
    sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(LedgerError, match=r"written by a newer version of reverse_metadata: its revision is '9999'"):
        Ledger.open(ledger_url)
    assert sql(f"SELECT version_num FROM {VERSION_TABLE}") == [("9999",)]


def test_an_interrupted_creation_leaves_nothing(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate = upgrade._migrate

    def fail(connection: sa.Connection, revision: str | None) -> None:
        migrate(connection, revision)
        raise KeyboardInterrupt

    monkeypatch.setattr(upgrade, "_migrate", fail)
    with pytest.raises(KeyboardInterrupt):
        Ledger.open(ledger_url)
    engine = sa.create_engine(normalise(ledger_url))
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_it_lives_beside_the_tables_of_dagster(ledger_url: str) -> None:
    engine = sa.create_engine(normalise(ledger_url))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('7e2f3204cf8e')")
    Ledger.open(ledger_url).close()
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT * FROM alembic_version").all() == [("7e2f3204cf8e",)]
    engine.dispose()


def test_sqlite_is_durable_and_lets_readers_pass(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/a/new/folder/ledger.db") as ledger, ledger._reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg"),
        ("sqlite:///ledger.db", "sqlite+pysqlite"),
    ],
)
def test_the_driver_is_always_named(url: str, driver: str) -> None:
    assert normalise(url).drivername == driver


def test_parameters_of_the_url_win() -> None:
    assert normalise("postgresql://u@h/d?connect_timeout=3&sslmode=require").query == {
        "connect_timeout": "3",
        "sslmode": "require",
        "tcp_user_timeout": "20000",
        "application_name": "reverse_metadata",
    }


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql+pymysql://u@h/d", r"cannot live in 'mysql\+pymysql'"),
        ("sqlite://", "in memory forgets"),
        ("sqlite:///:memory:", "in memory forgets"),
        ("sqlite:///file:x?mode=memory&uri=true", "in memory forgets"),
        ("", "cannot be read"),
    ],
)
def test_other_urls_are_refused(url: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        Ledger.open(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://rm:{}@127.0.0.1:1/ledger",
        "postgresql://127.0.0.1:1/ledger?user=rm&password={}",
        "postgresql://rm:{}@127.0.0.1:port/ledger",
        "mysql://rm:{}@127.0.0.1/ledger",
        "{}",
    ],
)
def test_no_error_shows_the_password(url: str) -> None:
    password = secrets.token_hex(12)
    with pytest.raises(LedgerError) as caught:
        Ledger.open(url.format(password))
    assert password not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_file_that_is_no_ledger_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("not a database, but long enough to be taken for one" * 10)
    with pytest.raises(LedgerError, match=r"ledger\.db could not be read or written: file is not a database"):
        Ledger.open(f"sqlite:///{tmp_path}/ledger.db")


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match=r"The folder of the ledger .* cannot be created: Not a directory\."):
        Ledger.open(f"sqlite:///{tmp_path}/file/folder/ledger.db")
