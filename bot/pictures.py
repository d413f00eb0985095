"""Pictures of boards, progress and recaps as PNG, for a phone: large type on an opaque panel of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

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


class Drawer:
    """Draws beside the event loop, in one thread of its own: what waits to be drawn takes no thread from the grader."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def drawn(self, picture: Picture) -> bytes:
        """The picture as `draw` makes it. The thread is begun when the first one is."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing")
        return await asyncio.get_running_loop().run_in_executor(self._thread, draw, picture)

    def close(self) -> None:
        """End the thread after the picture in hand; who waits for another one is cancelled. It may begin anew."""
        thread, self._thread = self._thread, None
        if thread is not None:  # Else all that wait would still be drawn before the process could end.
            thread.shutdown(wait=False, cancel_futures=True)
