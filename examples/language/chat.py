"""The part of OpenAI's chat completions API that a language detector can answer.

Shapes: https://platform.openai.com/docs/api-reference/chat
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from examples.language.detector import LanguageDetector

MODEL = "langid"


class InvalidChatError(ValueError):
    """A request that is not a chat completion request; the message says what is wrong."""


@dataclass(frozen=True)
class Chat:
    """What of a request is looked at.

    Attributes:
        text: The last user message.
        model: Name of the model, echoed.
        stream: Whether the answer comes as server-sent events.
        include_usage: Whether a stream ends with the token counts.
        prompt_tokens: Words in all messages.
    """

    text: str
    model: str
    stream: bool
    include_usage: bool
    prompt_tokens: int


def parse(body: object) -> Chat:
    """Reads a request's JSON body.

    Raises:
        InvalidChatError: It is not one.
    """
    if not isinstance(body, Mapping):
        raise InvalidChatError("the body must be a JSON object")
    messages = body.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise InvalidChatError("'messages' must be a list with at least one message")
    texts = [(_role(message), _content(message)) for message in messages]
    asked = [text for role, text in texts if role == "user"]
    if not asked:
        raise InvalidChatError("'messages' must hold a message with role 'user'")
    options = body.get("stream_options") or {}
    return Chat(
        text=asked[-1],
        model=str(body.get("model") or MODEL),
        stream=body.get("stream") is True,
        include_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        prompt_tokens=sum(_tokens(text) for _, text in texts),
    )


def complete(chat: Chat, detector: LanguageDetector) -> dict[str, Any]:
    """Returns a `chat.completion` whose message is the language's code."""
    answer = detector.detect(chat.text).language
    message = {"role": "assistant", "content": answer, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**_head(chat, "chat.completion"), "choices": [choice], "usage": _usage(chat, answer)}


def stream(chat: Chat, detector: LanguageDetector) -> Iterator[bytes]:
    """Yields the answer as server-sent events, ended by `[DONE]`."""
    answer = detector.detect(chat.text).language
    head = _head(chat, "chat.completion.chunk")
    deltas: tuple[tuple[dict[str, str], str | None], ...] = (
        ({"role": "assistant", "content": ""}, None),
        ({"content": answer}, None),
        ({}, "stop"),
    )
    for delta, finish in deltas:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        yield _event({**head, "choices": [choice]})
    if chat.include_usage:
        yield _event({**head, "choices": [], "usage": _usage(chat, answer)})
    yield b"data: [DONE]\n\n"


def _head(chat: Chat, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": chat.model,
    }


def _usage(chat: Chat, answer: str) -> dict[str, int]:
    completion = _tokens(answer)
    return {
        "prompt_tokens": chat.prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": chat.prompt_tokens + completion,
    }


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def _role(message: object) -> str:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise InvalidChatError("each message must be an object with a 'role'")
    return str(message["role"])


def _content(message: Mapping[str, Any]) -> str:
    """Returns a message's text, which may be split into typed parts."""
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        parts = [part for part in content if isinstance(part, Mapping)]
        return "".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")
    raise InvalidChatError("'content' must be a text or a list of parts")


def _tokens(text: str) -> int:
    return len(text.split())
