"""The code location: the configuration in, `dg.Definitions` out.

Without a configuration the definitions still load, and say how to begin.
"""

import dagster as dg

from reverse_metadata.channels.definitions import code_location
from reverse_metadata.config import HOW_TO_BEGIN, find_config, load_config


def _not_configured() -> dg.Definitions:
    begin = dg.AssetSpec("how_to_begin", description=HOW_TO_BEGIN, group_name="reverse_metadata")
    return dg.Definitions(assets=[begin])


_path = find_config()
defs = _not_configured() if _path is None else code_location(load_config(_path))
