"""How the stand-in for SQL Server runs a batch: https://learn.microsoft.com/en-us/sql/t-sql/language-reference."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from reverse_metadata_tests.engines.mssql_estate import Column, Database, Estate, Object, Properties, Refused, Schema
from reverse_metadata_tests.engines.mssql_grammar import (
    Authorize,
    Call,
    Classify,
    Declare,
    Either,
    Set,
    Show,
    Statement,
    SyntaxMistake,
    Transaction,
    Try,
    Value,
    Variable,
    parse,
)
from reverse_metadata_tests.engines.mssql_views import rows

_PROPERTY = ("@name", "@value", *(f"@level{level}{what}" for level in range(3) for what in ("type", "name")))
_PARAMETERS = {
    "sp_addextendedproperty": _PROPERTY,
    "sp_updateextendedproperty": _PROPERTY,
    "sp_dropextendedproperty": tuple(each for each in _PROPERTY if each != "@value"),
    "sp_getapplock": ("@resource", "@lockmode", "@lockowner", "@locktimeout", "@dbprincipal"),
}
_MOST_BYTES = 7500


class Session:
    """What a login does in a database, batch by batch."""

    def __init__(self, estate: Estate, login: str, database: Database, user: str) -> None:
        self.estate, self.login, self.database, self.user = estate, login, database, user
        #: What @@ERROR says.
        self.last_error = 0
        self._doomed = self._aborts = False
        self._undo: list[Callable[[], None]] | None = None
        self._caught: Refused | None = None
        self._variables: dict[str, Any] = {}
        self._results: list[list[tuple[Any, ...]] | None] = []

    def batch(self, sql: str, parameters: Sequence[Any]) -> list[list[tuple[Any, ...]] | None]:
        """The results of a batch, None for one without columns. Raises Refused."""
        self._results, self._variables = [], {}
        if sql == "SELECT @@ERROR":
            return [[(self.last_error,)]]
        if sql.startswith("SELECT ") and not any(word in sql for word in ("@", "ERROR_")):
            return [self._query(sql, parameters)]
        if parameters:
            raise Refused(8178, "The parameterized query expects no parameter.")
        try:
            statements = parse(sql)
        except SyntaxMistake as mistake:
            raise Refused(mistake.number, str(mistake)) from None
        self._all(statements)
        return [None, *self._results]

    def _all(self, statements: Sequence[Statement]) -> None:
        for each in statements:
            try:
                self._one(each)
            except Refused:
                # https://learn.microsoft.com/en-us/sql/t-sql/statements/set-xact-abort-transact-sql
                self._doomed = self._doomed or (self._aborts and self._undo is not None)
                raise

    def _one(self, statement: Statement) -> None:
        match statement:
            case Set(name, value):
                self._aborts = value == "ON" if name == "XACT_ABORT" else self._aborts
            case Transaction(verb, guarded):
                if not guarded or self._undo is not None:
                    self._transaction(verb)
            case Declare(name, kind, length, value):
                known = self._value(value)
                self._variables[name] = known[:length] if kind == "nvarchar" and known is not None else known
            case Call():
                self._call(statement)
            case Authorize():
                self._writable()
                self._authorize(statement)
            case Classify():
                self._writable()
                self._classify(statement)
            case Show(items):
                self._results.append([tuple(self._shown(item) for item in items)])
            case Either(query, negated, then, otherwise):
                found = bool(self._query(f"SELECT 1 WHERE EXISTS ({query})", ()))
                self._all(then if found is not negated else otherwise)
            case Try(body, handler):
                self._try(body, handler)

    def _try(self, body: Sequence[Statement], handler: Sequence[Statement]) -> None:
        try:
            self._all(body)
        except Refused as error:
            if error.number == 1205:
                self._doomed = True
            self._caught = error
            self._all(handler)
            self._caught = None

    def _transaction(self, verb: str) -> None:
        if verb == "BEGIN":
            assert self._undo is None, "transactions are not nested here"
            self._undo = []
        elif self._undo is None:
            raise Refused(
                3902 if verb == "COMMIT" else 3903, f"The {verb} TRANSACTION request has no BEGIN TRANSACTION."
            )
        elif verb == "COMMIT" and self._doomed:
            self.roll_back()
            raise Refused(3930, "The current transaction cannot be committed and was rolled back.")
        elif verb == "COMMIT":
            self._undo.clear()
            self.roll_back()
        else:
            self.roll_back()

    def roll_back(self) -> None:
        """Take back what the transaction did, and give back its locks."""
        for undo in reversed(self._undo or []):
            undo()
        self._undo, self._doomed = None, False
        for key in [key for key, holder in self.estate.applocks.items() if holder is self]:
            del self.estate.applocks[key]

    def _changed(self, undo: Callable[[], None]) -> None:
        if self._undo is not None:
            self._undo.append(undo)

    def _writable(self) -> None:
        if self._doomed:
            raise Refused(3930, "The current transaction cannot be committed and cannot support operations that write.")

    def _value(self, value: Value) -> Any:
        if not isinstance(value, Variable):
            return value
        if value.name not in self._variables:
            raise Refused(137, f'Must declare the scalar variable "{value.name}".')
        return self._variables[value.name]

    def _shown(self, item: str) -> Any:
        if item.startswith("@@"):
            return {"@@error": self.last_error, "@@trancount": int(self._undo is not None)}[item]
        if item.startswith("@"):
            return self._value(Variable(item))
        caught = self._caught
        if item in ("ERROR_NUMBER", "ERROR_MESSAGE"):
            return caught and (caught.number if item == "ERROR_NUMBER" else str(caught))
        raise Refused(195, f"'{item}' is not a recognized built-in function name.")

    def _call(self, call: Call) -> None:
        *prefixes, name = call.procedure
        known = _PARAMETERS.get(name.lower())
        # A system procedure is found in every schema, and in every database by its name.
        if len(prefixes) == 2 and prefixes[0].casefold() != self.database.name.casefold():
            raise Refused(911, f"Database '{prefixes[0]}' does not exist.")
        if known is None or (prefixes and not self.database.has_schema(prefixes[-1])):
            raise Refused(2812, f"Could not find stored procedure '{'.'.join(call.procedure)}'.")
        for parameter in call.parameters:
            if parameter not in known:
                raise Refused(8145, f"{parameter} is not a parameter for procedure {name}.")
        given = {parameter: self._value(value) for parameter, value in call.parameters.items()}
        if given.get(known[0]) is None:
            raise Refused(
                201, f"Procedure or function '{name}' expects parameter '{known[0]}', which was not supplied."
            )
        if name.lower() == "sp_getapplock":
            returned = self._applock(given)
        else:
            self._writable()
            self._property(name.lower(), given)
            returned = 0
        if call.returned:
            self._value(Variable(call.returned))
            self._variables[call.returned] = returned

    def _applock(self, given: dict[str, Any]) -> int:
        """https://learn.microsoft.com/en-us/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql"""
        if given.get("@lockmode") != "Exclusive" or given.get("@lockowner") != "Transaction" or self._undo is None:
            return -999
        key = (self.database.name, given["@resource"][:255])
        if self.estate.applocks.setdefault(key, self) is not self:
            return -1
        return 0

    def _property(self, verb: str, given: dict[str, Any]) -> None:
        properties, shown = self._holder(given)
        name, value = given["@name"], given.get("@value")
        held = properties.get(name)
        if held is None and verb != "sp_addextendedproperty":
            raise Refused(
                15217, f"Property cannot be updated or deleted. Property '{name}' does not exist for '{shown}'."
            )
        if held is not None and verb == "sp_addextendedproperty":
            raise Refused(15233, f"Property cannot be added. Property '{name}' already exists for '{shown}'.")
        if isinstance(value, str) and len(value) > 4000:
            raise Refused(206, "Operand type clash: nvarchar(max) is incompatible with sql_variant")
        if isinstance(value, str) and len(value.encode("utf-16-le", "surrogatepass")) > _MOST_BYTES:
            raise Refused(15097, "The size associated with an extended property cannot be more than 7,500 bytes.")
        before = dict(properties)

        def undo() -> None:
            properties.clear()
            properties.update(before)

        self._changed(undo)
        if verb == "sp_dropextendedproperty":
            del properties[name]
        else:
            properties[name] = value

    def _holder(self, given: dict[str, Any]) -> tuple[Properties, str]:
        """The extended properties of what the levels name, which the user may alter. Raises Refused."""
        types = [given.get(f"@level{level}type") for level in range(3)]
        names = [given.get(f"@level{level}name") for level in range(3)]
        kinds = [kind.upper() if kind else None for kind in types]
        depth = sum(kind is not None for kind in kinds)
        if (
            any((kind is None) != (name is None) for kind, name in zip(kinds, names, strict=True))
            or None in kinds[:depth]
        ):
            raise Refused(15600, "An invalid parameter or option was specified for procedure.")
        if (
            kinds[0] not in (None, "SCHEMA")
            or kinds[1] not in (None, "TABLE", "VIEW")
            or kinds[2] not in (None, "COLUMN")
        ):
            raise Refused(15600, "An invalid parameter or option was specified for procedure.")
        shown = ".".join(name for name in names if name) or "object specified"
        missing = Refused(
            15135,
            f"Object is invalid. Extended properties are not permitted on '{shown}', or the object does not exist.",
        )
        schema = self.database.schemas.get((names[0] or "").casefold())
        table = schema.objects.get((names[1] or "").casefold()) if schema else None
        column = table.columns.get((names[2] or "").casefold()) if table else None
        found: Database | Schema | Object | Column | None = (self.database, schema, table, column)[depth]
        securable = (self.database, schema, table, table)[depth]
        if found is None or securable is None or not self.database.sees(self.user, securable):
            raise missing
        if table and ((kinds[1] == "VIEW") != (table.type == "V") or table.memory_optimized):
            raise missing
        if not self.database.may(self.user, "ALTER", securable):
            raise Refused(15247, "User does not have permission to perform this action.")
        self._meet(schema, table)
        return found.properties, shown

    def _meet(self, schema: Schema | None, table: Object | None) -> None:
        """What stands in the way of a statement. Raises Refused."""
        if self.estate.accidents:
            number = self.estate.accidents.pop(0)
            raise Refused(number, "Transaction was deadlocked on lock resources with another process.")
        if schema and table and (self.database.name, schema.name, table.name) in self.estate.locked:
            raise Refused(1222, "Lock request time out period exceeded.")

    def _authorize(self, statement: Authorize) -> None:
        estate, database, to = self.estate, self.database, statement.to
        cannot = Refused(
            15151,
            f"Cannot find the {statement.on.lower()} '{statement.name[-1]}', because it does not exist or you do"
            " not have permission.",
        )
        who = Refused(
            15151, f"Cannot find the principal '{to}', because it does not exist or you do not have permission."
        )
        if statement.on == "DATABASE":
            login = estate.logins.get((to or "").casefold())
            if statement.name[0].casefold() != database.name.casefold() or not database.may(
                self.user, "TAKE OWNERSHIP", database
            ):
                raise cannot
            if login is None or not estate.impersonates(self.login, login.name):
                raise who
            if any(each.login == login.name for each in database.principals.values()):
                raise Refused(15110, "The proposed new database owner is already a user or aliased in the database.")
            before = database.owner
            self._changed(lambda: setattr(database, "owner", before))
            database.owner = login.name
            return
        schema = database.schemas.get(statement.name[0].casefold())
        table = schema.objects.get(statement.name[-1].casefold()) if schema and statement.on == "OBJECT" else None
        target: Schema | Object | None = table if statement.on == "OBJECT" else schema
        if target is None or not database.may(self.user, "TAKE OWNERSHIP", target):
            raise cannot
        if isinstance(target, Schema) and target.name.lower() in ("dbo", "sys", "information_schema"):
            raise Refused(15150, f"Cannot alter the schema '{target.name}'.")
        if isinstance(target, Object) and target.indexed:
            raise Refused(15151, f"Cannot change the owner of the indexed view '{target.name}'.")
        principal = database.principals.get(to.casefold()) if to is not None else None
        if to is not None and (principal is None or not database.hands_to(self.user, principal)):
            raise who
        if to is None and isinstance(target, Schema):
            raise Refused(102, "Incorrect syntax near 'SCHEMA'.")
        self._meet(schema, table)
        owner, permissions = target.owner, set(database.permissions)

        def undo() -> None:
            target.owner = owner
            database.permissions = permissions

        self._changed(undo)
        target.owner = principal.id if principal else None
        database.drop_permissions(target)

    def _classify(self, statement: Classify) -> None:
        if not self.estate.classifies:
            raise Refused(102, "Incorrect syntax near 'SENSITIVITY'.")
        if not self.database.may(self.user, "ALTER ANY SENSITIVITY CLASSIFICATION", self.database):
            raise Refused(15247, "User does not have permission to perform this action.")
        for schema_name, table_name, column_name in statement.columns:
            schema = self.database.schemas.get(schema_name.casefold())
            table = schema.objects.get(table_name.casefold()) if schema else None
            column = table.columns.get(column_name.casefold()) if table else None
            if column is None:
                raise Refused(4917, f"Object '{schema_name}.{table_name}.{column_name}' does not exist.")
            self._meet(schema, table)
            held = column.classification
            self._changed(lambda column=column, held=held: setattr(column, "classification", held))  # type: ignore[misc]
            column.classification = dict(statement.options)

    def _query(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with sqlite3.connect(":memory:") as views:
            views.execute("ATTACH ':memory:' AS sys")
            rows(views, self.estate, self.database, self.user, self.login)
            own = f'"{self.database.name}" . sys'
            try:
                return views.execute(
                    sql.replace(own, "sys").replace(f"{self.database.name} . sys", "sys"), list(parameters)
                ).fetchall()
            except sqlite3.OperationalError as error:
                number = 208 if "no such table" in str(error) else 195 if "no such function" in str(error) else 207
                raise Refused(number, f"Invalid name: {error}") from None
            finally:
                views.rollback()
