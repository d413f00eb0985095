"""Modals and Home tabs: what a view may hold, and what a person's app makes of it.

https://docs.slack.dev/reference/views
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .block_kit import VIEW_BLOCKS, check_blocks, elements, pictures_of, plain, words_of
from .errors import Json, Node, Problems, SlackError, bad_arguments

if TYPE_CHECKING:
    from .member import Member
    from .model import Team

STACK: Final = 3
"""Modals that can lie upon each other."""

_LARGEST: Final = 250 * 1024

_OPTIONAL: Final = ("private_metadata", "callback_id", "external_id")
_MODAL: Final = ("submit", "close", "clear_on_close", "notify_on_close", "submit_disabled", *_OPTIONAL)


@dataclass(eq=False, slots=True)
class View:
    """A view as it stands before one person. `state` is what stands in its fields, by block_id and action_id."""

    id: str
    owner: Member = field(repr=False)
    content: Json
    """As the bot sent it, with block_ids and action_ids filled in."""
    hash: str
    root_id: str = ""
    previous_id: str | None = None
    closed: bool = False

    @property
    def type(self) -> str:
        return str(self.content["type"])

    @property
    def team(self) -> Team:
        return self.owner.team

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.content["blocks"]
        return blocks

    @property
    def title(self) -> str:
        return str(self.content.get("title", {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        return str(self.content.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        return str(self.content.get("private_metadata", ""))

    @property
    def words(self) -> str:
        """All that can be read in it, a line for each text."""
        return words_of(self.blocks)

    @property
    def labels(self) -> list[str]:
        """The words on its buttons, in order."""
        found = [one for block in self.blocks for one in elements(block)]
        return [one["text"]["text"] for one in found if one["type"] == "button"]

    @property
    def pictures(self) -> list[str]:
        """The words that stand for its pictures, in order."""
        return [str(image["alt_text"]) for _, image in pictures_of(self.blocks)]

    @property
    def fields(self) -> list[str]:
        """The labels of its fields, in order."""
        return [block["label"]["text"] for block in self.blocks if block["type"] == "input"]


def check_view(view: Any, *kinds: str, pointer: str = "/view") -> Json:
    """The view, if one of these kinds may hold all that; else `invalid_arguments`, or `view_too_large`."""
    problems = Problems()
    node = Node(view, problems, pointer)
    if isinstance(view, str):
        try:
            node = Node(json.loads(view), problems, pointer)
        except ValueError:
            raise bad_arguments([f"failed to parse `view` as JSON [json-pointer:{pointer}]"]) from None
    if node.kind == "home":
        node.model(("type", "blocks"), _OPTIONAL)
    else:
        node.model(("type", "title", "blocks"), _MODAL)
    node.at("type").one_of(kinds)
    for name in ("title", "submit", "close"):
        plain(node.at(name), 24)
    node.at("private_metadata").text(3000, least=0)
    node.at("callback_id").text(255, least=0)
    node.at("external_id").text(255, least=0)
    node.at("clear_on_close").boolean()
    node.at("notify_on_close").boolean()
    check_blocks(node.at("blocks"), most=VIEW_BLOCKS, surface=node.kind)
    blocks = node.at("blocks").value
    has_input = isinstance(blocks, list) and any(isinstance(one, dict) and one.get("type") == "input" for one in blocks)
    if node.kind == "modal" and has_input and node.at("submit").absent:
        node.fail("missing required field: submit")
    if problems.sentences:
        raise bad_arguments(problems.sentences)
    if len(json.dumps(node.value)) > _LARGEST:
        raise SlackError("view_too_large")
    found: Json = node.value
    return found
