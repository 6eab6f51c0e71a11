"""The files at the top of the checkout: what they promise holds."""

import re
from pathlib import Path

import pytest
import yaml

from reverse_metadata.config import load_config
from reverse_metadata.demo import home, server

TOP = Path(__file__).parents[2]


def test_every_target_of_the_makefile_is_phony_and_explained() -> None:
    text = (TOP / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    targets = re.findall(r"^([a-z-]+):", text, re.MULTILINE)
    explained = re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE)
    assert phony[1].split() == targets == explained


def test_the_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", (TOP / "README.md").read_text(), re.MULTILINE)
    assert {first or second for first, second in named} - targets == set()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", (TOP / "README.md").read_text())
    assert [link for link in links if not (TOP / link).exists()] == []


def test_the_example_of_the_readme_is_a_valid_configuration(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (TOP / "README.md").read_text(), re.DOTALL)
    file = tmp_path / "reverse_metadata.yaml"
    file.write_text(example)
    config = load_config(file, {"OPENMETADATA_TOKEN": "x", "SHOP_PG_PASSWORD": "x"})
    assert [channel.name for channel in config.channels] == ["shop"]


def test_the_configuration_of_the_demo_needs_no_environment() -> None:
    config = load_config(TOP / "reverse_metadata.yaml", {})
    (channel,) = config.channels
    assert (channel.name, channel.update_descriptions, channel.update_owners) == ("shop", True, True)


def test_constraints_hold_names_and_versions_only() -> None:
    lines = [line for line in (TOP / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    wrong = [line for line in lines if not re.fullmatch(r'[\w.-]+==[\w.]+(; python_version [<>=]+ "3\.\d+")?', line)]
    assert wrong == []
    assert lines == sorted(lines, key=str.lower)


def test_the_dagster_settings_are_private_and_free_the_slots_of_dead_runs() -> None:
    settings = yaml.safe_load((TOP / "dagster.yaml").read_text())
    assert settings["telemetry"] == settings["nux"] == {"enabled": False}
    assert settings["run_monitoring"]["free_slots_after_run_end_seconds"] == 60
    assert settings["run_retries"]["retry_on_asset_or_op_failure"] is False


def test_the_demo_keeps_what_a_person_edited(tmp_path: Path) -> None:
    place = home.Home(TOP, tmp_path / "state")
    place.prepare()
    assert (place.dagster_home / "dagster.yaml").read_text() == (TOP / "dagster.yaml").read_text()
    edited = place.catalog / "shop_pg" / "shop.yaml"
    edited.write_text("edited")
    place.prepare()
    assert edited.read_text() == "edited"


def test_outside_a_checkout_the_demo_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_metadata.__file__", str(tmp_path / "reverse_metadata" / "__init__.py"))
    with pytest.raises(server.DemoError, match="the demo runs in a checkout of the project"):
        home.find()
