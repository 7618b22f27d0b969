"""What the LlamaStack Workshop needs around its lessons: the embedded model, the life cycle, the checks."""
