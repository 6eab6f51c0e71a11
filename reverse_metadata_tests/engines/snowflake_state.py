"""What a Snowflake account holds, who may change it, and what happens when somebody does.

Rules: https://docs.snowflake.com/en/user-guide/object-tagging/introduction (quotas, inheritance, allowed values),
https://docs.snowflake.com/en/user-guide/tag-based-masking-policies, and the access control sections of the pages that
`snowflake_grammar` names. Codes are Snowflake's where public reports quote them: 002003, 002203, 003001, 091367.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from reverse_metadata_tests.engines.snowflake_grammar import (
    Comment,
    CreateTag,
    Grant,
    GrantRole,
    Ownership,
    Parsed,
    Path,
    SetTags,
    Setting,
    TagPolicies,
)
from reverse_metadata_tests.engines.snowflake_lexer import Refused

#: What a masking policy makes of a value: `None` of the tag's value when the column has no such tag.
Mask = Callable[[str, str | None], str]

#: For each kind the keywords by which COMMENT ON, ALTER ... COMMENT, ALTER ... TAG and GRANT OWNERSHIP ON name it.
_KEYWORDS: dict[str, tuple[set[str], set[str], set[str], set[str]]] = {
    "database": ({"DATABASE"}, {"DATABASE"}, {"DATABASE"}, {"DATABASE"}),
    "schema": ({"SCHEMA"}, {"SCHEMA"}, {"SCHEMA"}, {"SCHEMA"}),
    "table": ({"TABLE"}, {"TABLE"}, {"TABLE"}, {"TABLE"}),
    "transient table": ({"TABLE"}, {"TABLE"}, {"TABLE"}, {"TABLE"}),
    "hybrid table": ({"TABLE"}, {"TABLE"}, {"TABLE"}, {"TABLE"}),
    "event table": ({"TABLE"}, {"TABLE"}, {"TABLE"}, {"EVENT TABLE"}),
    "external table": ({"TABLE"}, set(), {"TABLE", "EXTERNAL TABLE"}, {"EXTERNAL TABLE"}),
    "dynamic table": ({"DYNAMIC TABLE"}, {"DYNAMIC TABLE"}, {"DYNAMIC TABLE"}, {"DYNAMIC TABLE"}),
    "iceberg table": (set(), {"ICEBERG TABLE"}, {"ICEBERG TABLE"}, {"ICEBERG TABLE"}),
    "view": ({"VIEW"}, {"VIEW"}, {"VIEW"}, {"VIEW"}),
    "secure view": ({"VIEW"}, {"VIEW"}, {"VIEW"}, {"VIEW"}),
    # ALTER MATERIALIZED VIEW has no form for tags: the vendor's own Terraform provider sends ALTER VIEW.
    "materialized view": ({"MATERIALIZED VIEW"}, {"MATERIALIZED VIEW"}, {"VIEW"}, {"VIEW"}),
}
_MOST_TAGS = 50
_LONGEST_VALUE = 256
_SYSTEM_ROLES = ("ACCOUNTADMIN", "SECURITYADMIN", "SYSADMIN", "USERADMIN", "PUBLIC")


@dataclass
class Tag:
    """A tag: which values it takes (None: any), and the policies that are bound to it."""

    path: Path
    owner: str
    allowed: tuple[str, ...] | None = None
    policies: list[Path] = field(default_factory=list)


@dataclass
class Object:
    """A database, schema or table of any kind. Comments and tags are by column, None for the object itself."""

    path: Path
    kind: str
    owner: str
    created: float
    columns: tuple[str, ...] = ()
    comments: dict[str | None, str] = field(default_factory=dict)
    tags: dict[str | None, dict[Path, str]] = field(default_factory=dict)


class Account:
    """All of it. `edition` is "STANDARD" for an account without tags."""

    def __init__(self, edition: str = "ENTERPRISE") -> None:
        self.edition = edition
        self.objects: dict[Path, Object] = {}
        self.tags: dict[Path, Tag] = {}
        self.policies: dict[Path, Mask] = {}
        #: The roles that each role was granted.
        self.roles: dict[str, set[str]] = {role: set() for role in _SYSTEM_ROLES}
        self.roles["ACCOUNTADMIN"] |= {"SYSADMIN", "SECURITYADMIN"}
        self.grants: set[Grant] = set()
        self._clock = count(1_700_000_000)

    # What an administrator does.

    def role(self, name: str, *granted: str) -> str:
        """Create a role that was granted others."""
        self.roles[name] = set(granted)
        return name

    def create(self, kind: str, path: Path, columns: Sequence[str] = (), owner: str = "SYSADMIN") -> Object:
        """Create an object, or one in its place: what it held is gone."""
        assert kind in _KEYWORDS
        found = Object(path, kind, owner, float(next(self._clock)), tuple(columns))
        self.objects[path] = found
        return found

    def granted(self, privilege: str, keyword: str, path: Path, role: str) -> None:
        """Grant a privilege."""
        self.grants.add(Grant(privilege, keyword, path, role))

    # Who may do what.

    def enabled(self, role: str) -> set[str]:
        """The role and all that it inherits."""
        found, waiting = set[str](), [role]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self.roles[each]
        return found

    def has(self, role: str, privilege: str, path: Path = ()) -> bool:
        """Whether a role has a privilege, itself or by inheritance. Nobody else's OWNERSHIP counts as all."""
        enabled = self.enabled(role)
        if "ACCOUNTADMIN" in enabled and not path:
            return True
        if any(each.role in enabled and each.privilege == privilege and each.path == path for each in self.grants):
            return True
        found = self.objects.get(path) or self.tags.get(path)
        return found is not None and found.owner in enabled

    def sees(self, role: str, path: Path) -> bool:
        """Whether an object exists for a role: it has some privilege on it, and on all that it stands in."""
        found = self.objects.get(path) or self.tags.get(path)
        if found is None:
            return False
        enabled = self.enabled(role)
        may_grant = self.has(role, "MANAGE GRANTS") or self.has(role, "APPLY TAG")
        here = found.owner in enabled or may_grant
        here = here or any(each.path == path and each.role in enabled for each in self.grants)
        return here and all(self.has(role, "USAGE", path[:depth]) for depth in range(1, len(path)))

    # What is asked.

    def inherited(self, path: Path, column: str | None) -> Iterator[tuple[Path, str, str]]:
        """Every tag of an object or column, its value and the level at which it was set: the nearest counts."""
        seen = set[Path]()
        here: list[tuple[Path, str | None, str]] = []
        if column is not None:
            here.append((path, column, "COLUMN"))
        here += [(path[:depth], None, ("DATABASE", "SCHEMA", "TABLE")[depth - 1]) for depth in range(len(path), 0, -1)]
        for place, of, level in here:
            for tag, value in self.objects[place].tags.get(of, {}).items():
                if tag not in seen:
                    seen.add(tag)
                    yield tag, value, level

    def shown(self, path: Path, column: str, value: str) -> str:
        """What somebody without a privilege sees of a column's value: the policies of its tags are applied."""
        for tag, tag_value, _ in self.inherited(path, column):
            for policy in self.tags[tag].policies:
                return self.policies[policy](value, tag_value)
        return value

    # What a statement does.

    def execute(self, role: str, parsed: Parsed) -> None:
        """Carry out a statement of a role, whole or not at all. Raises Refused."""
        match parsed:
            case Comment():
                self._comment(role, parsed)
            case SetTags():
                self._set_tags(role, parsed)
            case CreateTag():
                self._create_tag(role, parsed)
            case TagPolicies():
                self._bind(role, parsed)
            case Ownership():
                self._hand_over(role, parsed)
            case Grant():
                if not self.has(role, "MANAGE GRANTS"):
                    raise _denied("account", "")
                self._role(parsed.role)
                self.grants.add(parsed)
            case GrantRole():
                if not self.has(role, "MANAGE GRANTS"):
                    raise _denied("account", "")
                self.roles[self._role(parsed.to)].add(self._role(parsed.role))
            case Setting():
                if parsed.name == "ROLE" and self._role(parsed.value) not in self.enabled(role):
                    raise _denied("role", parsed.value)

    def _comment(self, role: str, said: Comment) -> None:
        found = self._found(role, said.path)
        if said.keyword == "COLUMN":
            if found.kind == "iceberg table":
                raise _iceberg(found)
            if found.kind == "event table":
                raise Refused("000002", "0A000", "Unsupported feature 'comment on a column of an event table'.")
        else:
            self._check_kind(found, said.keyword, 0 if said.generic else 1)
        if found.kind == "event table" and set(said.texts) - {None}:
            raise Refused("000002", "0A000", "Unsupported feature 'ALTER COLUMN of an event table'.")
        if not self._may_comment(role, found):
            raise _denied(found.kind.split()[-1], found.path[-1])
        self._check_columns(found, said.texts)
        found.comments |= said.texts

    def _may_comment(self, role: str, found: Object) -> bool:
        if len(found.path) < 3 and self.has(role, "MODIFY", found.path):
            return True
        return found.owner in self.enabled(role)

    def _set_tags(self, role: str, said: SetTags) -> None:
        if self.edition == "STANDARD":
            raise Refused("000002", "0A000", "SQL compilation error:\nUnsupported feature 'TAG'.")
        found = self._found(role, said.path)
        self._check_kind(found, said.keyword, 2)
        self._check_columns(found, said.tags)
        after = {column: dict(tags) for column, tags in found.tags.items()}
        for column, tags in said.tags.items():
            for path, value in tags.items():
                tag = self._tag(role, path)
                applies = self.has(role, "APPLY", path) and found.owner in self.enabled(role)
                if not applies and not self.has(role, "APPLY TAG"):
                    raise _denied(found.kind.split()[-1], found.path[-1])
                if value is None:
                    after.get(column, {}).pop(path, None)
                    continue
                if len(value) > _LONGEST_VALUE:
                    message = f"Tag value '{value[:20]}…' exceeds maximum length of {_LONGEST_VALUE} characters."
                    raise Refused("391802", "22023", message)
                if tag.allowed is not None and value not in tag.allowed:
                    raise Refused("391801", "22023", f"Tag value '{value}' is not in the allowed values of the tag.")
                after.setdefault(column, {})[path] = value
        columns = {tag for column, tags in after.items() if column is not None for tag in tags}
        if len(after.get(None, {})) > _MOST_TAGS or len(columns) > _MOST_TAGS:
            raise Refused("391860", "22023", f"The object has more than {_MOST_TAGS} tags.")
        found.tags = after

    def _create_tag(self, role: str, said: CreateTag) -> None:
        if self.edition == "STANDARD":
            raise Refused("000002", "0A000", "SQL compilation error:\nUnsupported feature 'TAG'.")
        home = self._found(role, said.path[:2])
        if said.path in self.tags:
            if said.if_not_exists:
                return
            raise Refused("002002", "42710", f"SQL compilation error:\nObject '{said.path[-1]}' already exists.")
        if home.owner not in self.enabled(role) and not self.has(role, "CREATE TAG", home.path):
            raise _denied("schema", home.path[-1])
        self.tags[said.path] = Tag(said.path, role, said.allowed)

    def _bind(self, role: str, said: TagPolicies) -> None:
        tag = self._tag(role, said.path)
        for policy in said.policies:
            if policy not in self.policies:
                raise _absent("Masking policy", policy)
            if said.bind:
                tag.policies.append(policy)
            else:
                tag.policies.remove(policy)

    def _hand_over(self, role: str, said: Ownership) -> None:
        found = self._found(role, said.path)
        self._check_kind(found, said.keyword, 3)
        self._role(said.role)
        may_grant = self.has(role, "MANAGE GRANTS")
        if found.owner not in self.enabled(role) and not may_grant:
            raise _denied(found.kind.split()[-1], found.path[-1])
        outbound = [each for each in self.grants if each.path == found.path]
        if outbound and said.current_grants == "":
            message = f"Dependent grant of privilege '{outbound[0].privilege}' must be revoked first."
            raise Refused("003101", "42501", f"SQL execution error:\n{message}")
        if said.current_grants == "COPY" and not may_grant and said.role not in self.enabled(role):
            raise _denied("account", "")
        if said.current_grants == "REVOKE":
            self.grants -= set(outbound)
        found.owner = said.role

    def _found(self, role: str, path: Path) -> Object:
        if not self.sees(role, path) or path not in self.objects:
            raise _absent(("Database", "Schema", "Object")[len(path) - 1], path)
        return self.objects[path]

    def _tag(self, role: str, path: Path) -> Tag:
        if path not in self.tags or not self.sees(role, path):
            raise _absent("Tag", path)
        return self.tags[path]

    def _role(self, name: str) -> str:
        if name not in self.roles:
            raise _absent("Role", (name,))
        return name

    @staticmethod
    def _check_kind(found: Object, keyword: str, form: int) -> None:
        if keyword in _KEYWORDS[found.kind][form]:
            return
        if found.kind == "iceberg table":
            raise _iceberg(found)
        actual = found.kind.removeprefix("transient ").removeprefix("secure ").upper()
        message = f"Object found is of type '{actual}', not specified type '{keyword}'."
        raise Refused("002203", "02000", f"SQL compilation error:\n{message}")

    @staticmethod
    def _check_columns(found: Object, named: Iterable[str | None]) -> None:
        for column in named:
            if column is not None and column not in found.columns:
                raise Refused("000904", "42000", f"SQL compilation error: error line 1\ninvalid identifier '{column}'")


def _absent(what: str, path: Path) -> Refused:
    message = f"{what} '{'.'.join(path)}' does not exist or not authorized."
    return Refused("002003", "02000", f"SQL compilation error:\n{message}")


def _denied(what: str, name: str) -> Refused:
    message = f"Insufficient privileges to operate on {what}{f' {name!r}' if name else ''}."
    return Refused("003001", "42501", f"SQL access control error:\n{message}")


def _iceberg(found: Object) -> Refused:
    name = found.path[-1]
    message = f"Object '{name}' is an Iceberg table. Iceberg tables should use ALTER ICEBERG TABLE commands."
    return Refused("091367", "42601", f"SQL compilation error:\n{message}")
