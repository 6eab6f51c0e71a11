"""Imports the drivers, which not everybody installs, when they are needed."""

from importlib import import_module
from types import ModuleType

from reverse_metadata.errors import Reason, SourceError


def driver(module: str, extra: str) -> ModuleType:
    """The module of a driver; `extra` is what to install for it.

    Raises SourceError when it is not installed, and says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise SourceError(
            Reason.OTHER, f"the driver {error.name} is not installed: pip install 'reverse-metadata[{extra}]'"
        ) from None
