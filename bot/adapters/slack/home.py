"""The Home tab, as `views.publish` takes it. Pure. https://docs.slack.dev/reference/views/home-tab-views"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bot.adapters.slack.render import in_view
from bot.core.card import Card

HOME: Final = "nn.home"
"""The tab's `callback_id`."""


def home_view(cards: Sequence[Card]) -> dict[str, Any]:
    """Cards one below the other, with their buttons; what does not fit is left out, and "…" says so."""
    return {"type": "home", "callback_id": HOME, "blocks": in_view(cards)}
