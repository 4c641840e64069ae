"""Private keys on disk: encrypted, their owner's alone, and refused where they are not what they seem."""

import stat
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from edgeprint.fleet.keys import Keys, SigningFailed


def secret(folder: Path) -> str:
    return f"secret of {folder.name}"


def test_an_encrypted_key_signs_again_with_its_passphrase(tmp_path: Path) -> None:
    key = Keys(tmp_path / "a", passphrase=secret).make("targets")
    (signer,) = Keys(tmp_path / "a", passphrase=secret).signers("targets", [key])
    key.verify_signature(signer.sign(b"data"), b"data")


def test_nothing_of_an_encrypted_key_is_readable(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "a", passphrase=secret)
    key = keys.make("targets")
    (path,) = (tmp_path / "a").iterdir()
    (signer,) = keys.signers("targets", [key])
    assert isinstance(signer, CryptoSigner)
    assert signer.private_bytes.splitlines()[1] not in path.read_bytes()
    assert b"PRIVATE" not in path.read_bytes() and path.suffix == ".key"


@pytest.mark.parametrize("wrong", ["", "another", None])
def test_another_passphrase_opens_nothing(tmp_path: Path, wrong: str | None) -> None:
    key = Keys(tmp_path / "a", passphrase=secret).make("targets")
    with pytest.raises(SigningFailed, match=r"is not the passphrase|its passphrase is needed"):
        Keys(tmp_path / "a", passphrase=lambda _: wrong).signers("targets", [key])


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    key = Keys(tmp_path / "a").make("targets")
    (path,) = (tmp_path / "a").iterdir()
    path.write_bytes(b"-----BEGIN NOTHING-----")
    with pytest.raises(SigningFailed, match="cannot be read"):
        Keys(tmp_path / "a").signers("targets", [key])


def test_a_key_and_its_folder_are_their_owners_alone(tmp_path: Path) -> None:
    Keys(tmp_path / "a", passphrase=secret).make("targets")
    (path,) = (tmp_path / "a").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_each_folder_is_asked_for_its_passphrase_once_and_only_when_needed(tmp_path: Path) -> None:
    asked = []

    def ask(folder: Path) -> str:
        asked.append(folder.name)
        return secret(folder)

    keys = Keys(tmp_path / "a", tmp_path / "b", passphrase=ask)
    made = [keys.make("root", tmp_path / "a"), keys.make("targets", tmp_path / "a")]
    keys.signers("root", made[:1])
    assert asked == ["a"]


def test_a_key_in_a_kms_signs_by_its_uri(tmp_path: Path) -> None:
    """`file2:` stands for awskms:, gcpkms:, hsm: and the others that securesystemslib knows."""
    signer = CryptoSigner.generate_ed25519()
    private = tmp_path / "elsewhere.pem"
    private.write_bytes(signer.private_bytes)
    (tmp_path / f"targets-{signer.public_key.keyid[:8]}.uri").write_text(f"file2:{private}\n")
    (found,) = Keys(tmp_path).signers("targets", [signer.public_key])
    signer.public_key.verify_signature(found.sign(b"data"), b"data")
