"""The configurations of the newer lines, generated from those of LlamaStack 0.6.

`stacks/LINE/NAME.yaml` is `stacks/NAME.yaml`, or run.yaml, in the form of that line. Each line is generated from the
one before by text replacement, so that the comments are kept. A test compares the files with this module's output, and
writes them with --rewrite-tables.
"""

from pathlib import Path

from llamastack_workshop.server import stacks
from llamastack_workshop.server.lines import LLAMA_STACK_0_6, LLAMA_STACK_0_7, OGX_1_5, OURS, Line
from llamastack_workshop.system import paths

# The configurations that the chapters use, and those for a server with a single upstream.
NAMES = ("run", "access", "backends", "keep-nothing", "ollama", "openai", "shields", "tgi", "two-models", "vllm")

# The line that each is generated from, and the replacements, in order.
_MADE_OF = {LLAMA_STACK_0_7: LLAMA_STACK_0_6, OGX_1_5: LLAMA_STACK_0_7}

_CHANGES = {
    LLAMA_STACK_0_7: (
        # The names.
        ("inline::meta-reference", "inline::builtin"),
        ("- provider_id: meta-reference", "- provider_id: builtin"),
        ("builtin::rag", "builtin::file_search"),
        ("rag-runtime", "file-search"),
        ("knowledge_search", "file_search"),
        ("\n- agents\n", "\n- responses\n"),
        ("\n  agents:\n", "\n  responses:\n"),
        # The names in comments.
        ("`agents` serves", "`responses` serves"),
        ("#   agents → ", "#   responses → "),
        ("# Agents: the Responses API. ", "# The Responses API. "),
        ("search tool. agents and", "search tool. responses and"),
        # Fixed problems.
        (
            '# connections. "background": true runs as whoever asked for it first: refuse it at the\n'
            "# proxy. Whoever may read a response may also delete it.\n",
            "# connections. Whoever may read a response may also delete it.\n",
        ),
        # Removals.
        (
            "# The provider remote::tgi cannot be imported in 0.6.1, and TGI",
            "# There is no remote::tgi any more, and TGI",
        ),
        (
            "  # Its own provider, remote::tgi, cannot be loaded in 0.6.1: the server stops at startup\n"
            "  # with `Field 'overwrite_completion_id' defined on a base class was overridden`.\n",
            "  # Earlier releases had a provider for it, remote::tgi.\n",
        ),
        (
            "  # remote::tgi is missing, because it cannot be loaded in 0.6.1. For TGI, use remote::openai.\n",
            "  # remote::tgi is missing, because it was removed. For TGI, use remote::openai.\n",
        ),
    ),
    OGX_1_5: (
        ("LlamaStack's own texts", "OGX's own texts"),
        ("LlamaStack server", "OGX server"),
        ("Another LlamaStack, whose", "Another OGX or LlamaStack, whose"),
        ("llama stack run", "ogx run"),
        # Reading files is a separate API.
        ("- files\n\n", "- files\n- file_processors\n\n"),
        ("- files\n- safety\n", "- files\n- file_processors\n"),
        ("five APIs", "six APIs"),
        ("tool_runtime, files\n#   tool_runtime →", "tool_runtime, files, file_processors\n#   tool_runtime →"),
        (
            "        table_name: files_metadata\n        backend: sql_default\n",
            "        table_name: files_metadata\n        backend: sql_default\n\n"
            "  # Extracts the text of uploaded files for vector stores, from PDF and plain text.\n"
            "  file_processors:\n"
            "  - provider_id: pypdf\n"
            "    provider_type: inline::pypdf\n",
        ),
        # The agents' state is gone, and two stores have moved from the key-value backend to SQL.
        ("        agent_state:\n          namespace: agents\n          backend: kv_default\n", ""),
        *(
            (
                f"    {store}:\n      namespace: {store}\n      backend: kv_default\n",
                f"    {store}:\n      table_name: {store}\n      backend: sql_default\n",
            )
            for store in ("prompts", "connectors")
        ),
        # With another table, a server finds no vector stores.
        (
            "  backends:\n    kv_default:\n",
            "  backends:\n"
            "    # With kv_postgres and LlamaStack's data, add `table_name: llamastack_kvstore`: OGX's default\n"
            "    # is ogx_kvstore, in which it would find none of the vector stores.\n"
            "    kv_default:\n",
        ),
        # file_search needs no registration.
        (
            "  tool_groups:\n"
            "  # Without this group, file_search returns 400: Tool 'file_search' not found.\n"
            "  - toolgroup_id: builtin::file_search\n"
            "    provider_id: file-search\n",
            "",
        ),
        ("  tool_groups:\n  - toolgroup_id: builtin::file_search\n    provider_id: file-search\n", ""),
        (
            "    # The search behind file_search, for everyone.\n"
            "    - permit:\n        actions: read\n        resource: tool_group::builtin::file_search\n",
            "",
        ),
        # The port is used, and plain HTTP has to be requested.
        (
            "  # This version ignores `port` here. Set the port with --port, or with the variable\n"
            "  # LLAMA_STACK_PORT; the default is 8321.\n",
            "  # `port` works here as well; --port and the variable OGX_PORT override it, and the\n"
            "  # default is 8321.\n",
        ),
        (
            "  host: 127.0.0.1\n",
            "  host: 127.0.0.1\n"
            "  # Plain HTTP, on loopback only; without this line, OGX requires tls_certfile.\n"
            "  insecure: true\n",
        ),
        (
            "  host: ${env.WORKSHOP_HOST:=127.0.0.1}\n",
            "  host: ${env.WORKSHOP_HOST:=127.0.0.1}\n"
            "  # Plain HTTP; without this line, OGX requires tls_certfile.\n"
            "  insecure: true\n",
        ),
    ),
}

