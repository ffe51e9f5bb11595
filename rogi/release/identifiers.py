"""Check digits of the identifiers of people and institutions."""

from __future__ import annotations


def orcid_is_sound(orcid: str) -> bool:
    """Whether the check digit of an ORCID holds (ISO 7064 MOD 11-2)."""
    digits = orcid.replace("-", "")
    if len(digits) != 16 or not digits[:15].isdigit():
        return False
    total = 0
    for digit in digits[:15]:
        total = (total + int(digit)) * 2
    return digits[15] == "0123456789X"[(12 - total % 11) % 11]


def ror_is_sound(ror: str) -> bool:
    """Whether the check digits of a ROR identifier hold (Crockford base 32, ISO 7064 MOD 97-10)."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    if (
        len(ror) != 9
        or not ror.startswith("0")
        or any(c not in alphabet for c in ror[:7])
        or not ror[7:].isdigit()
    ):
        return False
    number = 0
    for character in ror[:7]:
        number = number * 32 + alphabet.index(character)
    return int(ror[7:]) == 98 - (number * 100) % 97
