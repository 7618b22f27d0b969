"""The results of the chapters on each line of LlamaStack, as recorded by `make test STACK=… ARGS=--record`."""

from llamastack_workshop.system import paths

# One JSON file per line: its version, its routes, and the outcome of each chapter.
RESULTS = paths.MEASUREMENTS / "stacks"
