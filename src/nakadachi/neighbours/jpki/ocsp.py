"""オンライン証明書状態確認 (OCSP, RFC 6960): what a responder is asked, and how it answers. Pure.

One certificate per request, as RFC 5019 has it for responders of many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import new

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from nakadachi.neighbours.jpki.authority import Authority
from nakadachi.neighbours.jpki.profile import PrivateKey, PublicKey
from nakadachi.neighbours.jpki.reading import UNREADABLE, HolderCertificate, require_size, unreadable
from nakadachi.neighbours.jpki.states import Revocation, State, Status
from nakadachi.refusal import Reason, Refusal

REQUEST_LIMIT = 4096
NONCE_LIMIT = 128
"""Bytes of a nonce at the most (RFC 9654)."""
ANSWER_LIMIT = 16 * 1024
CONTENT_TYPE_REQUEST = "application/ocsp-request"
CONTENT_TYPE_ANSWER = "application/ocsp-response"
_HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256}  # SHA-1 as an identifier only: it proves nothing here


@dataclass(frozen=True, slots=True)
class Question:
    """照会: about which serial number of which issuer, and the nonce, if any (1 to 128 bytes)."""

    serial: int = field(repr=False)
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    hashed_by: str
    nonce: bytes | None = field(default=None, repr=False)

    def is_about(self, authority: Authority) -> bool:
        """Whether this generation of this authority is meant; the name alone would not tell."""
        certificate = authority.certificate
        key: PublicKey = authority.key.public_key()
        return (self.issuer_name_hash, self.issuer_key_hash) == issuer_hashes(certificate.subject, key, self.hashed_by)


def issuer_hashes(name: x509.Name, key: PublicKey, hashed_by: str) -> tuple[bytes, bytes]:
    """発行者の名と鍵のハッシュ (RFC 6960, 4.1.1), by `sha1` or `sha256`."""
    return _hash(hashed_by, name.public_bytes()), _hash(hashed_by, _bits(key))


def _hash(hashed_by: str, content: bytes) -> bytes:
    return new(hashed_by, content, usedforsecurity=False).digest()


def _bits(key: PublicKey) -> bytes:
    """The public key without its tag, as certificates carry it."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def write_question(certificate: HolderCertificate, issuer: x509.Certificate, nonce: bytes | None = None) -> bytes:
    """The request about one certificate (DER), with SHA-256; the issuer is found by its key."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate.raw, issuer, hashes.SHA256())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def read_question(der: bytes) -> Question:
    """A request (DER); total. Raises Refusal(BAD_FORMAT, TOO_LARGE)."""
    require_size(der, REQUEST_LIMIT)
    try:
        request = ocsp.load_der_ocsp_request(der)
        nonces = [one.value.nonce for one in request.extensions if isinstance(one.value, x509.OCSPNonce)]
        unknown = any(one.critical and isinstance(one.value, x509.UnrecognizedExtension) for one in request.extensions)
        hashed_by = request.hash_algorithm.name
        if unknown or hashed_by not in _HASHES or any(not 0 < len(one) <= NONCE_LIMIT for one in nonces):
            raise ValueError("not of the profile")
        return Question(
            request.serial_number,
            request.issuer_name_hash,
            request.issuer_key_hash,
            hashed_by,
            nonces[0] if nonces else None,
        )
    except (*UNREADABLE, NotImplementedError) as wrong:
        raise unreadable("OCSP request about one certificate", wrong) from None


@dataclass(frozen=True, slots=True)
class Responder:
    """OCSPレスポンダー: answers for one generation of an authority with a key and a certificate of its own."""

    authority: Authority
    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    def answer(self, question: Question, status: Status, *, now: datetime, next_update: datetime) -> bytes:
        """回答 (DER): signed, with the nonce that was asked for."""
        revoked = status.state in {State.REVOKED, State.HELD}
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                question.issuer_name_hash,
                question.issuer_key_hash,
                question.serial,
                _HASHES[question.hashed_by](),
                _said(status.state),
                now,
                next_update,
                status.since if revoked else None,
                _why(status) if revoked else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
            .certificates([self.certificate])
        )
        if question.nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _said(state: State) -> ocsp.OCSPCertStatus:
    if state is State.GOOD:
        return ocsp.OCSPCertStatus.GOOD
    return ocsp.OCSPCertStatus.UNKNOWN if state is State.UNKNOWN else ocsp.OCSPCertStatus.REVOKED


def _why(status: Status) -> x509.ReasonFlags | None:
    given = status.reason not in {None, Revocation.UNSPECIFIED}
    return status.reason.flag if status.reason and given else None


def refuse(status: ocsp.OCSPResponseStatus) -> bytes:
    """An answer without a state: the request cannot be read, or the asker may not ask."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def read_answer(der: bytes) -> ocsp.OCSPResponse:
    """An answer (DER) about one certificate, its parts readable; total, and not verified yet.

    Raises Refusal(BAD_FORMAT, TOO_LARGE) for bytes that are none, Refusal(ROLE_NOT_ALLOWED) where the responder says
    that we may not ask, Refusal(INTERNAL) where it says anything else but an answer.
    """
    require_size(der, ANSWER_LIMIT)
    try:
        answer = ocsp.load_der_ocsp_response(der)
        if answer.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
            # Every part that is used later, so that what cannot be read is found here.
            _ = (answer.certificates, answer.extensions, answer.single_extensions, answer.serial_number)
            _ = (answer.this_update_utc, answer.next_update_utc, answer.certificate_status, answer.hash_algorithm)
            _ = (answer.revocation_time_utc, answer.revocation_reason, answer.signature_hash_algorithm)
            _ = (answer.responder_key_hash, answer.responder_name, answer.issuer_key_hash, answer.produced_at_utc)
            return answer
    except (*UNREADABLE, NotImplementedError) as wrong:
        raise unreadable("OCSP answer about one certificate", wrong) from None
    said = answer.response_status
    if said is ocsp.OCSPResponseStatus.UNAUTHORIZED:
        raise Refusal(Reason.ROLE_NOT_ALLOWED, "the responder does not answer this verifier")
    raise Refusal(Reason.INTERNAL, f"the responder gave no answer ({said.name})")
