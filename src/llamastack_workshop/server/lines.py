"""The release lines of LlamaStack and OGX, with the names and the behaviour in which they differ.

A *line* is a series of releases with one configuration format. All differences are recorded here: no other code
compares versions.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from packaging.version import InvalidVersion, Version

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

# The variable that tells notebook kernels which line is running, by the name of its stack.
VARIABLE = "WORKSHOP_STACK"

_STACKS = paths.ROOT / "stacks"


@dataclass(frozen=True)
class Line:
    """One line: its names first, then its behaviour."""

    product: str
    """The product's name: LlamaStack, or OGX since 1.0."""

    series: str
    """The first two numbers of its version."""

    release: str
    """The release that the workshop uses."""

    package: str
    """The import name of the server's Python package."""

    command: str
    """The command that starts a server; its argument is the configuration file."""

    variables: str
    """The prefix of the server's own environment variables, such as the one for the port."""

    responses_api: str
    """The API that serves `POST /v1/responses`, by its name in a configuration."""

    responses_provider: str
    """The provider type of that API."""

    search_provider: str
    """The provider type that runs file searches."""

    search_tool: str
    """The tool that the model sees when a request offers `file_search`."""

    tool_group: str | None
    """The tool group that a configuration registers for `file_search`; None if it needs none."""

    apis: tuple[str, ...]
    """The minimal set of APIs for `file_search` in a response."""

    misses_files: tuple[str, str]
    """The API, and its provider type, that the first error names if the API `files` is missing."""

    starts_without_provider: bool
    """Whether a server starts if a listed API has no provider; its paths then return 404."""

    search_metric: str
    """The metric that counts searches in vector stores."""

    token_metrics: bool
    """Whether there are metrics for the rate of tokens."""

    runs_tools: bool
    """Whether `POST /v1/tool-runtime/invoke` runs one of the server's tools directly."""

    safety_api: bool
    """Whether the server has shields and `POST /v1/moderations`; otherwise, an external endpoint moderates."""

    registers_models: bool
    """Whether `POST` and `DELETE /v1/models` change the list of models at run time."""

    aliases: bool
    """Whether clients can request a model by its `model_id` under `registered_resources`."""

    quotas: bool
    """Whether `server.quota` limits the requests per client address."""

    checks_llama_cpp: bool
    """Whether a server with `remote::llama-cpp-server` starts only if llama.cpp answers at its address."""

    cancels: bool
    """Whether `POST /v1/responses/{id}/cancel` cancels a background response."""

    background_as_asker: bool
    """Whether a background response runs as the user who requested it, not as the first user to request one."""

    read_allows_delete: bool
    """Whether permission to read another user's response includes permission to delete it, despite the policy."""

    answers_blocked_output: bool
    """Whether blocked output is returned as a refusal; without streaming, OGX 1.5 returns 500."""

    guardrails: bool | tuple[str, ...]
    """The value of `guardrails` in a request: the names of shields, or True."""

    needs_vocabulary_to_start: bool
    """Whether a server with vector stores needs the vocabulary for chunking files in order to start."""

    reads_files_apart: bool
    """Whether separate processes read files; they see a database on disk, but none in memory."""

    keeps_unstored_turns: bool
    """Whether a conversation keeps turns that were sent with `store=False`."""

    deletes_items: bool
    """Whether deleting a conversation also deletes its items."""

    keeps_jobs: bool
    """Whether the table `jobs` permanently keeps the text of files that were added to a vector store."""

    ollama_fetches_images: bool
    """Whether `remote::ollama` itself downloads an image whose URL is in a request."""

    tells_missing_search: bool
    """Whether a search mode that a vector store does not support returns 501 instead of an empty result."""

    typed_stream_errors: bool
    """Whether an error in a stream is an event of type `error` instead of an untyped line."""

    truncation_auto: bool
    """Whether requests with `truncation="auto"` are accepted."""

    @property
    def name(self) -> str:
        """The name that the book uses, such as OGX 1.5."""
        return f"{self.product} {self.series}"

    @property
    def stack(self) -> str:
        """The value of STACK=, such as ogx-1.5."""
        return f"{'ogx' if self.product == 'OGX' else 'llama-stack'}-{self.series}"

    def file(self, name: str) -> Path:
        """Return the path of this line's configuration `name`, such as run or access (run.yaml, or in stacks/)."""
        if self is not OURS:
            return _STACKS / self.stack / f"{name}.yaml"
        return paths.RUN_YAML if name == "run" else _STACKS / f"{name}.yaml"


