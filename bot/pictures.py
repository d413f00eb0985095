"""Pictures of boards, progress and recaps as PNG, for a phone: large type on an opaque panel of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from bot.core.card import Picture

_one_at_a_time = threading.Lock()
"""FreeType's library, the caches of fonts and matplotlib's settings belong to the whole process."""


def draw(picture: Picture) -> bytes:
    """A picture as PNG, 750 pixels wide, at most 200 KB. Equal pictures give equal bytes on one machine.

    Any text is drawn: long ones are shortened, and signs that no font on this machine has are left out. The first call
    takes seconds, since matplotlib is loaded then, and looks for fonts if it never did here. May be called in any
    thread, one draws at a time.
    """
    with _one_at_a_time:
        from bot.charts import png  # not before: matplotlib takes a second and some 40 MB

        return png(picture)


@cache
def _drawing() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="drawing")


async def drawn(picture: Picture) -> bytes:
    """The same, beside the event loop."""
    # One thread of their own: those that would wait for each other must not take all that graders and files have, too.
    return await asyncio.get_running_loop().run_in_executor(_drawing(), draw, picture)
