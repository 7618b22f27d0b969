"""Hybrid: the same LCEL chain on the Responses API. LangChain composes the steps; each answer can be continued."""

import langchain_chat


class Chain(langchain_chat.Chain):
    def __init__(self, base_url: str, model: str, **options) -> None:
        super().__init__(base_url, model, use_responses_api=True, **options)
