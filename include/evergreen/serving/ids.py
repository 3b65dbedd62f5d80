"""Names of predictions, and the share of them that a release takes."""

import hashlib
import os
import time
from uuid import UUID


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562): in order of time, so that its index stays compact."""
    number = int.from_bytes(os.urandom(16), "big")
    number &= (1 << 80) - 1
    number |= (time.time_ns() // 1_000_000) << 80
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=number))


def made_at(text: str) -> float:
    """Return when an id was made, in seconds since 1970; 0: it is none of these."""
    number = UUID(text)
    return (number.int >> 80) / 1000 if number.version == 7 else 0.0


def fraction(text: str, salt: str) -> float:
    """Return a number in [0, 1) that always belongs to this text and salt."""
    digest = hashlib.sha256(f"{salt}/{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
