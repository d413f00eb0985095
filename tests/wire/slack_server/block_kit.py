"""Block Kit: every limit of blocks, their elements and the objects in them.

https://docs.slack.dev/reference/block-kit; limits that only the SDK knows are from slack_sdk.models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from . import rich_text
from .errors import Json, Node, Problems, SlackError, bad_blocks

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100

BLOCKS_TOGETHER: Final = 12_000
"""Characters of the JSON of all blocks of a message. Slack does not say where `msg_blocks_too_long` begins; about
13,170 was seen (https://github.com/slackapi/bolt-js/issues/2509), so it begins a little earlier here."""

_ID: Final = 255
_FILE: Final = re.compile("^[F][A-Z0-9]{8,}$")
_URL: Final = 3000

SELECTS: Final = ("static_select", "external_select", "users_select", "conversations_select", "channels_select")
MULTI_SELECTS: Final = tuple(f"multi_{kind}" for kind in SELECTS)
PICKERS: Final = ("datepicker", "timepicker", "datetimepicker")
CHOICES: Final = ("checkboxes", "radio_buttons")
TYPED: Final = ("plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input")

_ACTIONS: Final = ("button", "overflow", *SELECTS, *MULTI_SELECTS, *PICKERS, *CHOICES)
_ACCESSORIES: Final = ("image", *_ACTIONS)
_INPUTS: Final = (*TYPED, *SELECTS, *MULTI_SELECTS, *PICKERS, *CHOICES)


def check_message(blocks: Any) -> None:
    """Raise `invalid_blocks`, or `msg_blocks_too_long`, if blocks may not stand in a message."""
    problems = Problems()
    check_blocks(Node(blocks, problems, "/blocks"), most=MESSAGE_BLOCKS, surface="message")
    if problems.sentences:
        raise bad_blocks(problems.sentences)
    if len(json.dumps(blocks, ensure_ascii=False)) > BLOCKS_TOGETHER:
        raise SlackError("msg_blocks_too_long")


def check_blocks(node: Node, *, most: int, surface: str, least: int = 0) -> None:
    seen: set[str] = set()
    tables = markdown = 0
    for block in node.items(most, least=least):
        if block.kind not in _BLOCKS or (surface != "message" and block.kind in ("markdown", "table")):
            block.at("type").fail(f"unsupported type: {block.kind}")
            continue
        required, optional, check = _BLOCKS[block.kind]
        if not block.model(("type", *required), ("block_id", *optional)):
            continue
        check(block)
        _unique_actions(block)
        identity = block.at("block_id").text(_ID)
        if identity and identity in seen:
            block.at("block_id").fail(f"`block_id` {identity} already exists")
        seen.add(identity)
        tables += block.kind == "table"
        markdown += len(str(block.value.get("text", ""))) if block.kind == "markdown" else 0
    if tables > 1:
        node.fail("only_one_table_allowed")
    if markdown > 12_000:
        node.fail("must be less than 12001 characters of markdown together")


def elements(block: Json) -> Iterator[Json]:
    """The elements of a block that a person can press, choose or fill in."""
    for key in ("elements", "accessory", "element"):
        found = block.get(key)
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, dict) and one.get("type") in (*_ACTIONS, *_INPUTS):
                yield one


def completed(blocks: list[Json], new_id: Callable[[], str]) -> list[Json]:
    """Blocks with the block_ids and action_ids that Slack gives where the bot gave none."""
    kept: list[Json] = json.loads(json.dumps(blocks))
    for block in kept:
        block.setdefault("block_id", new_id())
        for element in elements(block):
            element.setdefault("action_id", new_id())
    return kept


def pictures_of(blocks: Any) -> Iterator[tuple[str, Json]]:
    """Every image in blocks, with the place where it stands, as a JSON pointer."""
    for index, block in enumerate(blocks):
        found = {"": block, "/accessory": block.get("accessory")}
        found |= {f"/elements/{n}": one for n, one in enumerate(block.get("elements") or ())}
        for place, one in found.items():
            if isinstance(one, dict) and one.get("type") == "image":
                yield f"/blocks/{index}{place}", one


