"""The four private keys of a repository: ed25519, one PEM file a role, readable by their owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

from edgeprint.errors import EdgeprintError


class SigningFailed(EdgeprintError):
    """The repository or a key is missing, damaged, or in a place where it must not be."""


def make(keys: Path, role: str) -> CryptoSigner:
    """The key of that role, made if there is none."""
    path = keys / f"{role}.pem"
    if path.exists():
        return read(keys, role)
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    signer = CryptoSigner.generate_ed25519()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(signer.private_bytes)
    return signer


def read(keys: Path, role: str) -> CryptoSigner:
    """The key of that role. Raises SigningFailed."""
    path = keys / f"{role}.pem"
    try:
        return CryptoSigner(load_pem_private_key(path.read_bytes(), None))
    except (OSError, ValueError, TypeError) as error:
        raise SigningFailed(f"the {role} key {path} cannot be read: {error}") from error
