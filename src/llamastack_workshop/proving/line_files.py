"""The configurations of the newer lines, made of those of LlamaStack 0.6.

`stacks/LINE/NAME.yaml` is `stacks/NAME.yaml`, or run.yaml, as that line wants it. Each line is made of the one before,
by exchanging texts, so that the comments come along. A test compares the files with what this makes, and writes them
with --rewrite-tables.
"""

from pathlib import Path

from llamastack_workshop.server import stacks
from llamastack_workshop.server.lines import LLAMA_STACK_0_6, LLAMA_STACK_0_7, OGX_1_5, OURS, Line
from llamastack_workshop.system import paths

# What the chapters start, and what a server in front of one upstream starts with.
NAMES = ("run", "access", "backends", "keep-nothing", "ollama", "openai", "shields", "tgi", "two-models", "vllm")

# The line from which each is made, and the texts to exchange, in their order.
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
        # What was mended.
        (
            '# connections. "background": true runs as whoever asked for it first: refuse it at the\n'
            "# proxy. To read a response is leave to delete it.\n",
            "# connections. To read a response is leave to delete it.\n",
        ),
        # What was removed.
        (
            "# The provider remote::tgi cannot be imported in 0.6.1, and TGI",
            "# There is no remote::tgi any more, and TGI",
        ),
        (
            "  # The provider that is meant for it, remote::tgi, cannot be loaded in 0.6.1: the start\n"
            "  # ends with `Field 'overwrite_completion_id' defined on a base class was overridden`.\n",
            "  # Earlier lines had a provider that was meant for it, remote::tgi.\n",
        ),
        (
            "  # remote::tgi is not here: in 0.6.1 no server starts with it. For a TGI take remote::openai.\n",
            "  # remote::tgi is not here: it was removed. For a TGI take remote::openai.\n",
        ),
    ),
    OGX_1_5: (
        ("LlamaStack's own texts", "OGX's own texts"),
        ("LlamaStack server", "OGX server"),
        ("Another LlamaStack, whose", "Another OGX or LlamaStack, whose"),
        ("llama stack run", "ogx run"),
        # Reading files is an API of its own.
        ("- files\n\n", "- files\n- file_processors\n\n"),
        ("- files\n- safety\n", "- files\n- file_processors\n"),
        ("five APIs", "six APIs"),
        ("tool_runtime, files\n#   tool_runtime →", "tool_runtime, files, file_processors\n#   tool_runtime →"),
        (
            "        table_name: files_metadata\n        backend: sql_default\n",
            "        table_name: files_metadata\n        backend: sql_default\n\n"
            "  # What makes text of an uploaded file, for vector stores: of PDF, and of plain text.\n"
            "  file_processors:\n"
            "  - provider_id: pypdf\n"
            "    provider_type: inline::pypdf\n",
        ),
        # The state of agents is gone, and two stores have moved from the key-value half to SQL.
        ("        agent_state:\n          namespace: agents\n          backend: kv_default\n", ""),
        *(
            (
                f"    {store}:\n      namespace: {store}\n      backend: kv_default\n",
                f"    {store}:\n      table_name: {store}\n      backend: sql_default\n",
            )
            for store in ("prompts", "connectors")
        ),
        # With other data, a server finds no vector stores.
        (
            "  backends:\n    kv_default:\n",
            "  backends:\n"
            "    # With kv_postgres and data of LlamaStack, add `table_name: llamastack_kvstore`: OGX's own\n"
            "    # default is ogx_kvstore, and it would find none of the vector stores.\n"
            "    kv_default:\n",
        ),
        # Nothing is registered for file_search.
        (
            "  tool_groups:\n"
            "  # Without it, file_search answers 400: Tool 'file_search' not found.\n"
            "  - toolgroup_id: builtin::file_search\n"
            "    provider_id: file-search\n",
            "",
        ),
        ("  tool_groups:\n  - toolgroup_id: builtin::file_search\n    provider_id: file-search\n", ""),
        (
            "    # The search behind file_search, for everybody.\n"
            "    - permit:\n        actions: read\n        resource: tool_group::builtin::file_search\n",
            "",
        ),
        # The port counts, and plain HTTP has to be asked for.
        (
            "  # This version ignores a `port` here. The command line decides (--port), or the\n"
            "  # variable LLAMA_STACK_PORT; the default is 8321.\n",
            "  # `port` counts here as well; --port and the variable OGX_PORT win over it, and the\n"
            "  # default is 8321.\n",
        ),
        (
            "  host: 127.0.0.1\n",
            "  host: 127.0.0.1\n"
            "  # Plain HTTP, here on loopback alone; without this line OGX wants tls_certfile.\n"
            "  insecure: true\n",
        ),
    ),
}