# Further replacements in a single file, and the file that it is generated from.
_CHANGES_OF_ONE = {
    (OGX_1_5, "access"): (
        "access",
        (
            # Fixed problems.
            (
                "# What this file cannot prevent (chapter 20): a request can make the server connect to any\n"
                "# address (a tool of type mcp; an image's URL, with remote::ollama): restrict outgoing\n"
                "# connections. Whoever may read a response may also delete it.\n",
                "# What this file cannot prevent (chapter 20): a request can make the server connect to any\n"
                "# address, through a tool of type mcp: restrict outgoing connections.\n",
            ),
            # With access policies, faiss stores the owners of vector stores in SQL.
            (
                "        namespace: vector_io::faiss\n        backend: kv_default\n",
                "        namespace: vector_io::faiss\n        backend: kv_default\n"
                "      # The owners of vector stores. Access policies need them.\n"
                "      metadata_store:\n"
                "        table_name: vector_stores\n"
                "        backend: sql_default\n",
            ),
            (
                "        resource: vector_store::*\n      when: user with admin in roles\n",
                "        resource: vector_store::*\n      when: user with admin in roles\n"
                "    # The metadata of a store is in SQL, and each row there is a resource, too.\n"
                "    - permit:\n"
                "        actions: [read, delete]\n"
                "        resource: regex:sql_record::vector_store\n"
                "      when: user with admin in roles\n",
            ),
        ),
    ),
    (OGX_1_5, "keep-nothing"): (
        "keep-nothing",
        (
            (
                "the first request creates the tables while others arrive.)\n",
                "the first request creates the tables while others arrive.)\n"
                "    # OGX processes files in separate processes, which do not see this database: adding a file to\n"
                "    # a vector store never ends. If you need that, use a file in a folder in memory: see `files`.\n",
            ),
        ),
    ),
    # There is no `safety` API: an external service moderates.
    (OGX_1_5, "shields"): (
        "run",
        (
            (
                "# The workshop's OGX server: six APIs, with a provider behind each.\n#\n"
                "# To run it by hand, set an upstream's variable, for example:\n"
                "#   OPENAI_API_KEY=… ogx run stacks/ogx-1.5/run.yaml\n"
                "#   OLLAMA_URL=http://localhost:11434/v1 ogx run stacks/ogx-1.5/run.yaml\n"
                "# or let `make llama-server STACK=ogx-1.5/run` start the embedded models as well and run this "
                "same file.\n",
                "# The workshop's OGX server with guardrails: run.yaml, and the address of a moderation service.\n"
                "#\n"
                "#   MODERATION_URL=http://127.0.0.1:9000/v1/moderations \\\n"
                "#   make llama-server STACK=ogx-1.5/shields\n"
                "#\n"
                "# OGX has no API `safety` and no shields. It calls a service that implements OpenAI's\n"
                "# POST /v1/moderations. Without MODERATION_URL, that is OpenAI itself, with the key in\n"
                "# MODERATION_API_KEY.\n"
                "#\n"
                "# Nothing is checked by default: a request to POST /v1/responses opts in with\n"
                '# "guardrails": true. If the service does not answer, everything is refused (chapter 21).\n'
                "#\n",
            ),
            ("distro_name: llamastack-workshop\n", "distro_name: llamastack-workshop-shields\n"),
            (
                "    config:\n      # Older tutorials have persistence_store and responses_store here.\n",
                "    config:\n"
                "      moderation_endpoint: ${env.MODERATION_URL:=https://api.openai.com/v1/moderations}\n"
                "      moderation_headers:\n"
                "        Authorization: Bearer ${env.MODERATION_API_KEY:=none}\n"
                "      # Older tutorials have persistence_store and responses_store here.\n",
            ),
        ),
    ),
}


