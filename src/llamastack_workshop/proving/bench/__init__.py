"""`make bench`: what LlamaStack, its clients and the workshop cost, in one run against a server of its own."""
