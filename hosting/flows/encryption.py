"""Encryption between a running flow and the business's endpoint, as the Cloud API publishes it.

A request has a new AES key of 128 bits, itself encrypted with the number's public key (RSA-OAEP
with SHA-256), and a body encrypted with it (AES-GCM, a tag of 16 bytes at the end). The response is
encrypted with the same key; its initial vector is the request's with every bit inverted.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from hosting.cloudapi.json import MalformedJson, as_dict, read_json

KEY_BYTES = VECTOR_BYTES = 16


class Undecryptable(Exception):
    """A response is not what the key and the inverted vector encrypt."""


@dataclass(frozen=True)
class Sealed:
    """An encrypted request: the body to send, and what its response is decrypted with."""

    body: bytes
    key: bytes
    vector: bytes


def seal(request: dict[str, Any], public_key: str) -> Sealed:
    """Encrypt a request with an RSA public key in PEM."""
    owner = load_pem_public_key(public_key.encode())
    assert isinstance(owner, RSAPublicKey)
    key, vector = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(VECTOR_BYTES)
    padding = OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None)
    body = {
        "encrypted_flow_data": AESGCM(key).encrypt(vector, orjson.dumps(request), None),
        "encrypted_aes_key": owner.encrypt(key, padding),
        "initial_vector": vector,
    }
    encoded = {name: base64.b64encode(value).decode() for name, value in body.items()}
    return Sealed(orjson.dumps(encoded), key, vector)


def unseal(body: bytes, sealed: Sealed) -> dict[str, Any]:
    """Decrypt the response to a request, base64 text. Raises Undecryptable."""
    inverted = bytes(byte ^ 0xFF for byte in sealed.vector)
    try:
        held = base64.b64decode(body.strip().strip(b'"'), validate=True)
        return as_dict(read_json(AESGCM(sealed.key).decrypt(inverted, held, None)))
    except (binascii.Error, InvalidTag, MalformedJson, ValueError):
        raise Undecryptable from None