def changes(line: Line) -> tuple[tuple[str, str], ...]:
    """Return the replacements for all files of `line`, as pairs of old and new text."""
    return _CHANGES[line]


def earlier_texts(line: Line) -> list[str]:
    """Return the texts of the files that those of `line` are generated from."""
    earlier = _MADE_OF[line]
    return [made_short(earlier), *(made(earlier, name) for name in NAMES)]


def files() -> dict[Path, str]:
    """Return the text of each generated file, by its path."""
    made_files = {line.file(name): made(line, name) for line in _MADE_OF for name in NAMES}
    return made_files | {_short(line): made_short(line) for line in _MADE_OF}


def made(line: Line, name: str) -> str:
    """Return the configuration `name` of `line`; raise ValueError if a text to be replaced is not there."""
    if line not in _MADE_OF:
        return line.file(name).read_text(encoding="utf-8")
    earlier = _MADE_OF[line]
    base, of_one = _CHANGES_OF_ONE.get((line, name), (name, ()))
    before, after = (str(one.file(base).relative_to(paths.ROOT)) for one in (earlier, line))
    starts = (
        (f"stack run {before}", f"stack run {after}"),
        (f"STACK={base if earlier is OURS else f'{earlier.stack}/{base}'}\n", f"STACK={line.stack}/{base}\n"),
        ("or let `make llama-server` start", f"or let `make llama-server STACK={line.stack}/{base}` start"),
        (f"`make llama-server STACK={earlier.stack}/", f"`make llama-server STACK={line.stack}/"),
    )
    text = _exchanged(made(earlier, base), line, (*starts, *_CHANGES[line]))
    for old, new in of_one:
        if old not in text:
            raise ValueError(f"{line.file(name)}: the text to be replaced is not there: {old}")
        text = text.replace(old, new)
    return text


def made_short(line: Line) -> str:
    """Return the configuration of `line` without comments, for comparing lines: stacks/LINE.yaml."""
    if line not in _MADE_OF:
        return _short(line).read_text(encoding="utf-8")
    earlier = _MADE_OF[line]
    names = ((earlier.name, line.name), (f"STACK={earlier.stack}\n", f"STACK={line.stack}\n"))
    return _exchanged(made_short(earlier), line, (*names, *_CHANGES[line]))


def _short(line: Line) -> Path:
    return stacks.FOLDER / f"{line.stack}.yaml"


def _exchanged(text: str, line: Line, changes: tuple[tuple[str, str], ...]) -> str:
    earlier = _MADE_OF[line]
    release = (f"{earlier.product} {earlier.release}", f"{line.product} {line.release}")
    for old, new in (release, *changes):
        text = text.replace(old, new)
    return text
