"""Constraints, run filters, range bounds and parameter values: arithmetic, comparison, logic.

A subset of OMNeT++'s expressions: no random variates, no modules, no files.  Values are numbers with
an optional unit, strings and booleans; `=` is accepted for `==`.  What `&&`, `||` and `?:` do not need is
parsed but not evaluated.

Source: OMNeT++ Simulation Manual, section "Expressions" of the NED chapter (operators, precedence).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from simcrate.errors import IniError
from simcrate.inifile.effort import refuse_too_long
from simcrate.inifile.faults import excerpt
from simcrate.inifile.patterns import Pattern
from simcrate.inifile.quantities import Quantity, make_quantity
from simcrate.inifile.variables import unquote

Value = Quantity | str | bool
Term = Callable[[], Value]
"""A parsed part of an expression, which has its value when it is called."""

DEEPEST = (
    60  # nested parentheses; far more than anybody writes, far less than the interpreter's limit
)

_NUMERAL = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>[A-Za-z]*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<name>[A-Za-z_]\w*)
      | (?P<operator>\|\||&&|==|!=|<=|>=|=~|[-+*/%^<>!?:(),=])
    )""",
    re.VERBOSE | re.DOTALL,
)

_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "fabs": math.fabs,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": lambda number: math.floor(number + 0.5),
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "pow": math.pow,
    "fmod": math.fmod,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
}

_PRECEDENCE = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "=": 3,
    "!=": 3,
    "=~": 3,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
    "^": 8,
}
_NAMED: dict[str, Value] = {
    "true": True,
    "false": False,
    "inf": Quantity(math.inf),
    "nan": Quantity(math.nan),
}
_UNARY_PRECEDENCE = 7  # binds more than a product, less than a power


class _Token(NamedTuple):
    kind: str
    text: str
    unit: str = ""


def evaluate(text: str) -> Value:
    """The value of an expression without variables.

    Raises:
        IniError: it does not parse, or its parts do not fit together; names the expression.
    """
    refuse_too_long(len(text))
    try:
        return _Parser(_tokens(text)).whole()()
    except (IniError, ArithmeticError, ValueError, TypeError) as error:
        message = f"cannot evaluate {excerpt(text.strip()) or 'an empty expression'}: {error}"
        raise IniError(message) from error


def evaluate_condition(text: str) -> bool:
    """The truth of an expression.

    Raises:
        IniError: as `evaluate`, or the value is no truth value.
    """
    value = evaluate(text)
    if not isinstance(value, bool):
        message = f"cannot evaluate {excerpt(text.strip())}: {excerpt(str(value))} is neither true nor false"
        raise IniError(message)
    return value


def evaluate_number(text: str, unit: str = "") -> float:
    """The number that an expression gives, in a unit.

    Raises:
        IniError: as `evaluate`, or the value is no number, or not in that unit.
    """
    if not unit and _NUMERAL.fullmatch(text.strip()):
        return float(text)  # the usual case, for every bound of every range
    value = evaluate(text)
    try:
        return _number(value).to(unit)
    except IniError as error:
        message = f"cannot evaluate {excerpt(text.strip())}: {error}"
        raise IniError(message) from error


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            message = f'unexpected "{excerpt(text[position:end].strip())}"'
            raise IniError(message)
        kind = match.lastgroup or ""
        if kind == "unit":
            tokens.append(_Token("number", match["number"], match["unit"]))
        else:
            tokens.append(_Token(kind, match[kind]))
        position = match.end()
    return tokens


