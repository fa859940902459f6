"""設定: where the service listens, where its keys are, and who may do what; closed to whoever is not named."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nakadachi.kit.lanes import Limits
from nakadachi.kit.tls import PeerCertificate, existing_host, node_host
from nakadachi.neighbours.jpki.parts import Settings


@dataclass(frozen=True, slots=True)
class VerifierConfig:
    """署名検証者等: who may ask whether a certificate is good."""

    host: str = field(
        metadata={
            "doc": "DNS name in the verifier's TLS certificate",
            "example": "portal.9920000000000001.nakadachi.internal",
        }
    )
    linkage: bool = field(
        default=False, metadata={"doc": "whether it is told which certificate followed which for one person"}
    )


@dataclass(frozen=True, slots=True)
class JpkiConfig:
    """The service's configuration."""

    listen: str = field(metadata={"doc": "address and port to listen on", "example": "127.0.0.1:7480"})
    database: Path = field(metadata={"doc": "file that holds the PostgreSQL address (postgresql://…)"})
    certificate: Path = field(metadata={"doc": "TLS certificate of this service (PEM)"})
    key: Path = field(metadata={"doc": "its private key (PEM)"})
    authority: Path = field(metadata={"doc": "certificates of the authority that issues clients' certificates (PEM)"})
    keys: Path = field(metadata={"doc": "folder of the key store: the keys of the two authorities"})
    unlock: Path = field(metadata={"doc": "file whose content unlocks the key store"})
    counters: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "窓口: DNS names in the TLS certificates of counters that may issue, revoke and look up"},
    )
    registers: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "DNS names in the TLS certificates of the register and the card issuer: they tell of changes"},
    )
    stopped: tuple[str, ...] = field(
        default=(), metadata={"doc": "serial numbers (hexadecimal) of TLS certificates that are not accepted any more"}
    )
    verifiers: tuple[VerifierConfig, ...] = field(
        default=(), metadata={"doc": "署名検証者等 that were notified (公的個人認証法 第17条)"}
    )
    settings: Settings = field(default_factory=Settings)
    connections: int = field(default=6, metadata={"doc": "database connections at the most"})
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for one in self.stopped:
            if not one or one.strip("0123456789abcdefABCDEF"):
                raise ValueError(f"stopped: {one!r} is no serial number in hexadecimal")


class Access:
    """Who may do what, as the configuration says now."""

    __slots__ = ("config",)

    def __init__(self, config: JpkiConfig) -> None:
        self.config = config

    def host(self, peer: PeerCertificate | None) -> str | None:
        """The DNS name that a client shows; None: it shows none that counts."""
        if peer is None or f"{peer.serial:x}" in {one.lower().lstrip("0") for one in self.config.stopped}:
            return None
        if peer.node is not None:
            return node_host(peer.node)
        return existing_host(*peer.existing) if peer.existing is not None else None

    def is_verifier(self, peer: PeerCertificate | None) -> bool:
        """Whether it may ask for the state of a certificate."""
        return self.host(peer) in {one.host for one in self.config.verifiers}

    def may_link(self, peer: PeerCertificate | None) -> bool:
        """Whether it is told which certificate followed which."""
        allowed = {one.host for one in self.config.verifiers if one.linkage}
        return self.config.settings.linkage and self.host(peer) in allowed

    def is_counter(self, peer: PeerCertificate | None) -> bool:
        """Whether it may issue and revoke."""
        return self.host(peer) in self.config.counters

    def is_register(self, peer: PeerCertificate | None) -> bool:
        """Whether it may tell of changes."""
        return self.host(peer) in self.config.registers
