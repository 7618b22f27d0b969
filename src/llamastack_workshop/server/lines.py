"""The lines of LlamaStack and OGX: what each calls things, and what it does where they differ.

A *line* is a series of releases with one format of configuration. Whoever needs to know what differs reads it here;
nothing else compares versions.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from packaging.version import InvalidVersion, Version

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

# What tells the kernels of notebooks which line runs: the name of its stack.
VARIABLE = "WORKSHOP_STACK"

_STACKS = paths.ROOT / "stacks"


@dataclass(frozen=True)
class Line:
    """One line: its names first, then its behaviour."""

    product: str
    """What its makers call it: LlamaStack, or OGX since 1.0."""

    series: str
    """The first two numbers of its releases."""

    release: str
    """The release that this workshop runs."""

    package: str
    """The Python package of the server, as one imports it."""

    command: str
    """What starts a server; the file follows it."""

    variables: str
    """How the server's own environment variables begin, such as the one for the port."""

    responses_api: str
    """The API that serves `POST /v1/responses`, as a configuration lists it."""

    responses_provider: str
    """The type of that API's provider."""

    search_provider: str
    """The type of the provider that runs file searches."""

    search_tool: str
    """The tool that the model sees when a request offers `file_search`."""

    tool_group: str | None
    """What a configuration registers so that `file_search` works; None where nothing is needed."""

    apis: tuple[str, ...]
    """The APIs that `file_search` in a response needs, and no others."""

    misses_files: tuple[str, str]
    """The API and the type of its provider that complain first where the API `files` is missing."""

    starts_without_provider: bool
    """Whether a server starts with an API that is listed and has no provider; its paths are then 404."""

    search_metric: str
    """The metric that counts searches in vector stores."""

    token_metrics: bool
    """Whether metrics say how fast tokens come."""

    runs_tools: bool
    """Whether `POST /v1/tool-runtime/invoke` runs a tool of the server's by itself."""

    safety_api: bool
    """Whether there are shields and `POST /v1/moderations`; without them, an address outside the server moderates."""

    registers_models: bool
    """Whether `POST` and `DELETE /v1/models` change the list of models while the server runs."""

    aliases: bool
    """Whether `model_id` under `registered_resources` is a name by which clients can ask for the model."""

    quotas: bool
    """Whether `server.quota` limits how often an address may ask."""

    checks_llama_cpp: bool
    """Whether a server with `remote::llama-cpp-server` starts only if a llama.cpp answers at its address."""

    cancels: bool
    """Whether `POST /v1/responses/{id}/cancel` ends a response in the background."""

    background_as_asker: bool
    """Whether a response in the background runs as whoever asked for it, and not as whoever was the first to ask."""

    read_allows_delete: bool
    """Whether whoever may read another's response may delete it as well, whatever the policy says."""

    answers_blocked_output: bool
    """Whether a text that a guard blocks comes back as a refusal; without a stream, OGX 1.5 answers 500."""

    guardrails: bool | tuple[str, ...]
    """What a request gives as `guardrails` to be guarded: the names of shields, or that it wants to be."""

    needs_vocabulary_to_start: bool
    """Whether a server with vector stores starts only with the vocabulary that cuts files into chunks."""

    reads_files_apart: bool
    """Whether processes of their own read files, which see a database on disk and none in memory."""

    keeps_unstored_turns: bool
    """Whether a conversation keeps what was said in it with `store=False`."""

    deletes_items: bool
    """Whether deleting a conversation deletes the items in it as well."""

    keeps_jobs: bool
    """Whether the table `jobs` keeps the texts of files that were put into a vector store, for good."""

    ollama_fetches_images: bool
    """Whether `remote::ollama` goes to the address of an image in a request by itself."""

    tells_missing_search: bool
    """Whether a way to search that a vector store lacks is a 501, and not an empty answer."""

    typed_stream_errors: bool
    """Whether an error inside a stream is an event of type `error`, and not a line without a type."""

    truncation_auto: bool
    """Whether `truncation="auto"` is a request that is answered."""

    @property
    def name(self) -> str:
        """What this book calls it, such as OGX 1.5."""
        return f"{self.product} {self.series}"

    @property
    def stack(self) -> str:
        """The name that STACK= takes, such as ogx-1.5."""
        return f"{'ogx' if self.product == 'OGX' else 'llama-stack'}-{self.series}"

    def file(self, name: str) -> Path:
        """Return the configuration `name` of this line, such as run or access: run.yaml, or a file in stacks/."""
        if self is not OURS:
            return _STACKS / self.stack / f"{name}.yaml"
        return paths.RUN_YAML if name == "run" else _STACKS / f"{name}.yaml"


# The line that the workshop installs and starts by itself. Each of the others says where it differs from another one.
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

# The oldest first.
LINES = (LLAMA_STACK_0_4, LLAMA_STACK_0_6, LLAMA_STACK_0_7, OGX_1_5)


def line_of(base_url: str) -> Line:
    """Return the line of the server at `base_url`, which ends in /v1.

    Raises WorkshopError if no server tells its version there.
    """
    try:
        version = httpx.get(f"{base_url}/version", timeout=10).raise_for_status().json()["version"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise WorkshopError(
            f"No server tells its version at {base_url}/version.", "Start one (make llama-server), or correct base_url."
        ) from error
    return of_version(version)


def of_version(version: str) -> Line:
    """Return the line of a release such as 1.5.0, or the nearest of those of the same product.

    Raises WorkshopError if `version` is no version.
    """
    try:
        wanted = Version(version).release[:2]
    except InvalidVersion as error:
        raise WorkshopError(
            f"{version} is not a version of LlamaStack or OGX.", "Correct base_url: another program answers there."
        ) from error
    # OGX begins with 1.0.
    relatives = [line for line in LINES if (line.product == "OGX") == (wanted >= (1,))]
    return next((line for line in reversed(relatives) if Version(line.series).release <= wanted), relatives[0])


def started() -> Line:
    """Return the line with which `make lab` or `make test` was started, by STACK=."""
    return of_stack(os.environ.get(VARIABLE))


def of_stack(name: str | None) -> Line:
    """Return the line that a name such as ogx-1.5 or ogx-1.5/access begins with; without one, it is ours."""
    return next((line for line in LINES if line.stack == (name or "").split("/")[0]), OURS)
