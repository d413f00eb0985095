"""What a bot asks to be told. https://docs.discord.com/developers/events/gateway#gateway-intents"""

from __future__ import annotations

from enum import IntFlag
from typing import Final


class Intent(IntFlag):
    """The bits that this server acts on."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    MESSAGE_CONTENT = 1 << 15


ALWAYS: Final = Intent(0)
"""No intent: what interactions and the session's own events need."""

PRIVILEGED: Final = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
"""Those that have to be switched on for the application; asking for one that is not closes the socket with 4014."""

KNOWN: Final = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))
"""Every bit that Discord knows. Any other closes the socket with 4013."""
