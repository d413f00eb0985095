"""How Discord says no: a status, a code, a sentence; and for a bad body a tree that says where it is bad.

https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
https://docs.discord.com/developers/reference#error-messages
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

Json = dict[str, Any]


class Refusal(Enum):
    """Status, code and sentence of what the server answers when it refuses."""

    UNAUTHORIZED = 401, 0, "401: Unauthorized"
    NOT_FOUND = 404, 0, "404: Not Found"
    METHOD_NOT_ALLOWED = 405, 0, "405: Method Not Allowed"
    UNKNOWN_APPLICATION = 404, 10002, "Unknown Application"
    UNKNOWN_CHANNEL = 404, 10003, "Unknown Channel"
    UNKNOWN_GUILD = 404, 10004, "Unknown Guild"
    UNKNOWN_MEMBER = 404, 10007, "Unknown Member"
    UNKNOWN_MESSAGE = 404, 10008, "Unknown Message"
    UNKNOWN_USER = 404, 10013, "Unknown User"
    UNKNOWN_EMOJI = 400, 10014, "Unknown Emoji"
    UNKNOWN_WEBHOOK = 404, 10015, "Unknown Webhook"
    UNKNOWN_INTERACTION = 404, 10062, "Unknown interaction"
    UNKNOWN_COMMAND = 404, 10063, "Unknown application command"
    TOO_MANY_REACTIONS = 400, 30010, "Maximum number of reactions reached (20)"
    TOO_MANY_ATTACHMENTS = 400, 30015, "Maximum number of attachments in a message reached (10)"
    TOO_MANY_COMMANDS = 400, 30032, "Maximum number of application commands reached"
    TOO_LARGE = 413, 40005, "Request entity too large"
    ALREADY_ACKNOWLEDGED = 400, 40060, "Interaction has already been acknowledged."
    MISSING_ACCESS = 403, 50001, "Missing Access"
    NOT_IN_A_DM = 403, 50003, "Cannot execute action on a DM channel"
    NOT_YOUR_MESSAGE = 403, 50005, "Cannot edit a message authored by another user"
    EMPTY_MESSAGE = 400, 50006, "Cannot send an empty message"
    CANNOT_MESSAGE_USER = 403, 50007, "Cannot send messages to this user"
    MISSING_PERMISSIONS = 403, 50013, "Missing Permissions"
    BULK_DELETE_COUNT = 400, 50016, "You can only bulk delete between 2 and 100 messages."
    SYSTEM_MESSAGE = 403, 50021, "Cannot execute action on a system message"
    WRONG_CHANNEL_TYPE = 400, 50024, "Cannot execute action on this channel type"
    BAD_WEBHOOK_TOKEN = 401, 50027, "Invalid Webhook Token"
    TOO_OLD_FOR_BULK = 400, 50034, "You can only bulk delete messages that are under 14 days old."
    INVALID_FORM = 400, 50035, "Invalid Form Body"
    FILE_TOO_LARGE = 413, 50045, "File uploaded exceeds the maximum size"
    THREAD_ARCHIVED = 400, 50083, "Thread is archived"
    INVALID_JSON = 400, 50109, "The request body contains invalid JSON."
    REPLY_WITHOUT_HISTORY = 403, 160002, "Cannot reply without permission to read message history"
    THREAD_EXISTS = 400, 160004, "A thread has already been created for this message"
    THREAD_LOCKED = 403, 160005, "Thread is locked"


class ApiError(Exception):
    """An answer that is no success."""

    def __init__(self, refusal: Refusal, errors: Json | None = None) -> None:
        self.status, self.code, self.sentence = refusal.value
        self.errors = errors
        super().__init__(f"{self.status} {self.code} {self.sentence}")

    @property
    def body(self) -> Json:
        body: Json = {"message": self.sentence, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


# --- bad bodies -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Problems:
    """Everything that is wrong with one body; Discord tells all of it at once."""

    tree: Json = field(default_factory=dict)

    def add(self, path: Sequence[str], code: str, message: str) -> None:
        node = self.tree
        for step in path:
            node = node.setdefault(step, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def settle(self) -> None:
        """Raise what was found."""
        if self.tree:
            raise ApiError(Refusal.INVALID_FORM, self.tree)


_SNOWFLAKE: Final = re.compile(r"\d{1,20}")


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a body. What is asked of it is checked, and what is wrong is written down under its path.

    An absent field and `null` are the same, as they are to Discord nearly everywhere.
    """

    value: Any
    problems: Problems
    path: tuple[str, ...] = ()

    def at(self, key: str) -> Node:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Node(value, self.problems, (*self.path, key))

    @property
    def absent(self) -> bool:
        return self.value is None

    def fail(self, code: str, message: str) -> None:
        self.problems.add(self.path, code, message)

    def require(self) -> bool:
        """Whether it is there; if not, that is written down."""
        if self.absent:
            self.fail("BASE_TYPE_REQUIRED", "This field is required")
        return not self.absent

    def text(self, most: int, *, least: int = 0, required: bool = False, trim: bool = False) -> str:
        """A string of so many code points."""
        if self.absent:
            if required:
                self.require()
            return ""
        if not isinstance(self.value, str):
            self.fail("STRING_TYPE_CONVERT", f'Could not interpret "{self.value}" as string.')
            return ""
        value = self.value.strip() if trim else self.value
        if required and least and not value:
            self.fail("BASE_TYPE_REQUIRED", "This field is required")
        elif not least <= len(value) <= most:
            self._length(least, most)
        return value

    def _length(self, least: int, most: int) -> None:
        if least:
            self.fail("BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        else:
            self.fail("BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")

    def integer(self, least: int, most: int, *, default: int = 0, required: bool = False) -> int:
        if self.absent:
            if required:
                self.require()
            return default
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.fail("NUMBER_TYPE_COERCE", f'Value "{self.value}" is not int.')
            return default
        if self.value < least:
            self.fail("NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}.")
        if self.value > most:
            self.fail("NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
        return self.value

    def boolean(self, *, default: bool = False) -> bool:
        if self.absent:
            return default
        if not isinstance(self.value, bool):
            self.fail("BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
            return default
        return self.value

    def snowflake(self, *, required: bool = False) -> int | None:
        if self.absent:
            if required:
                self.require()
            return None
        if not _SNOWFLAKE.fullmatch(str(self.value)):
            self.fail("NUMBER_TYPE_COERCE", f'Value "{self.value}" is not snowflake.')
            return None
        return int(self.value)

    def one_of(self, values: Collection[Any], *, required: bool = False) -> Any:
        """One of these values, or None where it is absent or another."""
        if self.absent:
            if required:
                self.require()
            return None
        if isinstance(self.value, bool | dict | list) or self.value not in values:
            self.fail("BASE_TYPE_CHOICES", f"Value must be one of {{{', '.join(map(str, values))}}}.")
            return None
        return self.value

    def items(self, most: int, *, least: int = 0, required: bool = False) -> list[Node]:
        """The places in a list of so many."""
        if self.absent:
            if required:
                self.require()
            return []
        if not isinstance(self.value, list):
            self.fail("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not least <= len(self.value) <= most:
            self._length(least, most)
        return [Node(item, self.problems, (*self.path, str(index))) for index, item in enumerate(self.value)]

    def model(self) -> bool:
        """Whether it is an object; if it is something else, that is written down."""
        if self.absent:
            return False
        if not isinstance(self.value, dict):
            self.fail("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
            return False
        return True
