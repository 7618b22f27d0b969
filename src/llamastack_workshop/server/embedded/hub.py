"""Download a file from a Hugging Face hub into the cache that all programs with huggingface_hub share.

huggingface_hub downloads into a file with a random name, so it starts over after an interruption, and it checks only
the size. Here, an incomplete file keeps its name, so that the download resumes, and its SHA-256 is checked before
other programs can see it. huggingface_hub reads its variables (HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and
others) on import.
"""

import difflib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from llamastack_workshop.system import files, locks
from llamastack_workshop.system.errors import Say, WorkshopError, verbose
from llamastack_workshop.system.secrets import hidden

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OTHER_MODEL = "or choose another model."


@dataclass(frozen=True)
class Source:
    """A file in a repository on the hub."""

    repo: str
    file: str

    def __str__(self) -> str:
        return f"hf:{self.repo}/{self.file}"


def cached(source: Source) -> Path | None:
    """Return the file if it is in the cache, else None."""
    from huggingface_hub import constants, try_to_load_from_cache

    found = try_to_load_from_cache(source.repo, source.file, cache_dir=constants.HF_HUB_CACHE)
    return Path(found) if isinstance(found, str) else None


def fetch(source: Source, say: Say, require_memory: Callable[[int], None]) -> Path:
    """Return the file from the cache, or download it and check it against the SHA-256 that the hub states.

    An interrupted download is resumed. `require_memory` is called with the size in bytes before a download, and raises
    if the model is too large for this machine. `say` is called with a progress line before each slow step.
    Raises WorkshopError if the file cannot be downloaded.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import FileMetadataError
    from huggingface_hub.file_download import repo_folder_name

    if file := cached(source):
        if _is_whole(file, say):
            return file
        say(f"{source.file} is damaged in the cache: downloading it again.")
        file.resolve().unlink()
        file.unlink(missing_ok=True)
    if constants.is_offline_mode():
        raise WorkshopError(
            f"{source.file} is not in the cache ({constants.HF_HUB_CACHE}), and HF_HUB_OFFLINE forbids downloads.",
            f"Unset HF_HUB_OFFLINE, copy the cache of another machine there, {_OTHER_MODEL}",
        )
    endpoint, cache = constants.ENDPOINT, Path(constants.HF_HUB_CACHE)
    with _clear(source, endpoint):
        head = get_hf_file_metadata(hf_hub_url(source.repo, source.file, endpoint=endpoint))
        if not head.commit_hash:
            raise FileMetadataError("no commit")
        if not head.size or not _SHA256.fullmatch(head.etag or ""):
            raise WorkshopError(
                f"{_host(endpoint)} states no SHA-256 for {source.file}, so it is not a file of weights.",
                f"Check the file on the hub: {endpoint}/{source.repo}/blob/main/{source.file}",
            )
        require_memory(head.size)
        folder = repo_folder_name(repo_id=source.repo, repo_type="model")
        blob = cache / folder / "blobs" / head.etag
        url = hf_hub_url(source.repo, source.file, revision=head.commit_hash, endpoint=endpoint)
        lock_file = cache / ".locks" / folder / f"{head.etag}.lock"
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        waiting = f"Waiting for another program that is downloading {source.file} …"
        with locks.one_at_a_time(lock_file, say, waiting):
            if not blob.exists():
                _download(url, blob, head.size, source, say)
        # It finds the content in the cache, and links it to the file's name.
        return Path(hf_hub_download(source.repo, source.file, cache_dir=cache, endpoint=endpoint))


def _download(url: str, blob: Path, size: int, source: Source, say: Say) -> None:
    from huggingface_hub import constants
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers, logging

    if not verbose():
        # It logs each retry after a lost connection.
        logging.set_verbosity_error()
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{blob.name}.workshop.incomplete")
    begun = part.stat().st_size if part.exists() else 0
    if begun > size:
        part.unlink()
        begun = 0
    files.require_space(blob.parent, size - begun)
    going_on = f", {megabytes(begun)} of it already here" if begun else ""
    say(f"Downloading {source.file} ({megabytes(size)}{going_on}) from {_host(constants.ENDPOINT)} …")
    with files.naming(part), part.open("ab") as file:
        # After a redirect to another host, the token is not sent.
        http_get(
            url,
            file,
            resume_size=begun,
            headers=build_hf_headers(),
            expected_size=size,
            displayed_filename=source.file,
        )
    if files.sha256(part) != blob.name:
        part.unlink()
        raise WorkshopError(
            f"{source.file} arrived damaged: its SHA-256 is not the one that {_host(constants.ENDPOINT)} states.",
            "It has been deleted. Run the same command again; if that fails in the same way, a proxy or a mirror "
            "alters the file.",
        )
    part.replace(blob)


def _is_whole(file: Path, say: Say) -> bool:
    """Return whether a file in the cache has the SHA-256 that its blob is named after."""
    blob = file.resolve()
    # On systems without symbolic links, the cache holds the file itself, without its checksum.
    if not _SHA256.fullmatch(blob.name):
        return True
    say(f"Checking {file.name} ({megabytes(blob.stat().st_size)}) …")
    return files.sha256(blob) == blob.name


@contextmanager
def _clear(source: Source, endpoint: str) -> Iterator[None]:
    """Turn the exceptions of huggingface_hub and its HTTP client into WorkshopError."""
    from huggingface_hub import errors

    host, page = _host(endpoint), f"{hidden(endpoint)}/{source.repo}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise WorkshopError(
            f"{source.repo} is gated: you have to accept its conditions first.",
            f"Accept them at {page}, and put your access token into .env: HF_TOKEN=…",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise WorkshopError(
            f"{host} has no repository {source.repo}, or it is private.",
            "Correct the name; for a private repository, put your access token into .env: HF_TOKEN=…",
        ) from error
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise _broke_off(source, host) from error
        raise WorkshopError(f"{source.repo} has no file {source.file}.", _other_files(source, endpoint)) from error
    except errors.HfHubHTTPError as error:
        raise _refused(error.response.status_code, host) from error
    except errors.FileMetadataError as error:
        raise WorkshopError(
            f"{host} answers, but not like a Hugging Face hub.",
            "Correct HF_ENDPOINT, or unset it for https://huggingface.co; a proxy or a login page may have answered.",
        ) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise WorkshopError(
            f"HF_ENDPOINT={hidden(endpoint)} is not a URL.", "Start it with https://, or unset it."
        ) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise WorkshopError(
            f"{host} does not answer ({hidden(str(error))[:80] or type(error).__name__}).",
            f"Check the network, the proxy and HF_ENDPOINT, give the path of a local file, {_OTHER_MODEL}",
        ) from error
    except httpx.HTTPError as error:
        raise _broke_off(source, host) from error
    except OSError as error:
        # http_get raises this if fewer bytes arrive than announced.
        if "Consistency check failed" in str(error):
            raise _broke_off(source, host) from error
        raise


def _refused(status: int, host: str) -> WorkshopError:
    if status in (401, 403):
        return WorkshopError(
            f"{host} rejects the token (HTTP {status}).",
            "Put a valid HF_TOKEN into .env, or unset it: open models do not need one.",
        )
    return WorkshopError(
        f"{host} answers with an error (HTTP {status}).", f"Wait and run the same command again, {_OTHER_MODEL}"
    )


def _broke_off(source: Source, host: str) -> WorkshopError:
    return WorkshopError(
        f"The connection to {host} was lost during the download of {source.file}.",
        "Run the same command again: it resumes the download.",
    )


def _other_files(source: Source, endpoint: str) -> str:
    """Return advice to choose another file of the repository, with the closest names if the hub lists its files."""
    from huggingface_hub import HfApi

    listed: list[str] = []
    with suppress(httpx.HTTPError, OSError):
        listed = [name for name in HfApi(endpoint=endpoint).list_repo_files(source.repo) if name.endswith(".gguf")]
    near = difflib.get_close_matches(source.file, listed, n=3, cutoff=0) or listed[:3]
    if near:
        return f"It has: {', '.join(near)}"
    return f"Choose a GGUF file from {hidden(endpoint)}/{source.repo}/tree/main"


def _host(endpoint: str) -> str:
    return hidden(endpoint).split("://")[-1]


def megabytes(size: int) -> str:
    """Return a size in bytes as text, in MB or GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
