"""A server with stacks/access.yaml, a real token issuer, and users with roles who send requests."""

import json
import threading
import time
from typing import Any

import httpx
import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import Request
from fastapi.responses import JSONResponse
from jwt.algorithms import RSAAlgorithm
from openai import OpenAI
from web_servers import AppServer

from llamastack_workshop.server.throwaway import Throwaway, upstream_variables
from llamastack_workshop.system import paths

ACCESS = yaml.safe_load((paths.ROOT / "stacks" / "access.yaml").read_text(encoding="utf-8"))
ROLES = {"dana": "developer", "dora": "developer", "gil": "guest", "ada": "admin", "otto": "auditor"}


class Service(AppServer):
    """A web service that answers every request with JSON."""

    def __init__(self) -> None:
        super().__init__(self._app)
        self.start()

    async def answer(self, body: bytes) -> tuple[int, Any]:
        """Return the HTTP status and the JSON for a request with this body."""
        raise NotImplementedError

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        status, content = await self.answer(await request.body())
        await JSONResponse(content, status)(scope, receive, send)


class Issuer(Service):
    """A token issuer that publishes its keys."""

    def __init__(self) -> None:
        self.keys = {"first": new_key()}
        self.entered, self.release = threading.Event(), threading.Event()
        self.release.set()
        super().__init__()

    async def answer(self, body: bytes) -> tuple[int, Any]:
        self.entered.set()
        self.release.wait(30)
        keys = {kid: json.loads(RSAAlgorithm.to_jwk(key.public_key())) for kid, key in self.keys.items()}
        return 200, {"keys": [{**key, "kid": kid, "use": "sig"} for kid, key in keys.items()]}

    def token(self, sub: str | None, roles: Any = None, *, key: Any = None, kid: str = "first", **claims: Any) -> str:
        """Return a token with these claims; a claim that is None is left out."""
        now = int(time.time())
        whole = {"iss": self.url, "aud": "llama-stack", "sub": sub, "roles": roles, "iat": now, "exp": now + 600}
        whole = {name: value for name, value in (whole | claims).items() if value is not None}
        return jwt.encode(whole, key or self.keys[kid], algorithm="RS256", headers={"kid": kid})


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Gateway:
    """A server with authentication, and the users who send it requests."""

    def __init__(self, server: Throwaway, issuer: Issuer, model: str) -> None:
        assert server.error is None
        self.server, self.issuer = server, issuer
        self.small, self.large = f"openai/{model}", f"large/{model}"
        self.tokens = {name: issuer.token(name, [role]) for name, role in ROLES.items()}

    def ask(self, token: str | None, method: str, path: str, **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, self.server.base_url + path, headers=headers, timeout=120, **request)

    def as_(self, name: str, method: str, path: str, **request: Any) -> httpx.Response:
        return self.ask(self.tokens[name], method, path, **request)

    def respond(self, name: str, model: str | None = None, **request: Any) -> httpx.Response:
        body = {"model": model or self.small, "input": "Say hello.", "max_output_tokens": 16, **request}
        return self.as_(name, "POST", "/responses", json=body)

    def client(self, token: str) -> OpenAI:
        return OpenAI(base_url=self.server.base_url, api_key=token, max_retries=0)

    def log(self) -> str:
        return self.server.process.log_text()


def access_variables(base_url: str, model: str, issuer: Issuer) -> dict[str, str]:
    large = {"LARGE_MODEL_URL": base_url, "LARGE_MODEL": model}
    oidc = {"OIDC_ISSUER": issuer.url, "OIDC_JWKS_URL": f"{issuer.url}/jwks", "OIDC_KEY_RECHECK_PERIOD": "1"}
    return upstream_variables(base_url, model) | large | oidc
