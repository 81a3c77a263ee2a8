"""OMNeT++'s match expressions, the language that result items are filtered in.

    expression  = conjunction { OR conjunction }
    conjunction = negation { AND negation }
    negation    = [ NOT ] ( "(" expression ")" | condition )
    condition   = FIELD "=~" PATTERN        OMNeT++ 6
                | FIELD "(" PATTERN ")"     OMNeT++ 4 and 5
                | PATTERN                   a pattern for `name`

Fields are `name`, `module`, `type`, `file`, `run`, `unit`, `title`, and `itervar:X`, `runattr:X`,
`config:X` (also `param:X`), `attr:X`.  `attr:X` is the item's own attribute, or else the run's, which is
what it meant before OMNeT++ 6.  Something that an item does not have matches only an empty pattern and `*`.
Patterns with blanks, brackets or quotes stand in double quotes.  Operators may be in lower case.

Source: OMNeT++ Simulation Manual, section "Result Filter Expressions" of the chapter about results, and
what `opp_scavetool` of 5.6 and 6.1 accept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from simcrate.errors import BadInputError
from simcrate.results.pattern import compile_pattern

Mask = npt.NDArray[np.bool_]
Fields = Callable[[str], Sequence[str]]
"""Gives the text of a field for every item, (n,)."""

MAX_NESTING = 50

_TOKEN = re.compile(
    r'\s*(?:(?P<punctuation>=~|\(|\))|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>(?:(?!=~)[^\s()"])+))',
    re.DOTALL,
)
_PLAIN_FIELDS = ("name", "module", "type", "file", "run", "unit", "title")
_KEYED_FIELDS = ("itervar:", "runattr:", "config:", "param:", "attr:")


class Expression:
    """A compiled match expression."""

    def __init__(self, evaluate: Callable[[Fields], Mask]) -> None:
        self._evaluate = evaluate

    def mask(self, fields: Fields) -> Mask:
        """Which items match, (n,)."""
        return self._evaluate(fields)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool = False

    def is_word(self, *words: str) -> bool:
        return not self.quoted and self.text.upper() in words


@lru_cache(maxsize=64)
def compile_expression(text: str) -> Expression:
    """Compile a match expression; a blank one matches everything.

    Raises:
        BadInputError: it is not one; says where and what was expected.
    """
    parser = _Parser(text)
    return Expression(parser.parse())


class _Parser:
    """Recursive descent over the grammar of the module's docstring."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize()
        self._position = 0
        self._depth = 0

    def parse(self) -> Callable[[Fields], Mask]:
        if not self._tokens:
            return _matching("name", "*")
        found = self._disjunction()
        if self._peek() is not None:
            raise self._error("AND, OR or the end")
        return found

    def _tokenize(self) -> list[_Token]:
        tokens, position, text = [], 0, self._text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                message = f"could not use the filter {self._text!r}: a double quote is not closed"
                raise BadInputError(message)
            quoted = found["quoted"]
            if quoted is not None:
                tokens.append(_Token(re.sub(r'\\(["\\])', r"\1", quoted), quoted=True))
            else:
                tokens.append(_Token(found["punctuation"] or found["word"]))
            position = found.end()
        return tokens

    def _disjunction(self) -> Callable[[Fields], Mask]:
        left = self._conjunction()
        while self._take_word("OR"):
            left = _either(left, self._conjunction())
        return left

    def _conjunction(self) -> Callable[[Fields], Mask]:
        left = self._negation()
        while self._take_word("AND"):
            left = _both(left, self._negation())
        return left

    def _negation(self) -> Callable[[Fields], Mask]:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise self._error(f"at most {MAX_NESTING} levels of brackets and NOT")
        found = self._operand()
        self._depth -= 1
        return found

    def _operand(self) -> Callable[[Fields], Mask]:
        if self._take_word("NOT"):
            inner = self._negation()
            return lambda fields: ~inner(fields)
        if self._take_word("("):
            inner = self._disjunction()
            self._expect(")")
            return inner
        return self._condition()

    def _condition(self) -> Callable[[Fields], Mask]:
        first = self._take_text()
        if self._take_word("=~"):
            return _matching(self._field(first.text), self._take_text().text)
        if not first.quoted and self._take_word("("):
            pattern = self._take_text().text
            self._expect(")")
            return _matching(self._field(first.text), pattern)
        return _matching("name", first.text)

    def _field(self, name: str) -> str:
        lower = name.lower()
        if lower in _PLAIN_FIELDS:
            return lower
        for prefix in _KEYED_FIELDS:
            if lower.startswith(prefix) and len(name) > len(prefix):
                return prefix + name[len(prefix) :]
        known = ", ".join([*_PLAIN_FIELDS, *(prefix + "X" for prefix in _KEYED_FIELDS)])
        message = f"could not use the filter {self._text!r}: there is no field {name!r}; fields are {known}"
        raise BadInputError(message)

    def _peek(self) -> _Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _take_word(self, word: str) -> bool:
        token = self._peek()
        if token is None or not token.is_word(word):
            return False
        self._position += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._take_word(word):
            raise self._error(repr(word))

    def _take_text(self) -> _Token:
        token = self._peek()
        if token is None or token.is_word("(", ")", "=~", "AND", "OR", "NOT"):
            raise self._error("a field or a pattern")
        self._position += 1
        return token

    def _error(self, expected: str) -> BadInputError:
        token = self._peek()
        found = "the end" if token is None else repr(token.text)
        return BadInputError(
            f"could not use the filter {self._text!r}: expected {expected}, found {found}"
        )


def _matching(field: str, pattern: str) -> Callable[[Fields], Mask]:
    matches = compile_pattern(pattern)

    def evaluate(fields: Fields) -> Mask:
        texts = fields(field)
        verdicts = {text: matches(text) for text in set(texts)}
        return np.fromiter((verdicts[text] for text in texts), np.bool_, len(texts))

    return evaluate


def _both(
    left: Callable[[Fields], Mask], right: Callable[[Fields], Mask]
) -> Callable[[Fields], Mask]:
    return lambda fields: left(fields) & right(fields)


def _either(
    left: Callable[[Fields], Mask], right: Callable[[Fields], Mask]
) -> Callable[[Fields], Mask]:
    return lambda fields: left(fields) | right(fields)
