"""Founds a sample country in a folder: certificates, keys, the signed law book and directory, one configuration per
system.

Done once; a country that is there is left as it is. Each system gets a folder, a tenant and keys of its own.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi import OLDEST_PEER, __version__
from nakadachi.country.pki import Authority, issue, new_authority, write_secret
from nakadachi.country.plan import (
    COMMISSION_DOCUMENTS,
    CORE_DOCUMENTS,
    DESK,
    ORIGIN,
    SECOND_ORIGIN,
    WITNESS,
    Instance,
    Place,
    Plan,
)
from nakadachi.country.proxy import write_proxy
from nakadachi.crypto.notes import NoteKind, NoteSigner
from nakadachi.crypto.sealing import SealSuite, new_private
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.tls import existing_host, node_host
from nakadachi.law.directory import Directory, LogOrigin, Node, SealKeys
from nakadachi.ledger.edition import sign_document
from nakadachi.terms import Role, japan_day

if TYPE_CHECKING:
    from pathlib import Path

    from nakadachi.kit.postgres import PostgresServer
    from nakadachi.law.lawbook import Lawbook
    from nakadachi.node import World

SECRETS = {
    Role.CORE: ("log", "documents", "id-key", "link-master", "person-tag", "oversight-tag"),
    Role.COMMISSION: ("witness", "documents"),
    Role.INTERMEDIATE: ("staff", *(f"seal-{suite.value}" for suite in SealSuite)),
}
"""The secrets of 32 bytes each that a role has, beside its signing key."""
CONFIG = Instance("", 0).config
"""The configuration of a system that runs alone, or of its first instance."""


@dataclass(frozen=True, slots=True)
class Founding:
    """What founding needs: where, which systems, which law, whose database, the seal suite permits name, whether a
    permit waits for the Commission's cosignature (decision 0031), and the scheme by which the core makes link codes.
    """

    folder: Path
    plan: Plan
    lawbook: Lawbook
    server: PostgresServer
    world: World
    suite: str = SealSuite.DEFAULT.value
    covered: bool = False
    scheme: str = "reversible"


async def found(founding: Founding) -> None:
    """Found the country, or leave the one that is there."""
    done = founding.folder / "founded.json"
    if done.exists():
        return
    founding.folder.mkdir(parents=True, exist_ok=True)
    now = founding.world.clock.now()
    authority = new_authority("nakadachi sample authority", now)
    (founding.folder / "authority.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    nodes = tuple([await _node(founding, authority, place) for place in founding.plan.places])
    directory = Directory(1, japan_day(now), founding.lawbook.readable_since or OLDEST_PEER, nodes)
    signers = [_signer(founding, Role.CORE, CORE_DOCUMENTS), _signer(founding, Role.COMMISSION, COMMISSION_DOCUMENTS)]
    (founding.folder / "lawbook.note").write_bytes(sign_document(founding.lawbook.to_bytes(), *signers))
    (founding.folder / "directory.note").write_bytes(sign_document(directory.to_bytes(), *signers))
    for place in founding.plan.places:
        _configure(founding, place, [signer.verifier.vkey for signer in signers])
    write_proxy(founding.folder, founding.plan, authority, now)
    for organisation in founding.plan.organisations:
        _desk(founding, authority, founding.plan.of(Role.INTERMEDIATE, organisation))
    done.write_text(json.dumps({"version": __version__, "systems": len(nodes)}))


def keystore(founding: Founding, place: Place) -> FileKeyStore:
    """The key store of a system."""
    folder = founding.folder / place.folder
    return FileKeyStore(folder / "keys", folder / "unlock", founding.world.entropy)


async def _node(founding: Founding, authority: Authority, place: Place) -> Node:
    """A system's folder with its certificate, keys and database address; what the directory says of it."""
    folder, entropy = founding.folder / place.folder, founding.world.entropy
    (folder / "keys").mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(folder / "unlock", entropy.bytes(32))
    issue(authority, node_host(place.name), folder, founding.world.clock.now(), server=True)
    write_secret(folder / "database", (await founding.server.create_tenant(place.tenant)).encode())
    keys = keystore(founding, place)
    keys.make("signing")
    second = ("log-2",) if place.name.role is Role.CORE and place.twins else ()
    for name in (*SECRETS.get(place.name.role, ()), *second):
        keys.make(name)
    return _listed(keys, place)


