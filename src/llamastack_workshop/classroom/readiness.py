"""Whether a LlamaStack server is ready: it stores something in both halves of its storage, and reads it again.

`/v1/health` says OK while the database is down, and a conversation is then created, with a 200, and not stored.
"""

import httpx

_TIMEOUT = 20  # seconds; on a machine that is busy with forty people, too


def fault(base_url: str, token: str) -> str | None:
    """Return what's wrong with the server at `base_url` (ending in /v1), or None if it's ready.

    `token` is for the role `probe` in stacks/classroom.yaml. What's stored is deleted again.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=base_url, headers=headers, timeout=_TIMEOUT) as client:
            return _fault_of_sql(client) or _fault_of_kv(client)
    except httpx.TimeoutException:
        return f"no answer within {_TIMEOUT} s"
    except httpx.HTTPStatusError as error:
        return f"{error.response.status_code} for {error.request.method} {error.request.url.path}"
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"


def _fault_of_sql(client: httpx.Client) -> str | None:
    path = f"/conversations/{_post(client, '/conversations', {})['id']}"
    if client.get(path).status_code != 200:
        return "a conversation was created, and is not stored"
    return None if client.delete(path).is_success else "a conversation is not deleted"


def _fault_of_kv(client: httpx.Client) -> str | None:
    path = f"/prompts/{_post(client, '/prompts', {'prompt': 'Are you ready?'})['prompt_id']}"
    if client.get(path).status_code != 200:
        return "a prompt was created, and is not stored"
    return None if client.delete(path).is_success else "a prompt is not deleted"


def _post(client: httpx.Client, path: str, body: dict[str, str]) -> dict[str, str]:
    return client.post(path, json=body).raise_for_status().json()