class _Parser:
    """Precedence climbing over the tokens of one expression."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def whole(self) -> Term:
        term = self._conditional()
        if self._position < len(self._tokens):
            message = f'unexpected "{excerpt(self._tokens[self._position].text)}"'
            raise IniError(message)
        return term

    def _conditional(self) -> Term:
        self._depth += 1
        if self._depth > DEEPEST:
            message = f"nested more than {DEEPEST} deep"
            raise IniError(message)
        term = self._binary(0)
        if self._accept("?"):
            yes = self._conditional()
            self._expect(":")
            term = partial(_choose, term, yes, self._conditional())
        self._depth -= 1
        return term

    def _binary(self, weakest: int) -> Term:
        first = self._unary()
        others: list[tuple[str, Term]] = []
        while (operator := self._peek()) in _PRECEDENCE and _PRECEDENCE[operator] > weakest:
            self._position += 1
            # a power groups to the right, everything else to the left
            bound = _PRECEDENCE[operator] - (1 if operator == "^" else 0)
            others.append((operator, self._deeper(bound)))
        return partial(_fold, first, others) if others else first

    def _deeper(self, weakest: int) -> Term:
        self._depth += 1
        if self._depth > DEEPEST:
            message = f"nested more than {DEEPEST} deep"
            raise IniError(message)
        term = self._binary(weakest)
        self._depth -= 1
        return term

    def _unary(self) -> Term:
        for operator, apply in _UNARY.items():
            if self._accept(operator):
                return partial(_after, apply, self._deeper(_UNARY_PRECEDENCE))
        return self._primary()

    def _primary(self) -> Term:
        token = self._next()
        if token.kind == "number":
            return partial(_constant, make_quantity(float(token.text), token.unit))
        if token.kind == "string":
            return partial(_constant, unquote(token.text))
        if token.kind == "name":
            return self._named(token.text)
        if token.text == "(":
            term = self._conditional()
            self._expect(")")
            return term
        message = f'unexpected "{excerpt(token.text)}"'
        raise IniError(message)

    def _named(self, name: str) -> Term:
        if name in _NAMED:
            return partial(_constant, _NAMED[name])
        if not self._accept("("):
            message = f'unknown name "{excerpt(name)}"'
            raise IniError(message)
        if name not in _FUNCTIONS and name not in ("min", "max"):
            message = (
                f'unknown function "{excerpt(name)}" (there is: max, min, {", ".join(_FUNCTIONS)})'
            )
            raise IniError(message)
        return partial(_call, name, self._arguments())

    def _arguments(self) -> list[Term]:
        if self._accept(")"):
            return []
        arguments = [self._conditional()]
        while self._accept(","):
            arguments.append(self._conditional())
        self._expect(")")
        return arguments

    def _peek(self) -> str:
        if self._position >= len(self._tokens):
            return ""
        token = self._tokens[self._position]
        return token.text if token.kind == "operator" else ""

    def _next(self) -> _Token:
        if self._position >= len(self._tokens):
            message = "it ends too early"
            raise IniError(message)
        self._position += 1
        return self._tokens[self._position - 1]

    def _accept(self, operator: str) -> bool:
        if self._peek() != operator:
            return False
        self._position += 1
        return True

    def _expect(self, operator: str) -> None:
        if not self._accept(operator):
            message = f'missing "{operator}"'
            raise IniError(message)


def _constant(value: Value) -> Value:
    return value


def _after(apply: Callable[[Value], Value], operand: Term) -> Value:
    return apply(operand())


def _choose(condition: Term, yes: Term, no: Term) -> Value:
    return yes() if _truth(condition()) else no()


def _fold(first: Term, others: list[tuple[str, Term]]) -> Value:
    """From left to right; in a loop, for there may be thousands of operands."""
    value = first()
    for operator, operand in others:
        if operator in ("&&", "||"):
            is_decided = _truth(value) == (operator == "||")
            value = value if is_decided else _truth(operand())
        else:
            value = _apply(operator, value, operand())
    return value


def _apply(operator: str, left: Value, right: Value) -> Value:
    if operator == "=~":
        return Pattern(str(right)).matches(str(left))
    if operator in ("==", "=", "!="):
        return _equal(left, right) == (operator != "!=")
    if operator in ("<", "<=", ">", ">="):
        return _ordered(operator, left, right)
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    return _arithmetic(operator, _number(left), _number(right))


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        _same_unit(left, right)
        return left.number == right.number
    if type(left) is not type(right):
        message = f"cannot compare {excerpt(str(left))} with {excerpt(str(right))}"
        raise IniError(message)
    return left == right


def _ordered(operator: str, left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        before, equal = left < right, left == right
    else:
        first, second = _number(left), _number(right)
        _same_unit(first, second)
        if math.isnan(first.number) or math.isnan(second.number):
            return False
        before, equal = first.number < second.number, first.number == second.number
    return {
        "<": before,
        "<=": before or equal,
        ">": not (before or equal),
        ">=": not before,
    }[operator]


def _arithmetic(operator: str, left: Quantity, right: Quantity) -> Quantity:
    match operator:
        case "+":
            return Quantity(left.number + right.number, _same_unit(left, right))
        case "-":
            return Quantity(left.number - right.number, _same_unit(left, right))
        case "*" if not (left.unit and right.unit):
            return Quantity(left.number * right.number, left.unit or right.unit)
        case "/" if not right.unit or right.unit == left.unit:
            return Quantity(left.number / right.number, "" if right.unit else left.unit)
        case "%" if not (left.unit or right.unit):
            return Quantity(math.fmod(left.number, right.number))
        case "^" if not (left.unit or right.unit):
            return Quantity(math.pow(left.number, right.number))
    message = f"cannot compute {left} {operator} {right}"
    raise IniError(message)


def _call(name: str, arguments: list[Term]) -> Quantity:
    numbers = [_number(argument()) for argument in arguments]
    if name in ("min", "max") and len(numbers) == 2:
        _same_unit(*numbers)
        choose = min if name == "min" else max
        return Quantity(choose(number.number for number in numbers), numbers[0].unit)
    if name in ("min", "max"):
        message = f"{name} takes two numbers"
        raise IniError(message)
    return Quantity(float(_FUNCTIONS[name](*(number.to("") for number in numbers))))


def _number(value: Value) -> Quantity:
    if isinstance(value, Quantity):
        return value
    message = f"{excerpt(repr(value))} is no number"
    raise IniError(message)


def _negative(value: Value) -> Quantity:
    quantity = _number(value)
    return Quantity(-quantity.number, quantity.unit)


def _truth(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    message = f"{excerpt(str(value))} is neither true nor false"
    raise IniError(message)


def _same_unit(left: Quantity, right: Quantity) -> str:
    if left.unit != right.unit:
        message = f"{left} and {right} are quantities of different things"
        raise IniError(message)
    return left.unit


_UNARY: dict[str, Callable[[Value], Value]] = {
    "-": _negative,
    "+": _number,
    "!": lambda value: not _truth(value),
}
