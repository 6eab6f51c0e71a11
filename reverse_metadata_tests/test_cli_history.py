"""`reverse-metadata history` on a ledger with a few pushes."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reverse_metadata.cli import main
from reverse_metadata.ledger import FinishedChange, Ledger
from reverse_metadata.model import EntityType
from reverse_metadata_tests.ledger.samples import PARTITION, change, last, pushed, record, started

ORDERS = f"{PARTITION}.orders"
EVIL = "\x1b[2Jit's \u202eevil\nand\tlong " + "x" * 100


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The ledger that the configuration in the current directory names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REVERSE_METADATA_CONFIG", raising=False)
    (tmp_path / "reverse_metadata.yaml").write_text(
        "catalog: {type: folder, path: catalog}\nledger: sqlite:///ledger.db\nchannels: [{name: shop}]\n"
    )
    return Ledger.open(f"sqlite:///{tmp_path}/ledger.db")


def history(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["history", *arguments])


def lines(result: Result) -> list[list[str]]:
    """The cells of the table, the moments left out."""
    assert result.exit_code == 0, result.output
    header, underline, *rows = result.stdout.splitlines()
    assert set(underline) == {"─", " "}
    cells = [re.split(r"  +", row) for row in (header, *rows)]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row[0]) for row in cells[1:])
    return [row[1:] for row in cells]


def test_the_pushes_of_an_entity_newest_first(ledger: Ledger) -> None:
    with ledger:
        pushed(ledger, [change("a", "first", None), change("b")], record("p-1"))
        pushed(ledger, [change("a", None, "first")], record("p-2", run_id="run-2"))
    assert lines(history(f"{ORDERS}.a")) == [
        ["channel", "aspect", "outcome", "before", "→ after", "changed by", "run"],
        ["descriptions", "description", "applied", "first", "→ –", "ada", "run-2"],
        ["descriptions", "description", "applied", "–", "→ first", "ada", "run-1"],
    ]


def test_below_and_why_have_columns_of_their_own_when_they_are_asked_for(ledger: Ledger) -> None:
    table = replace(change("a"), entity=ORDERS, type=EntityType.TABLE)
    with ledger:
        started(ledger, [table, change("a")])
        ledger.finish(
            "plan-1", [FinishedChange(0, "failed", "must be\nowner"), FinishedChange(1, "applied", None, last())]
        )
    assert lines(history(ORDERS, "--below")) == [
        ["channel", "aspect", "outcome", "before", "→ after", "changed by", "run", "below", "why"],
        ["descriptions", "description", "applied", "old", "→ new", "ada", "run-1", "a"],
        ["descriptions", "description", "failed", "old", "→ new", "ada", "run-1", "–", "must be⏎owner"],
    ]
    assert [row[-1] for row in lines(history(ORDERS))] == ["why", "must be⏎owner"]


def test_hostile_text_stays_in_its_cell(ledger: Ledger) -> None:
    hostile = replace(change("a", EVIL, EVIL), changed_by=EVIL)
    with ledger:
        pushed(ledger, [hostile], record(channel=EVIL, run_id=EVIL))
    shown = history(f"{ORDERS}.a").stdout
    assert len(shown.splitlines()) == 3
    assert "\\u{1b}[2Jit's \\u{202e}evil⏎and→long" in shown
    assert not {"\x1b", "\u202e", "\t"} & set(shown)
    (push,) = json.loads(history(f"{ORDERS}.a", "--json").stdout)["pushes"]
    assert (push["before"], push["after"], push["changed_by"]) == (EVIL, EVIL, EVIL)


def test_json_is_one_document_with_every_column(ledger: Ledger) -> None:
    with ledger:
        pushed(ledger, [change("a")])
        (push,) = ledger.pushes()
    document = json.loads(history(f"{ORDERS}.a", "--json").stdout)
    (shown,) = document.pop("pushes")
    assert document == {"entity": f"{ORDERS}.a", "below": False, "more": False}
    assert shown == {name: getattr(push, name) for name in push.__slots__} | {"pushed_at": push.pushed_at.isoformat()}


def test_a_limit_says_that_there_is_more(ledger: Ledger) -> None:
    with ledger:
        for number in range(3):
            pushed(ledger, [change("a", str(number))], record(f"p-{number}"))
    assert history(f"{ORDERS}.a", "--limit", "3").stdout.count("applied") == 3
    shown = history(f"{ORDERS}.a", "--limit", "2").stdout.splitlines()
    assert ["→ 2" in shown[2], "→ 1" in shown[3]] == [True, True]
    assert shown[4:] == ["There are older ones; --limit 4 shows more."]
    document = json.loads(history(f"{ORDERS}.a", "--limit", "2", "--json").stdout)
    assert ([push["after"] for push in document["pushes"]], document["more"]) == (["2", "1"], True)
    assert history(ORDERS, "--limit", "0").exit_code == 2


def test_an_entity_that_nobody_pushed_says_so_and_where_it_looked(ledger: Ledger, tmp_path: Path) -> None:
    with ledger:
        pushed(ledger, [change("a")])
    where = f"says the ledger sqlite+pysqlite:///{tmp_path}/ledger.db"
    result = history("shop_pg.shop.public.oders")
    assert (result.exit_code, result.stdout) == (0, f"Nothing was pushed to shop_pg.shop.public.oders, {where}.\n")
    assert history(ORDERS).stdout == (
        f"Nothing was pushed to {ORDERS}, {where}; something below it was: add --below.\n"
    )
    assert json.loads(history("x", "--json").stdout) == {"entity": "x", "below": False, "pushes": [], "more": False}


def test_quotes_that_are_not_needed_do_not_matter(ledger: Ledger) -> None:
    with ledger:
        pushed(ledger, [replace(change("a"), entity='shop_pg.shop.public."v1.orders"')])
    assert len(lines(history('"shop_pg"."shop".public."v1.orders"'))) == 2


def test_problems_are_exit_code_2(ledger: Ledger, tmp_path: Path) -> None:
    ledger.close()
    result = history("shop_pg..orders")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "'shop_pg..orders': part 2 is empty\n"
    (tmp_path / "ledger.db").write_text("no database, but long enough to be taken for one" * 20)
    result = history(ORDERS, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "could not be read or written: file is not a database" in result.stderr
    (tmp_path / "reverse_metadata.yaml").write_text("channels: [{name: shop}]\n")
    result = history(ORDERS)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "catalog: this key is missing" in result.stderr


def test_looking_needs_no_dagster(ledger: Ledger) -> None:
    ledger.close()
    script = (
        "import sys; from reverse_metadata.cli import main\n"
        "main(['history', 'shop_pg.shop'], standalone_mode=False)\n"
        "sys.exit(', '.join({'dagster', 'psycopg', 'requests', 'alembic'} & set(sys.modules)) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
