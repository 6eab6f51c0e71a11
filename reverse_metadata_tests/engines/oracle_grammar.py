"""The statements of Oracle Database that a writer of metadata has any business with, read as the manual has them.

The pages of https://docs.oracle.com/en/database/oracle/oracle-database/23/, by what they are about:

| | |
|---|---|
| comments | sqlrf/COMMENT.html |
| annotations | sqlrf/annotations_clause.html, and where it may stand: sqlrf/ALTER-TABLE.html and its neighbours |
| names | sqlrf/Database-Object-Names-and-Qualifiers.html |
| texts | sqlrf/Literals.html |
| blocks | lnpls/block.html, lnpls/EXECUTE-IMMEDIATE-statement.html |

Everything else is a syntax error, with the code that the server has for it. Nothing here knows what a connector of ours
sends. That a server takes what is taken here is not proven by it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

#: Words that are no names without quotes: .../sqlrf/Oracle-SQL-Reserved-Words.html
_RESERVED = frozenset(
    """
    ACCESS ADD ALL ALTER AND ANY AS ASC AUDIT BETWEEN BY CHAR CHECK CLUSTER COLUMN COLUMN_VALUE COMMENT COMPRESS CONNECT
    CREATE CURRENT DATE DECIMAL DEFAULT DELETE DESC DISTINCT DROP ELSE EXCLUSIVE EXISTS FILE FLOAT FOR FROM GRANT GROUP
    HAVING IDENTIFIED IMMEDIATE IN INCREMENT INDEX INITIAL INSERT INTEGER INTERSECT INTO IS LEVEL LIKE LOCK LONG
    MAXEXTENTS MINUS MLSLABEL MODE MODIFY NESTED_TABLE_ID NOAUDIT NOCOMPRESS NOT NOWAIT NULL NUMBER OF OFFLINE ON ONLINE
    OPTION OR ORDER PCTFREE PRIOR PUBLIC RAW RENAME RESOURCE REVOKE ROW ROWID ROWNUM ROWS SELECT SESSION SET SHARE SIZE
    SMALLINT START SUCCESSFUL SYNONYM SYSDATE TABLE THEN TO TRIGGER UID UNION UNIQUE UPDATE USER VALIDATE VALUES VARCHAR
    VARCHAR2 VIEW WHENEVER WHERE WITH
    """.split()
)
_CLOSING = {"[": "]", "(": ")", "{": "}", "<": ">"}
_LONGEST_TEXT, _LONGEST_BLOCK_TEXT = 4000, 32767
_LONGEST_NAME, _LONGEST_ANNOTATION = 128, 1024


class SyntaxMistake(Exception):
    """The server refuses the statement before it looks at any object; `code` is the number behind ORA-."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Token:
    """A token and what it means: `word` is in upper case, a name as the dictionary has it."""

    kind: Literal["word", "name", "text", "number", "bind", "sign"]
    value: str


