"""Key and signature algorithms of certificates, by object identifier.

Source: RFC 3279 and RFC 5480 (keys), RFC 4055 and RFC 5758 (signatures), RFC 8410 (Ed25519, Ed448).
"""

from __future__ import annotations

from ci_ops.edge.der_items import Item, contents, items

_OBJECT_ID, _SEQUENCE, _INTEGER, _BITS = 0x06, 0x30, 0x02, 0x03
_HASH_OF_PSS = 0xA0
_RSA_PSS = "2a864886f70d01010a"
_KEYS = {
    "2a864886f70d010101": "RSA",
    _RSA_PSS: "RSA",
    "2a8648ce380401": "DSA",
    "2a8648ce3d0201": "EC",
}
_WHOLE_KEYS = {"2b6570": ("Ed25519", 256), "2b6571": ("Ed448", 456)}
_CURVES = {
    "2a8648ce3d030101": 192,
    "2b81040021": 224,
    "2a8648ce3d030107": 256,
    "2b8104000a": 256,
    "2b81040022": 384,
    "2b81040023": 521,
}
"""Bits of secp192r1, secp224r1, secp256r1, secp256k1, secp384r1 and secp521r1."""
_SIGNATURES = {
    "2a864886f70d010104": "MD5",
    "2a864886f70d010105": "SHA-1",
    "2a864886f70d01010b": "SHA-256",
    "2a864886f70d01010c": "SHA-384",
    "2a864886f70d01010d": "SHA-512",
    "2a864886f70d01010e": "SHA-224",
    "2a8648ce380403": "SHA-1",
    "2a8648ce3d0401": "SHA-1",
    "2a8648ce3d040302": "SHA-256",
    "2a8648ce3d040303": "SHA-384",
    "2a8648ce3d040304": "SHA-512",
    "2b6570": "Ed25519",
    "2b6571": "Ed448",
}
_HASHES = {
    "2b0e03021a": "SHA-1",
    "608648016503040201": "SHA-256",
    "608648016503040202": "SHA-384",
    "608648016503040203": "SHA-512",
}


def key_of(info: bytes) -> tuple[str, int]:
    """Return type and bits of a SubjectPublicKeyInfo; an empty type or 0 bits where unknown."""
    algorithm, key = contents(items(info), _SEQUENCE, _BITS)
    name, parameters = _algorithm(algorithm)
    if name in _WHOLE_KEYS:
        return _WHOLE_KEYS[name]
    kind = _KEYS.get(name, "")
    if kind == "RSA":
        return kind, _first_integer(key[1:]).bit_length()
    if kind == "EC" and parameters and parameters[0][0] == _OBJECT_ID:
        return kind, _CURVES.get(parameters[0][1].hex(), 0)
    return kind, 0


def signature_hash(algorithm: bytes) -> str:
    """Return the hash of an AlgorithmIdentifier, such as `SHA-256`; empty for an unknown one."""
    name, parameters = _algorithm(algorithm)
    if name != _RSA_PSS:
        return _SIGNATURES.get(name, "")
    fields = items(parameters[0][1]) if parameters else []
    stated = [content for tag, content in fields if tag == _HASH_OF_PSS]
    if not stated:
        return "SHA-1"  # the default of RSASSA-PSS-params
    [inner] = contents(items(stated[0]), _SEQUENCE)
    return _HASHES.get(_algorithm(inner)[0], "")


def _algorithm(content: bytes) -> tuple[str, list[Item]]:
    """Return the object id in hexadecimal digits, and the parameters."""
    (tag, object_id), *parameters = items(content) or [(0, b"")]
    if tag != _OBJECT_ID:
        raise ValueError("not a certificate: an algorithm without its id")
    return object_id.hex(), parameters


def _first_integer(data: bytes) -> int:
    [sequence] = contents(items(data), _SEQUENCE)
    (tag, digits), *_ = items(sequence) or [(0, b"")]
    if tag != _INTEGER:
        raise ValueError("not a certificate: a key that cannot be read")
    return int.from_bytes(digits)