def _listed(keys: FileKeyStore, place: Place) -> Node:
    seals, witness = SealKeys(), None
    logs: tuple[LogOrigin, ...] = ()
    if place.name.role is Role.INTERMEDIATE:
        public = {
            suite.value: b64encode(new_private(suite, keys.secret(f"seal-{suite.value}")).public_bytes).decode()
            for suite in SealSuite
        }
        seals = SealKeys(**public)
    elif place.name.role is Role.CORE:
        origins = ((ORIGIN, "log"), (SECOND_ORIGIN, "log-2")) if place.twins else ((ORIGIN, "log"),)
        signers = [NoteSigner.from_seed(origin, keys.secret(key)) for origin, key in origins]
        logs = tuple(LogOrigin(origin=one.verifier.name, verifier_key=one.verifier.vkey) for one in signers)
    elif place.name.role is Role.COMMISSION:
        witness = NoteSigner.from_seed(WITNESS, keys.secret("witness"), NoteKind.COSIGNATURE).verifier.vkey
    return Node(
        name=place.name,
        url=place.url,
        signing_key=keys.signer("signing").public.spki,
        seal_keys=seals,
        logs=logs,
        witness_key=witness,
    )


def _signer(founding: Founding, role: Role, name: str) -> NoteSigner:
    return NoteSigner.from_seed(name, keystore(founding, founding.plan.of(role)).secret("documents"))


def _configure(founding: Founding, place: Place, trust: list[str]) -> None:
    for instance in place.instances:
        _configure_one(founding, place, instance, trust)


def _configure_one(founding: Founding, place: Place, instance: Instance, trust: list[str]) -> None:
    waits = {"permits_wait": True} if founding.covered else {}
    by_role: dict[Role, dict[str, object]] = {
        Role.CORE: {"suite": founding.suite, "scheme": founding.scheme, **_logs(instance), **waits},
        Role.COMMISSION: {"cosigner": WITNESS},
        Role.REGISTRY: {"residents": "../residents.csv"},
        Role.INTERMEDIATE: {"existing": [DESK]},
    }
    own = by_role.get(place.name.role, {})
    node = {
        "name": place.name.value,
        "listen": f"127.0.0.1:{instance.port}",
        "database": "database",
        "certificate": "tls.crt",
        "key": "tls.key",
        "authority": "../authority.crt",
        "keys": "keys",
        "unlock": "unlock",
        "lawbook": "../lawbook.note",
        "directory": "../directory.note",
        "trust_core": trust[0],
        "trust_commission": trust[1],
    }
    if instance.name:
        node["instance"] = instance.name
    lines = [f"{key} = {_toml(value)}" for key, value in own.items()]
    lines += ["", "[node]", *(f"{key} = {json.dumps(value)}" for key, value in node.items())]
    if place.name.role is Role.COMMISSION:
        pages = {"listen": f"127.0.0.1:{founding.plan.pages_port}", "origin": founding.plan.pages}
        lines += ["", "[pages]", *(f"{key} = {json.dumps(value)}" for key, value in pages.items())]
    if founding.covered and place.name.role in {Role.INTERFACE, Role.INTERMEDIATE}:
        lines += ["", "[witness]", "covered = true"]
    (founding.folder / place.folder / instance.config).write_text("\n".join(lines).lstrip() + "\n", encoding="utf-8")


def _logs(instance: Instance) -> dict[str, object]:
    """What a core writes, and whose log it stands in for."""
    if not instance.name:
        return {"origin": ORIGIN}
    names = [(ORIGIN, "log"), (SECOND_ORIGIN, "log-2")]
    (own, key), (other, other_key) = names if instance.name == "1" else reversed(names)
    return {"origin": own, "log_key": key, "others": [{"origin": other, "key": other_key}]}


def _toml(value: object) -> str:
    """A text, or a list of texts or of inline tables."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def _desk(founding: Founding, authority: Authority, place: Place) -> None:
    """An existing system of an organisation: its certificate and the configuration of its command line."""
    folder = founding.folder / f"{DESK}-{place.name.organisation.value}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    issue(authority, existing_host(DESK, place.name.organisation), folder, founding.world.clock.now(), server=False)
    desk = {
        "server": place.url,
        "node": place.name.value,
        "certificate": "tls.crt",
        "key": "tls.key",
        "authority": "../authority.crt",
    }
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in desk.items()) + "\n"
    (folder / "desk.toml").write_text(text, encoding="utf-8")
