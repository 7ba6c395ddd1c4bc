"""A language model whose words are kept, and one that says kept words again; both as llama-index has models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from llama_index.core.llms import ChatMessage, CompletionResponse, CustomLLM, LLMMetadata

_ASKED = re.compile(r"^Question: (.*)$", re.MULTILINE)


class Listening(CustomLLM):  # type: ignore[misc]
    """Passes on what another model writes; ``heard`` is its last text, as far as it was read."""

    inner: Any
    heard: str = ""

    @property
    def metadata(self) -> LLMMetadata:
        """What is known of the other model."""
        return self.inner.metadata

    def stream_chat(self, messages: Sequence[ChatMessage], **options: Any) -> Any:
        """Yield the other model's pieces."""
        self.heard = ""
        for piece in self.inner.stream_chat(messages, **options):
            self.heard += piece.delta or ""
            yield piece

    def complete(self, prompt: str, formatted: bool = False, **options: Any) -> Any:
        """Return the other model's completion."""
        return self.inner.complete(prompt, formatted, **options)

    def stream_complete(self, prompt: str, formatted: bool = False, **options: Any) -> Any:
        """Yield the other model's completion."""
        return self.inner.stream_complete(prompt, formatted, **options)


class Recorded(CustomLLM):  # type: ignore[misc]
    """Says of each question what was said of it before; ``texts`` are by question."""

    texts: dict[str, str]

    @property
    def metadata(self) -> LLMMetadata:
        """Facts that suit a small model."""
        return LLMMetadata(context_window=8192, model_name="recorded")

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:  # noqa: ARG002
        """Return the kept text of the question that the prompt ends with."""
        return CompletionResponse(text=self.texts[_ASKED.findall(prompt)[-1]])

    def stream_complete(self, prompt: str, formatted: bool = False, **options: Any) -> Any:
        """Yield the same word by word."""
        text = self.complete(prompt, formatted, **options).text
        so_far = ""
        for word in re.findall(r"\S*\s*", text):
            so_far += word
            yield CompletionResponse(text=so_far, delta=word)