# The line that the workshop installs and starts by default. The others are defined by their differences.
OURS = LLAMA_STACK_0_6 = Line(
    product="LlamaStack",
    series="0.6",
    release="0.6.1",
    package="llama_stack",
    command="llama stack run",
    variables="LLAMA_STACK_",
    responses_api="agents",
    responses_provider="inline::meta-reference",
    search_provider="inline::rag-runtime",
    search_tool="knowledge_search",
    tool_group="builtin::rag",
    apis=("inference", "agents", "vector_io", "tool_runtime", "files"),
    misses_files=("tool_runtime", "inline::rag-runtime"),
    starts_without_provider=False,
    search_metric="llama_stack.tool_runtime.invocations_total",
    token_metrics=False,
    runs_tools=True,
    safety_api=True,
    registers_models=True,
    aliases=False,
    quotas=True,
    checks_llama_cpp=False,
    cancels=False,
    background_as_asker=False,
    read_allows_delete=True,
    answers_blocked_output=True,
    guardrails=("insecure-code",),
    needs_vocabulary_to_start=False,
    reads_files_apart=False,
    keeps_unstored_turns=True,
    deletes_items=False,
    keeps_jobs=False,
    ollama_fetches_images=True,
    tells_missing_search=False,
    typed_stream_errors=False,
    truncation_auto=False,
)
LLAMA_STACK_0_4 = replace(LLAMA_STACK_0_6, series="0.4", release="0.4.7", truncation_auto=True)
LLAMA_STACK_0_7 = replace(
    LLAMA_STACK_0_6,
    series="0.7",
    release="0.7.3",
    responses_api="responses",
    responses_provider="inline::builtin",
    search_provider="inline::file-search",
    search_tool="file_search",
    tool_group="builtin::file_search",
    apis=("inference", "responses", "vector_io", "tool_runtime", "files"),
    misses_files=("tool_runtime", "inline::file-search"),
    search_metric="llama_stack.vector_io.queries_total",
    token_metrics=True,
    runs_tools=False,
    registers_models=False,
    cancels=True,
    background_as_asker=True,
    needs_vocabulary_to_start=True,
    keeps_unstored_turns=False,
)
OGX_1_5 = replace(
    LLAMA_STACK_0_7,
    product="OGX",
    series="1.5",
    release="1.5.0",
    package="ogx",
    command="ogx run",
    variables="OGX_",
    tool_group=None,
    apis=(*LLAMA_STACK_0_7.apis, "file_processors"),
    misses_files=("file_processors", "inline::pypdf"),
    starts_without_provider=True,
    search_metric="ogx.vector_io.queries_total",
    safety_api=False,
    aliases=True,
    quotas=False,
    checks_llama_cpp=True,
    read_allows_delete=False,
    answers_blocked_output=False,
    guardrails=True,
    reads_files_apart=True,
    deletes_items=True,
    keeps_jobs=True,
    ollama_fetches_images=False,
    tells_missing_search=True,
    typed_stream_errors=True,
    truncation_auto=True,
)

# Oldest first.
LINES = (LLAMA_STACK_0_4, LLAMA_STACK_0_6, LLAMA_STACK_0_7, OGX_1_5)


def line_of(base_url: str) -> Line:
    """Return the line of the server at `base_url` (which ends in /v1).

    Raises WorkshopError if no server reports its version there.
    """
    try:
        version = httpx.get(f"{base_url}/version", timeout=10).raise_for_status().json()["version"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise WorkshopError(
            f"No server reports a version at {base_url}/version.", "Start one (make llama-server), or correct base_url."
        ) from error
    return of_version(version)


def of_version(version: str) -> Line:
    """Return the line of a release such as 1.5.0, or the closest line of the same product.

    Raises WorkshopError if `version` is not a version number.
    """
    try:
        wanted = Version(version).release[:2]
    except InvalidVersion as error:
        raise WorkshopError(
            f"{version} is not a version of LlamaStack or OGX.", "Correct base_url: another program answers there."
        ) from error
    # OGX starts at 1.0.
    relatives = [line for line in LINES if (line.product == "OGX") == (wanted >= (1,))]
    return next((line for line in reversed(relatives) if Version(line.series).release <= wanted), relatives[0])


def started() -> Line:
    """Return the line that `make lab` or `make test` was started with (STACK=)."""
    return of_stack(os.environ.get(VARIABLE))


def of_stack(name: str | None) -> Line:
    """Return the line named at the start of a stack's name, such as ogx-1.5 or ogx-1.5/access; by default, ours."""
    return next((line for line in LINES if line.stack == (name or "").split("/")[0]), OURS)
