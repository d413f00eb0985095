"""How Slack says no: HTTP 200 with `ok: false` and a word; and for bad blocks, sentences that point at the place.

The words of each method are on its page under https://docs.slack.dev/reference/methods.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class SlackError(Exception):
    """An answer that is no success."""

    def __init__(self, error: str, **more: Any) -> None:
        self.error = error
        self.more = more
        super().__init__(error)

    @property
    def body(self) -> Json:
        return {"ok": False, "error": self.error, **self.more}


class CannotDo(Exception):
    """Slack's app would not let a person do that."""


def missing(*names: str) -> SlackError:
    """What a method says that lacks arguments."""
    return bad_arguments([f"missing required field: {name}" for name in names])


def bad_arguments(sentences: list[str]) -> SlackError:
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {one}" for one in sentences]})


def bad_blocks(sentences: list[str]) -> SlackError:
    metadata = {"messages": [f"[ERROR] {one}" for one in sentences]}
    return SlackError("invalid_blocks", errors=sentences, response_metadata=metadata)


@dataclass(slots=True)
class Problems:
    """Everything that is wrong with one body."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str, pointer: str) -> None:
        self.sentences.append(f"{sentence} [json-pointer:{pointer}]")


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a body. What is asked of it is checked, and what is wrong is written down with its JSON pointer."""

    value: Any
    problems: Problems
    pointer: str = ""

    def at(self, key: str) -> Node:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Node(value, self.problems, f"{self.pointer}/{key}")

    @property
    def absent(self) -> bool:
        return self.value is None

    @property
    def kind(self) -> str:
        """Its `type`; nothing where there is none."""
        kind = self.value.get("type") if isinstance(self.value, dict) else None
        return kind if isinstance(kind, str) else ""

    def fail(self, sentence: str) -> None:
        self.problems.add(sentence, self.pointer)

    def model(self, required: Collection[str], optional: Collection[str] = ()) -> bool:
        """Whether it is an object with all of `required`; any other key than these and `optional` is written down."""
        if not isinstance(self.value, dict):
            self.fail("must be an object")
            return False
        for key in required:
            if self.value.get(key) is None:
                self.fail(f"missing required field: {key}")
        for key, value in self.value.items():
            if key not in required and key not in optional:
                self.fail(f"invalid additional property: {key}")
            elif value is None and key in optional:
                self.at(key).fail("must not be null")  # Slack "does not work with null in many situations" (slack_sdk)
        return True

    def text(self, most: int, *, least: int = 1) -> str:
        """A string of so many code points, if it is there."""
        if self.absent:
            return ""
        if not isinstance(self.value, str):
            self.fail("must be a string")
            return ""
        if len(self.value) > most:
            self.fail(f"must be less than {most + 1} characters")
        elif len(self.value) < least:
            self.fail(f"must be more than {least - 1} characters")
        return self.value

    def integer(self, least: int, most: int) -> int | None:
        if self.absent:
            return None
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.fail("must be an integer")
            return None
        if not least <= self.value <= most:
            self.fail(f"must be between {least} and {most}")
        return self.value

    def boolean(self) -> bool:
        if not self.absent and not isinstance(self.value, bool):
            self.fail("must be a boolean")
        return bool(self.value)

    def one_of(self, values: Collection[Any]) -> Any:
        if self.absent:
            return None
        if isinstance(self.value, dict | list) or self.value not in values:
            self.fail(f"must be a valid enum value: {', '.join(map(str, values))}")
            return None
        return self.value

    def items(self, most: int, *, least: int = 1) -> list[Node]:
        """The places in a list of so many, if it is there."""
        if self.absent:
            return []
        if not isinstance(self.value, list):
            self.fail("must be an array")
            return []
        if len(self.value) > most:
            self.fail(f"no more than {most} items allowed")
        if len(self.value) < least:
            self.fail(f"must have at least {least} items")
        return [Node(item, self.problems, f"{self.pointer}/{index}") for index, item in enumerate(self.value)]
