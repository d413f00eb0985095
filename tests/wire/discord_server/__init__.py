"""A strict loopback Discord. `README.md` in the folder above says how to use it."""

from .clock import Clock
from .errors import ApiError, Refusal
from .faults import Faults, Order
from .gateway import Gateway, Session
from .intents import Intent
from .interactions import FORM_FAILED, NO_ANSWER, Field, Form, Interaction, words_of
from .limits import Limits
from .member import CannotDo, Member
from .messages import Flag, Upload
from .model import Attachment, Channel, ChannelType, Guild, Message, Role, User
from .permissions import EVERYONE, INVITED, Perm
from .rest import Request
from .server import TOKEN, DiscordServer
from .world import Ping

__all__ = [
    "EVERYONE",
    "FORM_FAILED",
    "INVITED",
    "NO_ANSWER",
    "TOKEN",
    "ApiError",
    "Attachment",
    "CannotDo",
    "Channel",
    "ChannelType",
    "Clock",
    "DiscordServer",
    "Faults",
    "Field",
    "Flag",
    "Form",
    "Gateway",
    "Guild",
    "Intent",
    "Interaction",
    "Limits",
    "Member",
    "Message",
    "Order",
    "Perm",
    "Ping",
    "Refusal",
    "Request",
    "Role",
    "Session",
    "Upload",
    "User",
    "words_of",
]
