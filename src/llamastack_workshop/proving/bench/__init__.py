"""`make bench`: the costs of LlamaStack, its clients and the workshop, measured in one run with a dedicated server."""
