"""The SMT solver cvc5 as the program that Cedar's analyzer expects: SMT-LIB in, answers out.

The package on PyPI holds cvc5's library and its parser, but not its command.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import cvc5  # pyright: ignore[reportMissingTypeStubs]

_CVC5: Any = cvc5  # it carries no types


def commands(lines: Iterable[str]) -> Iterator[str]:
    """Yields each SMT-LIB command as soon as its last line is read."""
    command, depth, quote = "", 0, ""
    for line in lines:
        for character in line:
            if quote:
                quote = "" if character == quote else quote
            elif character in '"|':
                quote = character
            elif character == ";":
                break
            else:
                depth += {"(": 1, ")": -1}.get(character, 0)
            command += character
        if depth == 0 and not quote and command.strip():
            yield command
            command = ""


def answers(script: Iterable[str], milliseconds: int) -> Iterator[str]:
    """Yields what the solver says to each command of a script.

    Args:
        script: commands.
        milliseconds: after which a question is answered with ``unknown``.
    """
    solver, parser = _fresh(milliseconds)
    for command in script:
        if command.strip() == "(reset)":
            solver, parser = _fresh(milliseconds)
            continue
        parser.setStringInput(_CVC5.InputLanguage.SMT_LIB_2_6, command, "standard input")
        yield parser.nextCommand().invoke(solver, parser.getSymbolManager())


def _fresh(milliseconds: int) -> tuple[Any, Any]:
    solver = _CVC5.Solver(_CVC5.TermManager())
    solver.setOption("tlimit-per", str(milliseconds))
    return solver, _CVC5.InputParser(solver)


if __name__ == "__main__":
    for answer in answers(commands(sys.stdin), milliseconds=60_000):
        sys.stdout.write(answer)
        sys.stdout.flush()
