"""The rules for the body of a message: text, embeds, attachments, flags, and whom it may ping.

https://docs.discord.com/developers/resources/message#create-message
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntFlag
from typing import Final
from urllib.parse import urlsplit

from .components import check_message
from .errors import ApiError, Json, Node, Problems, Refusal

CONTENT: Final = 2000
EMBEDS: Final = 10
EMBED_TOTAL: Final = 6000
FILES: Final = 10
FILE_SIZE: Final = 10 * 2**20
NONCE: Final = 25


class Flag(IntFlag):
    """Flags of messages."""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    LAYOUT = 1 << 15
    """IS_COMPONENTS_V2."""


_SETTABLE: Final = Flag.SUPPRESS_EMBEDS | Flag.SUPPRESS_NOTIFICATIONS | Flag.LAYOUT


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart request: its place in `files[n]`, its name and what is in it."""

    index: int
    filename: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Pinging:
    """What `allowed_mentions` lets through."""

    everyone: bool = False
    all_users: bool = False
    all_roles: bool = False
    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    replied_user: bool = False


BY_DEFAULT: Final = Pinging(everyone=True, all_users=True, all_roles=True, replied_user=True)
"""Of ordinary messages: without `allowed_mentions` everything pings."""

BY_DEFAULT_IN_ANSWERS: Final = Pinging(all_users=True, replied_user=True)
"""Of answers to interactions: only users."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that a message shall have: one that it has already, or a new one."""

    filename: str
    description: str = ""
    kept: int | None = None
    """The id of an attachment that stays."""
    upload: Upload | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A body that keeps to the rules. In an edit, None means that the field stays as it is."""

    content: str | None = None
    embeds: list[Json] | None = None
    components: list[Json] | None = None
    attached: list[Attached] | None = None
    flags: Flag = field(default_factory=lambda: Flag(0))
    pinging: Pinging = BY_DEFAULT
    reply_to: int | None = None
    reply_must_exist: bool = True
    nonce: str | None = None
    enforce_nonce: bool = False
    tts: bool = False


def read_message(
    node: Node,
    uploads: Sequence[Upload],
    *,
    by_default: Pinging = BY_DEFAULT,
    allowed: Flag = _SETTABLE,
) -> Draft:
    """The body of a new message. Raises for everything that is wrong with it, then for its being empty."""
    body = node.value if isinstance(node.value, dict) else {}
    flags = Flag(node.at("flags").integer(0, 2**31 - 1)) & allowed
    layout = bool(flags & Flag.LAYOUT)
    content = node.at("content").text(CONTENT, trim=True)
    embeds = _embeds(node.at("embeds"))
    attached = _attached(node.at("attachments"), uploads, keeping={})
    components = check_message(
        node.at("components"), layout=layout, files=frozenset(one.filename for one in attached or ())
    )
    if layout:
        for key in ("content", "embeds", "sticker_ids", "poll"):
            if body.get(key):
                node.at(key).fail(
                    "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                    f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
                )
    nonce = _nonce(node.at("nonce"))
    reference = node.at("message_reference")
    reply_to = reference.at("message_id").snowflake(required=True) if reference.model() else None
    draft = Draft(
        content=content,
        embeds=embeds or [],
        components=components,
        attached=attached or [],
        flags=flags,
        pinging=_pinging(node.at("allowed_mentions"), by_default),
        reply_to=reply_to,
        reply_must_exist=reference.at("fail_if_not_exists").boolean(default=True),
        nonce=nonce,
        enforce_nonce=node.at("enforce_nonce").boolean(),
        tts=node.at("tts").boolean(),
    )
    node.problems.settle()
    if not (content or embeds or components or attached):
        raise ApiError(Refusal.EMPTY_MESSAGE)
    return draft


def read_edit(
    node: Node,
    uploads: Sequence[Upload],
    *,
    flags: Flag,
    files: dict[int, str],
    by_default: Pinging = BY_DEFAULT,
) -> Draft:
    """The body of an edit of a message that has these flags and these attachments (by id).

    A field that is left out stays; `null` empties it. Whether the message is empty afterwards is for the caller to see.
    """
    body = node.value if isinstance(node.value, dict) else {}
    wanted = Flag(node.at("flags").integer(0, 2**31 - 1))
    layout = bool((flags | wanted) & Flag.LAYOUT)
    attached = _attached(node.at("attachments"), uploads, keeping=files)
    if "attachments" not in body and not uploads:
        attached = None
    elif "attachments" not in body:
        attached = [*(Attached(name, kept=identity) for identity, name in files.items()), *(attached or [])]
    names = frozenset(files.values() if attached is None else (one.filename for one in attached))
    draft = Draft(
        content=node.at("content").text(CONTENT, trim=True) if "content" in body else None,
        embeds=_embeds(node.at("embeds")) or [] if "embeds" in body else None,
        components=check_message(node.at("components"), layout=layout, files=names) if "components" in body else None,
        attached=attached,
        flags=(flags & ~Flag.SUPPRESS_EMBEDS | wanted & (Flag.SUPPRESS_EMBEDS | Flag.LAYOUT))
        if "flags" in body
        else flags,
        pinging=_pinging(node.at("allowed_mentions"), by_default),
    )
    if layout and (body.get("content") or body.get("embeds")):
        key = "content" if body.get("content") else "embeds"
        node.at(key).fail(
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
        )
    node.problems.settle()
    return draft


def fresh(body: Json, *, path: tuple[str, ...] = ()) -> Node:
    """A body that nothing was found wrong with yet."""
    return Node(body, Problems(), path)


def _nonce(node: Node) -> str | None:
    if node.absent:
        return None
    if isinstance(node.value, bool) or not isinstance(node.value, str | int):
        node.fail("STRING_TYPE_CONVERT", f'Could not interpret "{node.value}" as string.')
        return None
    nonce = str(node.value)
    if len(nonce) > NONCE:
        node.fail("BASE_TYPE_MAX_LENGTH", f"Must be {NONCE} or fewer in length.")
    return nonce


def _pinging(node: Node, by_default: Pinging) -> Pinging:
    if not node.model():
        return by_default
    parse = {item.one_of(("users", "roles", "everyone")) for item in node.at("parse").items(3)}
    named: dict[str, frozenset[int]] = {}
    for key in ("users", "roles"):
        ids = [item.snowflake() for item in node.at(key).items(100)]
        named[key] = frozenset(identity for identity in ids if identity is not None)
        if key in parse and named[key]:
            node.at("parse").fail(
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.',
            )
    return Pinging(
        everyone="everyone" in parse,
        all_users="users" in parse,
        all_roles="roles" in parse,
        users=named["users"],
        roles=named["roles"],
        replied_user=node.at("replied_user").boolean(),
    )


def _attached(node: Node, uploads: Sequence[Upload], *, keeping: dict[int, str]) -> list[Attached] | None:
    """What `attachments` and the files of the request come to. An upload without an entry is attached all the same."""
    if len(uploads) > FILES:
        raise ApiError(Refusal.TOO_MANY_ATTACHMENTS)
    if any(len(upload.data) > FILE_SIZE for upload in uploads):
        raise ApiError(Refusal.FILE_TOO_LARGE)
    if node.absent and not uploads:
        return None
    found: list[Attached] = []
    left = {upload.index: upload for upload in uploads}
    for item in node.items(FILES):
        identity = item.at("id").snowflake(required=True)
        description = item.at("description").text(1024)
        name = item.at("filename").text(1024)
        if identity in left:
            upload = left.pop(identity)
            found.append(Attached(name or upload.filename, description, upload=upload))
        elif identity in keeping:
            found.append(Attached(keeping[identity], description, kept=identity))
        elif identity is not None:
            item.at("id").fail("ATTACHMENT_NOT_FOUND", "Attachment data not found")
    found += [Attached(upload.filename, upload=upload) for upload in left.values()]
    if len(found) > FILES:
        raise ApiError(Refusal.TOO_MANY_ATTACHMENTS)
    return found


def _embeds(node: Node) -> list[Json] | None:
    """Embeds with their texts trimmed. One with nothing to show is left out, as Discord leaves it out."""
    if node.absent:
        return None
    kept, total = [], 0
    for item in node.items(EMBEDS):
        if not item.model():
            continue
        embed, length = _embed(item)
        total += length
        if embed:
            kept.append({"type": "rich", **embed})
    if total > EMBED_TOTAL:
        node.fail("MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_TOTAL}")
    return kept


def _embed(node: Node) -> tuple[Json, int]:
    embed: Json = {}
    length = 0

    def text(key: str, place: Node, most: int, into: Json, *, required: bool = False) -> None:
        nonlocal length
        value = place.at(key).text(most, least=1 if required else 0, required=required, trim=True)
        if value:
            into[key] = value
            length += len(value)

    text("title", node, 256, embed)
    text("description", node, 4096, embed)
    fields = []
    for item in node.at("fields").items(25):
        one: Json = {"inline": item.at("inline").boolean()}
        text("name", item, 256, one, required=True)
        text("value", item, 1024, one, required=True)
        fields.append(one)
    if fields:
        embed["fields"] = fields
    for key, inner, most in (("footer", "text", 2048), ("author", "name", 256)):
        place = node.at(key)
        if place.model():
            part: Json = {}
            text(inner, place, most, part, required=True)
            for address in ("url", "icon_url"):
                if _url(place.at(address)):
                    part[address] = place.at(address).value
            embed[key] = part
    for key in ("image", "thumbnail"):
        if node.at(key).model() and _url(node.at(key).at("url"), attachment=True):
            embed[key] = {"url": node.at(key).at("url").value}
    if _url(node.at("url")):
        embed["url"] = node.at("url").value
    shown = bool(embed)
    if not node.at("color").absent:
        embed["color"] = node.at("color").integer(0, 0xFFFFFF)
    stamp = node.at("timestamp")
    if not stamp.absent:
        try:
            datetime.fromisoformat(str(stamp.value))
        except ValueError:
            stamp.fail("DATE_TIME_TYPE_PARSE", f"Could not parse {stamp.value}. Should be ISO8601.")
        embed["timestamp"], shown = stamp.value, True
    return (embed, length) if shown else ({}, 0)


def _url(node: Node, *, attachment: bool = False) -> bool:
    schemes = ("http", "https", "attachment") if attachment else ("http", "https")
    value = node.text(2048)
    if value and urlsplit(value).scheme not in schemes:
        node.fail("URL_TYPE_INVALID_SCHEME", f'"{urlsplit(value).scheme}": Scheme must be one of {schemes}.')
    return bool(value)


USER_MENTION: Final = re.compile(r"<@!?(\d+)>")
ROLE_MENTION: Final = re.compile(r"<@&(\d+)>")
_CODE: Final = re.compile(r"```.*?```|``.+?``|`[^`]+`", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\[@<]")


def pingable(text: str) -> str:
    """The part of a text in which a mention is one: code shows it as typed, a backslash does too."""
    return _ESCAPED.sub("", _CODE.sub("", text))
