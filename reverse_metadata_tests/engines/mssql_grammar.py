"""The T-SQL that a writer of metadata has any business with, read as Microsoft's reference has it.

The pages of https://learn.microsoft.com/en-us/sql/, by what they are about:

| | |
|---|---|
| extended properties | relational-databases/system-stored-procedures/sp-addextendedproperty-transact-sql |
| owners | t-sql/statements/alter-authorization-transact-sql |
| classifications | t-sql/statements/add-sensitivity-classification-transact-sql |
| texts | t-sql/data-types/constants-transact-sql |
| a backslash at the end of a line | t-sql/language-elements/sql-server-utilities-statements-backslash |
| names | relational-databases/databases/database-identifiers |
| TRY and CATCH | t-sql/language-elements/try-catch-transact-sql |

Everything else is a syntax error with the server's number. It is stricter than the server in one thing: a word or a
name in double quotes passes there for a text where a procedure wants one, and is refused here. Nothing here knows what
a connector of ours sends, and that a server takes what is taken here is not proven by it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

#: Words that are no names without brackets: .../t-sql/language-elements/reserved-keywords-transact-sql (those that a
#: statement here could meet).
_RESERVED = frozenset(
    """
    ADD ALL ALTER AND ANY AS ASC AUTHORIZATION BEGIN BETWEEN BY CASE CHECK COLUMN COMMIT CREATE CURRENT DATABASE DECLARE
    DEFAULT DELETE DENY DESC DISTINCT DROP ELSE END EXEC EXECUTE EXISTS FOR FROM FUNCTION GRANT GROUP HAVING IF IN INDEX
    INSERT INTO IS JOIN KEY LIKE NOT NULL OF ON OPTION OR ORDER PRIMARY PRINT PROC PROCEDURE PUBLIC RAISERROR RETURN
    REVOKE ROLLBACK SAVE SCHEMA SELECT SET TABLE THEN TO TOP TRAN TRANSACTION TRIGGER UNION UNIQUE UPDATE USE USER
    VALUES VIEW WAITFOR WHEN WHERE WHILE WITH
    """.split()
)
_LONGEST_NAME = 128
_OPTIONS = ("LABEL", "LABEL_ID", "INFORMATION_TYPE", "INFORMATION_TYPE_ID", "RANK")
_RANKS = ("NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL")


class SyntaxMistake(Exception):
    """The server refuses the batch before it runs any of it; `number` is that of the message."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True, slots=True)
