"""The people of a classroom: their names, and what proves who they are. Of a password, only a hash is written down.

The hub imports this in an environment of its own: the standard library is all there is.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

# Letters and digits that nobody mistakes for each other on paper: twelve of them have 59 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 3, 4
# What RFC 7914 has for interactive logins: 16 MB and some 50 ms for each try.
_COST = {"n": 2**14, "r": 8, "p": 1}
# Numbers that no distribution gives to users, see https://systemd.io/UIDS-GIDS/.
_FIRST_UID, _LAST_UID = 60_706, 61_183
MOST = _LAST_UID - _FIRST_UID + 1


@dataclass(frozen=True)
class Person:
    """An attendee: `name`, the salted hash of the password, and the number of the system's user that their programs
    run as where we are root."""

    name: str
    salt: str
    password_hash: str
    uid: int

    def has_password(self, password: str) -> bool:
        return hmac.compare_digest(_hash(password, self.salt), self.password_hash)


def read(file: Path) -> list[Person]:
    """Return the people whom `file` has, or nobody if there is no such file."""
    if not file.exists():
        return []
    return [Person(**one) for one in json.loads(file.read_text(encoding="utf-8"))]


def written(people: list[Person]) -> str:
    """Return what a file has that `read` reads."""
    return json.dumps([asdict(person) for person in people], indent=1) + "\n"


def enrolled(people: list[Person], count: int, *, new_passwords: bool = False) -> tuple[list[Person], dict[str, str]]:
    """Return `people` with as many more as make `count`, and by name the passwords that are new.

    Nobody is removed. With `new_passwords`, all have one.
    """
    found = {} if new_passwords else {person.name: person for person in people}
    passwords: dict[str, str] = {}
    everybody = []
    for index in range(max(count, len(people))):
        name = f"attendee-{index + 1:02}"
        if name not in found:
            passwords[name] = _password()
            salt = secrets.token_hex(16)
            found[name] = Person(name, salt, _hash(passwords[name], salt), _FIRST_UID + index)
        everybody.append(found[name])
    return everybody, passwords


def _password() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def _hash(password: str, salt: str) -> str:
    # People type what's on paper: capitals, and blanks around it, are no reason to fail.
    typed = password.strip().lower().encode()
    return hashlib.scrypt(typed, salt=bytes.fromhex(salt), **_COST).hex()
