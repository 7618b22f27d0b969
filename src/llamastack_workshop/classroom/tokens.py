"""Tokens for the servers of a classroom: who asks, and as what. The key that signs them is never written down."""

import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "llamastack-workshop-classroom"
AUDIENCE = "llama-stack"
ATTENDEE, PROBE = "attendee", "probe"
_KEY_ID = "classroom"
# They end with the classroom that has issued them: its key is gone then. This is for one that nobody stops.
_LIFETIME = 30 * 24 * 3600  # seconds


class Issuer:
    """An issuer with a key of its own, which lives as long as this process."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwks(self) -> str:
        """Return the public key as JSON, in the form that servers fetch (a JWKS)."""
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return json.dumps({"keys": [public | {"kid": _KEY_ID, "use": "sig", "alg": "RS256"}]})

    def token(self, name: str, role: str) -> str:
        """Return a token for the person or the program `name`, whom the servers' policies know as a `role`."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "roles": [role], "iat": now, "exp": now + _LIFETIME}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})
