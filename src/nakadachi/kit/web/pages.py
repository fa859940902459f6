"""画面の宣言: a page is its path, who may see it, a function from parts to a view, and a template.

Closed by default: a page that names nobody is refused when the system starts. Showing, checking, logging and answering
are `site`'s work and the same for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nakadachi.kit.web.operations import Action
from nakadachi.kit.web.text import Language, Text

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection
    from nakadachi.kit.web.listing import Listing
    from nakadachi.kit.web.session import Session

P = TypeVar("P")


class Stage(StrEnum):
    """Who sees a page beside the roles of a system: those on their way in, and everybody."""

    ANYONE = "(anyone)"
    AFTER_SETUP = "(after setup)"
    AFTER_PASSWORD = "(after password)"  # noqa: S105  the name of a step
    SIGNED_IN = "(signed in)"


NOBODY: frozenset[str] = frozenset()
ANYONE = frozenset({Stage.ANYONE.value})
SIGNED_IN = frozenset({Stage.SIGNED_IN.value})


@dataclass(frozen=True, slots=True)
class Visit:
    """訪問: one request as a page sees it. Path, query and form hold single texts; what comes twice is dropped.

    `prepared` is what an act's `before` brought; `errors` says per form field what to mend.
    """

    language: Language
    user: Session | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    errors: Mapping[str, Text] = field(default_factory=dict)
    cookie: str = field(default="", repr=False)
    prepared: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Who it is; empty where nobody is known."""
        return self.user.name if self.user else ""


@dataclass(frozen=True, slots=True)
class View:
    """表示内容: the words of a page's template. `about` is what the operation log says was seen, never what it said."""

    words: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    status: int = 200
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """An act was done: where to go (or what to show instead), and what the log says of it; `who` where not the visitor.

    `cookie` replaces the browser's: a new one at every step of a login, "" at its end.
    """

    to: str = "/"
    about: str = ""
    action: Action = Action.ACT
    who: tuple[str, str] | None = None
    cookie: str | None = None
    view: View | None = None
    logged: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """An act was not done, and that is kept: why, per form field ("" for the whole), and what the log says of it."""

    errors: Mapping[str, Text]
    about: str = ""
    action: Action = Action.ACT
    who: tuple[str, str] | None = None
    logged: bool = True


class Invalid(Exception):  # noqa: N818  a person mends it
    """A form that is to be mended: nothing was done and nothing is kept."""

    def __init__(self, **errors: Text) -> None:
        super().__init__("a form to be mended")
        self.errors = {name.strip("_"): text for name, text in errors.items()}


@dataclass(frozen=True, slots=True)
class Act(Generic[P]):
    """操作: what a form of a page does, inside one transaction with its row in the operation log; `told` follows it.

    `before` does what must not happen inside a transaction.
    """

    do: Callable[[Connection, P, Visit], Awaitable[Done | Refused]]
    told: Text | None = None
    before: Callable[[P, Visit], Awaitable[Any]] | None = None
    allowed: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[P]):
    """画面. `seen_by`: who may. `acts` by name: `<path>/<name>` takes their forms. `menu`: in the navigation.

    `export` gives the page's list as CSV at `<path>.csv`. `live`: a part of a page that its own script asks for again
    and again: it shows counts and no record, so it is not logged and does not keep a session awake.
    """

    name: str
    path: str
    title: Text
    view: Callable[[P, Visit], Awaitable[View]]
    template: str
    seen_by: frozenset[str] = NOBODY
    acts: Mapping[str, Act[P]] = field(default_factory=dict)
    export: Callable[[P, Visit], Awaitable[Listing]] | None = None
    menu: bool = False
    live: bool = False
    logged: bool = True


def may(seen_by: frozenset[str], user: Session | None) -> bool:
    """Whether a visitor is among those who may."""
    if Stage.ANYONE.value in seen_by:
        return True
    if user is None:
        return False
    stage = user.stage.value
    if stage == "in":
        return user.role in seen_by or Stage.SIGNED_IN.value in seen_by
    return (Stage.AFTER_SETUP.value if stage == "setup" else Stage.AFTER_PASSWORD.value) in seen_by


def local_path(text: str) -> str:
    """A path of this site to go on to; "/" for anything else, so that nobody is led away."""
    ok = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and len(text) < 1000
    return text if ok and "\\" not in text else "/"
