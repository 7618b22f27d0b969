"""The configurations in deploy/, made of the repository's own.

A server's is one of ours with other storage: Postgres for the state, pgvector for vector stores, and a folder for files
that all replicas share. The text between two markers is exchanged, so that the comments come along, and a comment that
is edited in the original needs no change here. A test compares the files with what this makes, and writes them with
--rewrite-tables.
"""

from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.server import lines
from llamastack_workshop.system import paths

FOLDER = paths.ROOT / "deploy"


@dataclass(frozen=True)
class _Exchange:
    """The text from `start` up to, and without, `end` becomes `new`."""

    start: str
    end: str
    new: str


_POSTGRES = """\
      host: ${env.POSTGRES_HOST}
      port: ${env.POSTGRES_PORT:=5432}
      db: ${env.POSTGRES_DB:=llamastack}
      user: ${env.POSTGRES_USER:=llamastack}
      password: ${env.POSTGRES_PASSWORD}
"""

_HEAD = """\
# {title}
# Made of {original}. To change it, change that file, and run
#   make test ARGS="tests/deploy --rewrite-tables"
"""
_SERVER_HEAD = _HEAD + "#\n# ${{env.NAME}} is the value of NAME; if NAME is not set, the server does not start.\n"

_STORES = _Exchange(
    "  - provider_id: faiss\n",
    "  # The server's own tools",
    f"""\
  # The vectors are in Postgres, which has to have the extension `vector`: only its superuser can create it.
  # All replicas search the same vectors. But each one reads the list of stores once, at its start, and learns of
  # another replica's new store only then: send a client to the same replica every time.
  - provider_id: pgvector
    provider_type: remote::pgvector
    config:
{_POSTGRES}\
      persistence:
        namespace: vector_io::pgvector
        backend: kv_default

""",
)

_FILES = _Exchange(
    "  # Uploaded files: ",
    "      metadata_store:\n",
    """\
  # Uploaded files: the content in a folder, the metadata in SQL. All replicas need the same folder: one that does not
  # find a file's content answers 404, and deletes the file's metadata for everyone.
  files:
  - provider_id: localfs
    provider_type: inline::localfs
    config:
      storage_dir: ${env.SHARED_FILES:=/var/lib/llama-stack/files}
""",
)

# In 0.6.1 a password of digits alone becomes a number, which Postgres refuses; characters that a URL has to quote
# start a server that stores nothing.
_BACKENDS = _Exchange(
    "# Where state is stored",
    "  stores:\n",
    f"""\
# Where state is stored. The providers above and the stores below each name a backend. The password consists of letters
# and digits, and starts with a letter: sql_postgres puts it into a URL as it is, and a number would be read as one.
# For TLS, set the variables of libpq, which all three clients read: PGSSLMODE and PGSSLROOTCERT.
storage:
  backends:
    kv_default:
      type: kv_postgres
{_POSTGRES}\
    sql_default:
      type: sql_postgres
{_POSTGRES}\
""",
)
_DEFAULT_STORE = _Exchange(
    "  default_provider_id: faiss\n", "  default_embedding_model:", "  default_provider_id: pgvector\n"
)
# They are for the embedded model alone.
_LONG_TEXTS = _Exchange("  # How file_search presents", "\nserver:\n", "")
_ANY_HOST = _Exchange(
    "  # By default, the server listens",
    "  # This version ignores",
    "  # In a pod, it has to be 0.0.0.0, which the Deployment sets.\n  host: ${env.WORKSHOP_HOST:=127.0.0.1}\n",
)
_OGX_TABLE = _Exchange(
    "    sql_default:\n",
    "      type: sql_postgres\n",
    "      # LlamaStack's table, so that OGX finds the vector stores of a server that it takes over from.\n"
    "      table_name: llamastack_kvstore\n"
    "    sql_default:\n",
)
# OGX asks the upstream of its provider for llama.cpp whether it is llama.cpp.
_ANY_EMBEDDINGS = _Exchange(
    "  # The embedding model that vector stores use",
    "    config:\n      base_url: ${env.EMBEDDINGS_URL:=",
    "  # The embedding model that vector stores use, from any server with OpenAI's API: set EMBEDDINGS_URL,\n"
    "  # EMBEDDING_MODEL, EMBEDDING_DIMENSION.\n"
    "  - provider_id: embeddings\n"
    "    provider_type: remote::openai\n",
)

# The Collector's: what it receives comes from other pods, and its kubelet asks for its health.
_COLLECTOR = (
    _Exchange("      # This machine only.", "\nprocessors:", "      http:\n        endpoint: ${env:POD_IP}:4318\n"),
    _Exchange(
        "  # The base address of a backend",
        "\nservice:",
        "\nextensions:\n  health_check:\n    endpoint: ${env:POD_IP}:13133\n",
    ),
    _Exchange("\n  pipelines:", "\n    traces:", "\n  extensions: [health_check]\n  pipelines:"),
    _Exchange("      exporters: [debug, ", "    metrics:", "      exporters: [debug]\n"),
)

_SHARED = (_STORES, _FILES, _BACKENDS, _DEFAULT_STORE)


def files() -> dict[Path, str]:
    """Return what each of the files has to hold; raise ValueError if an original lacks a marker."""
    run, access, ogx = lines.OURS.file("run"), lines.OURS.file("access"), lines.OGX_1_5.file("run")
    return {
        FOLDER / "base" / "run.yaml": _server(run, "The gateway's configuration.", (*_SHARED, _LONG_TEXTS)),
        FOLDER / "overlays" / "trial" / "run.yaml": _server(
            run, "The configuration of the trial, whose model is the embedded one.", _SHARED
        ),
        FOLDER / "components" / "tokens" / "run.yaml": _server(
            access, "The configuration of a gateway that requires a token.", (*_SHARED, _LONG_TEXTS, _ANY_HOST)
        ),
        FOLDER / "operator" / "ogx" / "config.yaml": _server(
            ogx, "The configuration of an OGX server.", (*_SHARED, _OGX_TABLE, _LONG_TEXTS, _ANY_EMBEDDINGS)
        ),
        FOLDER / "operator" / "llamastack" / "run.yaml": _server(
            run, "The gateway's configuration.", (*_SHARED, _LONG_TEXTS)
        ),
        FOLDER / "base" / "collector-config.yaml": _collector(paths.ROOT / "stacks" / "otel-collector.yaml"),
    }


def _server(original: Path, title: str, exchanges: tuple[_Exchange, ...]) -> str:
    head = _Exchange("", "# ${env.NAME:=value} ", _SERVER_HEAD.format(title=title, original=_name(original)))
    return _made(original, (head, *exchanges))


def _collector(original: Path) -> str:
    title = "The configuration of the OpenTelemetry Collector: it counts what it receives."
    head = _Exchange("", "\nreceivers:", _HEAD.format(title=title, original=_name(original)))
    return _made(original, (head, *_COLLECTOR))


def _made(original: Path, exchanges: tuple[_Exchange, ...]) -> str:
    text = original.read_text(encoding="utf-8")
    for exchange in exchanges:
        before, found, rest = text.partition(exchange.start) if exchange.start else ("", "start", text)
        _, found_end, after = rest.partition(exchange.end)
        if not (found and found_end):
            raise ValueError(f"{_name(original)} no longer has this text, or not this one after it: {exchange}")
        text = f"{before}{exchange.new}{exchange.end}{after}"
    return text


def _name(original: Path) -> str:
    return original.relative_to(paths.ROOT).as_posix()