@dataclass(frozen=True, slots=True)
class Comment:
    """`on` is TABLE, COLUMN or MATERIALIZED VIEW; `name` has the schema first."""

    on: str
    name: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """What becomes of one annotation: `verb` is one of `_VERBS`."""

    verb: str
    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Annotate:
    """`kind` is TABLE, VIEW or MATERIALIZED VIEW; the annotations of the object under "", those of columns by name."""

    kind: str
    name: tuple[str, ...]
    annotations: tuple[tuple[str, tuple[Annotation, ...]], ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """`ALTER SESSION SET`."""

    name: str
    value: str


Statement = Comment | Annotate | Setting


@dataclass(frozen=True, slots=True)
class Assign:
    """A bind variable takes a number, or what SQLCODE or SQLERRM is."""

    bind: str
    value: str


@dataclass(frozen=True, slots=True)
class Run:
    """EXECUTE IMMEDIATE."""

    sql: str


@dataclass(frozen=True, slots=True)
class Block:
    """An anonymous block; `handler` is what it does WHEN OTHERS, None without one."""

    steps: tuple[Assign | Run, ...]
    handler: tuple[Assign | Run, ...] | None


def parse(sql: str) -> Statement | Block:
    """The statement. Raises SyntaxMistake."""
    found = _Parser(list(_tokens(sql, sql.lstrip()[:5].upper().startswith(("BEGIN", "DECLA")))))
    return found.block() if found.is_next("BEGIN") else found.statement()


def _tokens(sql: str, in_block: bool) -> Iterator[Token]:
    at = 0
    longest = _LONGEST_BLOCK_TEXT if in_block else _LONGEST_TEXT

    def take(pattern: str) -> re.Match[str] | None:
        return re.compile(pattern, re.DOTALL).match(sql, at)

    while at < len(sql):
        if blank := take(r"\s+|--[^\n]*|/\*.*?\*/"):
            at = blank.end()
            continue
        if found := take(r"(?i)n?q'(.)"):
            closing = _CLOSING.get(found[1], found[1]) + "'"
            end = sql.find(closing, found.end())
            if end < 0 or found[1] in " \t\n":
                raise SyntaxMistake(1756, "quoted string not properly terminated")
            token, at = Token("text", sql[found.end() : end]), end + 2
        elif found := take(r"(?i)n?'((?:[^']|'')*)'"):
            token, at = Token("text", found[1].replace("''", "'")), found.end()
        elif take("(?i)n?q?'"):
            raise SyntaxMistake(1756, "quoted string not properly terminated")
        elif found := take(r'"([^"\0]+)"'):
            token, at = Token("name", found[1]), found.end()
        elif take('"'):
            raise SyntaxMistake(1740 if '"' not in sql[at + 1 :] else 1741, "missing double quote, or nothing in them")
        elif found := take(r"[^\W\d_][\w$#]*"):
            token, at = Token("word", found[0].upper()), found.end()
        elif found := take(r":([A-Za-z]\w*|\d+)"):
            token, at = Token("bind", found[1]), found.end()
        elif found := take(r"-?\d+"):
            token, at = Token("number", found[0]), found.end()
        elif found := take(r":=|\|\||[.,()=;]"):
            token, at = Token("sign", found[0]), found.end()
        else:
            raise SyntaxMistake(911, "invalid character")
        if token.kind == "text" and len(token.value.encode()) > longest:
            raise SyntaxMistake(1704 if not in_block else 172, "string literal too long")
        yield token


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def is_next(self, *words: str) -> bool:
        ahead = self._tokens[self._at : self._at + len(words)]
        return [token.value for token in ahead if token.kind in ("word", "sign")] == list(words)

    def took(self, *words: str) -> bool:
        """Whether the words came next, which are then read."""
        if not self.is_next(*words):
            return False
        self._at += len(words)
        return True

    def expect(self, *words: str, code: int = 900, message: str = "invalid SQL statement") -> None:
        if not self.took(*words):
            raise SyntaxMistake(code, message)

    def of(self, kind: str, code: int, message: str) -> str:
        """The value of the next token, which must be of a kind."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or token.kind != kind:
            raise SyntaxMistake(code, message)
        self._at += 1
        return token.value

    def name(self) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at].kind == "name":
            return self.of("name", 1741, "")
        word = self.of("word", 903, "invalid table name")
        if word in _RESERVED:
            raise SyntaxMistake(903, "invalid table name")
        return word

    def annotation(self) -> str:
        """https://docs.oracle.com/en/error-help/db/ora-11548"""
        try:
            name = self.name()
        except SyntaxMistake:
            raise SyntaxMistake(11548, "missing or invalid annotation name") from None
        if not name.strip() or len(name.encode()) > _LONGEST_ANNOTATION:
            raise SyntaxMistake(11548, f"missing or invalid annotation name '{name}'")
        return name

    def names(self, most: int) -> tuple[str, ...]:
        names = [self.name()]
        while self.took("."):
            names.append(self.name())
        if any(len(name.encode()) > _LONGEST_NAME for name in names):
            raise SyntaxMistake(972, "identifier is too long")
        if len(names) > most:
            raise SyntaxMistake(933, "SQL command not properly ended")
        return tuple(names)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise SyntaxMistake(933, "SQL command not properly ended")

    def statement(self) -> Statement:
        if self.took("COMMENT", "ON"):
            found: Statement = self._comment()
        elif self.took("ALTER", "SESSION", "SET"):
            found = self._setting()
        elif self.took("ALTER"):
            found = self._annotate()
        else:
            raise SyntaxMistake(900, "invalid SQL statement")
        self.end()
        return found

    def _comment(self) -> Comment:
        if self.took("MATERIALIZED", "VIEW"):
            on, name = "MATERIALIZED VIEW", self.names(2)
        elif self.took("TABLE"):
            on, name = "TABLE", self.names(2)
        elif self.took("COLUMN"):
            on, name = "COLUMN", self.names(3)
            if len(name) < 2:
                raise SyntaxMistake(1748, "only simple column names allowed here")
        else:
            raise SyntaxMistake(969, "missing ON keyword")
        self.expect("IS", code=973, message="missing IS keyword")
        return Comment(on, name, self.of("text", 1780, "string literal required"))

    def _setting(self) -> Setting:
        name = self.of("word", 922, "missing or invalid option")
        self.expect("=", code=927, message="missing equal sign")
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or token.kind not in ("number", "text", "word", "name"):
            raise SyntaxMistake(2017, "integer value required")
        self._at += 1
        return Setting(name, token.value)

    def _annotate(self) -> Annotate:
        kind = next((each for each in ("TABLE", "VIEW", "MATERIALIZED VIEW") if self.took(*each.split())), None)
        if kind is None:
            raise SyntaxMistake(940, "invalid ALTER command")
        name = self.names(2)
        found: list[tuple[str, tuple[Annotation, ...]]] = []
        if self.is_next("ANNOTATIONS"):
            found.append(("", self._annotations()))
        elif kind == "TABLE" and self.took("MODIFY"):
            self.expect("(", code=906, message="missing left parenthesis")
            while not found or self.took(","):
                found.append((self.name(), self._annotations()))
            self.expect(")", code=907, message="missing right parenthesis")
        else:
            raise SyntaxMistake(1735, "invalid ALTER TABLE option")
        return Annotate(kind, name, tuple(found))

    def _annotations(self) -> tuple[Annotation, ...]:
        self.expect("ANNOTATIONS", code=2264, message="missing ANNOTATIONS clause")
        self.expect("(", code=906, message="missing left parenthesis")
        found: list[Annotation] = []
        while not found or self.took(","):
            verb = next((each for each in _VERBS if self.took(*each.split())), "ADD")
            name = self.annotation()
            value = None
            if not verb.startswith("DROP") and self._at < len(self._tokens) and self._tokens[self._at].kind == "text":
                value = self.of("text", 1780, "string literal required")
            found.append(Annotation(verb, name, value))
        self.expect(")", code=907, message="missing right parenthesis")
        return tuple(found)

    def block(self) -> Block:
        self.expect("BEGIN", code=6550, message="PLS-00103: BEGIN is expected")
        steps = self._steps()
        handler = self._steps() if self.took("EXCEPTION", "WHEN", "OTHERS", "THEN") else None
        self.expect("END", ";", code=6550, message="PLS-00103: END; is expected")
        if self._at < len(self._tokens):
            raise SyntaxMistake(6550, "PLS-00103: a symbol stands behind the end")
        return Block(steps, handler)

    def _steps(self) -> tuple[Assign | Run, ...]:
        steps: list[Assign | Run] = []
        while not (self.is_next("END") or self.is_next("EXCEPTION")):
            if self.took("EXECUTE", "IMMEDIATE"):
                steps.append(Run(self._text()))
            else:
                bind = self.of("bind", 6550, "PLS-00103: Encountered the symbol where a statement is expected")
                self.expect(":=", code=6550, message="PLS-00103: := is expected")
                steps.append(Assign(bind, self._value()))
            self.expect(";", code=6550, message="PLS-00103: ; is expected")
        if not steps:
            raise SyntaxMistake(6550, "PLS-00103: a block has one statement at least")
        return tuple(steps)

    def _value(self) -> str:
        for word in ("SQLCODE", "SQLERRM"):
            if self.took(word):
                return word
        return self.of("number", 6550, "PLS-00103: an expression is expected")

    def _text(self) -> str:
        text = self._part()
        while self.took("||"):
            text += self._part()
        if len(text.encode()) > _LONGEST_BLOCK_TEXT:
            raise SyntaxMistake(6502, "PL/SQL: value or conversion error")
        return text

    def _part(self) -> str:
        if self.took("CHR", "("):
            number = int(self.of("number", 6550, "PLS-00103: a number is expected"))
            self.expect(")", code=6550, message="PLS-00103: ) is expected")
            return chr(number)
        return self.of("text", 6550, "PLS-00103: a string is expected")


#: Longer ones first.
_VERBS = ("ADD IF NOT EXISTS", "ADD OR REPLACE", "ADD", "REPLACE", "DROP IF EXISTS", "DROP")
