import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from reverse_metadata.errors import LeaseBusy, LeaseLost
from reverse_metadata.ledger import Lease, Ledger, leases
from reverse_metadata.ledger.holder import Holder

Sql = Callable[[str], list[tuple[object, ...]]]

NAME = "partition/shop_pg.shop.public"
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that a process is gone")


def until(condition: Callable[[], bool]) -> None:
    """Wait for the condition; 60 seconds are only a bound for a broken test."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "the condition never came true"
        threading.Event().wait(0.01)


def lost(lease: Lease) -> str:
    """Why the lease is lost; "" while it is held."""
    try:
        lease.check()
    except LeaseLost as error:
        return str(error)
    return ""


def test_one_holds_and_another_is_told_who(ledger: Ledger, ledger_url: str) -> None:
    with Ledger.open(ledger_url) as other, ledger.lease(NAME, owner="run-1") as lease:
        lease.check()
        with pytest.raises(LeaseBusy) as caught, other.lease(NAME, owner="run-2"):
            raise AssertionError("two hold it")
        assert f"'{NAME}' is held by run-1 (process {os.getpid()} on {socket.gethostname()}) since 2" in str(
            caught.value
        )
        with other.lease("partition/other", owner="run-2"):
            lease.check()


def test_a_lease_is_given_back_also_after_an_error(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.lease(NAME, owner="run-1"):
        raise ZeroDivisionError
    with ledger.lease(NAME, owner="run-2") as lease:
        lease.check()


def test_tokens_grow_over_releases_and_names(ledger: Ledger) -> None:
    tokens = []
    for name in (NAME, "other", NAME, NAME):
        with ledger.lease(name, owner="run") as lease:
            tokens.append(lease.token)
    assert tokens == sorted(set(tokens))


def test_a_waiter_gets_it_when_it_is_given_back(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_POLL", 0.02)
    waiting, order = threading.Event(), []

    def wait() -> None:
        waiting.set()
        with ledger.lease(NAME, owner="run-2", wait=60):
            order.append("second")

    thread = threading.Thread(target=wait)
    with ledger.lease(NAME, owner="run-1"):
        thread.start()
        assert waiting.wait(60)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


def test_there_is_never_more_than_one_holder(ledger: Ledger, ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_POLL", 0.02)
    inside, most, tokens = [], [], []

    def work(number: int) -> None:
        with Ledger.open(ledger_url) as own:
            for _ in range(3):
                with own.lease(NAME, owner=f"run-{number}", wait=120) as lease:
                    inside.append(number)
                    most.append(len(inside))
                    tokens.append(lease.token)
                    inside.pop()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert most == [1] * 12
    assert tokens == sorted(set(tokens))


def test_a_lease_whose_time_is_over_is_taken_and_stays_taken(ledger: Ledger, sql: Sql) -> None:
    with ledger.lease(NAME, owner="run-1") as first:
        sql("UPDATE leases SET expires_at = 0")
        with ledger.lease(NAME, owner="run-2") as second:
            assert second.token > first.token
            ledger._release(first)
            with pytest.raises(LeaseBusy, match="held by run-2"), ledger.lease(NAME, owner="run-3"):
                raise AssertionError("two hold it")


def test_whoever_lost_the_lease_learns_it_at_the_next_beat(ledger: Ledger, sql: Sql) -> None:
    with ledger.lease(NAME, owner="run-1", ttl=2) as lease:
        sql("UPDATE leases SET token = token + 100")
        until(lambda: bool(lost(lease)))
        assert "another run holds it now" in lost(lease) or "not renewed" in lost(lease)


def test_the_heart_renews_it(ledger: Ledger, sql: Sql) -> None:
    def expires() -> object:
        return sql("SELECT expires_at FROM leases")[0][0]

    with ledger.lease(NAME, owner="run-1", ttl=2) as lease:
        first, renewed_at = expires(), lease._renewed_at
        until(lambda: expires() != first and lease._renewed_at != renewed_at)


def test_a_heart_that_fails_is_noticed_before_the_time_is_over(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(leases, "_clock", lambda: now)
    with ledger.lease(NAME, owner="run-1", ttl=600) as lease:
        now += 520
        lease.check()
        now += 20
        assert "it was not renewed for 540 seconds, of the 600 that it lasts" in lost(lease)
        now -= 540
        assert lost(lease), "what was lost once stays lost"


def test_a_failing_renewal_is_logged_and_tried_again(
    ledger: Ledger, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    with ledger.lease(NAME, owner="run-1", ttl=2) as lease:
        sql("ALTER TABLE leases RENAME TO hidden")
        until(lambda: "could not be renewed: The ledger" in caplog.text)
        sql("ALTER TABLE hidden RENAME TO leases")
        renewed_at = lease._renewed_at
        until(lambda: lease._renewed_at != renewed_at)


def test_a_lease_that_cannot_be_given_back_does_not_hide_what_was_done(
    ledger: Ledger, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    with ledger.lease(NAME, owner="run-1"):
        sql("DROP TABLE leases")
    assert "could not be given back" in caplog.text


def test_slots_are_counted_by_service(ledger: Ledger) -> None:
    with ledger.slot("snow", 2, owner="run-1") as first, ledger.slot("snow", 2, owner="run-2") as second:
        assert {first.name, second.name} == {"slot/snow/0", "slot/snow/1"}
        with pytest.raises(LeaseBusy, match=r"Each of the 2 places at 'snow' is held by run-1 .*, run-2 "):
            with ledger.slot("snow", 2, owner="run-3"):
                raise AssertionError("three hold two places")
        with ledger.slot("other", 2, owner="run-3"):
            second.check()
    with ledger.slot("snow", 2, owner="run-3") as third:
        third.check()


@contextmanager
def holder_elsewhere(ledger_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lease for an hour."""
    code = (
        "import sys; from reverse_metadata.ledger import Ledger\n"
        f"with Ledger.open(sys.argv[1]) as ledger, ledger.lease({NAME!r}, owner='run-1', ttl=3600) as lease:\n"
        "    print(lease.token, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, ledger_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@linux
@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
def test_the_lease_of_a_killed_process_is_taken_at_once(ledger: Ledger, ledger_url: str, reaped: bool) -> None:
    with holder_elsewhere(ledger_url) as process:
        assert process.stdout is not None
        token = int(process.stdout.readline())
        with pytest.raises(LeaseBusy, match=rf"held by run-1 \(process {process.pid} on "):
            with ledger.lease(NAME, owner="run-2"):
                raise AssertionError("two hold it")
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
        with ledger.lease(NAME, owner="run-2") as lease:
            assert lease.token > token


@linux
def test_death_is_proven_only_for_processes_of_this_place() -> None:
    me = Holder.here()
    assert me.boot_id
    assert me.pid_namespace
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = replace(me, pid=gone.pid)
    assert dead.is_dead(me)
    assert replace(me, process_start="1").is_dead(me), "the number was given to another process"
    assert not me.is_dead(me)
    assert not replace(me, pid=1, process_start=start_of(1)).is_dead(me)
    assert not replace(dead, host="x").is_dead(me)
    assert not replace(dead, boot_id="x").is_dead(me)
    assert not replace(dead, pid_namespace="x").is_dead(me)
    assert not replace(dead, process_start="").is_dead(me)
    unknown = replace(me, boot_id="", pid_namespace="")
    assert not replace(dead, boot_id="", pid_namespace="").is_dead(unknown)


def start_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[19]
