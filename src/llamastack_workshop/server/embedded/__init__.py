"""The embedded models: a small chat model and an embedding model, served by llama.cpp on loopback."""
