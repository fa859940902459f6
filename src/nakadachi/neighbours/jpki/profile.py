"""証明書プロファイル: names, policies, usages and extensions of the two kinds of certificate, as data. It knows no key.

Source: facts 5.1; what is not confirmed there is said in docs/neighbours/jpki.md. Every name of the stand-in's
authorities says SAMPLE, so that nobody takes one of its certificates for a real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from nakadachi.neighbours.jpki.items import Birth, FourItems, Text
from nakadachi.neighbours.numbers import LocalGovernmentCode

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ORGANISATION = "JPKI-SAMPLE"
"""The real one has JPKI here, its test hierarchy JPKI-TEST."""
OPERATOR = "Sample authority of nakadachi"
PUBLIC_NAME = "公的個人認証サービス（見本）"
ARC = "1.2.392.200149.8.5.5"
LABEL_LIMIT = 64
"""Characters of an organisational unit or a common name (X.520, ub-common-name)."""


class Kind(StrEnum):
    """電子証明書の種別: one authority for each."""

    SIGNATURE = "signature"
    AUTHENTICATION = "authentication"

    @property
    def japanese(self) -> str:
        """What a clerk reads."""
        return "署名用" if self is Kind.SIGNATURE else "利用者証明用"

    @property
    def unit(self) -> str:
        """The organisational unit of its authority."""
        return "JPKI for digital signature" if self is Kind.SIGNATURE else "JPKI for user authentication"

    @property
    def policy(self) -> x509.ObjectIdentifier:
        """The certificate policy."""
        last = "1.20" if self is Kind.SIGNATURE else "3.30"
        return x509.ObjectIdentifier(f"1.2.392.200149.8.5.1.{last}")

    @property
    def usage(self) -> x509.KeyUsage:
        """鍵用途: to sign documents for good, or to answer a challenge."""
        return key_usage(digital_signature=True, content_commitment=self is Kind.SIGNATURE)


class Algorithm(StrEnum):
    """鍵の種類. RSA-2048 is what the real cards hold; P-256 is a quarter of the size and many times as fast to sign."""

    RSA_2048 = "rsa-2048"
    P_256 = "p-256"

    def new_key(self) -> PrivateKey:
        """A new private key, from the operating system's generator."""
        if self is Algorithm.P_256:
            return ec.generate_private_key(ec.SECP256R1())
        return rsa.generate_private_key(65537, 2048)

    def fits(self, key: object) -> bool:
        """Whether a holder's public key is one of this kind."""
        if self is Algorithm.P_256:
            return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
        return isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048 and key.public_numbers().e == 65537


@dataclass(frozen=True, slots=True)
class Municipality:
    """住所地市町村: its code, and prefecture and city as certificates name them. Raises ValueError."""

    code: LocalGovernmentCode
    prefecture: str
    city: str

    def __post_init__(self) -> None:
        for label in (self.prefecture, self.city):
            if not 0 < len(label) <= LABEL_LIMIT or not label.isprintable():
                raise ValueError(f"the name of a prefecture or a city has 1 to {LABEL_LIMIT} printable characters")

    @classmethod
    def of(cls, code: str, prefecture: str, city: str) -> Self:
        """From texts. Raises ValueError, which repeats none of them: what is misplaced may be a person's."""
        try:
            place = LocalGovernmentCode(code)
        except ValueError:
            raise ValueError("place: not a municipality's code of 6 digits with its check digit") from None
        return cls(place, prefecture, city)


def authority_name(kind: Kind) -> x509.Name:
    """認証局の識別名: the same for every generation of its key."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, kind.unit),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, OPERATOR),
        ]
    )


def public_name() -> x509.SubjectAlternativeName:
    """認証局の別名, as the public knows the service."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, PUBLIC_NAME),
        ]
    )
    return x509.SubjectAlternativeName([x509.DirectoryName(name)])


def partition(kind: Kind, place: Municipality) -> x509.Name:
    """失効リスト配布点: one list of revocations for each municipality."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, kind.unit),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "CRL Distribution Points"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, place.prefecture),
            x509.NameAttribute(NameOID.COMMON_NAME, place.city),
        ]
    )


def authority_partition(kind: Kind) -> x509.Name:
    """Where revocations of authorities themselves would stand (ARL)."""
    return x509.Name([*authority_name(kind), x509.NameAttribute(NameOID.COMMON_NAME, "ARL")])


def distribution_points(name: x509.Name) -> x509.CRLDistributionPoints:
    """The extension that names one distribution point as a directory name."""
    return x509.CRLDistributionPoints([x509.DistributionPoint([x509.DirectoryName(name)], None, None, None)])


def holder_name(kind: Kind, place: Municipality, common_name: str) -> x509.Name:
    """利用者の識別名: an opaque common name; the place in signature certificates only. Raises ValueError."""
    places = [place.prefecture, place.city] if kind is Kind.SIGNATURE else []
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            *(x509.NameAttribute(NameOID.LOCALITY_NAME, one) for one in places),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


_NAME, _NAME_FLAGS, _SEX, _BORN, _ADDRESS, _ADDRESS_FLAGS = (f"{ARC}.{last}" for last in range(1, 7))


def write_items(items: FourItems) -> x509.SubjectAlternativeName:
    """基本4情報 as other names, in the order of the profile: .1 .4 .3 .5 .2 .6; flags only where there are some."""
    texts = [
        (_NAME, items.name.value),
        (_BORN, items.born.text),
        (_SEX, items.sex),
        (_ADDRESS, items.address.value),
        (_NAME_FLAGS, items.name.flags),
        (_ADDRESS_FLAGS, items.address.flags),
    ]
    return x509.SubjectAlternativeName(
        [x509.OtherName(x509.ObjectIdentifier(oid), asn1.encode_der(text)) for oid, text in texts if text]
    )


def read_items(names: x509.SubjectAlternativeName) -> FourItems:
    """The other names of a signature certificate. Raises ValueError, which tells nothing of them."""
    found: dict[str, str] = {}
    for name in names.get_values_for_type(x509.OtherName):
        oid = name.type_id.dotted_string
        if oid.startswith(f"{ARC}."):
            if oid in found:
                raise ValueError("an item stands in the certificate twice")
            found[oid] = _utf8(name.value)
    if missing := {_NAME, _BORN, _SEX, _ADDRESS} - found.keys():
        raise ValueError(f"{len(missing)} of the four items are missing")
    return FourItems(
        Text(found[_NAME], found.get(_NAME_FLAGS, "")),
        Text(found[_ADDRESS], found.get(_ADDRESS_FLAGS, "")),
        found[_SEX],
        Birth.parse(found[_BORN]),
    )


def _utf8(der: bytes) -> str:
    try:
        return asn1.decode_der(str, der)
    except ValueError:
        raise ValueError("an item is no UTF8String") from None


def key_usage(**purposes: bool) -> x509.KeyUsage:
    """A key usage with the named purposes and no other."""
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: purposes.get(name, False) for name in every})
