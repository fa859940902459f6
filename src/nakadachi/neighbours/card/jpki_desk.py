"""公的個人認証サービスへの接続: the counter's and the verifier's questions, put to the JPKI stand-in's service (R3)."""

from __future__ import annotations

from hashlib import sha256

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nakadachi.neighbours.card.certifier import Certified, Holder, Standing, Why
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.sample_authority import KINDS
from nakadachi.neighbours.card.texts import CardError, Trouble
from nakadachi.neighbours.jpki.client import JpkiClient, JpkiError
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted, NotDone, Objection
from nakadachi.neighbours.jpki.items import Birth
from nakadachi.neighbours.jpki.reading import read_certificate, read_request
from nakadachi.neighbours.jpki.states import Revocation
from nakadachi.neighbours.jpki.words import CertificateWords, IssueWords, ItemsWords, SerialWords
from nakadachi.refusal import Refusal

REASONS = {
    Why.HELD: Revocation.HELD,
    Why.CHANGED: Revocation.ITEMS_CHANGED,
    Why.LOST: Revocation.CEASED,
    Why.ENDED: Revocation.CEASED,
}
_STANDINGS = {
    Fault.REVOKED: Standing.REVOKED,
    Fault.HELD: Standing.HELD,
    Fault.EXPIRED: Standing.EXPIRED,
    Fault.NOT_YET_VALID: Standing.EXPIRED,
    Fault.STATUS_AWAY: Standing.UNREACHABLE,
    Fault.STATUS_STALE: Standing.UNREACHABLE,
}


class JpkiDesk:
    """A Certifier that asks the service."""

    def __init__(self, client: JpkiClient) -> None:
        self._client = client

    async def certify(self, secret: Secret, request: bytes, holder: Holder, *, renew: bool) -> Certified:
        """See Certifier. The request's number is that of its key, so that it can come again."""
        entries = holder.entries
        items = ItemsWords(entries.name, entries.address, entries.sex) if secret is Secret.SIGNATURE else None
        words = IssueWords(
            _number(request),
            KINDS[secret],
            holder.reference,
            holder.place,
            holder.prefecture,
            holder.city,
            request,
            Birth.of(entries.born).text,
            items,
            ward=not holder.wants_signature,
            renew=renew,
        )
        try:
            made: CertificateWords = await self._client.issue(words)
            read = read_certificate(KINDS[secret], made.certificate)
            issuer = (await self._client.anchors()).issuer(read.authority_key_id)
        except NotDone as objected:
            raise _objected(objected.objection) from None
        except (JpkiError, NotAccepted, Refusal) as wrong:
            raise CardError(Trouble.NOT_VALID, str(wrong)) from None
        return Certified(made.certificate, issuer.public_bytes(Encoding.DER), made.serial)

    async def revoke(self, secret: Secret, serial: str, why: Why) -> None:
        """See Certifier. One that has expired or was revoked for another reason is at its end already."""
        try:
            await self._client.revoke(SerialWords(KINDS[secret], serial, REASONS[why]))
        except NotDone as objected:
            if objected.objection is not Objection.GONE:
                raise _objected(objected.objection) from None
        except JpkiError as wrong:
            raise CardError(Trouble.NOT_VALID, str(wrong)) from None

    async def lift(self, secret: Secret, serial: str) -> None:
        """See Certifier. One that is not held is not in the way."""
        try:
            await self._client.resume(SerialWords(KINDS[secret], serial))
        except NotDone as objected:
            if objected.objection is not Objection.NOT_HELD:
                raise _objected(objected.objection) from None
        except JpkiError as wrong:
            raise CardError(Trouble.NOT_VALID, str(wrong)) from None

    async def judge(self, secret: Secret, certificate: bytes) -> Standing:
        """See Certifier: by the responder's own word; a counter, which may not ask it, goes by the list of the day."""
        try:
            read = read_certificate(KINDS[secret], certificate)
            anchors = await self._client.anchors()
        except Refusal:
            return Standing.UNKNOWN
        except JpkiError:
            return Standing.UNREACHABLE
        standing = Standing.UNREACHABLE
        for ask in (self._client.check, self._client.check_by_list):
            try:
                await ask(read, anchors)
            except NotAccepted as wrong:
                standing = _STANDINGS.get(wrong.fault, Standing.UNKNOWN)
            else:
                return Standing.GOOD
            if standing is not Standing.UNREACHABLE:
                break
        return standing


def _number(request: bytes) -> str:
    key = read_request(request).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"card-{sha256(key).hexdigest()[:40]}"


def _objected(objection: Objection) -> CardError:
    return CardError(Trouble.NOT_VALID, f"{objection.japanese} / {objection.english}")
