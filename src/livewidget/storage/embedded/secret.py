"""Encryption at rest: a key from a password, and sealers for each file (the extra `encrypt`)."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Any

from livewidget.data.errors import MissingExtraError, SettingError, StoreError

NONCE, TAG = 12, 16  # bytes before and after what is sealed
FILE = 16  # bytes that name a file's own key
_N, _R, _P = 1 << 15, 8, 1  # scrypt: 32 MB and about 0.1 s a guess
Password = str | bytes | Callable[[], str | bytes]


class Sealer:
    """AES-256-GCM under the key of one file.

    Each file has a key of its own, so that random nonces of 96 bits cannot run out: one file has
    some millions of records at most.
    """

    def __init__(self, key: bytes) -> None:
        self._aes = _aead()(key)

    def seal(self, data: bytes | memoryview, bound: bytes) -> bytes:
        """Return a nonce and `data` sealed; `bound` is not in it, and must be the same again."""
        nonce = os.urandom(NONCE)
        sealed: bytes = self._aes.encrypt(nonce, bytes(data), bound)
        return nonce + sealed

    def unseal(self, data: bytes | memoryview, bound: bytes) -> bytes:
        """Return what was sealed. Raises StoreError where it was changed."""
        from cryptography.exceptions import InvalidTag

        try:
            opened: bytes = self._aes.decrypt(bytes(data[:NONCE]), data[NONCE:], bound)
        except InvalidTag:
            raise StoreError("sealed bytes were changed, or are of another file") from None
        return opened


class Secret:
    """The key of a store. Never shown."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key
        _aead()

    @classmethod
    def new(cls, password: Password) -> tuple[Secret, dict[str, str]]:
        """Return a new key, and what is kept of it: how it is made, and how it is known."""
        salt = os.urandom(16)
        secret = cls(_derive(password, salt))
        return secret, {"kdf": "scrypt", "salt": salt.hex(), "check": secret._check()}

    @classmethod
    def known(cls, password: Password, kept: dict[str, Any]) -> Secret:
        """Return the key of a store. Raises StoreError for a wrong password."""
        if kept.get("kdf") != "scrypt":
            raise StoreError(f"keys made by {kept.get('kdf')!r} are not known, only by 'scrypt'")
        secret = cls(_derive(password, bytes.fromhex(kept["salt"])))
        if not hmac.compare_digest(secret._check(), kept["check"]):
            raise StoreError("the password is wrong")
        return secret

    def sealer(self, file: bytes) -> Sealer:
        """Return the sealer of the file that is known by those bytes."""
        return Sealer(hmac.digest(self._key, b"file" + file, "sha256"))

    def _check(self) -> str:
        return hmac.digest(self._key, b"check", "sha256").hex()

    def __repr__(self) -> str:
        return "Secret(...)"


def _derive(password: Password, salt: bytes) -> bytes:
    given = password() if callable(password) else password
    if isinstance(given, str):
        given = given.encode()
    if not given:
        raise SettingError("password must not be empty")
    return hashlib.scrypt(given, salt=salt, n=_N, r=_R, p=_P, maxmem=1 << 26, dklen=32)


def _aead() -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise MissingExtraError("cryptography", "encrypt") from None
    return AESGCM
