"""The rules for buttons, menus and layouts in messages, and for what a form (modal) may hold.

https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final
from urllib.parse import urlsplit

from .errors import Json, Node


class Kind(IntEnum):
    """The types of components."""

    ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT = 10
    THUMBNAIL = 11
    GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


SELECTS: Final = frozenset(
    {Kind.STRING_SELECT, Kind.USER_SELECT, Kind.ROLE_SELECT, Kind.MENTIONABLE_SELECT, Kind.CHANNEL_SELECT}
)
_IN_CONTAINER: Final = frozenset({Kind.ROW, Kind.TEXT, Kind.SECTION, Kind.GALLERY, Kind.SEPARATOR, Kind.FILE})
_IN_MESSAGE: Final = _IN_CONTAINER | {Kind.CONTAINER}
_IN_LABEL: Final = SELECTS | {
    Kind.TEXT_INPUT,
    Kind.FILE_UPLOAD,
    Kind.RADIO_GROUP,
    Kind.CHECKBOX_GROUP,
    Kind.CHECKBOX,
}
LINK, PREMIUM = 5, 6
"""The styles of buttons that send no interaction."""

ROWS: Final = 5
IN_A_ROW: Final = 5
NESTED: Final = 40
"""Components of one message of the second version, nested ones included."""
TEXT: Final = 4000
"""Code points of all texts of such a message together."""


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component of a message or a form, nested ones after those they are in."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for inner in (component.get("accessory"), component.get("component")):
            if inner:
                yield from walk([inner])


def check_message(node: Node, *, layout: bool, files: frozenset[str]) -> list[Json]:
    """The components of a message. `layout` says that it is flagged as Components V2; `files` are its attachments."""
    check = _Check(layout=layout, files=files)
    most = NESTED if layout else ROWS
    for item in node.items(most):
        check.top(item)
    if layout:
        if check.count > NESTED:
            node.fail("BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {NESTED} in length.")
        if check.signs > TEXT:
            node.fail(
                "COMPONENT_MAX_TOTAL_TEXT_LENGTH_EXCEEDED",
                f"Total text length of components must be {TEXT} or fewer characters.",
            )
    return numbered(list(node.value)) if isinstance(node.value, list) and not node.problems.tree else []


def check_form(node: Node) -> None:
    """The body of a form: title, custom_id, one to five labels, texts or (deprecated) rows of one input."""
    check = _Check(layout=False, files=frozenset())
    node.at("custom_id").text(100, least=1, required=True)
    node.at("title").text(45, least=1, required=True)
    for item in node.at("components").items(5, least=1, required=True):
        check.in_form(item)


def numbered(components: list[Json]) -> list[Json]:
    """The same with an `id` on each; Discord numbers those that have none, from 1, leaving out what is taken."""
    taken = {component["id"] for component in walk(components) if component.get("id")}
    free = iter(number for number in range(1, 1000) if number not in taken)

    def number(component: Json) -> Json:
        copy = dict(component)
        copy["id"] = copy.get("id") or next(free)
        if copy.get("components"):
            copy["components"] = [number(inner) for inner in copy["components"]]
        for key in ("accessory", "component"):
            if copy.get(key):
                copy[key] = number(copy[key])
        return copy

    return [number(component) for component in components]


class _Check:
    """One walk through the components of one message or form."""

    def __init__(self, *, layout: bool, files: frozenset[str]) -> None:
        self.layout = layout
        self.files = files
        self.count = 0
        self.signs = 0
        self._custom_ids: set[str] = set()
        self._ids: set[int] = set()

    # --- in messages --------------------------------------------------------------------------------------------

    def top(self, node: Node) -> None:
        allowed = _IN_MESSAGE if self.layout else {Kind.ROW}
        self._layout(node, allowed)

    def _kind(self, node: Node, allowed: frozenset[Kind] | set[Kind]) -> Kind | None:
        if not node.require() or not node.model():
            return None
        self.count += 1
        identity = node.at("id").integer(0, 2**31 - 1)
        if identity:
            if identity in self._ids:
                node.at("id").fail("COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")
            self._ids.add(identity)
        kind = node.at("type").one_of(sorted(allowed), required=True)
        return None if kind is None else Kind(kind)

    def _layout(self, node: Node, allowed: frozenset[Kind] | set[Kind]) -> None:
        match self._kind(node, allowed):
            case Kind.ROW:
                self._row(node)
            case Kind.SECTION:
                for item in node.at("components").items(3, least=1, required=True):
                    self._layout(item, {Kind.TEXT})
                self._accessory(node.at("accessory"))
            case Kind.TEXT:
                self.signs += len(node.at("content").text(TEXT, least=1, required=True))
            case Kind.GALLERY:
                for item in node.at("items").items(10, least=1, required=True):
                    self._media(item.at("media"))
                    item.at("description").text(1024)
            case Kind.FILE:
                self._media(node.at("file"), attached=True)
            case Kind.SEPARATOR:
                node.at("spacing").one_of((1, 2))
            case Kind.CONTAINER:
                node.at("accent_color").integer(0, 0xFFFFFF)
                for item in node.at("components").items(NESTED, least=1, required=True):
                    self._layout(item, _IN_CONTAINER)

    def _accessory(self, node: Node) -> None:
        match self._kind(node, {Kind.BUTTON, Kind.THUMBNAIL}):
            case Kind.BUTTON:
                self._button(node)
            case Kind.THUMBNAIL:
                self._media(node.at("media"))
                node.at("description").text(1024)

    def _media(self, node: Node, *, attached: bool = False) -> None:
        url = node.at("url").text(2048, least=1, required=True)
        scheme = urlsplit(url).scheme
        if scheme == "attachment":
            if url.removeprefix("attachment://") not in self.files:
                node.at("url").fail("UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", "Attachment not found")
        elif url and (attached or scheme not in ("http", "https")):
            node.at("url").fail("URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https').")

    def _row(self, node: Node) -> None:
        width = 0
        for item in node.at("components").items(IN_A_ROW, least=1, required=True):
            kind = self._kind(item, SELECTS | {Kind.BUTTON})
            width += 1 if kind is Kind.BUTTON else IN_A_ROW
            if width > IN_A_ROW:
                item.fail("COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width")
            if kind is Kind.BUTTON:
                self._button(item)
            elif kind is not None:
                self._custom_id(item)
                self._select(item, kind)

    def _button(self, node: Node) -> None:
        style = node.at("style").one_of((1, 2, 3, 4, LINK, PREMIUM), required=True)
        label = node.at("label").text(80)
        node.at("disabled").boolean()
        if style == LINK:
            url = node.at("url").text(512, least=1, required=True)
            if url and urlsplit(url).scheme not in ("http", "https", "discord"):
                node.at("url").fail("URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('discord', 'http', 'https').")
        if style in (LINK, PREMIUM):
            if not node.at("custom_id").absent:
                node.fail("BUTTON_COMPONENT_INVALID_CUSTOM_ID", "This button cannot have a custom id")
        elif not node.at("url").absent:
            node.fail("BUTTON_COMPONENT_INVALID_URL", "A url can only be set on a link button")
        else:
            self._custom_id(node)
        if style == PREMIUM:
            node.at("sku_id").snowflake(required=True)
        elif not label and node.at("emoji").absent:
            node.fail("BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button must have either a label or an emoji")

    def _custom_id(self, node: Node) -> None:
        custom_id = node.at("custom_id").text(100, least=1, required=True)
        if custom_id in self._custom_ids:
            node.at("custom_id").fail("COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
        elif custom_id:
            self._custom_ids.add(custom_id)

    def _select(self, node: Node, kind: Kind, *, in_form: bool = False) -> None:
        node.at("placeholder").text(150)
        if kind is Kind.STRING_SELECT:
            options = self._options(node, most=25, least=1)
        else:
            options = 25
            node.at("default_values").items(25)
        self._bounds(node, options, 25, required=in_form and node.at("required").boolean(default=True))

    def _bounds(self, node: Node, options: int, most: int, *, required: bool) -> None:
        low = node.at("min_values").integer(1 if required else 0, most, default=1)
        high = node.at("max_values").integer(1, most, default=1)
        if not node.at("min_values").absent and not node.at("max_values").absent and low > high:
            node.at("min_values").fail("SELECT_COMPONENT_MIN_VALUES_ABOVE_MAX", "min_values is above max_values")
        if low > options:
            node.at("options").fail("BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {most} in length.")

    def _options(self, node: Node, *, most: int, least: int) -> int:
        values: set[str] = set()
        items = node.at("options").items(most, least=least, required=True)
        for item in items:
            item.at("label").text(100, least=1, required=True)
            item.at("description").text(100)
            value = item.at("value").text(100, least=1, required=True)
            if value in values:
                item.fail("SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used")
            values.add(value)
        return len(items)

    # --- in forms -----------------------------------------------------------------------------------------------

    def in_form(self, node: Node) -> None:
        match self._kind(node, {Kind.ROW, Kind.TEXT, Kind.LABEL}):
            case Kind.TEXT:
                node.at("content").text(TEXT, least=1, required=True)
            case Kind.ROW:
                for item in node.at("components").items(1, least=1, required=True):
                    if self._kind(item, {Kind.TEXT_INPUT}):
                        item.at("label").text(45, least=1, required=True)
                        self._input(item, Kind.TEXT_INPUT)
            case Kind.LABEL:
                node.at("label").text(45, least=1, required=True)
                node.at("description").text(100)
                inner = node.at("component")
                kind = self._kind(inner, _IN_LABEL)
                if kind is not None:
                    if kind is Kind.TEXT_INPUT and not inner.at("label").absent:
                        inner.at("label").fail("BASE_TYPE_FORBIDDEN", "A text input in a label has no label of its own")
                    self._input(inner, kind)

    def _input(self, node: Node, kind: Kind) -> None:
        self._custom_id(node)
        required = node.at("required").boolean(default=True)
        match kind:
            case Kind.TEXT_INPUT:
                node.at("style").one_of((1, 2), required=True)
                low = node.at("min_length").integer(0, 4000)
                high = node.at("max_length").integer(1, 4000, default=4000)
                if low > high:
                    node.at("min_length").fail("TEXT_INPUT_MIN_ABOVE_MAX", "min_length is above max_length")
                node.at("value").text(high)
                node.at("placeholder").text(100)
            case Kind.FILE_UPLOAD:
                self._bounds(node, 10, 10, required=required)
            case Kind.RADIO_GROUP:
                self._options(node, most=10, least=2)
            case Kind.CHECKBOX_GROUP:
                self._bounds(node, self._options(node, most=10, least=1), 10, required=required)
            case Kind.CHECKBOX:
                pass
            case _:
                self._select(node, kind, in_form=True)
