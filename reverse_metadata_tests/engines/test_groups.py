"""Every test of a heavy engine goes to the same worker, so that the engine is started once a run."""

import pytest

from reverse_metadata_tests.conftest import ONE_A_RUN, group


@pytest.mark.parametrize("engine", sorted(ONE_A_RUN))
def test_who_uses_a_heavy_engine_is_of_its_group(engine: str) -> None:
    assert group(["tmp_path", engine]) == engine
    assert group(["tmp_path", "mariadb"]) is None


@pytest.mark.xdist_group("a_group")
def test_a_group_reaches_the_scheduler(request: pytest.FixtureRequest, worker_id: str) -> None:
    """pytest-xdist reads the group off the end of the test's id; there is no scheduler in a run without workers."""
    assert request.node.nodeid.endswith("@a_group") is (worker_id != "master")
