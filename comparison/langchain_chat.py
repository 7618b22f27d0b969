"""LangChain: an LCEL chain on chat completions. LangChain composes the steps; no request can continue an answer."""

from collections.abc import Iterator

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from task import EXTRACT, TRANSFORM, Specifications, gate


class Chain:
    def __init__(self, base_url: str, model: str, **options) -> None:
        llm = ChatOpenAI(base_url=base_url, api_key="none", model=model, temperature=0, **options)
        self.extract = ChatPromptTemplate.from_template(EXTRACT) | llm | StrOutputParser()
        self.transform = ChatPromptTemplate.from_template(TRANSFORM)
        self.llm = llm

    def run(self, text: str, limit: int | None = None) -> Specifications:
        return self._chain(limit).invoke({"text": text})

    def run_all(self, texts: list[str]) -> list[Specifications]:
        return self._chain().batch([{"text": text} for text in texts])

    def stream(self, text: str) -> Iterator[str]:
        return self.extract.stream({"text": text})

    def _chain(self, limit: int | None = None):
        typed = self.llm.with_structured_output(Specifications, method="json_schema", max_tokens=limit)
        return self.extract | gate | self.transform | typed
