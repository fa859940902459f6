"""Writes `examples/`, the files of a sample country; the generator itself is `nakadachi.country.examples`.

python -m tools.make_examples [folder]          writes them
python -m tools.make_examples --check [folder]  fails where a file is not what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path

from nakadachi.country.examples import example_files, write_examples

FOLDER = Path(__file__).parent.parent / "examples"


def main(arguments: list[str]) -> int:
    """Write or check the examples; the number of files that were not as they should be."""
    folder = Path(next((each for each in arguments if each != "--check"), FOLDER))
    if "--check" not in arguments:
        write_examples(folder)
        print(f"the examples are in {folder}")
        return 0
    files = example_files()
    stale = [name for name, raw in files.items() if not (folder / name).exists() or (folder / name).read_bytes() != raw]
    for name in stale:
        print(f"{folder / name} is not what tools.make_examples writes: run python -m tools.make_examples")
    return len(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
