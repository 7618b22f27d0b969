"""The program of the mould for servers, its imports and its forks: see `system.mould`."""

import os
from contextlib import suppress

from llamastack_workshop.server import run_server
from llamastack_workshop.system.mould import import_all
from llamastack_workshop.system.processes import PRIVATE_UMASK

# Modules that a server with the providers of run.yaml imports only during its start, or for its first request.
IMPORTED_LATER = (
    "llama_stack.cli.llama",
    *(f"llama_stack.core.routers.{name}" for name in ("datasets", "eval_scoring", "inference", "safety")),
    *(f"llama_stack.core.routers.{name}" for name in ("tool_runtime", "vector_io")),
    *(f"llama_stack.core.routing_tables.{name}" for name in ("benchmarks", "datasets", "models", "scoring_functions")),
    *(f"llama_stack.core.routing_tables.{name}" for name in ("shields", "toolgroups", "vector_stores")),
    "llama_stack.core.storage.kvstore.sqlite",
    "llama_stack.core.storage.sqlstore.sqlalchemy_sqlstore",
    *(f"llama_stack.providers.registry.{name}" for name in ("agents", "file_processors", "files", "inference")),
    *(f"llama_stack.providers.registry.{name}" for name in ("safety", "tool_runtime", "vector_io")),
    "llama_stack.providers.inline.agents.meta_reference.agents",
    "llama_stack.providers.inline.files.localfs.files",
    "llama_stack.providers.inline.tool_runtime.rag.memory",
    "llama_stack.providers.inline.vector_io.faiss.faiss",
    "llama_stack.providers.remote.inference.llama_cpp_server.llama_cpp_server",
    "llama_stack.providers.remote.inference.openai.openai",
    "openai.resources",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "tiktoken_ext.openai_public",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)


def prepare() -> None:
    with suppress(Exception):
        run_server.import_server()
    import_all(IMPORTED_LATER)


def run(arguments: list[str]) -> None:
    os.umask(PRIVATE_UMASK)
    run_server.run(arguments)
