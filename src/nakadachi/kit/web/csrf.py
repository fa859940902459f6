"""Whether a request that changes something was sent by a page of this site, and by this browser's own copy of it.

Two independent signs: what the browser itself says of where the request comes from (Fetch Metadata, `Origin`), and a
token in the form that only a page given to this browser can hold. It keeps nothing: the token is made from the cookie.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping

FIELD = "csrf"
"""The form field of the token."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def form_token(cookie: str) -> str:
    """The token of every form shown to the browser that holds `cookie`; who only knows the token knows no cookie."""
    made = hmac.digest(cookie.encode(), b"nakadachi form token 1", hashlib.sha256)
    return urlsafe_b64encode(made).decode().rstrip("=")


def same_form(cookie: str, token: str) -> bool:
    """Whether a form's token belongs to the cookie that came with it; never where there is no cookie."""
    return bool(cookie) and hmac.compare_digest(form_token(cookie).encode(), token.encode())


def own_page(headers: Mapping[str, str], origin: str) -> bool:
    """Whether the browser says that a page of `origin` sent this; a browser that says nothing is not believed.

    `Sec-Fetch-Site` is the browser's own word and no page can write it. One that is too old for it still sends `Origin`
    with everything that is no plain view.
    """
    site = headers.get("sec-fetch-site")
    named = headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if named is not None and named not in {origin, "null"}:
        return False
    return site == "same-origin" or named == origin
