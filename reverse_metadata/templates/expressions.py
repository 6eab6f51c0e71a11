"""What may stand between the braces: a small set of Python's expressions, evaluated without `eval`.

Every result knows where it came from. The constants of an expression, and the variables that can only be a few words
of ours, are the author's text; what is derived from any other variable is a value. A result that is partly one and
partly the other could be written neither raw nor escaped, so it is refused when the template is read. A library that
evaluates safely would not tell the two apart.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from itertools import product
from typing import Any


class Origin(Enum):
    """Where a result came from; for a value, how it is written unless its place says otherwise."""

    AUTHOR = auto()
    LITERAL = auto()
    IDENTIFIER = auto()
    #: Derived from a name and from a text.
    EITHER = auto()
    TAGS = auto()


#: Variables whose values are words of ours.
WORDS: dict[str, tuple[str, ...]] = {
    "entity_type": ("database", "schema", "table", "column"),
    "operation": ("set", "unset"),
}
#: Every variable of a template.
VARIABLES: dict[str, Origin] = {
    **dict.fromkeys(("database", "schema", "table", "column", "owner", "tag_key"), Origin.IDENTIFIER),
    **dict.fromkeys(("description", "tag_value", "previous", "service", "fqn", "updated_by"), Origin.LITERAL),
    **dict.fromkeys(WORDS, Origin.AUTHOR),
    "tags": Origin.TAGS,
}

_METHODS = frozenset(
    "capitalize lower lstrip removeprefix removesuffix replace rstrip strip swapcase title upper".split()
)
_TESTS = frozenset(("endswith", "startswith"))
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda item, container: item is not None and container is not None and item in container,
    ast.NotIn: lambda item, container: item is None or container is None or item not in container,
    # Meant for None; of equal texts nobody can say whether they are one object.
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}
_KNOWN = (
    "a template knows variables, constants, +, slices, `x if condition else y`, ==, !=, in, and, or, not, "
    f".startswith, .endswith and the methods {', '.join(sorted(_METHODS))}"
)


class Misfit(Exception):
    """An expression that a template cannot hold; `at` is the offset in its source."""

    def __init__(self, message: str, at: int) -> None:
        self.message, self.at = message, at
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Result:
    """What an expression gave: None where the variable has no value."""

    value: Any
    origin: Origin


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was checked. `names` are its variables with their offsets in the source."""

    node: ast.expr
    names: tuple[tuple[str, int], ...]
    #: Where its results can come from, and which they can be as far as they are the author's.
    origins: frozenset[Origin]
    texts: frozenset[str]

    def evaluate(self, variables: Mapping[str, Any]) -> Result:
        """The result for these variables, every one of `VARIABLES` among them."""
        return _evaluate(self.node, variables)


