"""Keeps the drawn parts of the documents true: the life of an inquiry, the wire, the telegrams of the glossary.

`python -m tools.docs` draws them anew between their markers and leaves the prose around them alone;
`python -m tools.docs --check` says which page is stale.

A drawn part stands between `<!-- drawn: name -->` and `<!-- drawn to here -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from nakadachi.telegrams import closing, code, envelope, inquiry, link, oversight, permit, provision
from nakadachi.terms import Prefix
from tools import drawings, figures

DOCS = Path(__file__).resolve().parent.parent / "docs"
DRAWN = re.compile(r"<!-- drawn: ([a-z ]+) -->\n.*?<!-- drawn to here -->", re.DOTALL)
MEND = "run python -m tools.docs"

Drawing = Callable[[], str]
findings = partial(drawings.reasons, oversight.FindingKind, "kind")
PAGES: Mapping[str, Mapping[str, Drawing]] = {
    "life-of-an-inquiry.md": {"sequence": drawings.sequence, "hops": drawings.hops, "roles": drawings.roles},
    "glossary.md": {"telegrams": drawings.terms},
    "codes.md": {
        "schemes": figures.schemes,
        "conversion": figures.conversion,
        "issuance": figures.issuance,
        "rotation": figures.rotation,
    },
    "wire/README.md": {
        "example": partial(drawings.example, permit.IssueSerial),
        "members": drawings.common,
        "part": partial(drawings.struct, envelope.Part),
        "outcome": partial(drawings.struct, envelope.Outcome),
        "prefix": partial(drawings.struct, Prefix),
        "refused": partial(drawings.telegram, envelope.Refused),
        "pending": partial(drawings.telegram, envelope.Pending),
        "limits": drawings.limits,
        "reasons": drawings.reasons,
    },
    **{
        f"wire/{module.__name__.rpartition('.')[2]}.md": {
            "example": partial(drawings.example, first),
            "telegrams": partial(drawings.family, module),
            **more,
        }
        for module, first, more in (
            (permit, permit.RequestPermit, {}),
            (inquiry, inquiry.Inquire, {}),
            (provision, provision.Provide, {}),
            (closing, closing.Close, {}),
            (code, code.RequestLinkCode, {}),
            (link, link.ReportResidentChanges, {}),
            (oversight, oversight.ReportOperation, {"findings": findings}),
        )
    },
}


def drawn(page: str, text: str) -> str:
    """A page with its drawn parts as they should be. Raises ValueError where a marker is lacking or not known."""
    drawing = PAGES[page]
    found = DRAWN.findall(text)
    if sorted(found) != sorted(drawing):
        raise ValueError(f"docs/{page} has the drawn parts {found}, it should have {list(drawing)}, each once")
    return DRAWN.sub(
        lambda match: f"<!-- drawn: {match[1]} -->\n\n{drawing[match[1]]()}\n\n<!-- drawn to here -->", text
    )


def stale(folder: Path | None = None) -> dict[str, str]:
    """The pages that are not as they should be, and how they should be."""
    pages = {page: ((folder or DOCS) / page).read_text(encoding="utf-8") for page in PAGES}
    return {page: fresh for page, text in pages.items() if (fresh := drawn(page, text)) != text}


def main(arguments: list[str]) -> int:
    """Draw, or check. The exit status says whether a page was stale."""
    pages = stale()
    for page, text in pages.items():
        if "--check" in arguments:
            print(f"docs/{page} is stale: {MEND}")
        else:
            (DOCS / page).write_text(text, encoding="utf-8")
            print(f"docs/{page}")
    if old := figures.curves_are_stale():
        if "--check" in arguments:
            print(f"{figures.CURVES.name} is stale: {MEND}")
        else:
            figures.draw_curves()
    return int("--check" in arguments and bool(pages or old))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
