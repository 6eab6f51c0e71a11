"""Where the demo lives: a checkout of the project, and below it a directory that holds all its state."""

import os
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import reverse_metadata
from reverse_metadata.demo.server import DemoError


@dataclass(frozen=True, slots=True)
class Home:
    """The demo's directories. Whatever it writes stands below `state`; removing that begins anew."""

    project: Path
    state: Path

    @property
    def config(self) -> Path:
        """The configuration that the demo runs with, the one at the top of the checkout."""
        return self.project / "reverse_metadata.yaml"

    @property
    def catalog(self) -> Path:
        """The folder catalog: a copy of the packaged files, to be edited."""
        return self.state / "catalog"

    @property
    def postgres(self) -> Path:
        """The data directory of the embedded server."""
        return self.state / "postgres"

    @property
    def dagster_home(self) -> Path:
        """Dagster's runs and events, and the ledger."""
        return self.state / "dagster_home"

    @property
    def log(self) -> Path:
        """Everything that the last `dagster job execute` printed."""
        return self.state / "dagster.log"

    def prepare(self) -> None:
        """Make the directories and the copy of the catalog, unless they are there."""
        self.dagster_home.mkdir(parents=True, exist_ok=True)
        settings = self.dagster_home / "dagster.yaml"
        if not settings.is_symlink():
            settings.symlink_to(os.path.relpath(self.project / "dagster.yaml", self.dagster_home))
        if not self.catalog.exists():
            with resources.as_file(resources.files(__package__) / "catalog") as packaged:
                shutil.copytree(packaged, self.catalog)

    def environment(self, postgres_host: str) -> dict[str, str]:
        """What Dagster and the `reverse-metadata` command need to work on the demo."""
        return {
            "DAGSTER_HOME": str(self.dagster_home),
            "REVERSE_METADATA_CONFIG": str(self.config),
            "DEMO_DIR": str(self.state),
            "DEMO_POSTGRES_HOST": postgres_host,
        }


def find() -> Home:
    """The demo of this checkout; `DEMO_DIR` moves its state elsewhere.

    Raises DemoError when the package is not installed from a checkout.
    """
    project = Path(reverse_metadata.__file__).resolve().parent.parent
    state = Path(os.environ.get("DEMO_DIR") or project / ".demo").resolve()
    home = Home(project, state)
    if not home.config.exists():
        raise DemoError(f"the demo runs in a checkout of the project: there is no {home.config}")
    return home
