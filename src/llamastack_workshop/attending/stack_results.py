"""How each line of LlamaStack fared with the chapters: the measurements that `make test STACK=… ARGS=--record` left."""

from llamastack_workshop.system import paths

# One JSON file a line: its version, its routes, and the outcome of each chapter.
RESULTS = paths.MEASUREMENTS / "stacks"