def words_of(blocks: Any) -> str:
    """All that can be read in blocks, a line for each text."""
    return "\n".join(line for line in _words(blocks) if line)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _words(one)
    elif isinstance(value, dict):
        kind = value.get("type", "")
        if kind in ("rich_text_section", "rich_text_preformatted", "rich_text_quote"):
            yield "".join(_inline(one) for one in value.get("elements", []))
        elif isinstance(value.get("text"), str):
            yield value["text"]
        else:
            for key in ("title", "label", "text", "fields", "hint", "elements", "element", "rows", "accessory"):
                yield from _words(value.get(key))
            yield from _words([option.get("text") for option in value.get("options", [])])


def _inline(element: Json) -> str:
    match element.get("type"):
        case "user":
            return f"<@{element['user_id']}>"
        case "channel":
            return f"<#{element['channel_id']}>"
        case "broadcast":
            return f"<!{element['range']}>"
        case "usergroup":
            return f"<!subteam^{element['usergroup_id']}>"
        case "emoji":
            return f":{element['name']}:"
        case "date":
            return str(element.get("fallback", element["timestamp"]))
        case _:
            return str(element.get("text") or element.get("url") or "")


# --- objects --------------------------------------------------------------------------------------------------


def text_object(node: Node, most: int, *, kinds: Collection[str] = ("plain_text", "mrkdwn")) -> None:
    """A text object, if it is there."""
    if node.absent or not node.model(("type", "text"), ("emoji",) if node.kind == "plain_text" else ("verbatim",)):
        return
    node.at("type").one_of(kinds)
    node.at("text").text(most)
    node.at("emoji").boolean()
    node.at("verbatim").boolean()


def plain(node: Node, most: int) -> None:
    text_object(node, most, kinds=("plain_text",))


def _confirm(node: Node) -> None:
    if node.absent or not node.model(("title", "text", "confirm", "deny"), ("style",)):
        return
    plain(node.at("title"), 100)
    text_object(node.at("text"), 300)
    plain(node.at("confirm"), 30)
    plain(node.at("deny"), 30)
    node.at("style").one_of(("primary", "danger"))


def option(node: Node, *, rich: bool = False, link: bool = False) -> None:
    if node.absent or not node.model(("text", "value"), ("description", "url") if link else ("description",)):
        return
    text_object(node.at("text"), 75, kinds=("plain_text", "mrkdwn") if rich else ("plain_text",))
    node.at("value").text(150)
    text_object(node.at("description"), 75, kinds=("plain_text", "mrkdwn") if rich else ("plain_text",))
    node.at("url").text(_URL)


def _options(node: Node, most: int, *, rich: bool = False, link: bool = False) -> list[Json]:
    found = node.at("options").items(most)
    for one in found:
        option(one, rich=rich, link=link)
    values = [one.value.get("value") for one in found if isinstance(one.value, dict)]
    if len(set(map(str, values))) < len(values):
        node.at("options").fail("must have unique values")
    return [one.value for one in found]


# --- elements -------------------------------------------------------------------------------------------------


def _button(node: Node) -> None:
    node.model(("type", "text"), ("action_id", "url", "value", "style", "confirm", "accessibility_label"))
    plain(node.at("text"), 75)
    node.at("url").text(_URL)
    node.at("value").text(2000)
    node.at("style").one_of(("primary", "danger"))
    node.at("accessibility_label").text(75)
    _confirm(node.at("confirm"))


def _image(node: Node) -> None:
    node.model(("type", "alt_text"), ("image_url", "slack_file"))
    _picture(node)


def _picture(node: Node) -> None:
    if node.at("image_url").absent and node.at("slack_file").absent:
        node.fail("missing required field: image_url")
    if not node.at("image_url").absent and not node.at("slack_file").absent:
        node.fail("must have exactly one of image_url and slack_file")
    if not node.at("image_url").absent and not re.match("https?://", node.at("image_url").text(_URL)):
        node.at("image_url").fail("must be a valid url")
    file = node.at("slack_file")
    if not file.absent and file.model((), ("id", "url")):
        if file.at("id").absent == file.at("url").absent:
            file.fail("must have exactly one of id and url")
        if not file.at("id").absent and not _FILE.fullmatch(file.at("id").text(_ID)):
            file.at("id").fail(f"input must match regex pattern: {_FILE.pattern}")
    node.at("alt_text").text(2000)


