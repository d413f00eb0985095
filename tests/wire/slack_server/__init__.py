"""A strict loopback Slack. `README.md` in the folder above says how to use it."""

from .block_kit import words_of
from .clock import Clock
from .deliveries import TIMED_OUT, UNREACHABLE, Deliveries, Delivery, Held, Stage
from .errors import CannotDo, SlackError
from .faults import RESPONSE_URL, Faults, Order
from .http_mode import FAILED, Poster
from .interactions import TROUBLE, Act, Outcome
from .limits import Limits
from .member import Member
from .model import Channel, Guest, Kind, Message, Ping, Team, User
from .server import APP_TOKEN, SECRET, SlackServer
from .sockets import Connection, Sockets
from .views import View
from .web_api import Request
from .world import EVENTS, SCOPES, App

__all__ = [
    "APP_TOKEN",
    "EVENTS",
    "FAILED",
    "RESPONSE_URL",
    "SCOPES",
    "SECRET",
    "TIMED_OUT",
    "TROUBLE",
    "UNREACHABLE",
    "Act",
    "App",
    "CannotDo",
    "Channel",
    "Clock",
    "Connection",
    "Deliveries",
    "Delivery",
    "Faults",
    "Guest",
    "Held",
    "Kind",
    "Limits",
    "Member",
    "Message",
    "Order",
    "Outcome",
    "Ping",
    "Poster",
    "Request",
    "SlackError",
    "SlackServer",
    "Sockets",
    "Stage",
    "Team",
    "User",
    "View",
    "words_of",
]
