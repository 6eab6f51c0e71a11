"""The embedded server is found again, and a pid file without a server is never trusted."""

import os
from pathlib import Path

import pytest

from reverse_metadata.demo import server


def test_there_is_nothing_to_stop_before_the_first_start(tmp_path: Path) -> None:
    assert server.stop(tmp_path / "postgres") is False


def test_a_pid_file_that_names_a_stranger_is_removed_and_the_stranger_left_alone(tmp_path: Path) -> None:
    stranger = os.getpid()
    pid_file = tmp_path / "postmaster.pid"
    pid_file.write_text(f"{stranger}\n{tmp_path}\n1795231044\n5432\n{tmp_path}\n\n  1 2\nready   \n")
    assert server.stop(tmp_path) is False
    assert not pid_file.exists()


def test_a_running_server_is_used_again(directory: Path) -> None:
    data = directory / "state" / "postgres"
    try:
        first = server.start(data)
        pid_file = (data / "postmaster.pid").read_text()
        assert server.start(data) == first
        assert (data / "postmaster.pid").read_text() == pid_file
        assert Path(first.psql).exists()
    finally:
        assert server.stop(data) is True
    assert server.stop(data) is False


def test_a_directory_that_is_no_database_is_an_error_that_says_how_to_begin_anew(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("9\n")
    with pytest.raises(server.DemoError, match="`make clean`"):
        server.start(tmp_path)