# What is exchanged in one file alone, after that, and the file from which that one is made.
_CHANGES_OF_ONE = {
    (OGX_1_5, "access"): (
        "access",
        (
            # What was mended.
            (
                "# What this file cannot stop (chapter 20): a request may make the server connect to any\n"
                "# address (a tool of type mcp; an image's URL, with remote::ollama): limit outgoing\n"
                "# connections. To read a response is leave to delete it.\n",
                "# What this file cannot stop (chapter 20): a request may make the server connect to any\n"
                "# address, by a tool of type mcp: limit outgoing connections.\n",
            ),
            # With access policies, faiss keeps in SQL whose a vector store is.
            (
                "        namespace: vector_io::faiss\n        backend: kv_default\n",
                "        namespace: vector_io::faiss\n        backend: kv_default\n"
                "      # Whose a vector store is. Access policies need it.\n"
                "      metadata_store:\n"
                "        table_name: vector_stores\n"
                "        backend: sql_default\n",
            ),
            (
                "        resource: vector_store::*\n      when: user with admin in roles\n",
                "        resource: vector_store::*\n      when: user with admin in roles\n"
                "    # What is known about a store is in SQL, and each row there is a resource, too.\n"
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
                "the first request makes the tables, and others came with it.)\n",
                "the first request makes the tables, and others came with it.)\n"
                "    # OGX reads files in processes of their own, which do not see this database: putting a file\n"
                "    # into a vector store never ends. For that, give it a file in a folder in memory: see `files`.\n",
            ),
        ),
    ),
    # There is no `safety`: somebody else moderates.
    (OGX_1_5, "shields"): (
        "run",
        (
            (
                "# The workshop's OGX server: six APIs, with a provider behind each.\n#\n"
                "# Run it by hand once an upstream's variable is set, for example:\n"
                "#   OPENAI_API_KEY=… ogx run stacks/ogx-1.5/run.yaml\n"
                "#   OLLAMA_URL=http://localhost:11434/v1 ogx run stacks/ogx-1.5/run.yaml\n"
                "# or let `make llama-server STACK=ogx-1.5/run` start the embedded models as well and run this "
                "same file.\n",
                "# The workshop's OGX server with guardrails: run.yaml, and the address of a moderation service.\n"
                "#\n"
                "#   MODERATION_URL=http://127.0.0.1:9000/v1/moderations \\\n"
                "#   make llama-server STACK=ogx-1.5/shields\n"
                "#\n"
                "# OGX has no API `safety` and no shields. It asks a service that has OpenAI's\n"
                "# POST /v1/moderations. Without MODERATION_URL that is OpenAI itself, with the key in\n"
                "# MODERATION_API_KEY.\n"
                "#\n"
                "# Nothing is guarded by itself: a request to POST /v1/responses asks for it with\n"
                '# "guardrails": true. If the service does not answer, everything is refused (chapter 21).\n'
                "#\n",
            ),
            ("distro_name: llamastack-workshop\n", "distro_name: llamastack-workshop-shields\n"),
            (
                "    config:\n      # Older tutorials write persistence_store and responses_store here.\n",
                "    config:\n"
                "      moderation_endpoint: ${env.MODERATION_URL:=https://api.openai.com/v1/moderations}\n"
                "      moderation_headers:\n"
                "        Authorization: Bearer ${env.MODERATION_API_KEY:=none}\n"
                "      # Older tutorials write persistence_store and responses_store here.\n",
            ),
        ),
    ),
}


def changes(line: Line) -> tuple[tuple[str, str], ...]:
    """Return the texts to exchange in all files of `line`, each with what comes in its place."""
    return _CHANGES[line]


def earlier_texts(line: Line) -> list[str]:
    """Return the files of which those of `line` are made."""
    earlier = _MADE_OF[line]
    return [made_short(earlier), *(made(earlier, name) for name in NAMES)]


def files() -> dict[Path, str]:
    """Return what each file has to hold that is made of another one."""
    made_files = {line.file(name): made(line, name) for line in _MADE_OF for name in NAMES}
    return made_files | {_short(line): made_short(line) for line in _MADE_OF}


def made(line: Line, name: str) -> str:
    """Return the configuration `name` of `line`; raise ValueError if a text that it exchanges there has changed."""
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
            raise ValueError(f"{line.file(name)} is to have another text in place of one that is not there: {old}")
        text = text.replace(old, new)
    return text


def made_short(line: Line) -> str:
    """Return the configuration of `line` without the comments, to compare lines by: stacks/LINE.yaml."""
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
