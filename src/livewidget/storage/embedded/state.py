"""Small state beside the rows: a file a key, replaced as a whole."""

from __future__ import annotations

import os
import struct
import zlib

from livewidget.data.errors import StoreError
from livewidget.storage.embedded.folder import STATE, Folder, check_key
from livewidget.storage.embedded.secret import FILE, Secret

MAGIC = b"LWKEY\x00\x00\x01"
_HEAD = struct.Struct(f"<8s{FILE}sI")


def save(folder: Folder, key: str, data: bytes, secret: Secret | None) -> None:
    """Keep bytes under a key. Raises OSError; then what was there is there."""
    path = folder.file(STATE, check_key(key))
    file = os.urandom(FILE)
    body = data if secret is None else secret.sealer(file).seal(data, key.encode())
    folder.replace(path, _HEAD.pack(MAGIC, file, zlib.crc32(body)) + body)


def load(folder: Folder, key: str, secret: Secret | None) -> bytes | None:
    """Return what is kept under a key. Raises StoreError for what is damaged."""
    path = folder.file(STATE, check_key(key))
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    body = data[_HEAD.size :]
    if len(data) < _HEAD.size or data[:8] != MAGIC:
        raise StoreError(f"{path} is damaged")
    _, file, crc = _HEAD.unpack_from(data)
    if zlib.crc32(body) != crc:
        raise StoreError(f"{path} is damaged: it does not have its checksum")
    return body if secret is None else secret.sealer(file).unseal(body, key.encode())
