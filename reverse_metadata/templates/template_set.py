"""What a channel's configuration says about its statements: one template, or several by aspect, level and operation.

```yaml
sql_template: COMMENT ON TABLE {schema}.{table} IS {description}

sql_template:
  verify: none                       # read_back by default
  description:
    table:
      set: COMMENT ON TABLE {schema}.{table} IS {description}
      unset: COMMENT ON TABLE {schema}.{table} IS NULL
    column: COMMENT ON COLUMN {schema}.{table}.{column} IS {description}
  owner: ALTER SCHEMA {schema} OWNER TO {owner}
```

A template without a level serves that of its deepest identifier. One without an operation serves `set`, and `unset`
too if it uses `{operation}`. What no template serves keeps the built-in statement.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, Self, get_args

from reverse_metadata.dialects import Dialect
from reverse_metadata.model import Aspect, EntityType
from reverse_metadata.templates.errors import TemplateError, TemplateMistakes
from reverse_metadata.templates.template import Template, inspect

Operation = Literal["set", "unset"]
Verify = Literal["read_back", "none"]

_Key = tuple[Aspect, EntityType, Operation]
_OPERATIONS = get_args(Operation)


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """The templates of a channel for one dialect. `verify` says whether what they wrote is read back."""

    templates: Mapping[_Key, Template]
    verify: Verify = "read_back"

    @classmethod
    def of(cls, spec: str | Mapping[str, Any], dialect: Dialect) -> Self:
        """The templates that the configuration spells out. Raises TemplateMistakes, with every mistake at once."""
        reader = _Reader(dialect)
        verify: Verify = "read_back"
        if isinstance(spec, str):
            reader.read((), spec)
        else:
            verify = spec.get("verify", verify)
            if verify not in get_args(Verify):
                reader.mistakes.append(f"verify: must be read_back or none, not {verify!r}")
            reader.walk((), {key: value for key, value in spec.items() if key != "verify"})
        if reader.mistakes:
            raise TemplateMistakes(reader.mistakes)
        return cls(reader.templates, verify)

    def find(self, aspect: Aspect, level: EntityType, operation: Operation) -> Template | None:
        """The template that serves a change; None where the built-in statement does."""
        return self.templates.get((aspect, level, operation))


class _Reader:
    """Collects templates and mistakes; a path is the keys below the setting, as many as were given."""

    _WORDS = (tuple(Aspect), tuple(EntityType), _OPERATIONS)

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.templates: dict[_Key, Template] = {}
        self.mistakes: list[str] = []

    def walk(self, path: tuple[str, ...], spec: Mapping[str, Any]) -> None:
        words = [str(word) for word in self._WORDS[len(path)]]
        for key, value in spec.items():
            below = (*path, str(key))
            if key not in words:
                nearest = get_close_matches(str(key), words, n=1)
                hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(words)}"
                self._mistake(below, f"unknown key; {hint}")
            elif len(below) == 2 and key == "database" and self._dialect.synthetic_database:
                self._mistake(below, f"the catalog makes up the database of {self._dialect.name}")
            elif isinstance(value, str):
                self.read(below, value)
            elif isinstance(value, Mapping) and len(below) < len(self._WORDS):
                self.walk(below, value)
            else:
                self._mistake(
                    below, "must be a template" if len(below) == 3 else "must be a template, or several by key"
                )

    def read(self, path: tuple[str, ...], text: str) -> None:
        template, mistakes = inspect(text, self._dialect)
        mistakes = mistakes or list(self._misfits(path, template))
        for mistake in mistakes:
            self._mistake(path, str(mistake))
        if template is None or mistakes:
            return
        aspect = Aspect(path[0]) if path else template.aspect
        level = EntityType(path[1]) if len(path) > 1 else template.level
        assert aspect is not None
        assert level is not None
        for operation in self._operations(path, template):
            self.templates[aspect, level, operation] = template

    def _operations(self, path: tuple[str, ...], template: Template) -> Iterable[Operation]:
        if len(path) == 3:
            return [operation for operation in _OPERATIONS if operation == path[2]]
        return _OPERATIONS if template.uses("operation") else _OPERATIONS[:1]

    def _misfits(self, path: tuple[str, ...], template: Template | None) -> Iterator[TemplateError]:
        """Where the template contradicts its keys, or leaves open what they do not say."""
        assert template is not None
        text = template.text
        if template.aspect is None and not path:
            yield TemplateError("this says not what it writes: use a variable such as {description}", text, 0)
        if path and template.aspect not in (None, path[0]):
            name = next(
                name for name in ("description", "owner", "tag_key", "tag_value", "tags") if template.uses(name)
            )
            yield TemplateError(f"{{{name}}} has no value when the {path[0]} changes", text, template.offset(name))
        if len(path) < 2:
            if template.level is None:
                yield TemplateError("this says not what it changes: name it, as by {schema}.{table}", text, 0)
            return
        levels = list(EntityType)
        level = EntityType(path[1])
        for deeper in levels[levels.index(level) + 1 :]:
            if template.uses(deeper):
                yield TemplateError(f"a {level} has no {{{deeper}}}", text, template.offset(deeper))
        # A database may be the one that the connection is to; everything below has its name.
        if level is not EntityType.DATABASE and not (template.uses(level) or template.uses("fqn")):
            yield TemplateError(
                f"this names no {{{level}}}, so it would change the same thing for every {level}", text, 0
            )

    def _mistake(self, path: tuple[str, ...], message: str) -> None:
        self.mistakes.append(f"{'.'.join(path)}: {message}" if path else message)