class Token:
    """A token and what it means: a `word` in upper case and as it is written, a `variable` in lower case with its @.

    A `text` has no N before it, so the server has turned what its code page lacks into `?`.
    """

    kind: Literal["word", "name", "text", "national", "number", "variable", "sign"]
    value: str
    written: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable where a value is wanted."""

    name: str


#: A text, a number as text, NULL, or a variable.
Value = str | None | Variable


@dataclass(frozen=True, slots=True)
class Set:
    """`SET LOCK_TIMEOUT 2000`, and other settings of the session."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """`verb` is BEGIN, COMMIT or ROLLBACK; `guarded` by IF @@TRANCOUNT > 0."""

    verb: str
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Declare:
    """A variable of the type `nvarchar` with at most `length` characters, or `int`."""

    name: str
    type: str
    length: int
    value: Value


@dataclass(frozen=True, slots=True)
class Call:
    """EXEC of a procedure, whose name has the schema first; `returned` is the variable for its return code."""

    procedure: tuple[str, ...]
    parameters: dict[str, Value]
    returned: str = ""


@dataclass(frozen=True, slots=True)
class Authorize:
    """ALTER AUTHORIZATION; `to` is None for SCHEMA OWNER."""

    on: str
    name: tuple[str, ...]
    to: str | None


@dataclass(frozen=True, slots=True)
class Classify:
    """ADD SENSITIVITY CLASSIFICATION, or DROP where there are no options."""

    columns: tuple[tuple[str, ...], ...]
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Show:
    """SELECT of variables and functions that need no table."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """IF [NOT] EXISTS (query), with what is done then, and else."""

    query: str
    negated: bool
    then: tuple["Statement", ...]
    otherwise: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Try:
    """TRY and CATCH."""

    body: tuple["Statement", ...]
    handler: tuple["Statement", ...]


Statement = Set | Transaction | Declare | Call | Authorize | Classify | Show | Either | Try


def parse(sql: str) -> tuple[Statement, ...]:
    """The statements of a batch. Raises SyntaxMistake."""
    parser = _Parser(list(_tokens(sql)))
    statements = parser.statements()
    if parser.more():
        raise parser.mistake()
    return statements


def _tokens(sql: str) -> Iterator[Token]:
    at = 0

    def take(pattern: str) -> re.Match[str] | None:
        return re.compile(pattern, re.DOTALL).match(sql, at)

    while at < len(sql):
        if found := take(r"\s+|--[^\n]*"):
            at = found.end()
            continue
        if take(r"/\*"):
            at = _end_of_comment(sql, at)
            continue
        if found := take(r"(?i)(n?)'((?:[^']|'')*)'"):
            # https://learn.microsoft.com/en-us/sql/t-sql/language-elements/sql-server-utilities-statements-backslash
            text = re.sub(r"\\\r?\n", "", found[2].replace("''", "'"))
            yield (
                Token("national", text)
                if found[1]
                else Token("text", text.encode("cp1252", "replace").decode("cp1252"))
            )
        elif take("(?i)n?'"):
            raise SyntaxMistake(105, "Unclosed quotation mark after the character string.")
        elif found := take(r"\[((?:[^\]]|\]\])*)\]"):
            yield Token("name", _named(found[1].replace("]]", "]")))
        elif found := take(r'"((?:[^"]|"")*)"'):
            yield Token("name", _named(found[1].replace('""', '"')), '"')
        elif take(r'[\["]'):
            raise SyntaxMistake(105, "Unclosed quotation mark after the character string.")
        elif found := take(r"@@?[\w#$@]+"):
            yield Token("variable", found[0].lower())
        elif found := take(r"[^\W\d][\w$#@]*"):
            yield Token("word", found[0].upper(), found[0])
        elif found := take(r"-?\d+"):
            yield Token("number", found[0])
        elif found := take(r"::|[.,()=;+>]"):
            yield Token("sign", found[0])
        else:
            raise SyntaxMistake(102, f"Incorrect syntax near '{sql[at]}'.")
        at = found.end()


def _named(name: str) -> str:
    if not name:
        raise SyntaxMistake(1038, "An object or column name is missing or empty.")
    if len(name.encode("utf-16-le")) > 2 * _LONGEST_NAME:
        raise SyntaxMistake(103, f"The identifier that starts with '{name[:30]}' is too long. Maximum length is 128.")
    return name


def _end_of_comment(sql: str, at: int) -> int:
    depth = 0
    for found in re.compile(r"/\*|\*/").finditer(sql, at):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return found.end()
    raise SyntaxMistake(113, "Missing end comment mark '*/'.")


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def more(self) -> bool:
        return self._at < len(self._tokens)

    def mistake(self) -> SyntaxMistake:
        """The server's complaint about the next token."""
        if not self.more():
            return SyntaxMistake(102, "Incorrect syntax near the end of the batch.")
        token = self._tokens[self._at]
        if token.kind == "word" and token.value in _RESERVED:
            return SyntaxMistake(156, f"Incorrect syntax near the keyword '{token.value}'.")
        return SyntaxMistake(102, f"Incorrect syntax near '{token.value[:40]}'.")

    def is_next(self, *values: str) -> bool:
        ahead = self._tokens[self._at : self._at + len(values)]
        return [each.value for each in ahead if each.kind in ("word", "sign", "variable", "number")] == list(values)

    def took(self, *values: str) -> bool:
        """Whether these came next, which are then read."""
        if not self.is_next(*values):
            return False
        self._at += len(values)
        return True

    def expect(self, *values: str) -> None:
        if not self.took(*values):
            raise self.mistake()

    def of(self, *kinds: str) -> Token:
        """The next token, which must be of one of the kinds."""
        if not self.more() or self._tokens[self._at].kind not in kinds:
            raise self.mistake()
        self._at += 1
        return self._tokens[self._at - 1]

    def name(self) -> str:
        token = self.of("name", "word")
        if token.kind == "word" and token.value in _RESERVED:
            self._at -= 1
            raise self.mistake()
        return token.value if token.kind == "name" else _named(token.written)

    def names(self, most: int) -> tuple[str, ...]:
        found = [self.name()]
        while self.took("."):
            found.append(self.name())
        if len(found) > most:
            raise SyntaxMistake(117, f"The object name contains more than the maximum number of prefixes, {most - 1}.")
        return tuple(found)

    def statements(self) -> tuple[Statement, ...]:
        found: list[Statement] = []
        while self.more() and not self.is_next("END") and not self.is_next("ELSE"):
            if not self.took(";"):
                found.append(self.statement())
        return tuple(found)

    def statement(self) -> Statement:
        for words, read in (
            (("BEGIN", "TRY"), self._try),
            (("ALTER", "AUTHORIZATION", "ON"), self._authorize),
            (("ADD", "SENSITIVITY", "CLASSIFICATION", "TO"), lambda: Classify(self._columns(), self._options())),
            (("DROP", "SENSITIVITY", "CLASSIFICATION", "FROM"), lambda: Classify(self._columns())),
            (("IF", "@@trancount", ">", "0"), self._guarded),
            (("IF",), self._either),
            (("SELECT",), self._show),
            (("DECLARE",), self._declare),
            (("EXEC",), self._call),
            (("EXECUTE",), self._call),
            (("SET",), self._set),
        ):
            if self.took(*words):
                return read()
        return self._transaction()

    def _transaction(self, guarded: bool = False) -> Transaction:
        for verb in ("BEGIN", "COMMIT", "ROLLBACK"):
            if self.took(verb, "TRANSACTION") or self.took(verb, "TRAN") or (verb != "BEGIN" and self.took(verb)):
                return Transaction(verb, guarded)
        raise self.mistake()

    def _guarded(self) -> Transaction:
        return self._transaction(guarded=True)

    def _set(self) -> Set:
        name = self.of("word").value
        if name == "LOCK_TIMEOUT":
            return Set(name, self.of("number").value)
        if name not in ("NOCOUNT", "XACT_ABORT") or not (self.is_next("ON") or self.is_next("OFF")):
            raise (
                self.mistake()
                if name in ("NOCOUNT", "XACT_ABORT")
                else SyntaxMistake(195, f"'{name}' is not a recognized SET option.")
            )
        return Set(name, self.of("word").value)

    def _try(self) -> Try:
        body = self.statements()
        self.expect("END", "TRY")
        self.expect("BEGIN", "CATCH")
        handler = self.statements()
        self.expect("END", "CATCH")
        return Try(body, handler)

    def _either(self) -> Either:
        negated = self.took("NOT")
        self.expect("EXISTS", "(")
        query, depth = "", 1
        while depth:
            token = self.of("word", "name", "text", "national", "number", "sign")
            depth += {"(": 1, ")": -1}.get(token.value, 0) if token.kind == "sign" else 0
            query += _written(token) if depth else ""
        then = self._block()
        return Either(query, negated, then, self._block() if self.took("ELSE") else ())

    def _block(self) -> tuple[Statement, ...]:
        if not self.took("BEGIN"):
            return (self.statement(),)
        found = self.statements()
        self.expect("END")
        return found

    def _declare(self) -> Declare:
        name = self.of("variable").value
        kind = self.of("word").value
        length = 0
        if kind == "NVARCHAR":
            self.expect("(")
            length = int(self.of("number").value)
            self.expect(")")
            if not 0 < length <= 4000:
                raise SyntaxMistake(131, "The size given to the parameter exceeds the maximum allowed (4000).")
        elif kind != "INT":
            raise SyntaxMistake(2715, f"Cannot find data type {kind}.")
        return Declare(name, kind.lower(), length, self._sum() if self.took("=") else None)

    def _sum(self) -> Value:
        first = self._value()
        while self.took("+"):
            second = self._value()
            if not isinstance(first, str) or not isinstance(second, str):
                raise self.mistake()
            first += second
        return first

    def _value(self) -> Value:
        if self.took("NULL"):
            return None
        token = self.of("text", "national", "number", "variable")
        return Variable(token.value) if token.kind == "variable" else token.value

    def _call(self) -> Call:
        returned = ""
        if self.more() and self._tokens[self._at].kind == "variable":
            returned = self.of("variable").value
            self.expect("=")
        procedure = self.names(3)
        parameters: dict[str, Value] = {}
        while (self.more() and self._tokens[self._at].kind == "variable") or (parameters and self.took(",")):
            name = self.of("variable").value
            self.expect("=")
            if name in parameters:
                raise SyntaxMistake(8143, f"Parameter '{name}' was supplied multiple times.")
            parameters[name] = self._value()
            if self.more() and not self.is_next(","):
                break
        return Call(procedure, parameters, returned)

    def _authorize(self) -> Authorize:
        on = next((each for each in ("OBJECT", "SCHEMA", "DATABASE") if self.took(each, "::")), "")
        name = self.names(2 if on in ("", "OBJECT") else 1)
        self.expect("TO")
        return Authorize(on or "OBJECT", name, None if self.took("SCHEMA", "OWNER") else self.name())

    def _columns(self) -> tuple[tuple[str, ...], ...]:
        columns: list[tuple[str, ...]] = []
        while not columns or self.took(","):
            columns.append(self.names(3))
            if len(columns[-1]) < 2:
                raise self.mistake()
        return tuple(columns)

    def _options(self) -> dict[str, str]:
        self.expect("WITH", "(")
        options: dict[str, str] = {}
        while not options or self.took(","):
            option = self.of("word").value
            self.expect("=")
            value = self.of("word") if option == "RANK" else self.of("text", "national")
            if option not in _OPTIONS or option in options or (option == "RANK" and value.value not in _RANKS):
                self._at -= 1
                raise self.mistake()
            options[option] = value.value
        self.expect(")")
        return options

    def _show(self) -> Show:
        items: list[str] = []
        while not items or self.took(","):
            if self.more() and self._tokens[self._at].kind == "variable":
                items.append(self.of("variable").value)
            else:
                items.append(self.of("word").value)
                self.expect("(", ")")
        return Show(tuple(items))


def _written(token: Token) -> str:
    """A token of a query as SQLite reads it."""
    match token.kind:
        case "text" | "national":
            return "'" + token.value.replace("'", "''") + "' "
        case "name":
            return '"' + token.value.replace('"', '""') + '" '
        case "word":
            return token.written + " "
    return token.value + " "
