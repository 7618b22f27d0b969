"""Serve the embedded models over HTTP, with OpenAI's API, until standard input closes.

Run as a child process: `python -m llamastack_workshop.server.embedded.serve --embeddings-port 8323 --chat-port 8322`.
Waiting for the end of standard input ties it to its parent: the pipe closes even if the parent is killed.
"""

import argparse
import os
import signal
import sys
import time
import traceback
from importlib.resources import files
from pathlib import Path

from llamastack_workshop.server.embedded import fitting, gguf_header, models, weights
from llamastack_workshop.server.embedded.models import ChatModel
from llamastack_workshop.server.embedded.threads import thread_count
from llamastack_workshop.system.errors import WorkshopError, clear_errors

try:
    import xllamacpp
except ImportError as error:
    # Minimal systems, such as slim container images, lack a library that nearly all others have.
    if "cannot open shared object file" not in str(error):
        raise
    raise WorkshopError(
        f"llama.cpp, which runs the embedded models, needs a system library: {str(error).split(':')[0]}.",
        "Install it (libgomp.so.1 is in the package libgomp1 on Debian and Ubuntu, libgomp on Fedora), and try again.",
    ) from error

READY = "ready"

# The number of requests that llama.cpp processes concurrently; the rest wait.
SLOTS = 4

# The context of each request to one of our two models, in tokens.
CONTEXT = 4096
# The token limit of requests that set none, for our models and base models: one that repeats itself never stops.
MAX_NEW_TOKENS = 384

# The size of the prompt cache in MiB. llama.cpp's default is 8 GiB, more than a laptop can spare.
_PROMPT_CACHE = 128
_LOG_ERRORS_ONLY = 1


def serve_chat_model(port: int, alias: str | None = None, *, model: ChatModel | None = None) -> xllamacpp.Server:
    """Start `model`, or the model chosen by WORKSHOP_MODEL, on 127.0.0.1:`port`, and return once it answers.

    It is listed under `alias`, or under its own name.
    """
    model = model or models.chat_model(_say)
    _say(f"Loading {model.name} …")
    params = _parameters(port, alias or model.name, str(model.path))
    params.n_parallel = SLOTS
    params.use_jinja = True
    if model.template:
        _limit(params, model.template)
    else:
        _fit(params, model)
    return xllamacpp.Server(params)


def _limit(params: xllamacpp.CommonParams, template: str) -> None:
    """Set the chat template and the limits of one of our models."""
    params.n_ctx = SLOTS * CONTEXT
    params.n_predict = MAX_NEW_TOKENS
    # Greedy decoding, so that runs are repeatable. Penalties would hurt copying, which a small model does well.
    params.sampling.temp = 0.0
    params.chat_template = _read(template)


def _fit(params: xllamacpp.CommonParams, model: ChatModel) -> None:
    """Let any other model use the free memory, with the chat template and sampling parameters of its file."""
    room = fitting.room(model.name, model.path)
    params.n_ctx = room.context
    # A single request may use all of it.
    params.kv_unified = True
    params.cache_ram_mib = room.prompt_cache // 1024**2
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = thread_count(large=True)
    _say(f"{model.name}: a context of {room.context:,} tokens (it was trained on {room.trained:,}).")
    if "tokenizer.chat_template" not in gguf_header.read(model.path):
        _converse(params)
        _say(
            f"{model.name} has no chat template, so it is a base model: it continues a text, here a conversation in "
            f"words, of up to {MAX_NEW_TOKENS} tokens. For better answers, choose the instruct or chat model of its "
            "family."
        )


def _converse(params: xllamacpp.CommonParams) -> None:
    """Let a base model continue a conversation in words, and end its answer where the next turn would begin."""
    params.chat_template = "{%- set plain = true -%}" + _read(models.BASE_TEMPLATE)
    params.antiprompt = ["\nUser:", "\nAssistant:"]
    # It was never taught to end an answer, and may fill the context.
    params.n_predict = MAX_NEW_TOKENS


def _read(template: str) -> str:
    return (files("llamastack_workshop.server.embedded") / template).read_text(encoding="utf-8")


def serve_embedding_model(port: int) -> xllamacpp.Server:
    """Start the embedding model on 127.0.0.1:`port`, and return once it answers."""
    path = weights.embedding_model(_say)
    _say(f"Loading {weights.EMBEDDING_MODEL} …")
    params = _parameters(port, weights.EMBEDDING_MODEL, str(path))
    params.embedding = True
    params.n_ctx = 512
    return xllamacpp.Server(params)


def _parameters(port: int, name: str, path: str) -> xllamacpp.CommonParams:
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {name}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.ui = False
    # By default, any web page in the user's browser may send requests and read the answers.
    params.cors_origins = "http://localhost"
    params.cors_credentials = False
    # The model's own processing time, which the comparison subtracts from the time of a call.
    params.endpoint_metrics = True
    params.cache_ram_mib = _PROMPT_CACHE
    params.verbosity = _LOG_ERRORS_ONLY
    params.cpuparams.n_threads = thread_count()
    params.cpuparams_batch.n_threads = thread_count()
    return params


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chat-port", type=int, help="port of the chat model; if left out, it is not served")
    parser.add_argument("--chat-name", help="name of the chat model, unless WORKSHOP_MODEL chooses it")
    parser.add_argument("--chat-file", type=Path, help="GGUF file of the chat model with that name")
    parser.add_argument("--packaged-port", type=int, help="port of the chat model as packaged, in Q4_1; likewise")
    parser.add_argument("--embeddings-port", type=int, help="port of the embedding model; likewise")
    arguments = parser.parse_args()
    # On Windows, Ctrl-C reaches children too; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = 1
    # It keeps the servers alive: the end of one that has just started waits forever.
    servers = []
    try:
        with clear_errors():
            _serve_until_input_closes(arguments, servers)
        status = 0
    except SystemExit:
        pass
    except Exception:
        traceback.print_exc()
        # The reason is in llama.cpp's log, which a thread of its own writes: give it time before the process ends.
        time.sleep(0.5)
    # Without ending the servers, because there is nothing to save.
    sys.stderr.flush()
    os._exit(status)


def _serve_until_input_closes(arguments: argparse.Namespace, servers: list[xllamacpp.Server]) -> None:
    # The chat model first, because WORKSHOP_MODEL may be wrong.
    if arguments.chat_port:
        model = ChatModel(arguments.chat_name, arguments.chat_file) if arguments.chat_file else None
        servers.append(serve_chat_model(arguments.chat_port, model=model))
    if arguments.packaged_port:
        servers.append(serve_chat_model(arguments.packaged_port, model=models.packaged_chat_model()))
    if arguments.embeddings_port:
        servers.append(serve_embedding_model(arguments.embeddings_port))
    _say(READY)
    # Nobody reads the pipe from here on, and a full pipe would block llama.cpp when it reports an error.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    main()