def _select(node: Node) -> None:
    own: dict[str, tuple[str, ...]] = {
        "static_select": ("options", "option_groups", "initial_option"),
        "external_select": ("initial_option", "min_query_length"),
        "users_select": ("initial_user",),
        "conversations_select": (
            "initial_conversation",
            "default_to_current_conversation",
            "response_url_enabled",
            "filter",
        ),
        "channels_select": ("initial_channel", "response_url_enabled"),
    }
    several = node.kind.startswith("multi_")
    fields = own[node.kind.removeprefix("multi_")]
    if several:
        fields = tuple(f"{one}s" if one.startswith("initial_") else one for one in fields)
        fields = ("max_selected_items", *(one for one in fields if one != "response_url_enabled"))
    node.model(("type",), ("action_id", "placeholder", "confirm", "focus_on_load", *fields))
    plain(node.at("placeholder"), 150)
    _confirm(node.at("confirm"))
    node.at("max_selected_items").integer(1, 100)
    if "static" in node.kind:
        _static(node, several)


def _static(node: Node, several: bool) -> None:
    if node.at("options").absent == node.at("option_groups").absent:
        node.fail("must have exactly one of options and option_groups")
    known = _options(node, 100)
    for group in node.at("option_groups").items(100):
        if group.model(("label", "options")):
            plain(group.at("label"), 75)
            known += _options(group, 100)
    initial = node.at("initial_options" if several else "initial_option")
    for one in (initial.value or []) if several else [initial.value] if initial.value else []:
        if one not in known:
            initial.fail("must be one of the options")


def _overflow(node: Node) -> None:
    node.model(("type", "options"), ("action_id", "confirm"))
    _options(node, 5, link=True)
    _confirm(node.at("confirm"))


def _choices(node: Node) -> None:
    initial = "initial_options" if node.kind == "checkboxes" else "initial_option"
    node.model(("type", "options"), ("action_id", initial, "confirm", "focus_on_load"))
    known = _options(node, 10, rich=True)
    value = node.at(initial).value
    for one in value if isinstance(value, list) else [value] if value else []:
        if one not in known:
            node.at(initial).fail("must be one of the options")
    _confirm(node.at("confirm"))


_PICKS: Final = {
    "datepicker": ("initial_date", r"\d{4}-\d\d-\d\d"),
    "timepicker": ("initial_time", r"([01]\d|2[0-3]):[0-5]\d"),
}


def _picker(node: Node) -> None:
    node.model(
        ("type",),
        (
            "action_id",
            "confirm",
            "focus_on_load",
            *(
                ("initial_date_time",)
                if node.kind == "datetimepicker"
                else ("placeholder", "timezone", _PICKS[node.kind][0])
            ),
        ),
    )
    plain(node.at("placeholder"), 150)
    _confirm(node.at("confirm"))
    if node.kind == "datetimepicker":
        node.at("initial_date_time").integer(1_000_000_000, 9_999_999_999)
        return
    name, pattern = _PICKS[node.kind]
    if not node.at(name).absent and not re.fullmatch(pattern, str(node.at(name).value)):
        node.at(name).fail("must be a valid format")


def _typed(node: Node) -> None:
    own: dict[str, tuple[str, ...]] = {
        "plain_text_input": ("multiline", "min_length", "max_length", "initial_value"),
        "email_text_input": ("initial_value",),
        "url_text_input": ("initial_value",),
        "number_input": ("is_decimal_allowed", "initial_value", "min_value", "max_value"),
        "rich_text_input": ("initial_value",),
    }
    common = ("action_id", "placeholder", "dispatch_action_config", "focus_on_load")
    node.model(("type",), (*common, *own[node.kind]))
    plain(node.at("placeholder"), 150)
    if node.kind == "number_input" and node.at("is_decimal_allowed").absent:
        node.fail("missing required field: is_decimal_allowed")
    if node.kind == "plain_text_input":
        node.at("multiline").boolean()
        least, most = node.at("min_length").integer(0, 3000), node.at("max_length").integer(1, 3000)
        if least is not None and most is not None and least > most:
            node.at("min_length").fail("must not be more than max_length")
        node.at("initial_value").text(min(most or 3000, 3000), least=0)