def parse(source: str) -> Expression:
    """Check an expression. Raises Misfit."""
    try:
        with warnings.catch_warnings():
            # A constant such as '\d' is only a warning to Python.
            warnings.simplefilter("error")
            # In brackets an expression may have several lines; they cost one character on the first.
            node = ast.parse(f"({source}\n)", mode="eval").body
        check = _Check(source)
        origins = check.origins(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Misfit(f"this is not an expression; {_KNOWN}", 0) from None
    return Expression(node, tuple(check.names), origins, _texts(node) if Origin.AUTHOR in origins else frozenset())


class _Check:
    """Walks through an expression once, in the order in which it is read."""

    def __init__(self, source: str) -> None:
        self._lines = f"({source}\n)".encode().splitlines(keepends=True)
        self.names: list[tuple[str, int]] = []

    def origins(self, node: ast.expr) -> frozenset[Origin]:
        """Where the results of the node can come from."""
        match node:
            case ast.Constant(value=str()):
                return frozenset({Origin.AUTHOR})
            case ast.Name(id=name):
                return frozenset({self._variable(node, name)})
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined(node, [left, right])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                found = self.origins(body)
                self._condition(test)
                return self._whole(node, found | self.origins(orelse))
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._whole(node, frozenset().union(*map(self.origins, values)))
            case ast.Subscript(value=value, slice=index):
                self._index(index)
                return self._whole(node, self.origins(value))
            case ast.Call(func=ast.Attribute(value=value, attr=method), args=arguments, keywords=[]):
                return self._called(node, value, method, arguments)
        raise self._misfit(node, f"a template cannot hold this; {_KNOWN}")

    def _called(self, node: ast.expr, value: ast.expr, method: str, arguments: list[ast.expr]) -> frozenset[Origin]:
        if method not in _METHODS:
            known = ", ".join(sorted(_METHODS))
            raise self._misfit(node, f"a template does not know the method .{method}; it knows {known}")
        try:
            getattr("", method)(*("" for _ in arguments))
        except TypeError:
            raise self._misfit(node, f".{method} does not take {len(arguments)} arguments") from None
        own = self._whole(node, self.origins(value))
        given = [self._whole(argument, self.origins(argument)) for argument in arguments]
        if Origin.AUTHOR in own and any(each != {Origin.AUTHOR} for each in given):
            raise self._mixed(node)
        return own

    def _joined(self, node: ast.expr, parts: list[ast.expr]) -> frozenset[Origin]:
        """A sum is the author's text, or a value, in all its parts."""
        found = frozenset().union(*(self._whole(part, self.origins(part)) for part in parts))
        if len(found) == 1:
            return found
        if Origin.AUTHOR in found:
            raise self._mixed(node)
        return frozenset({Origin.EITHER})

    def _whole(self, node: ast.expr, found: frozenset[Origin]) -> frozenset[Origin]:
        if Origin.TAGS in found:
            raise self._misfit(node, "{tags} is a whole list and can only stand alone")
        return found

    def _condition(self, node: ast.expr) -> None:
        match node:
            case ast.BoolOp(values=values):
                for value in values:
                    self._condition(value)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._condition(operand)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                if any(type(each) not in _COMPARISONS for each in ops):
                    raise self._misfit(node, f"a template does not know this comparison; {_KNOWN}")
                for operand in (left, *comparators):
                    self._operand(operand)
            case ast.Call(func=ast.Attribute(value=value, attr=method), args=[argument], keywords=[]) if (
                method in _TESTS
            ):
                self._operand(value)
                self._operand(argument)
            case _:
                self._operand(node)

    def _operand(self, node: ast.expr) -> None:
        match node:
            case ast.Constant(value=None):
                pass
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                for element in elements:
                    self._operand(element)
            case _:
                self._whole(node, self.origins(node))

    def _index(self, node: ast.expr) -> None:
        bounds = [node.lower, node.upper, node.step] if isinstance(node, ast.Slice) else [node]
        for bound in bounds:
            if bound is not None and _number(bound) is None:
                raise self._misfit(bound, "an index or slice is made of whole numbers")
        if isinstance(node, ast.Slice) and node.step is not None and _number(node.step) == 0:
            raise self._misfit(node.step, "the step of a slice cannot be 0")

    def _variable(self, node: ast.Name, name: str) -> Origin:
        if name not in VARIABLES:
            nearest = get_close_matches(name.lower(), VARIABLES, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(sorted(VARIABLES))}"
            raise self._misfit(node, f"there is no variable {name}; {hint}")
        self.names.append((name, self._offset(node)))
        return VARIABLES[name]

    def _mixed(self, node: ast.expr) -> Misfit:
        return self._misfit(
            node,
            "this mixes text of the template with a value, so it can be written neither as it is nor escaped; "
            "put the text outside the braces",
        )

    def _misfit(self, node: ast.expr, message: str) -> Misfit:
        return Misfit(message, self._offset(node))

    def _offset(self, node: ast.expr) -> int:
        """Python counts bytes of a line."""
        before = b"".join(self._lines[: node.lineno - 1]) + self._lines[node.lineno - 1][: node.col_offset]
        return len(before.decode()) - 1


def _number(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
    return None


def _sliced(text: str, node: ast.expr) -> str:
    """An index past the end gives nothing, as a slice does."""
    if isinstance(node, ast.Slice):
        bounds = [None if each is None else _number(each) for each in (node.lower, node.upper, node.step)]
        return text[slice(*bounds)]
    at = _number(node) or 0
    return text[at : at + 1 or None]


def _texts(node: ast.expr) -> frozenset[str]:
    """Every text that the node can give as far as it is the author's."""
    match node:
        case ast.Constant(value=str(text)):
            return frozenset({text})
        case ast.Name(id=name):
            return frozenset(WORDS.get(name, ()))
        case ast.IfExp(body=body, orelse=orelse):
            return _texts(body) | _texts(orelse)
        case ast.BoolOp(values=values):
            return frozenset().union(*map(_texts, values))
        case ast.BinOp(left=left, right=right):
            return frozenset(map("".join, product(_texts(left), _texts(right))))
        case ast.Subscript(value=value, slice=index):
            return frozenset(_sliced(text, index) for text in _texts(value))
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=arguments):
            given = [_texts(argument) for argument in arguments]
            return frozenset(getattr(text, method)(*each) for text in _texts(value) for each in product(*given))
    raise AssertionError(ast.dump(node))


def _evaluate(node: ast.expr, variables: Mapping[str, Any]) -> Result:
    match node:
        case ast.Constant(value=text):
            return Result(text, Origin.AUTHOR)
        case ast.Name(id=name):
            return Result(variables[name], VARIABLES[name])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _evaluate(body if _holds(test, variables) else orelse, variables)
        case ast.BoolOp(values=values):
            results = [_evaluate(value, variables) for value in values]
            return next((result for result in results if result.value), results[-1])
        case ast.BinOp(left=left, right=right):
            first, second = _evaluate(left, variables), _evaluate(right, variables)
            origin = first.origin if first.origin is second.origin else Origin.EITHER
            return Result((first.value or "") + (second.value or ""), origin)
        case ast.Subscript(value=value, slice=index):
            result = _evaluate(value, variables)
            return result if result.value is None else Result(_sliced(result.value, index), result.origin)
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=arguments):
            result = _evaluate(value, variables)
            if result.value is None:
                return result
            given = [_evaluate(argument, variables).value or "" for argument in arguments]
            return Result(getattr(result.value, method)(*given), result.origin)
    raise AssertionError(ast.dump(node))


def _holds(node: ast.expr, variables: Mapping[str, Any]) -> bool:
    match node:
        case ast.BoolOp(op=op, values=values):
            return (all if isinstance(op, ast.And) else any)(_holds(value, variables) for value in values)
        case ast.UnaryOp(operand=operand):
            return not _holds(operand, variables)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            operands = [_operand(each, variables) for each in (left, *comparators)]
            return all(_COMPARISONS[type(op)](operands[at], operands[at + 1]) for at, op in enumerate(ops))
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=[argument]) if method in _TESTS:
            return bool(getattr(_operand(value, variables) or "", method)(_operand(argument, variables) or ""))
    return bool(_operand(node, variables))


def _operand(node: ast.expr, variables: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return tuple(_operand(element, variables) for element in node.elts)
    return _evaluate(node, variables).value
