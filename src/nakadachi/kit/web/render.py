"""From a view to bytes: templates, both languages, the files that pages need, and the headers that every answer has.

No script and no style stands in a page: what a page can run or look like comes from files of our own, and the browser
is told so. Nothing is fetched from anywhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from nakadachi.kit.web.listing import Badge, Link, plain
from nakadachi.kit.web.text import Language, Text, japan_time

_HERE = Path(__file__).parent
_MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
"""Content Security Policy Level 3: own files only, no frame around us, forms to ourselves."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: browsers would then hide where a form comes from, and `csrf` wants to know.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "publickey-credentials-get=(self), publickey-credentials-create=(self),"
        " camera=(), microphone=(), geolocation=()"
    ),
}
"""What every answer of a site carries."""
LONG = 24
"""From so many characters on a text without spaces may be broken anywhere: a serial, a root."""
NEVER_KEPT = {"cache-control": "no-store"}
KEPT = {"cache-control": "public, max-age=31536000, immutable"}
ONLY_TLS = {"strict-transport-security": "max-age=31536000"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that pages need: its bytes, its kind, and its address, which changes with its content."""

    content: bytes
    media: str
    address: str


def read_static(*folders: Path) -> dict[str, StaticFile]:
    """All files in these folders, by name. Nothing outside them can be asked for."""
    found = {}
    for folder in folders:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.suffix in _MEDIA:
                content = path.read_bytes()
                address = f"/static/{path.name}?v={hashlib.sha256(content).hexdigest()[:16]}"
                found[path.name] = StaticFile(content, _MEDIA[path.suffix], address)
    return found


class Renderer:
    """Draws pages from a system's own templates and the common ones."""

    def __init__(self, templates: Path) -> None:
        self.files = read_static(_HERE / "static", templates.parent / "static")
        loader = ChoiceLoader([FileSystemLoader(templates), FileSystemLoader(_HERE / "templates")])
        self._environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.globals["asset"] = lambda name: self.files[name].address

    def page(self, template: str, language: Language, words: Mapping[str, Any]) -> str:
        """A page in that language. Raises jinja2.UndefinedError where the template wants a word that is not there."""
        given = {
            "language": language,
            "t": lambda japanese, english: Text(japanese, english).of(language),
            "say": lambda text: text.of(language) if isinstance(text, Text) else text,
            "cell": lambda cell: _cell(cell, language),
            "moment": _moment,
        }
        return self._environment.get_template(template).render(given | dict(words))

    def names(self) -> list[str]:
        """Every template there is."""
        return self._environment.list_templates()


def _cell(cell: Any, language: Language) -> Markup:
    """A cell of a list as HTML."""
    text = escape(plain(cell, language))
    if isinstance(cell, Link):
        return Markup('<a href="{}">{}</a>').format(cell.to, text)
    if isinstance(cell, Badge):
        return Markup('<span class="badge badge-{}">{}</span>').format(cell.kind, text)
    if isinstance(cell, datetime):
        return _moment(cell)
    if len(text) > LONG:
        return Markup('<span class="long">{}</span>').format(text)
    return text or Markup('<span class="none">—</span>')


def _moment(moment: datetime) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), japan_time(moment))
