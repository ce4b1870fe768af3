"""A stream of bytes encrypted to one key, in chunks whose order and end are authenticated.

The file, in this order:

    16 bytes   `parley-backup/2` and a line feed
     8 bytes   id of the key: the first of SHA-256 over `parley backup key id` and the key
    32 bytes   salt, random for each file
    then chunks, each 1 MiB of content (the last one less) encrypted by AES-256-GCM: ciphertext and
               16 bytes of tag

The key of the file is HKDF-SHA256 of the 32 bytes of the installation's key, with the salt and the
purpose as info. The nonce of a chunk is its number (11 bytes, from 0) and one byte that is 1 in the
last chunk: chunks that were exchanged, repeated, left out or cut off do not decrypt. The header is
associated data of every chunk.
"""

import base64
import binascii
import hashlib
import os
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"parley-backup/2\n"
KEY_BYTES, ID_BYTES, SALT_BYTES, TAG_BYTES = 32, 8, 32, 16
HEADER_BYTES = len(MAGIC) + ID_BYTES + SALT_BYTES
CHUNK_BYTES = 1024 * 1024


class StreamRefused(ValueError):
    """The stream is none of ours, was encrypted to another key, or was changed or cut."""


def new_key() -> str:
    """A new key as text: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def parse_key(text: str) -> bytes:
    """The bytes of a key; StreamRefused for text that is none."""
    try:
        key = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise StreamRefused("a key is 32 bytes in URL-safe base64")
    return key


def derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    """A key for one file and purpose."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose).derive(key)


def _id_of(key: bytes) -> bytes:
    return hashlib.sha256(b"parley backup key id" + key).digest()[:ID_BYTES]


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


class EncryptedWriter:
    """Writes content to a file, encrypted; without `close` the file has no end and is refused."""

    def __init__(self, raw: IO[bytes], key: bytes) -> None:
        self.raw, self.salt = raw, os.urandom(SALT_BYTES)
        self._header = MAGIC + _id_of(key) + self.salt
        self._cipher = AESGCM(derived(key, self.salt, b"parley backup content"))
        self._held = bytearray()
        self._number = 0
        raw.write(self._header)

    def write(self, content: bytes) -> int:
        """Add content."""
        self._held += content
        # One chunk is always kept back: only `close` knows which is the last.
        while len(self._held) > CHUNK_BYTES:
            self._put(bytes(self._held[:CHUNK_BYTES]), is_last=False)
            del self._held[:CHUNK_BYTES]
        return len(content)

    def close(self) -> None:
        """Write the last chunk."""
        self._put(bytes(self._held), is_last=True)

    def _put(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._number, is_last=is_last)
        self.raw.write(self._cipher.encrypt(nonce, chunk, self._header))
        self._number += 1


class EncryptedReader:
    """Reads what an EncryptedWriter wrote; raises StreamRefused where anything differs."""

    def __init__(self, raw: IO[bytes], key: bytes) -> None:
        self.raw = raw
        self._header = raw.read(HEADER_BYTES)
        if len(self._header) < HEADER_BYTES or not self._header.startswith(MAGIC):
            raise StreamRefused("it is no encrypted backup of this format")
        known, self.salt = self._header[len(MAGIC) : -SALT_BYTES], self._header[-SALT_BYTES:]
        if known != _id_of(key):
            raise StreamRefused(
                f"it was encrypted to another key (its id is {known.hex()}, that of the key here"
                f" {_id_of(key).hex()})"
            )
        self._cipher = AESGCM(derived(key, self.salt, b"parley backup content"))
        self._number = 0
        self._next = raw.read(CHUNK_BYTES + TAG_BYTES)
        self._held = b""
        self._is_over = False

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of content, fewer only at the end; all for -1."""
        found = bytearray()
        while size < 0 or len(found) < size:
            if not self._held and not self._fill():
                break
            wanted = len(self._held) if size < 0 else size - len(found)
            found += self._held[:wanted]
            self._held = self._held[wanted:]
        return bytes(found)

    def _fill(self) -> bool:
        """Decrypt the next chunk; False at the authenticated end."""
        if self._is_over:
            return False
        chunk, self._next = self._next, self.raw.read(CHUNK_BYTES + TAG_BYTES)
        nonce = _nonce(self._number, is_last=not self._next)
        try:
            self._held = self._cipher.decrypt(nonce, chunk, self._header)
        except InvalidTag:
            raise StreamRefused(f"it was changed or cut at chunk {self._number}") from None
        self._number += 1
        self._is_over = not self._next
        return bool(self._held) or self._fill()
