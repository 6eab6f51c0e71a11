"""MySQL and MariaDB: `MysqlConnector`."""

from reverse_metadata.connectors.mysql.connector import MysqlConnector
from reverse_metadata.connectors.mysql.options import MysqlOptions

__all__ = ["MysqlConnector", "MysqlOptions"]
