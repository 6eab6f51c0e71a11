"""What every block of the configuration has in common."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A block of the configuration: no other keys than these, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
