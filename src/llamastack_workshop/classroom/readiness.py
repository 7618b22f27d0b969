"""Whether a LlamaStack server is ready: it stores something in the SQL half of its storage, and the other half answers.

`/v1/health` says OK while the database is down, and a response is then completed, with a 200, and not stored.
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
    path = f"/conversations/{client.post('/conversations', json={}).raise_for_status().json()['id']}"
    if client.get(path).status_code != 200:
        return "a conversation was created, and is not stored"
    return None if client.delete(path).is_success else "a conversation is not deleted"


def _fault_of_kv(client: httpx.Client) -> str | None:
    # Only asked: on PostgreSQL, 0.6.1 answers 200 to the deletion of a prompt, and keeps it.
    path = f"/prompts/pmpt_{'0' * 48}"
    status = client.get(path).status_code
    return None if status == 400 else f"{status} for a prompt that does not exist"
