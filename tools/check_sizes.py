"""The numbers that keep the rules of style honest: lengths of files and functions, arguments that go by position.

Run by `make check`. It reads our own Python only, and changes nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 300
LONG_FILE_LINES = 400
LONG_FILES = {"store.py", "catalogue.py"}
FUNCTION_LINES = 40
POSITIONAL_ARGUMENTS = 5
FOLDERS = ("src", "tools", "tests", "bench", "fuzz", "examples")


def problems(path: Path, text: str) -> Iterator[str]:
    """Everything in one file that is longer than the rules allow, as `path:line: what, and what to do`."""
    lines = len(text.splitlines())
    limit = LONG_FILE_LINES if path.name in LONG_FILES else FILE_LINES
    if lines > limit:
        yield f"{path}:1: {lines} lines, the limit is {limit}: split it at a second subject"
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function_problems(path, node)


def _function_problems(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > FUNCTION_LINES:
        yield f"{path}:{node.lineno}: {node.name} has {length} lines, the limit is {FUNCTION_LINES}"
    names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
    count = len([name for name in names if name not in {"self", "cls"}])
    is_test = node.name.startswith("test_")
    if count > POSITIONAL_ARGUMENTS and not is_test:
        yield f"{path}:{node.lineno}: {node.name} takes {count} arguments by position: put a * before the last ones"


def main() -> int:
    """Print what is too long; the exit status says whether anything was."""
    root = Path(__file__).resolve().parent.parent
    files = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    found = [line for path in files for line in problems(path.relative_to(root), path.read_text(encoding="utf-8"))]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
