"""Definitions as MySQL and MariaDB show them, read and written without either."""

import pytest

from reverse_metadata.connectors.mysql.definitions import Unrepeatable, columns

#: As MySQL 8.4 shows it: https://dev.mysql.com/doc/refman/8.4/en/show-create-table.html
MYSQL_TABLE = """\
CREATE TABLE `ord``ers` (
  `my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */,
  `id` int NOT NULL COMMENT 'it''s, (old',
  `place` point NOT NULL /*!80003 SRID 4326 */,
  `note` json DEFAULT (json_object(_utf8mb4'a',_utf8mb4'b,)')),
  `kind` enum('a,b',')','it''s') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs DEFAULT ')' COMMENT 'x',
  `twice` int GENERATED ALWAYS AS ((`id` * 2)) STORED,
  `extra` int /*!50606 STORAGE DISK */ /*!50606 COLUMN_FORMAT FIXED */ DEFAULT NULL COMMENT 'y' \
/*!80021 ENGINE_ATTRIBUTE '{"*/": ","}' */,
  `a``b` int DEFAULT NULL,
  PRIMARY KEY (`my_row_id`),
  UNIQUE KEY `COMMENT` (`id`),
  CONSTRAINT `c` CHECK ((`id` > 0)),
  CONSTRAINT `f` FOREIGN KEY (`id`) REFERENCES `other` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='(not, a `column` int'"""


def commented(definition: str, comment: str) -> str:
    (found,) = columns(f"CREATE TABLE `t` (\n  {definition},\n  KEY (`a`)\n) ENGINE=InnoDB").values()
    return found.commented(comment)


def test_every_column_is_found_and_nothing_else() -> None:
    assert {name: definition.text for name, definition in columns(MYSQL_TABLE).items()} == {
        "my_row_id": "`my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */",
        "id": "`id` int NOT NULL COMMENT 'it''s, (old'",
        "place": "`place` point NOT NULL /*!80003 SRID 4326 */",
        "note": "`note` json DEFAULT (json_object(_utf8mb4'a',_utf8mb4'b,)'))",
        "kind": "`kind` enum('a,b',')','it''s') CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs DEFAULT ')'"
        " COMMENT 'x'",
        "twice": "`twice` int GENERATED ALWAYS AS ((`id` * 2)) STORED",
        "extra": "`extra` int /*!50606 STORAGE DISK */ /*!50606 COLUMN_FORMAT FIXED */ DEFAULT NULL COMMENT 'y' "
        '/*!80021 ENGINE_ATTRIBUTE \'{"*/": ","}\' */',
        "a`b": "`a``b` int DEFAULT NULL",
    }


@pytest.mark.parametrize(
    ("definition", "becomes"),
    [
        ("`a` int", "`a` int COMMENT 'new'"),
        ("`a` int COMMENT 'old'", "`a` int COMMENT 'new'"),
        ("`a` int COMMENT 'it''s \\\\' INVISIBLE", "`a` int COMMENT 'new' INVISIBLE"),
        ("`COMMENT` int DEFAULT 'COMMENT'", "`COMMENT` int DEFAULT 'COMMENT' COMMENT 'new'"),
        ("`a` int CHECK (`a` > 0)", "`a` int COMMENT 'new' CHECK (`a` > 0)"),
        ("`a` int COMMENT 'old' CHECK (`a` <> 'COMMENT')", "`a` int COMMENT 'new' CHECK (`a` <> 'COMMENT')"),
        ("`a` int COMMENT 'CHECK (' `opt`='x' CHECK (1)", "`a` int COMMENT 'new' `opt`='x' CHECK (1)"),
        ("`CHECK` text DEFAULT 'CHECK ('", "`CHECK` text DEFAULT 'CHECK (' COMMENT 'new'"),
        ("`a` int NOT NULL /*!80023 INVISIBLE */", "`a` int NOT NULL /*!80023 INVISIBLE */ COMMENT 'new'"),
        ("`a` int WITHOUT SYSTEM VERSIONING", "`a` int WITHOUT SYSTEM VERSIONING COMMENT 'new'"),
        ("`a` binary(2) DEFAULT '\udcff\udcfe'", "`a` binary(2) DEFAULT 0xFFFE COMMENT 'new'"),
        ("`a` binary(9) DEFAULT '\udcff''\\0\\\\\\n\\Z'", "`a` binary(9) DEFAULT 0xFF27005C0A1A COMMENT 'new'"),
        ("`a` enum('xE9') DEFAULT 'xE9'", "`a` enum('xE9') DEFAULT 'xE9' COMMENT 'new'"),
    ],
)
def test_the_comment_alone_is_another(definition: str, becomes: str) -> None:
    assert commented(definition, "new") == becomes
    assert commented(becomes, "new") == becomes


def test_a_comment_is_taken_away_by_an_empty_one() -> None:
    assert commented("`a` int COMMENT 'old'", "") == "`a` int COMMENT ''"


def test_a_comment_is_written_for_a_session_with_backslashes() -> None:
    assert commented("`a` int", "it's \\ \n") == "`a` int COMMENT 'it''s \\\\ \n'"


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("`a` int /* `opt`='x' */", "an option that the engine does not know"),
        ("`a` varchar(9) DEFAULT concat('xE9','a')", "by the bytes"),
        ("`a` varchar(9) GENERATED ALWAYS AS (concat(_latin1'\\xE9',`b`)) VIRTUAL", "by the bytes"),
        ("`a` int CHECK (`b` <> '\udce9')", "by the bytes"),
        ("`a` enum('\udcff')", "no UTF-8"),
        ("`a` int COMMENT 'x", "does not end"),
        ("`a` int DEFAULT (1", "do not match"),
    ],
)
def test_what_would_mean_something_else_is_refused(definition: str, why: str) -> None:
    with pytest.raises(Unrepeatable, match=why):
        commented(definition, "new")
