"""Draws the golden vectors of the telegrams anew: fixed inputs, and the exact bytes of header and envelope.

`python -m tools.vectors_telegrams` writes `tests/wire/vectors/<Telegram>.json`. A difference there is a change of the
wire and needs a decision record.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from nakadachi.crypto.signing import SigningKey
from nakadachi.telegrams.codec import encode_envelope, encode_json
from nakadachi.telegrams.envelope import SALT_BYTES, Verified
from tools.sample_telegrams import BODY_SEED, SEAL_SEED, SUITE, scalar_of
from tools.sample_trails import telegrams

Vector = dict[str, Any]
FOLDER = Path(__file__).parent.parent / "tests" / "wire" / "vectors"


def b64(raw: bytes) -> str:
    """Bytes as they stand in a vector: standard base64."""
    return base64.b64encode(raw).decode()


def _opened_with() -> dict[str, Vector]:
    return {
        "Inquire": {"suite": SUITE.value, "seed of the provider's seal key": b64(SEAL_SEED)},
        "Provide": {"suite": SUITE.value, "seed of the inquirer's body key": b64(BODY_SEED)},
    }


def read(telegram: str) -> Vector:
    """The vector of a telegram as written down; empty where there is none yet."""
    path = FOLDER / f"{telegram}.json"
    written: Vector = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return written


def drawn() -> dict[str, Vector]:
    """The vector of every telegram, by name."""
    return {name: _vector(name, telegram) for name, telegram in telegrams(_kept).items()}


def text_of(vector: Vector) -> str:
    """The text that belongs into a vector's file."""
    return json.dumps(vector, ensure_ascii=False, indent=1) + "\n"


def _vector(name: str, telegram: Verified[Any]) -> Vector:
    header, envelope = telegram.header, telegram.envelope
    scalar = scalar_of(header.author)
    parts = []
    for described, sent in zip(header.parts, envelope.parts, strict=True):
        content = sent or b""
        salt = SALT_BYTES if described.personal else 0
        part: Vector = {"name": described.name, "item": described.item, "personal": described.personal}
        if described.personal:
            part["salt"] = b64(content[:salt])
        parts.append({**part, "content": b64(content[salt:])})
    return {
        "telegram": name,
        "author": header.author.value,
        "private scalar": scalar,
        "spki": SigningKey.from_scalar(scalar).public.spki,
        "header": encode_json(header).decode(),
        "parts": parts,
        "jws": envelope.jws.decode(),
        "envelope": b64(encode_envelope(envelope)),
        **_opened_with().get(name, {}),
    }


def _kept(telegram: str, part: str) -> bytes | None:
    """A part's content as written down: seals hold chance, so the former ones are kept."""
    for written in read(telegram).get("parts", ()):
        if written["name"] == part:
            return base64.b64decode(written["content"])
    return None


def main() -> None:
    """Write every telegram's file."""
    for name, vector in drawn().items():
        (FOLDER / f"{name}.json").write_text(text_of(vector), encoding="utf-8")
        sys.stdout.write(f"tests/wire/vectors/{name}.json\n")


if __name__ == "__main__":
    main()
