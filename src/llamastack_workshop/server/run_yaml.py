"""Read any run.yaml; a file that cannot be one is rejected here, with the line and the fix."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

# Limits far beyond the needs of a configuration. A server copies it recursively, and expands every alias.
_LONGEST = 300_000  # bytes
_DEEPEST = 50
_MOST_VALUES = 20_000

# The top-level keys that LlamaStack 0.6.1 reads. It silently ignores all others.
TOP_KEYS = {
    *("version", "distro_name", "image_name", "container_image", "apis", "providers", "storage", "server", "logging"),
    *("registered_resources", "vector_stores", "safety", "connectors", "external_providers_dir", "external_apis_dir"),
}

# The keys under `vector_stores` for the texts that file_search puts around its results.
_SHORT_TEXTS = {"file_search_params", "annotation_prompt_params", "context_prompt_params"}

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class RunYaml:
    """The content of the file `name`, and the line number of each key and item, by its path from the top."""

    name: str
    content: dict[str, Any]
    lines: dict[Path_, int]


def read(file: Path) -> RunYaml:
    """Return the content of `file`: a mapping with a list of providers for each API under `providers`.

    Raises WorkshopError if it cannot be read, is not YAML, or is not a run.yaml.
    """
    ours = file == paths.RUN_YAML
    text = _text(file, ours=ours)
    fix = "Correct it, or restore it: git checkout run.yaml" if ours else f"Correct {file}"
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        content = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        mark, begun = error.problem_mark, error.context_mark
        since = f" ({error.context} since line {begun.line + 1})" if begun and begun.line != mark.line else ""
        # `{{` starts a placeholder in Helm and Jinja templates, and means something else in YAML.
        if "{{" in text:
            fix = f"It is a template, with {{{{ … }}}} in it: render it with Helm or Jinja, or fill in {file} by hand."
        elif "\\t" in error.problem:
            fix = f"Indent with spaces in {file}, not with tabs."
        place = f"line {mark.line + 1}, column {mark.column + 1}"
        raise WorkshopError(f"{file.name}, {place}: {error.problem}{since}.", fix) from error
    _check_shape(file, content, fix)
    return RunYaml(file.name, content, dict(_lines(node)))


def _text(file: Path, *, ours: bool) -> str:
    restore = "Restore it: git checkout run.yaml"
    try:
        if not file.exists():
            fix = restore if ours else "Give --run-yaml the path of a file that exists."
            raise WorkshopError(f"{file} does not exist.", fix)
        if not file.is_file():
            kind = "a folder" if file.is_dir() else "not a regular file"
            raise WorkshopError(f"{file} is {kind}.", "Give --run-yaml the path of a file, such as run.yaml.")
        if file.stat().st_size > _LONGEST:
            raise WorkshopError(
                f"{file} has {file.stat().st_size:,} bytes, which is too long for a run.yaml.",
                "Give --run-yaml the path of a server's configuration.",
            )
        data = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).rstrip(".")
        forbidden = isinstance(error, PermissionError)
        fix = f"Make it readable: chmod u+r {file}" if forbidden else "Give --run-yaml another path."
        raise WorkshopError(f"{file} cannot be read: {reason}.", fix) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fix = restore if ours else f"Save {file} as UTF-8, or give --run-yaml another file."
        raise WorkshopError(f"{file.name}, line {line}, is not text in UTF-8.", fix) from error
    if bad := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text[: bad.start()].count("\n") + 1
        fix = restore if ours else f"Remove it, or give --run-yaml another file than {file}"
        raise WorkshopError(f"{file.name}, line {line}, has the control character {ord(bad[0]):#x}.", fix)
    return text


def _check_shape(file: Path, content: Any, fix: str) -> None:
    """Raise WorkshopError if `content` does not have the structure of a run.yaml."""
    if content is None:
        raise WorkshopError(f"{file.name} is empty.", f"{fix}, or start with a copy of run.yaml.")
    if not isinstance(content, dict):
        kind = "a list" if isinstance(content, list) else "a single value"
        raise WorkshopError(
            f"{file.name} is {kind}, not a mapping with keys such as `providers:`.", f"{fix}: see run.yaml."
        )
    if "apiVersion" in content and "kind" in content:
        raise WorkshopError(
            f"{file.name} is a Kubernetes {content['kind']}, not a server's configuration.",
            "Copy the configuration in it, often under `data`, into a separate file, and give that.",
        )
    if "distribution_spec" in content:
        raise WorkshopError(
            f"{file.name} describes how to build a distribution (`distribution_spec`), not how to run one.",
            "Give the run.yaml or config.yaml next to it, or start with a copy of our run.yaml.",
        )
    if not isinstance(content.get("server") or {}, dict):
        raise WorkshopError(
            f"{file.name}: `server` is not a mapping with keys such as `host:`.", f"{fix}, as in run.yaml."
        )
    providers = content.get("providers")
    if not providers:
        raise WorkshopError(f"{file.name} has no `providers:`.", fix)
    if not isinstance(providers, dict):
        raise WorkshopError(
            f"{file.name}: `providers` does not list APIs.", f"{fix}: `inference:` and others, as in run.yaml."
        )
    for api, listed in providers.items():
        form = f"{fix}: each provider is a list item that starts with `- provider_id:`, as in run.yaml."
        if not isinstance(listed, list):
            raise WorkshopError(f"{file.name}: providers.{api} is not a list.", form)
        for index, one in enumerate(listed):
            if missing := {"provider_id", "provider_type"} - set(one if isinstance(one, dict) else ()):
                keys = " and no ".join(f"`{key}`" for key in sorted(missing))
                raise WorkshopError(f"{file.name}: providers.{api}[{index}] has no {keys}.", form)


def without_short_texts(run_yaml: RunYaml) -> str:
    """Return `run_yaml` without the texts for `file_search` that are shortened for the embedded model.

    LlamaStack then uses its own texts, which ask the model to cite its sources.
    """
    stores = run_yaml.content.get("vector_stores") or {}
    kept = {key: value for key, value in stores.items() if key not in _SHORT_TEXTS}
    return yaml.safe_dump({**run_yaml.content, "vector_stores": kept}, sort_keys=False, allow_unicode=True)


def check_top(run_yaml: RunYaml) -> None:
    """Raise WorkshopError for a top-level key that no server reads, unless it starts with `x-` (for anchors)."""
    unread = [key for key in map(str, run_yaml.content) if key not in TOP_KEYS and not key.startswith("x-")]
    if not unread:
        return
    near = difflib.get_close_matches(unread[0], TOP_KEYS, n=1)
    told = ", ".join(f"`{key}` (line {run_yaml.lines.get((key,), 1)})" for key in unread)
    raise WorkshopError(
        f"{run_yaml.name} has top-level keys that no server reads: {told}.",
        f"Write `{near[0]}`."
        if near and len(unread) == 1
        else "Remove them, or indent them under the key that they belong to.",
    )


def _lines(node: yaml.Node, path: Path_ = ()) -> Iterator[tuple[Path_, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, key.value)
            yield inner, key.start_mark.line + 1
            yield from _lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            inner = (*path, index)
            yield inner, item.start_mark.line + 1
            yield from _lines(item, inner)


class _Loader(yaml.SafeLoader):
    """PyYAML's SafeLoader, which also rejects duplicate keys, and YAML bombs (nesting and alias expansion)."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        # The number of values and of levels of each collection, with its aliases expanded.
        self._sizes: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias, mark = self.check_event(yaml.AliasEvent), self.peek_event().start_mark
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ComposerError(None, None, f"more than {_DEEPEST} levels deep", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias and not isinstance(node, yaml.ScalarNode) and id(node) not in self._sizes:
            raise ComposerError(None, None, "an alias refers to a collection that contains it", mark)
        return node

    def compose_sequence_node(self, anchor: str | None) -> yaml.SequenceNode:
        node = super().compose_sequence_node(anchor)
        self._measure(node, node.value)
        return node

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        first: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ComposerError(None, None, "a key that is not a scalar", key.start_mark)
            if (name := (key.tag, key.value)) in first:
                problem = f"the key `{key.value}` is a duplicate of the one in line {first[name]}"
                raise ComposerError(None, None, problem, key.start_mark)
            first[name] = key.start_mark.line + 1
        self._measure(node, [part for pair in node.value for part in pair])
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        # Errors that PyYAML does not handle: a date that does not exist, or a wrong tag such as !!int.
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            kind = node.tag.rsplit(":", 1)[-1]
            problem = f"`{str(node.value)[:30]}` is not a valid {kind} in YAML"
            raise ConstructorError(None, None, problem, node.start_mark) from error

    def _measure(self, node: yaml.CollectionNode, parts: list[yaml.Node]) -> None:
        sizes = [self._sizes.get(id(part), (1, 1)) for part in parts]
        count, height = 1 + sum(size[0] for size in sizes), 1 + max((size[1] for size in sizes), default=0)
        if height > _DEEPEST:
            raise ComposerError(None, None, f"more than {_DEEPEST} levels deep with aliases expanded", node.start_mark)
        if count > _MOST_VALUES:
            raise ComposerError(None, None, f"more than {_MOST_VALUES:,} values with aliases expanded", node.start_mark)
        self._sizes[id(node)] = count, height
