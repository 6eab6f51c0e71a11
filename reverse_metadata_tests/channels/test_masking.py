"""The story of docs/masking.md, as it stands there: a label in the catalog, and the mask that hangs on it."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from reverse_metadata_tests.channels.location import Daemon, Location, failure_of, shown
from reverse_metadata_tests.contract.snowflake import Snowflake
from reverse_metadata_tests.docs_page import examples
from reverse_metadata_tests.engines.snowflake import SnowflakeStandIn
from reverse_metadata_tests.openmetadata_server import OpenMetadataServer

MAIL = "ada@example.com"


@pytest.fixture
def snow(snowflake_standin: SnowflakeStandIn) -> Snowflake:
    """A column `email` of customers; the page's masking policy is bound to the tag PII."""
    snow = Snowflake(snowflake_standin)
    snow.table("customers", ["id", "email"])
    snow.account.policies["GOVERNANCE", "TAGS", "HIDE"] = lambda _value, _tag: "***"
    snowflake_standin.administer("ALTER TAG GOVERNANCE.TAGS.PII SET MASKING POLICY GOVERNANCE.TAGS.HIDE")
    return snow


@pytest.fixture
def server(snow: Snowflake) -> Iterator[OpenMetadataServer]:
    """A catalog that knows the table."""
    with OpenMetadataServer() as server:
        database, schema = snow.partition.path
        server.estate.service("snowflake_prod", type="Snowflake")
        server.estate.database(f"snowflake_prod.{database}")
        server.estate.schema(f"snowflake_prod.{database}.{schema}")
        server.estate.table(f"snowflake_prod.{database}.{schema}.customers", ("id", "email"))
        yield server


@pytest.fixture
def location(
    snow: Snowflake, server: OpenMetadataServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Location]:
    """The page's configuration, on a Dagster of its own."""
    (example,) = examples("masking")
    settings = yaml.safe_load(example)
    user, password = snow.writer
    monkeypatch.setenv("OPENMETADATA_TOKEN", server.bot_token)
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", password)
    settings["catalog"]["url"] = server.url
    settings["ledger"] = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    settings["services"]["snowflake_prod"] |= {
        "host": "127.0.0.1",
        "port": snow.front.port,
        "protocol": "http",
        "keep_alive": False,
        "username": user,
    }
    file = tmp_path / "reverse_metadata.yaml"
    file.write_text(yaml.safe_dump(settings))
    with dg.instance_for_test() as instance:
        yield Location(file, instance)


def seen(snow: Snowflake) -> str:
    """What an analyst sees of somebody's address."""
    return str(snow.account.shown(snow.path("customers"), "email", MAIL))


def test_a_label_closes_the_mask_and_taking_it_off_opens_it_once_approved(
    snow: Snowflake, server: OpenMetadataServer, location: Location
) -> None:
    daemon = Daemon(location, "pii")
    customers = ".".join(["snowflake_prod", *snow.partition.path, "customers"])
    partition = customers.rpartition(".")[0]
    daemon.tick()
    assert all(result.success for result in daemon.launch())
    assert seen(snow) == MAIL

    server.estate.tag(customers, ["PII.Sensitive"], column="email")
    assert (partition, "changed") in daemon.tick()
    assert all(result.success for result in daemon.launch())
    assert seen(snow) == "***"
    assert daemon.tick() == []

    # What the same person takes back within ten minutes, the catalog tells nobody.
    server.estate.forward(3600)
    server.estate.tag(customers, [], column="email")
    assert daemon.tick() == [(partition, "changed")]
    (result,) = daemon.launch()
    assert seen(snow) == "***"
    (waiting,) = shown(result, "resolved_templates").values()
    assert 'UNSET TAG "GOVERNANCE"."TAGS"."PII"' in str(waiting)

    result = location.run(
        partition,
        channel="pii",
        only="applied_updates",
        applied_updates={"plan": waiting["waiting_plan"], "approved_by": "grace"},
    )
    assert result.success, failure_of(result)
    assert seen(snow) == MAIL
    assert snow.front.logins[-1]["SESSION_PARAMETERS"]["QUERY_TAG"] == f"reverse_metadata:{result.run_id}"
    # What was edited while the plan waited is planned now, and that is nothing.
    daemon.tick()
    assert all(result.success for result in daemon.launch())
    assert seen(snow) == MAIL
    assert daemon.tick() == []