_ELEMENTS: Final[dict[str, Callable[[Node], None]]] = {
    "button": _button,
    "image": _image,
    "overflow": _overflow,
    **dict.fromkeys((*SELECTS, *MULTI_SELECTS), _select),
    **dict.fromkeys(CHOICES, _choices),
    **dict.fromkeys(PICKERS, _picker),
    **dict.fromkeys(TYPED, _typed),
}


def _element(node: Node, kinds: Collection[str]) -> None:
    if node.absent:
        return
    if node.kind not in kinds:
        node.at("type").fail(f"unsupported type: {node.kind}")
        return
    _ELEMENTS[node.kind](node)
    node.at("action_id").text(_ID)


def _unique_actions(block: Node) -> None:
    seen: set[str] = set()
    for index, element in enumerate(elements(block.value)):
        action = element.get("action_id")
        if isinstance(action, str) and action in seen:
            where = f"/elements/{index}/action_id"
            block.problems.add(f"`action_id` {action} already exists", f"{block.pointer}{where}")
        seen.add(str(action))


# --- blocks ---------------------------------------------------------------------------------------------------


def _section(block: Node) -> None:
    if block.at("text").absent and block.at("fields").absent:
        block.fail("missing required field: text")
    text_object(block.at("text"), 3000)
    for one in block.at("fields").items(10):
        text_object(one, 2000)
    _element(block.at("accessory"), _ACCESSORIES)
    block.at("expand").boolean()


def _actions(block: Node) -> None:
    for one in block.at("elements").items(25):
        _element(one, _ACTIONS)


def _context(block: Node) -> None:
    for one in block.at("elements").items(10):
        if one.kind == "image":
            _image(one)
        else:
            text_object(one, 3000)


def _image_block(block: Node) -> None:
    _picture(block)
    plain(block.at("title"), 2000)


def _input(block: Node) -> None:
    plain(block.at("label"), 2000)
    plain(block.at("hint"), 2000)
    block.at("optional").boolean()
    block.at("dispatch_action").boolean()
    _element(block.at("element"), _INPUTS)


def _table(block: Node) -> None:
    for row in block.at("rows").items(100):
        for cell in row.items(20):
            if cell.kind == "raw_text":
                cell.model(("type", "text"))
                cell.at("text").text(10_000)
            elif cell.kind == "rich_text":
                cell.model(("type", "elements"), ("block_id",))
                rich_text.check(cell)
            else:
                cell.at("type").fail(f"unsupported type: {cell.kind}")
    for column in block.at("column_settings").items(20):
        if column.model((), ("align", "is_wrapped")):
            column.at("align").one_of(("left", "center", "right"))
            column.at("is_wrapped").boolean()


def _markdown(block: Node) -> None:
    block.at("text").text(12_000)


def _nothing(block: Node) -> None:
    """A divider has nothing to check."""


_BLOCKS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[Node], None]]]] = {
    "section": ((), ("text", "fields", "accessory", "expand"), _section),
    "header": (("text",), (), lambda block: plain(block.at("text"), 150)),
    "divider": ((), (), _nothing),
    "context": (("elements",), (), _context),
    "actions": (("elements",), (), _actions),
    "image": (("alt_text",), ("image_url", "slack_file", "title"), _image_block),
    "input": (("label", "element"), ("hint", "optional", "dispatch_action"), _input),
    "rich_text": (("elements",), (), rich_text.check),
    "markdown": (("text",), (), _markdown),
    "table": (("rows",), ("column_settings",), _table),
}
"""Fields that must be there, fields that may, and what is asked of them."""
