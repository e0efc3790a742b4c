"""Expressions: text such as `ask - bid` as a function of whole columns. Nothing is ever evaluated.

The text is parsed once and compiled, when it is bound to a schema, to closures over numpy calls: a
batch costs one call for each part of the expression, however many rows it has.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial, reduce
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from livewidget.data.batch import Batch
from livewidget.data.clock import Clock
from livewidget.data.convert import Column
from livewidget.data.errors import LivewidgetError, SchemaError, SettingError, quote
from livewidget.data.schema import Schema
from livewidget.pipeline.comparing import among, compare, later, seconds_between
from livewidget.pipeline.functions import Function, pick, with_own
from livewidget.pipeline.node import (
    WORDS,
    Node,
    Run,
    Type,
    apply,
    column_node,
    constant,
    number,
    spread,
)
from livewidget.pipeline.syntax import Fault, parse

_CONSTANTS = {"nan": np.nan, "inf": np.inf, "pi": np.pi}
_COLUMN = "column"  # column('a name that is no word')
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


@dataclass(frozen=True, slots=True)
class BoundExpression:
    """An expression bound to a schema: called with a batch it returns one value a row.

    float64 for a number, bool for a condition, int64 ns UTC for a time, `Text` for text. It may
    remember the categories of the last batch, so that one thread calls it at a time. A function
    of the user that fails raises SchemaError.
    """

    type: Type
    run: Run

    def __call__(self, batch: Batch) -> Column:
        """Return the values of a batch that is not empty."""
        return self._spread(batch.columns, self.type, len(batch))

    def column(self, columns: Sequence[Column], size: int) -> Column:
        """Return a column, of `KINDS[type]`, of columns of `size` rows, as the schema has them."""
        return self._spread(columns, Type.FLOAT if self.type is Type.BOOL else self.type, size)

    def _spread(self, columns: Sequence[Column], of: Type, size: int) -> Column:
        with np.errstate(all="ignore"):
            return spread(self.run(columns), of, size)

    def holds(self, batch: Batch) -> npt.NDArray[np.bool_]:
        """Return for which rows of a batch a condition holds, bool[n]."""
        rows = self(batch)
        assert isinstance(rows, np.ndarray)
        return rows


class Expression:
    """An expression on the columns of a batch, such as `errors / requests` or `level >= 3`.

    Numbers are float64, those of int columns too, which is exact to 2**53. Division by zero gives
    an infinity or NaN; what is missing is NaN and stays so, and nothing missing compares as true.
    The difference of two times is seconds; a time plus seconds is a time; beside a time, text is
    ISO 8601. Conditions are joined by `and`, `or`, `not`; both sides are always worked out.
    A column whose name is no word is `column('its name')`. `functions` are the user's own, called
    with arrays (see `functions.with_own`). Immutable; may be bound from any thread.

    Raises SettingError, with the text and a caret under the place, for what is no expression.
    """

    def __init__(
        self, text: str, functions: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        self._functions = with_own(functions)
        self._tree, self._fault = parse(text)
        self.text = self._fault.text
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                self._check_call(node)

    def bind(self, schema: Schema, clock: Clock) -> BoundExpression:
        """Compile for the columns of `schema`; `now()` is the wall clock of `clock`.

        Raises SchemaError, with the place, for a column that is not there or of another type.
        """
        compiler = _Compiler(schema, clock, self._functions, self._fault)
        try:
            node = compiler.node(self._tree)
        except RecursionError:
            raise SettingError(f"the expression is nested too deeply: {quote(self.text)}") from None
        return BoundExpression(node.type, node.run)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def _check_call(self, call: ast.Call) -> None:
        if not isinstance(call.func, ast.Name):
            raise self._fault.at(call.func, "only a function's own name can be called")
        name = call.func.id
        if name == _COLUMN:
            if len(call.args) != 1 or not _is_text(call.args[0]):
                raise self._fault.at(call, "column('name') takes the name of a column, in quotes")
            return
        function = self._functions.get(name)
        if function is None:
            there = (*self._functions, _COLUMN)
            raise self._fault.at(call.func, _unknown("function", name, there))
        if not function.least <= len(call.args) <= function.most:
            what = f"{name} takes {function.count}, got {len(call.args)}"
            raise self._fault.at(call, what)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _unknown(what: str, name: str, there: tuple[str, ...]) -> str:
    close = get_close_matches(name, there, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    names = ", ".join(sorted(there))
    return f"there is no {what} {quote(name, 40)}; {hint}the {what}s are {names}"


_Built = TypeVar("_Built")


def _chain(tests: Sequence[Callable[[Any, Any], Any]], *values: Any) -> Any:
    return reduce(operator.and_, map(_call, tests, values, values[1:]))


def _call(test: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    return test(left, right)


class _Compiler:
    def __init__(
        self, schema: Schema, clock: Clock, functions: Mapping[str, Function], fault: Fault
    ) -> None:
        self._schema = schema
        self._clock = clock
        self._functions = functions
        self._fault = fault

    def node(self, tree: ast.AST) -> Node:
        """Return a part, compiled."""
        return _COMPILERS[type(tree)](self, tree)

    def _need(self, tree: ast.AST, wanted: Type, what: str) -> Node:
        """Return a part that has to be of one type; a condition will do for a number."""
        return self._as(tree, self.node(tree), wanted, what)

    def _as(self, tree: ast.AST, node: Node, wanted: Type, what: str) -> Node:
        if wanted is Type.FLOAT:
            node = number(node)
        if node.type is not wanted:
            what = f"{what} {WORDS[wanted]}, and this is {WORDS[node.type]}"
            raise self._fault.at(tree, what, SchemaError)
        return node

    def _placed(self, tree: ast.AST, build: Callable[[], _Built]) -> _Built:
        """Build a part; give the error that comes without a place the one of `tree`."""
        try:
            return build()
        except (SchemaError, SettingError) as error:
            raise self._fault.at(tree, str(error), type(error)) from None

    def name(self, tree: ast.Name) -> Node:
        if tree.id in self._schema.names:
            return self._column(tree, tree.id)
        if tree.id in _CONSTANTS:
            return constant(Type.FLOAT, np.float64(_CONSTANTS[tree.id]))
        raise self._no_column(tree, tree.id)

    def _column(self, tree: ast.AST, name: str) -> Node:
        if name not in self._schema.names:
            raise self._no_column(tree, name)
        place = self._schema.index(name)
        return column_node(place, self._schema.fields[place].kind)

    def _no_column(self, tree: ast.AST, name: str) -> LivewidgetError:
        return self._fault.at(tree, _unknown("column", name, self._schema.names), SchemaError)

    def constant(self, tree: ast.Constant) -> Node:
        value = tree.value
        if isinstance(value, str):
            return constant(Type.TEXT, value)
        if isinstance(value, bool):
            return constant(Type.BOOL, np.bool_(value))
        if isinstance(value, (int, float)):
            try:
                return constant(Type.FLOAT, np.float64(value))
            except OverflowError:
                raise self._fault.at(tree, "the number is too large") from None
        what = "None is not allowed; is_missing(x) tells what is missing, nan is a missing number"
        raise self._fault.at(tree, what if value is None else "a constant is a number or a text")

    def binary(self, tree: ast.BinOp) -> Node:
        left, right = self.node(tree.left), self.node(tree.right)
        if Type.TIME in (left.type, right.type):
            return self._of_times(tree, left, right)
        left = self._as(tree.left, left, Type.FLOAT, "arithmetic takes")
        right = self._as(tree.right, right, Type.FLOAT, "arithmetic takes")
        return apply(Type.FLOAT, _ARITHMETIC[type(tree.op)], left, right)

    def _of_times(self, tree: ast.BinOp, left: Node, right: Node) -> Node:
        types = (left.type, right.type)
        if isinstance(tree.op, ast.Sub) and types == (Type.TIME, Type.TIME):
            return apply(Type.FLOAT, seconds_between, left, right)
        if isinstance(tree.op, ast.Sub) and types == (Type.TIME, Type.FLOAT):
            return apply(Type.TIME, later, left, apply(Type.FLOAT, operator.neg, right))
        if isinstance(tree.op, ast.Add) and types == (Type.TIME, Type.FLOAT):
            return apply(Type.TIME, later, left, right)
        if isinstance(tree.op, ast.Add) and types == (Type.FLOAT, Type.TIME):
            return apply(Type.TIME, later, right, left)
        what = "of a time one takes another time, or takes or adds seconds"
        raise self._fault.at(tree, what, SchemaError)

    def unary(self, tree: ast.UnaryOp) -> Node:
        if isinstance(tree.op, ast.Not):
            return apply(
                Type.BOOL, np.logical_not, self._need(tree.operand, Type.BOOL, "'not' takes")
            )
        node = self._need(tree.operand, Type.FLOAT, "a sign is before")
        return apply(Type.FLOAT, operator.neg, node) if isinstance(tree.op, ast.USub) else node

    def joined(self, tree: ast.BoolOp) -> Node:
        word, join = (
            ("and", operator.and_) if isinstance(tree.op, ast.And) else ("or", operator.or_)
        )
        parts = [self._need(each, Type.BOOL, f"{word!r} joins") for each in tree.values]
        return apply(Type.BOOL, lambda *values: reduce(join, values), *parts)

    def compared(self, tree: ast.Compare) -> Node:
        if any(isinstance(each, (ast.In, ast.NotIn)) for each in tree.ops):
            return self._contained(tree)
        trees = [tree.left, *tree.comparators]
        nodes = [self.node(each) for each in trees]
        tests = []
        for place, sign in enumerate(tree.ops):
            pair = partial(compare, _SIGNS[type(sign)], nodes[place], nodes[place + 1])
            tests.append(self._placed(trees[place], pair))
        return apply(Type.BOOL, partial(_chain, tests), *nodes)

    def _contained(self, tree: ast.Compare) -> Node:
        right = tree.comparators[0]
        if len(tree.ops) > 1:
            raise self._fault.at(tree, "'in' is not chained with other comparisons")
        if not isinstance(right, (ast.Tuple, ast.List, ast.Set)):
            what = "after 'in' comes a list, as in x in ('A', 'B'); of text, contains(x, 'A') asks"
            raise self._fault.at(right, what)
        value, others = self.node(tree.left), [self.node(each) for each in right.elts]
        inverse = isinstance(tree.ops[0], ast.NotIn)
        test = self._placed(right, lambda: among(value, others, inverse=inverse))
        return apply(Type.BOOL, test, value, *others)

    def chosen(self, tree: ast.IfExp) -> Node:
        where = self._need(tree.test, Type.BOOL, "after 'if' comes")
        left, right = self.node(tree.body), self.node(tree.orelse)
        return self._placed(tree, lambda: pick(where, left, right))

    def called(self, tree: ast.Call) -> Node:
        assert isinstance(tree.func, ast.Name)
        name = tree.func.id
        if name == _COLUMN:
            value = tree.args[0]
            assert isinstance(value, ast.Constant)
            return self._column(value, str(value.value))
        function = self._functions[name]
        nodes = []
        for place, each in enumerate(tree.args):
            wanted = function.type_at(place)
            nodes.append(
                self.node(each) if wanted is None else self._need(each, wanted, f"{name} takes")
            )
        return self._placed(tree, lambda: function.build(nodes, self._clock))

    def listed(self, tree: ast.expr) -> Node:
        raise self._fault.at(tree, "a list stands only after 'in'")


_COMPILERS: dict[type[ast.AST], Callable[[_Compiler, Any], Node]] = {
    ast.Name: _Compiler.name,
    ast.Constant: _Compiler.constant,
    ast.BinOp: _Compiler.binary,
    ast.UnaryOp: _Compiler.unary,
    ast.BoolOp: _Compiler.joined,
    ast.Compare: _Compiler.compared,
    ast.IfExp: _Compiler.chosen,
    ast.Call: _Compiler.called,
    ast.Tuple: _Compiler.listed,
    ast.List: _Compiler.listed,
    ast.Set: _Compiler.listed,
}
