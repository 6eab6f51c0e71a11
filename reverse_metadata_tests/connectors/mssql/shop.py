"""A server of the stand-in with a database `shop`, and a login that may write all of it."""

from secrets import token_hex

from reverse_metadata.connectors.mssql import MssqlConnector, MssqlOptions
from reverse_metadata.model import Partition
from reverse_metadata_tests.contract.peer import SERVICE
from reverse_metadata_tests.engines.mssql import SqlServer

SALES = Partition(SERVICE, "shop", "sales")
SHOP = Partition(SERVICE, "shop", None)
ORDERS = (*SALES.path, "orders")
ID = (*ORDERS, "id")
EXTENDED = {"as": "extended_properties"}
SENSITIVITY = {"as": "sensitivity", "label": "PII", "information_type": "Kind", "ranks": {"Sensitive": "high"}}
PASSWORD = token_hex(8)


def furnish(server: SqlServer) -> None:
    """Create the database, the login and a user who may nothing yet but look."""
    shop = server.database("shop")
    shop.schema("sales")
    shop.table("sales", "orders", ["id", "email"])
    server.login("writer", PASSWORD)
    server.databases["master"].user("writer", "writer")
    shop.user("writer", "writer")
    for permission in ("ALTER", "TAKE OWNERSHIP", "VIEW DEFINITION"):
        shop.grant(f"GRANT {permission} ON DATABASE::[shop] TO [writer];")
    server.login("reader", PASSWORD)
    shop.user("reader", "reader")
    shop.grant("GRANT VIEW DEFINITION ON SCHEMA::[sales] TO [reader];")


def connector(**options: object) -> MssqlConnector:
    """A connector that logs in as the writer, unless said otherwise."""
    login = {"host": "db", "database": "shop", "username": "writer", "password": PASSWORD}
    return MssqlConnector(MssqlOptions.model_validate(login | options))
