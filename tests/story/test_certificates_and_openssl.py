"""電子証明書とOpenSSL: an outside judge agrees on certificates, lists and answers, and answers are kept no longer
than they are true (R3).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.kit.postgres import PostgresServer
from nakadachi.neighbours.jpki import ocsp
from nakadachi.neighbours.jpki.client import JpkiClient
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted
from nakadachi.neighbours.jpki.parts import Settings
from nakadachi.neighbours.jpki.profile import Algorithm, Kind
from nakadachi.neighbours.jpki.reading import HolderCertificate
from nakadachi.neighbours.jpki.rules import Change
from nakadachi.neighbours.jpki.verifying import Anchors, Answered, verify
from tests.certified import NOW
from tests.certifying import COUNTER, PORTAL, Certifying, Person, both, certifying, read, tell
from tests.openssl import needs_openssl, openssl


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(Algorithm))
async def town(
    request: pytest.FixtureRequest, postgres: PostgresServer, open_directory: Path
) -> AsyncIterator[Certifying]:
    name = f"jpki_judged_{request.param.name.lower()}"
    folder = open_directory / name
    folder.mkdir()
    async with certifying(await postgres.create_tenant(name), folder, Settings(algorithm=request.param)) as running:
        yield running
    await postgres.drop_tenant(name)


@needs_openssl
@pytest.mark.asyncio(loop_scope="module")
async def test_openssl_agrees_on_certificates_lists_and_answers(town: Certifying, tmp_path: Path) -> None:
    person = Person("10000000070", name="髙田 花子")
    certificates = await both(town, person)
    await tell(town, person, Change.NAME, "name-70")
    async with town.client(PORTAL) as portal, town.client(COUNTER) as counter:
        await counter.publish()
        authorities, at = tmp_path / "ca.pem", str(int(NOW.timestamp()))
        authorities.write_bytes(town.service.jpki.generations.pem())
        for one, revoked in zip(certificates, (True, False), strict=True):
            leaf, crl = tmp_path / f"{one.kind}.pem", tmp_path / f"{one.kind}.crl"
            leaf.write_bytes(one.raw.public_bytes(Encoding.PEM))
            crl.write_bytes((await portal.revocations(one)).raw.public_bytes(Encoding.PEM))
            words = ("verify", "-attime", at, "-CAfile", authorities, "-x509_strict")
            assert openssl(*words, leaf)[0] == 0, openssl(*words, leaf)
            status, said = openssl(*words, "-crl_check", "-CRLfile", crl, leaf)
            assert (status != 0) == revoked == ("certificate revoked" in said), said
            status, said = openssl("crl", "-in", crl, "-CAfile", authorities, "-noout", "-crlnumber")
            assert "verify OK" in said
            assert "crlNumber=0x" in said
            assert (await answered(portal, town, one, tmp_path)) == ("revoked" if revoked else "good")
        _, text = openssl("x509", "-in", tmp_path / "signature.pem", "-noout", "-text", "-nameopt", "utf8")
        for expected in ("O = JPKI-SAMPLE", "1.2.392.200149.8.5.5.4::419900102", "1.2.392.200149.8.5.5.1::高田 花子",
                         "Digital Signature, Non Repudiation", "1.2.392.200149.8.5.1.1.20"):  # fmt: skip
            assert expected in text


async def answered(portal: JpkiClient, town: Certifying, one: HolderCertificate, folder: Path) -> str:
    """What OpenSSL reads in the responder's answer to OpenSSL's own request."""
    authority = town.service.jpki.generations.by_key(one.authority_key_id).certificate
    issuer, leaf, request, answer = (folder / name for name in ("issuer.pem", f"{one.kind}.pem", "asked", "answer"))
    issuer.write_bytes(authority.public_bytes(Encoding.PEM))
    assert openssl("ocsp", "-issuer", issuer, "-cert", leaf, "-reqout", request)[0] == 0
    answer.write_bytes(await portal._status("POST", "ocsp", request.read_bytes()))
    at = str(int(NOW.timestamp()))
    _, said = openssl(
        "ocsp", "-respin", answer, "-reqin", request, "-no_nonce", "-issuer", issuer, "-CAfile", folder / "ca.pem",
        "-attime", at, "-resp_text",
    )  # fmt: skip
    # `-no_nonce`: no other nonce than the one in the request; that one is compared.
    assert "Response verify OK" in said, said
    assert "WARNING: no nonce" not in said, said
    return said.split("Cert Status: ")[1].split("\n")[0]


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_without_a_nonce_may_be_kept_by_the_asker_and_is_made_anew_when_the_state_changes(
    town: Certifying,
) -> None:
    person = Person("10000000080")
    one = read(await town.issue(person, Kind.AUTHENTICATION))
    async with town.client(PORTAL) as portal:
        anchors: Anchors = await portal.anchors()
        question = ocsp.write_question(one, anchors.issuer(one.authority_key_id))
        first = await portal._status("POST", "ocsp", question)
        assert await portal._status("POST", "ocsp", question) == first
        assert verify(one, NOW, anchors, Answered(first)).known_at == NOW
        await tell(town, person, Change.CARD_LOST, "lost-80")
        second = await portal._status("POST", "ocsp", question)
        with pytest.raises(NotAccepted) as refused:
            verify(one, NOW, anchors, Answered(second))
        assert refused.value.fault is Fault.HELD
