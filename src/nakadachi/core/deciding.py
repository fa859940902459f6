"""許可の判断: from what was asked to the contents of permits and refusals, batch by batch (C4, C9, design 2.3)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from nakadachi.core import rules
from nakadachi.core.codes import Meaning
from nakadachi.core.openings import Secrets
from nakadachi.core.store import Exchange
from nakadachi.crypto.commitment import SALT_BYTES, commit
from nakadachi.ledger.permits import INQUIRER_CODE, OVERSIGHT_TAG, PERSON_TAG, PROVIDER_CODE
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Lane, Verified
from nakadachi.telegrams.permit import Basis, Commitments, PermitContent, RefusalContent, RequestPermit, Route
from nakadachi.terms import LinkCode, NodeName, Role, Serial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.codes import IdCode
    from nakadachi.core.parts import Core
    from nakadachi.core.rules import Allowed
    from nakadachi.kit.unit import Unit
    from nakadachi.terms import OrganisationCode, TelegramId

VERSION = 1


@dataclass(frozen=True, slots=True)
class Request:
    """One item of a permit request: the serial, L_A, and the person it names (None where it is no code of ours)."""

    telegram: Verified[RequestPermit]
    serial: Serial
    code: LinkCode
    person: IdCode | None = None
    issued: tuple[int, int] = (0, 0)

    @property
    def links(self) -> tuple[tuple[IdCode, OrganisationCode], ...]:
        """The two links that the decision asks for: the person's at the inquirer, and at the provider."""
        if self.person is None:
            return ()
        header = self.telegram.header
        return ((self.person, header.author.organisation), (self.person, header.prefix.provider))


async def decide(
    core: Core,
    unit: Unit,
    requests: Sequence[Request],
    known: rules.Known,
) -> list[tuple[TelegramId, Exchange]]:
    """Judge each, convert to L_B for those that are allowed, once and all together, and write down what was decided."""
    judged = [_judge(core, unit, one, known) async for one in unit.each(requests)]
    wanted = [said[1] for said in judged if not isinstance(said, Reason)]
    codes = iter(await core.scheme.issue(unit.connection, wanted))
    decided = []
    async for one, said in unit.each(zip(requests, judged, strict=True)):
        if isinstance(said, Reason):
            exchange = _refused(core, unit, one, said)
        else:
            exchange = _permitted(core, unit, one, said, next(codes))
        decided.append((one.telegram.header.id, exchange))
    return decided


def _judge(
    core: Core,
    unit: Unit,
    request: Request,
    known: rules.Known,
) -> tuple[Allowed, Meaning] | Reason:
    """What the law allows and whom L_B is to name, or why not."""
    header = request.telegram.header
    try:
        allowed = rules.decide_law(
            header.prefix, caller=header.author.organisation, lawbook=core.edition.lawbook, now=unit.now
        )
        rules.require_operating(allowed.prefix, known.stopped, known.too_old)
        if request.person is None:
            raise Refusal(Reason.CODE_NOT_ISSUED, "L_A is not a code of this network and organisation")
        provider = rules.decide_person(
            request.serial,
            caller=header.author.organisation,
            provider=allowed.prefix.provider,
            issued=request.issued,
            links=known.people[request.person],
            keys=known.keys[header.author.organisation],
        )
    except Refusal as refusal:
        return refusal.reason
    return allowed, Meaning(allowed.prefix.provider, request.person, provider.key_index, provider.generation)


def _fresh(core: Core, request: Request) -> Secrets:
    """The salts of one exchange, with L_A."""
    return Secrets(
        inquirer_salt=core.author.entropy.bytes(SALT_BYTES),
        provider_salt=core.author.entropy.bytes(SALT_BYTES),
        person_salt=core.author.entropy.bytes(SALT_BYTES),
        oversight_salt=core.author.entropy.bytes(SALT_BYTES),
        inquirer_code=request.code.value,
    )


def _permitted(core: Core, unit: Unit, request: Request, judged: tuple[Allowed, Meaning], code: LinkCode) -> Exchange:
    """The permit's content, with L_B converted once, and the four commitments (design 2.3)."""
    allowed, person = judged[0], judged[1].id_code
    oversight = tag_of(core, "oversight-tag", person)
    kept = msgspec.structs.replace(_fresh(core, request), provider_code=code.value, oversight_tag=oversight)
    content = PermitContent(
        version=VERSION,
        origin=core.log.origin,
        issuer=core.author.name.organisation,
        prefix=allowed.prefix,
        serial=request.serial,
        issued_at=unit.now,
        accept_by=unit.now + _accept_within(core, request.telegram.header.lane),
        answer_by=unit.now + core.times.answer,
        legal_row=allowed.row,
        lawbook=core.edition.lawbook.version,
        assessments=allowed.assessments,
        basis=Basis(allowed.basis),
        route=_route(core, allowed.prefix.inquirer),
        suite=core.suite,
        commitments=Commitments(
            inquirer_code=commit(INQUIRER_CODE, request.code.value.encode(), kept.inquirer_salt),
            provider_code=commit(PROVIDER_CODE, code.value.encode(), kept.provider_salt),
            person_tag=commit(PERSON_TAG, tag_of(core, "person-tag", person), kept.person_salt),
            oversight_tag=commit(OVERSIGHT_TAG, oversight, kept.oversight_salt),
        ),
    )
    return _exchange(core, unit, request.serial, (encode_json(content), None), kept)


def _refused(core: Core, unit: Unit, request: Request, reason: Reason) -> Exchange:
    person = tag_of(core, "oversight-tag", request.person) if request.person is not None else b""
    secrets = msgspec.structs.replace(_fresh(core, request), oversight_tag=person)
    content = RefusalContent(
        version=VERSION,
        origin=core.log.origin,
        issuer=core.author.name.organisation,
        prefix=request.telegram.header.prefix,
        serial=request.serial,
        refused_at=unit.now,
        reason=reason,
        lawbook=core.edition.lawbook.version,
        oversight_tag=commit(OVERSIGHT_TAG, person, secrets.oversight_salt),
    )
    return _exchange(core, unit, request.serial, (encode_json(content), reason), secrets)


def _exchange(
    core: Core, unit: Unit, serial: Serial, judged: tuple[bytes, Reason | None], secrets: Secrets
) -> Exchange:
    month = core.keys.month(unit.now)
    wrapped = month.wrap(encode_json(secrets), serial.value)
    return Exchange(serial, RequestPermit.__name__, *judged, month.name, wrapped)


def _accept_within(core: Core, lane: Lane) -> Any:
    return core.times.accept_bulk if lane is Lane.BULK else core.times.accept_interactive


def _route(core: Core, inquirer: OrganisationCode) -> Route:
    node = NodeName.of(Role.INTERFACE, inquirer)
    return Route(node=node, url=core.edition.peers.url(node))


def tag_of(core: Core, key: str, person: IdCode) -> bytes:
    """人タグ: names a person to the holder of the opening only (design 2.12)."""
    return hmac.digest(core.keys.secret(key), person.value, "sha256")
