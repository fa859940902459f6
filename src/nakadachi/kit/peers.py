"""Who is who on the network right now: names to addresses and keys, certificates to names, from the directory in
use.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nakadachi.crypto.signing import VerifyKey
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import check_signature
from nakadachi.terms import NodeName, OrganisationCode, Role

if TYPE_CHECKING:
    from nakadachi.kit.tls import PeerCertificate
    from nakadachi.law.directory import Directory
    from nakadachi.telegrams.envelope import Received, Verified


class Peers:
    """The directory in use, replaced as a whole when a newer one is held."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._keys: dict[NodeName, tuple[VerifyKey, ...]] = {}

    def replace(self, directory: Directory) -> None:
        """Use `directory` from now on; keys are read anew."""
        self.directory = directory
        self._keys = {}

    def keys(self, name: NodeName) -> tuple[VerifyKey, ...]:
        """The signing keys of a node, the one in use first. Raises Refusal(BAD_SIGNATURE) for one that the directory
        does not list.
        """
        keys = self._keys.get(name)
        if keys is None:
            try:
                node = self.directory.node(name)
                keys = tuple(VerifyKey.from_spki(key) for key in (node.signing_key, *node.former_signing_keys))
            except Refusal as refused:
                raise Refusal(Reason.BAD_SIGNATURE, f"no key of {name}: {refused.detail}") from None
            self._keys[name] = keys
        return keys

    def verify(self, received: Received) -> Verified[Any]:
        """Check the author's signature, with its key in use or a former one still listed. Raises
        Refusal(BAD_SIGNATURE).
        """
        current, *former = self.keys(received.header.author)
        try:
            return check_signature(received, current)
        except Refusal:
            for key in former:
                with suppress(Refusal):
                    return check_signature(received, key)
            raise

    def url(self, name: NodeName) -> str:
        """Where a node listens. Raises Refusal(NOT_ADDRESSED_HERE) for one that the directory does not list."""
        return self.directory.node(name).url

    def core(self) -> NodeName:
        """The core's name."""
        return self.the(Role.CORE)

    def the(self, role: Role) -> NodeName:
        """The one node of a role that a network has once. Raises Refusal(NOT_ADDRESSED_HERE) where it has none."""
        nodes = self.directory.of_role(role)
        if not nodes:
            raise Refusal(Reason.NOT_ADDRESSED_HERE, f"the directory lists no {role.value}")
        return nodes[0].name

    def of(self, role: Role, organisation: OrganisationCode) -> NodeName:
        """An organisation's node in a role. Raises Refusal(NOT_ADDRESSED_HERE) where it is not listed."""
        return self.directory.node(NodeName.of(role, organisation)).name

    def admit(self, certificate: PeerCertificate | None) -> NodeName:
        """The node a client certificate stands for, looked up at every request, so that a revoked one stops at once.

        Raises Refusal(ROLE_NOT_ALLOWED), or Refusal(NOT_ADDRESSED_HERE) for a node that the directory does not list.
        """
        if certificate is None or certificate.node is None:
            raise Refusal(Reason.ROLE_NOT_ALLOWED, "no client certificate of a node")
        if self.directory.is_revoked(certificate.serial):
            raise Refusal(Reason.ROLE_NOT_ALLOWED, f"the certificate of {certificate.node} is revoked")
        self.url(certificate.node)
        return certificate.node
