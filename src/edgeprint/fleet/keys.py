"""The private keys of a repository: ed25519, one file each, encrypted at rest; or a URI of a key in a KMS.

    keys = Keys(Path("/media/stick-a"), Path("/media/stick-b"), passphrase=ask)
    key = keys.make("targets")                       # stick-a/targets-1f3c9a2b.key; its public half
    keys.signers(root_keys)                          # of those public keys, what these folders can sign with

<role>-<first 8 digits of the key id>.key    JSON: scrypt (RFC 7914) of the passphrase opens ChaCha20-Poly1305
<role>-<first 8 digits of the key id>.pem    PKCS8 in the clear, where no passphrase was given
<role>-<first 8 digits of the key id>.uri    a key that never leaves a KMS, as securesystemslib addresses it
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key, Signer

from edgeprint.errors import EdgeprintError

# 128 MB and about 0.4 s a guess; the cost stands in each file, so that it can be raised.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**17, 8, 1
SHOWN_DIGITS = 8


class SigningFailed(EdgeprintError):
    """The repository or a key is missing, damaged, or in a place where it must not be."""


class Keys:
    """One or more folders of keys, each with its own passphrase, asked for once and only when needed."""

    def __init__(self, *folders: Path, passphrase: Callable[[Path], str | None] = lambda _: None) -> None:
        """`passphrase` gives that of a folder; None writes new keys in the clear."""
        self.folders, self.passphrase = folders, passphrase
        self._known: dict[Path, str | None] = {}

    def __str__(self) -> str:
        return ", ".join(map(str, self.folders))

    @classmethod
    def of(cls, keys: Keys | Path) -> Keys:
        """A plain folder holds keys in the clear."""
        return keys if isinstance(keys, Keys) else cls(keys)

    def make(self, role: str, folder: Path | None = None) -> Key:
        """A new key for that role, in the first folder or that one; its public half."""
        folder = folder or self.folders[0]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        signer = CryptoSigner.generate_ed25519()
        secret = self._passphrase(folder)
        data, ending = (signer.private_bytes, "pem") if secret is None else (_sealed(signer, secret), "key")
        path = folder / f"{_stem(role, signer.public_key)}.{ending}"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return signer.public_key

    def signers(self, role: str, public: Iterable[Key]) -> list[Signer]:
        """Those keys of a role that are in these folders. Raises SigningFailed for what cannot be read."""
        found = []
        for key in public:
            for folder in self.folders:
                if signer := self._read(folder / _stem(role, key), key):
                    found.append(signer)
                    break
        return found

    def _read(self, stem: Path, key: Key) -> Signer | None:
        try:
            if (path := stem.with_suffix(".uri")).exists():
                return Signer.from_priv_key_uri(path.read_text().strip(), key)
            if (path := stem.with_suffix(".pem")).exists():
                signer = CryptoSigner(load_pem_private_key(path.read_bytes(), None))
            elif (path := stem.with_suffix(".key")).exists():
                signer = _opened(path, self._passphrase(path.parent))
            else:
                return None
        except (OSError, ValueError, TypeError, KeyError, ImportError) as error:
            raise SigningFailed(f"the key {path} cannot be read: {error}") from error
        if signer.public_key.keyid != key.keyid:
            raise SigningFailed(f"{path} holds another key than its name says: {signer.public_key.keyid[:8]}")
        return signer

    def _passphrase(self, folder: Path) -> str | None:
        if folder not in self._known:
            self._known[folder] = self.passphrase(folder)
        return self._known[folder]


def shown(key_id: str) -> str:
    """As much of a key's id as a person needs."""
    return key_id[:SHOWN_DIGITS]


def _stem(role: str, key: Key) -> str:
    return f"{role}-{shown(key.keyid)}"


def _sealed(signer: CryptoSigner, passphrase: str) -> bytes:
    salt, nonce = os.urandom(16), os.urandom(12)
    cost = {"n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P}
    box = ChaCha20Poly1305(_derived(passphrase, salt, cost))
    parts = {"salt": salt, "nonce": nonce, "sealed": box.encrypt(nonce, signer.private_bytes, None)}
    encoded = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return json.dumps({"kdf": "scrypt", **cost, **encoded}, indent=1).encode()


def _opened(path: Path, passphrase: str | None) -> CryptoSigner:
    if passphrase is None:
        raise SigningFailed(f"the key {path} is encrypted: its passphrase is needed")
    stored = json.loads(path.read_bytes())
    salt, nonce, sealed = (base64.b64decode(stored[part]) for part in ("salt", "nonce", "sealed"))
    try:
        private = ChaCha20Poly1305(_derived(passphrase, salt, stored)).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise SigningFailed(f"this is not the passphrase of {path}, or the file is damaged") from None
    return CryptoSigner(load_pem_private_key(private, None))


def _derived(passphrase: str, salt: bytes, cost: dict) -> bytes:
    kdf = Scrypt(salt=salt, length=32, n=cost["n"], r=cost["r"], p=cost["p"])
    return kdf.derive(passphrase.encode())
