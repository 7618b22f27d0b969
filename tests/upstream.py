"""How a throw-away server uses the live one as its upstream."""


def through(base_url: str, model: str) -> dict[str, str]:
    """Return the variables with which `throwaway_server` serves `model` of the server at `base_url` as its own.

    There the model's id is `openai/` and `model`.
    """
    embeddings = {"EMBEDDINGS_URL": base_url, "EMBEDDING_MODEL": "embeddings/all-minilm-l6-v2"}
    return {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": base_url, "OPENAI_MODEL": model, **embeddings}
