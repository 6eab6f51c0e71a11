"""What the stand-in for SQL Server keeps: databases, what stands in them, who may do what.

Permissions: https://learn.microsoft.com/en-us/sql/relational-databases/security/permissions-database-engine. Who sees
what: https://learn.microsoft.com/en-us/sql/relational-databases/security/metadata-visibility-configuration. Names do
not differ by case alone, as in a database with a collation that is insensitive to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any


class Refused(Exception):
    """The server's error."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class Properties(dict[str, Any]):
    """Values by name, which is found whatever its case."""

    def _key(self, name: str) -> str:
        return next((each for each in self if each.casefold() == name.casefold()), name)

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(self._key(name), default)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(self._key(name), value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(self._key(name))


@dataclass(eq=False)
class Column:
    """A column; `classification` is empty without one."""

    name: str
    id: int
    properties: Properties = field(default_factory=Properties)
    classification: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Object:
    """`type` is U for a table, V for a view; `owner` is None for the owner of the schema."""

    name: str
    id: int
    schema: "Schema"
    type: str = "U"
    owner: int | None = None
    indexed: bool = False
    memory_optimized: bool = False
    external: bool = False
    columns: dict[str, Column] = field(default_factory=dict)
    properties: Properties = field(default_factory=Properties)


@dataclass(eq=False)
class Schema:
    """`owner` is the id of a principal."""

    name: str
    id: int
    owner: int | None = 1
    objects: dict[str, Object] = field(default_factory=dict)
    properties: Properties = field(default_factory=Properties)


@dataclass(eq=False)
class Principal:
    """A user (S) or role (R) of a database, and the login of a user."""

    name: str
    id: int
    type: str
    login: str = ""
    roles: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Login:
    """A login. `impersonates` are other logins that it may act as."""

    name: str
    password: str
    sysadmin: bool = False
    impersonates: set[str] = field(default_factory=set)


#: A grantee, a permission and what it is for: `DATABASE`, `SCHEMA sales`, `OBJECT sales.orders`, `USER ada`, in lower
#: case.
Permission = tuple[str, str, str]


@dataclass(eq=False)
class Database:
    """A database; `owner` is a login."""

    name: str
    id: int
    owner: str
    estate: "Estate"
    schemas: dict[str, Schema] = field(default_factory=dict)
    principals: dict[str, Principal] = field(default_factory=dict)
    permissions: set[Permission] = field(default_factory=set)
    properties: Properties = field(default_factory=Properties)

    def __post_init__(self) -> None:
        self._ids = count(245575913, 16)
        for id_, name, kind in (
            (0, "public", "R"),
            (1, "dbo", "S"),
            (3, "INFORMATION_SCHEMA", "S"),
            (4, "sys", "S"),
            (16384, "db_owner", "R"),
        ):
            self.principals[name.casefold()] = Principal(name, id_, kind)
        for id_, name in ((1, "dbo"), (3, "INFORMATION_SCHEMA"), (4, "sys")):
            self.schemas[name.casefold()] = Schema(name, id_, id_)

    def user(self, name: str, login: str = "", *roles: str) -> Principal:
        """Create a user."""
        made = Principal(name, len(self.principals), "S", login, set(roles))
        self.principals[name.casefold()] = made
        return made

    def role(self, name: str) -> Principal:
        """Create a role."""
        made = self.principals[name.casefold()] = Principal(name, len(self.principals), "R")
        return made

    def schema(self, name: str) -> Schema:
        """Create a schema, which dbo owns."""
        made = self.schemas[name.casefold()] = Schema(name, len(self.schemas) + 1)
        return made

    def table(self, schema: str, name: str, columns: Sequence[str] = ("id",), type: str = "U", **more: bool) -> Object:
        """Create a table or view."""
        home = self.schemas[schema.casefold()]
        made = home.objects[name.casefold()] = Object(name, next(self._ids), home, type)
        for kind, is_so in more.items():
            assert kind in ("indexed", "memory_optimized", "external")
            setattr(made, kind, is_so)
        made.columns = {column.casefold(): Column(column, number) for number, column in enumerate(columns, 1)}
        return made

    def grant(self, sql: str) -> None:
        """Run what an administrator would. Raises AssertionError for anything but what is known here."""
        if found := re.fullmatch(r"ALTER ROLE \[(.+)\] ADD MEMBER \[(.+)\];", sql):
            self.principals[found[2].casefold()].roles.add(found[1])
            return
        if found := re.fullmatch(r"USE \[master\]; GRANT IMPERSONATE ON LOGIN::\[(.+)\] TO \[(.+)\];", sql):
            assert found[1].casefold() in self.estate.logins
            self.estate.logins[found[2].casefold()].impersonates.add(found[1])
            return
        found = re.fullmatch(r"GRANT ([A-Z ]+?)(?: ON (DATABASE|SCHEMA|OBJECT|USER)::(.+))? TO \[(.+?)\];", sql)
        assert found, sql
        permission, on, name, grantee = found.groups()
        assert grantee.casefold() in self.principals, grantee
        names = [each.replace("]]", "]") for each in re.findall(r"\[((?:[^\]]|\]\])+)\]", name or "")]
        match on:
            case "SCHEMA":
                assert names[0].casefold() in self.schemas
            case "OBJECT":
                assert names[1].casefold() in self.schemas[names[0].casefold()].objects
            case "USER":
                assert names[0].casefold() in self.principals
        where = "DATABASE" if on in (None, "DATABASE") else f"{on} {'.'.join(names).casefold()}"
        self.permissions.add((grantee.casefold(), permission, where))

    def has_schema(self, name: str) -> bool:
        """Whether there is such a schema."""
        return name.casefold() in self.schemas

    def user_of(self, login: Login) -> str | None:
        """The user that a login is here; None when it may not enter."""
        if login.sysadmin or login.name == self.owner:
            return "dbo"
        return next((each.name for each in self.principals.values() if each.login == login.name), None)

    def identities(self, user: str) -> set[str]:
        """The user and its roles, in lower case."""
        known = self.principals[user.casefold()]
        return {user.casefold(), "public", *(role.casefold() for role in known.roles)}

    def all_mighty(self, user: str) -> bool:
        """Whether nothing is forbidden to it."""
        return bool(self.identities(user) & {"dbo", "db_owner"})

    def may(self, user: str, permission: str, securable: "Database | Schema | Object") -> bool:
        """Whether a user has a permission, by ownership, by a role, or from what the securable stands in."""
        who = self.identities(user)
        ids = {self.principals[name].id for name in who if name in self.principals}
        if self.all_mighty(user):
            return True
        enough = {permission, "CONTROL", *(["ALTER"] if "SENSITIVITY" in permission else [])}
        return any(
            (owner is not None and owner in ids)
            or any((name, each, where) in self.permissions for name in who for each in enough)
            for owner, where in _scopes(securable)
        )

    def sees(self, user: str, securable: "Database | Schema | Object") -> bool:
        """Whether a user has any permission on it, or to see what stands around it."""
        if isinstance(securable, Database) or self.all_mighty(user):
            return True
        who = self.identities(user)
        own = _scopes(securable)[0][1]
        return (
            self.may(user, "VIEW DEFINITION", securable)
            or self.may(user, "ALTER", securable)
            or any(name in who and where == own for name, _, where in self.permissions)
        )

    def hands_to(self, user: str, principal: Principal) -> bool:
        """Whether a user may make a principal the owner of something."""
        if self.all_mighty(user) or principal.name.casefold() in self.identities(user):
            return True
        right = (user.casefold(), "IMPERSONATE", f"USER {principal.name.casefold()}")
        return principal.type == "S" and right in self.permissions

    def drop_permissions(self, target: "Schema | Object") -> None:
        """What a change of owner does: https://learn.microsoft.com/en-us/sql/t-sql/statements/alter-authorization-transact-sql"""
        gone = {_scopes(target)[0][1]}
        if isinstance(target, Schema):
            gone |= {_scopes(each)[0][1] for each in target.objects.values() if each.owner is None}
        self.permissions = {each for each in self.permissions if each[2] not in gone}


def _scopes(securable: Database | Schema | Object) -> list[tuple[int | None, str]]:
    """The securable and what it stands in: the owner of each, and how permissions name it."""
    if isinstance(securable, Database):
        return [(None, "DATABASE")]
    if isinstance(securable, Schema):
        return [(securable.owner, f"SCHEMA {securable.name.casefold()}"), (None, "DATABASE")]
    named = f"{securable.schema.name}.{securable.name}".casefold()
    owner = securable.schema.owner if securable.owner is None else securable.owner
    above = _scopes(securable.schema)
    return [(owner, f"OBJECT {named}"), *above]


class Estate:
    """A server: its logins, its databases, and what it is. `engine` is SERVERPROPERTY('EngineEdition')."""

    def __init__(self, edition: str, engine: int) -> None:
        self.edition, self.engine = edition, engine
        self.name = "SHOPSQL"
        self.version = "16.0.4135.4"
        #: Whether it knows sensitivity classifications: SQL Server 2019 does.
        self.classifies = True
        #: Objects on which somebody else holds a lock: names of the database, the schema and the object.
        self.locked: set[tuple[str, str, str]] = set()
        #: Numbers of errors that the next statements on an object meet.
        self.accidents: list[int] = []
        #: Who holds which lock of a database by name.
        self.applocks: dict[tuple[str, str], object] = {}
        self.logins: dict[str, Login] = {"sa": Login("sa", "", sysadmin=True)}
        self.databases: dict[str, Database] = {}
        self.database("master")

    def login(self, name: str, password: str = "", *, sysadmin: bool = False) -> Login:
        """Create a login."""
        made = self.logins[name.casefold()] = Login(name, password, sysadmin)
        return made

    def database(self, name: str) -> Database:
        """Create a database, which sa owns."""
        made = self.databases[name.casefold()] = Database(name, len(self.databases) + 1, "sa", self)
        return made

    def impersonates(self, login: str, other: str) -> bool:
        """Whether a login may act as another."""
        known = self.logins[login.casefold()]
        return known.sysadmin or login == other or other in known.impersonates
