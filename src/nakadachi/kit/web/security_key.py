"""セキュリティキー (WebAuthn Level 3): what a browser is asked for, and whether its answer is one. It keeps nothing.

A key must verify its user (a PIN, a finger, a face), so that it is a second factor of its own. Loaded when the first
person enters: its libraries take longer to load than the rest of a system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from nakadachi.kit.log import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.web.user_store import Key

MOST_CHARACTERS = 16_384
_WRONG = (WebAuthnException, ValueError, TypeError, KeyError)


def _note(wrong: Exception) -> None:
    """Which kind of fault it was; never what was sent."""
    logger().info("page.key_refused", error=type(wrong).__name__)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key says of itself when it is registered."""

    id: bytes
    public_key: bytes
    uses: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where keys are used: the origin of the pages, such as https://pages.example, and what the site is called."""

    origin: str
    called: str

    @property
    def host(self) -> str:
        """The name that keys are bound to."""
        return urlsplit(self.origin).hostname or ""

    def ask_for_new(self, name: str, handle: bytes, challenge: bytes, known: Sequence[Key]) -> str:
        """The options of `navigator.credentials.create`, as JSON: a key of this user that is not there yet."""
        options = webauthn.generate_registration_options(
            rp_id=self.host,
            rp_name=self.called,
            user_name=name,
            user_id=handle,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=key.id) for key in known],
        )
        return webauthn.options_to_json(options)

    def read_new(self, challenge: bytes | None, answer: str) -> NewKey | None:
        """What a browser answered to `ask_for_new`; None where that is no key's answer to this challenge."""
        if challenge is None:
            return None
        try:
            made = webauthn.verify_registration_response(
                credential=answer[:MOST_CHARACTERS],
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                require_user_verification=True,
            )
        except _WRONG as wrong:
            _note(wrong)
            return None
        return NewKey(made.credential_id, made.credential_public_key, made.sign_count)

    def ask_for_known(self, challenge: bytes, keys: Sequence[Key]) -> str:
        """The options of `navigator.credentials.get`, as JSON: one of these keys."""
        options = webauthn.generate_authentication_options(
            rp_id=self.host,
            challenge=challenge,
            allow_credentials=[PublicKeyCredentialDescriptor(id=key.id) for key in keys],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return webauthn.options_to_json(options)

    def read_known(self, challenge: bytes | None, answer: str, keys: Sequence[Key]) -> tuple[Key, int] | None:
        """Which of the keys answered to `ask_for_known`, and how often it was used; None where none of them did."""
        if challenge is None:
            return None
        try:
            credential = parse_authentication_credential_json(answer[:MOST_CHARACTERS])
            key = next((one for one in keys if one.id == credential.raw_id), None)
            if key is None:
                return None
            checked = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                credential_public_key=key.public_key,
                credential_current_sign_count=key.uses,
                require_user_verification=True,
            )
        except _WRONG as wrong:
            _note(wrong)
            return None
        return key, checked.new_sign_count
