"""The text of a filter → its syntax tree, or the column of what is wrong, why, and what was probably meant."""

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from oddport.case.errors import FilterError
from oddport.case.filter_fields import ascii_lower, nearest

if TYPE_CHECKING:
    from lark import Lark, Token

LONGEST = 4_000
"""Characters of a filter."""
DEEPEST = 20
"""Parentheses and `not` inside each other: three of the 100 symbols that SQLite's parser holds (YYSTACKDEPTH) each."""
GRAMMAR = """
start: either
either: all (OR all)*
all: unary (AND unary)*
?unary: NOT unary -> no
      | LPAR either RPAR -> inner
      | name OPERATOR value -> compare
      | name IN LBRACE [item (COMMA? item)*] RBRACE -> among
      | name CONTAINS value -> contains
      | name MATCHES value -> matches
      | value -> alone
name: WORD
value: WORD | STRING
item: WORD | STRING
%declare OR AND NOT IN CONTAINS MATCHES OPERATOR LPAR RPAR LBRACE RBRACE COMMA WORD STRING
"""
_TOKEN = re.compile(
    r"""\s*(?:(?P<STRING>"(?:[^"\\]|\\.)*")|(?P<UNCLOSED>".*)|(?P<LPAR>\()|(?P<RPAR>\))|(?P<LBRACE>\{)|(?P<RBRACE>\})"""
    r"""|(?P<COMMA>,)|(?P<SYMBOL>[=!<>~&|]+)|(?P<WORD>[^\s(){}",=!<>~&|]+))""",
    re.DOTALL,
)
_WORDS = {"or": "OR", "and": "AND", "not": "NOT", "in": "IN", "contains": "CONTAINS", "matches": "MATCHES"}
_SYMBOLS = {"||": "OR", "&&": "AND", "!": "NOT"} | dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), "OPERATOR")
_MEANT = {"=": "==", "===": "==", "=!": "!=", "<>": "!=", "!==": "!=", "=<": "<=", "=>": ">=", "&": "and", "|": "or"}
_MEANT |= {"~": "contains", "=~": "contains", "!!": "not"}
_MEANT_WORDS = {"is": "==", "eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_MEANT_WORDS |= {"like": "contains"}


def parse(text: str) -> Any:
    """The tree of a filter that is not empty (lark's Tree by GRAMMAR, tokens with `start_pos`). Raises FilterError."""
    from lark.exceptions import UnexpectedToken

    if len(text) > LONGEST:
        raise FilterError(f"The filter is longer than {LONGEST:,} characters.", LONGEST)
    for column, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise FilterError("This character is no text and cannot be looked for.", column)
    depth = nots = 0
    for kind, _, column in tokens(text):
        depth += (kind == "LPAR") - (kind == "RPAR")
        nots = nots + 1 if kind == "NOT" else nots if kind == "LPAR" else 0
        if depth + nots > DEEPEST:
            raise FilterError(f"Parentheses and “not” are more than {DEEPEST} deep.", column)
    try:
        return _parser().parse(text)
    except UnexpectedToken as error:
        raise _explain(text, error.token) from None


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, text, 0-based column) of each token; what is no operator and what is not closed are tokens too."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        token = match[kind]
        if kind == "WORD":
            kind = _WORDS.get(ascii_lower(token), kind)
        elif kind == "SYMBOL":
            kind = _SYMBOLS.get(token, kind)
        yield kind, token, match.start(match.lastgroup or 0)


@functools.cache
def _parser() -> "Lark":
    from lark import Lark, Token
    from lark.lexer import Lexer

    class FilterLexer(Lexer):
        def __init__(self, _: Any) -> None:
            pass

        def lex(self, data: Any, *_: Any) -> Iterator[Token]:
            for kind, token, column in tokens(str(data)):
                yield Token(kind, token, column)

    return Lark(GRAMMAR, parser="lalr", lexer=FilterLexer)


def _explain(text: str, wrong: "Token") -> FilterError:
    """What to say of the first token that fits nowhere."""
    at_end = wrong.type == "$END"
    column = len(text) if at_end else wrong.start_pos or 0
    shown = "" if at_end else str(wrong)
    earlier = [token for token in tokens(text) if token[2] < column]
    kind, before, _ = earlier[-1] if earlier else ("", "", 0)
    kinds = [token[0] for token in earlier]
    if wrong.type == "UNCLOSED":
        return FilterError("The quotation mark that opens here is not closed.", column)
    if wrong.type == "SYMBOL":
        meant = _MEANT.get(shown, "")
        return FilterError(f"“{shown}” is not an operator.{did_you_mean(meant)}", column, meant)
    if kinds.count("LBRACE") > kinds.count("RBRACE"):
        if at_end:
            return FilterError("The set is not closed: a } is missing.", column)
        return FilterError(f"“{shown}” cannot stand in a set: values with commas between, then a brace.", column)
    if kind == "IN":
        return FilterError("A set is missing after “in”: values in braces, such as {80, 443}.", column)
    if kind in ("OPERATOR", "CONTAINS", "MATCHES"):
        return FilterError(f"A value is missing after “{before}”.", column)
    if kind in ("", "LPAR", "AND", "OR", "NOT"):
        place = f"after “{before}”" if before else "at the beginning"
        return FilterError(f"A condition is missing {place}.", column)
    if at_end:
        return FilterError("A parenthesis is not closed: a ) is missing.", column)
    if wrong.type == "RPAR":
        return FilterError("This parenthesis closes none.", column)
    if wrong.type == "WORD":
        meant = _MEANT_WORDS.get(ascii_lower(shown), "") or nearest(shown, ("contains", "and", "or", "in"))
        if meant:
            return FilterError(f"“{shown}” is not an operator.{did_you_mean(meant)}", column, meant)
    if wrong.type in ("WORD", "STRING", "NOT", "LPAR"):
        return FilterError(f"“and” or “or” is missing before “{shown}”.", column, f"and {shown}")
    return FilterError(f"“{shown}” cannot stand after “{before}”.", column)


def did_you_mean(meant: str) -> str:
    """A sentence that offers `meant`, with a space before it; empty for an empty one."""
    return f" Did you mean {meant}?" if meant else ""
