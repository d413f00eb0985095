"""The chat: the room with the person at the keyboard in it, on the real clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout

from bot.adapters.terminal.room import BOT, Message, NoSuchMessage, RoomError
from bot.adapters.terminal.saving import save
from bot.adapters.terminal.show import Show, numbered
from bot.adapters.terminal.terminal import Person, Terminal
from bot.core import commands
from bot.core.card import Button, Card, Press
from bot.core.model import ChannelId, Place, Round, RoundState, Share
from bot.core.ports import StoreError
from bot.core.schedule import zone, zone_names

log = logging.getLogger(__name__)

THREAD_LOOKS: Final = 40
"""How often a new question's thread is looked for; it comes right after the card."""

RECENT: Final = 12
"""Messages shown at the start, besides the open round's thread."""

SHARES: Final = {"name": Share.WITH_NAME, "anonymous": Share.WITHOUT_NAME, "no": Share.NO}
_SHARED: Final = {
    Share.WITH_NAME: "The forms you send are shared after the reveal, with your name.",
    Share.WITHOUT_NAME: "The forms you send are shared after the reveal, without your name.",
    Share.NO: "The forms you send are not shared.",
}

KEYS: Final = {
    "/answer": "TEXT: send the form; it replaces all you said in the open round",
    "/share": "name, anonymous or no: how the forms you send are shared after the reveal; no, until you say",
    "/dm": "TEXT: say something to nnquestion alone, such as the answer to a reminder",
    "/withdraw": "take back your answer to the open question, form or messages",
    "/edit": "NUMBER TEXT: say a message of yours anew",
    "/delete": "NUMBER: delete a message of yours",
    "/submit": "NUMBER: submit a message of yours as your answer",
    "/press": "NUMBER, or only /NUMBER: press that button of the last private reply that had any",
    "/hint": "press Hint on the open question",
    "/resume": "press Resume, where a drill sleeps or is off",
    "/try": "press Try one now, which the reply to /nnquestion setup has",
    "/result": "press My result on the last revealed question",
    "/covered": "press I covered this on the last revealed question you answered",
    "/in": "NUMBER [TEXT]: talk in the thread of that question",
    "/channel": "TEXT: say something in the channel, not in the thread",
    "/nnquestion": "COMMAND: what you would type in Discord or Slack; try /nnquestion help",
    "/help": "this list",
    "/quit": "leave; the drill goes on when you come back",
}


@dataclass(slots=True, kw_only=True)
class Chat:
    """One sitting at the keyboard."""

    terminal: Terminal
    me: Person
    clock: Callable[[], datetime]
    zone_name: str
    topics: tuple[str, ...]
    questions: tuple[str, ...]
    history: Path
    exports: Path
    """The folder for files that one is handed."""
    place: Place
    share: Share = Share.NO
    """How the next forms are shared after the reveal."""
    focus: Place | None = None
    """The thread one talks in: the one that was opened last, or was chosen with /in."""
    buttons: dict[int, Button] = field(default_factory=dict)
    """Those of the last private reply that had any, by number."""

    async def sit(self) -> None:
        """Show the room, then read lines until the person leaves."""
        keyboard = sys.stdin.isatty() and sys.stdout.isatty()
        with patch_stdout(raw=True) if keyboard else contextlib.nullcontext():
            show = Show(self.zone_name, reader=self.me.name)
            await self._arrive(show)
            try:
                async for text in self._typed() if keyboard else _piped():
                    if text.strip() in ("/quit", "/exit"):
                        break
                    await self._do(show, text.strip())
            except (EOFError, KeyboardInterrupt):
                pass
            show.line("Bye. Everything is kept; the next question comes when it is due.")

    async def _arrive(self, show: Show) -> None:
        messages = [message for message in self.terminal.room.all() if message.deleted_at is None]
        live = await self.terminal.round_here(self.place)
        thread = live.thread.thread if live is not None and live.thread is not None else None
        top = [m for m in messages if m.thread is None and m.channel in (self.place.channel, self.me.id)][-3:]
        shown = top + [m for m in messages if m.thread is not None and m.thread == thread][-RECENT:]
        for message in sorted(shown, key=lambda message: int(message.id)):
            show.message(message)
        self.terminal.room.watch(show.changed)
        self.terminal.room.watch(self._changed)
        show.line(f"You are {self.me.name}. Type to talk in the thread of the open question; /help lists the rest.")
        local = self.clock().astimezone(zone(self.zone_name))
        first = {"time": f"{local:%H:%M}", "zone": self.zone_name}
        card = await self.terminal.begin(self.me, self.place, first)
        if card is not None:
            await self._private(show, card)
            show.line("Too long to wait? /nnquestion reveal closes the question now, /nnquestion ask asks another.")

    async def _typed(self) -> AsyncIterator[str]:
        session: PromptSession[str] = PromptSession(
            history=FileHistory(self.history), completer=_Completer(self), complete_while_typing=False
        )
        while True:
            yield await session.prompt_async(f"{self.me.name}> ", handle_sigint=False)

    async def _do(self, show: Show, text: str) -> None:
        if not text:
            return
        key, _, rest = text.partition(" ")
        try:
            if not text.startswith("/"):
                await self._say(show, text)
            elif key == "/nnquestion":
                await self._private(show, await self.terminal.command(self.me, await self._here(), rest, id=_new_id()))
            else:
                await self._key(show, key, rest.strip())
        except NoSuchMessage:
            show.line("There is no such message of yours; the number stands in brackets beside it.", "yellow")
        except (RoomError, StoreError) as problem:
            show.line(str(problem), "red")
        except Exception:
            log.exception("could not do %s", key if key in KEYS else "what was typed")  # Never what it was.
            show.line("Something went wrong; chat.log in the data folder says what.", "red")

    async def _say(self, show: Show, text: str) -> None:
        here = await self._here()
        _, told = await self.terminal.say(self.me, here, text)
        show.told(self.me.name, told)

    async def _key(self, show: Show, key: str, rest: str) -> None:
        number, _, words = rest.partition(" ")
        match key:
            case "/answer" | "/withdraw" if rest or key == "/withdraw":
                round_ = await self._round()
                if round_ is None:
                    show.line("There is no open question; /nnquestion when tells the next, /nnquestion ask asks one.")
                    return
                text = rest if key == "/answer" else ""
                _, card = await self.terminal.form(self.me, round_.id, text, id=_new_id(), share=self.share)
                await self._private(show, card)
            case "/share" if rest in SHARES or not rest:
                self.share = SHARES.get(rest, self.share)
                show.line(_SHARED[self.share] + " /share name, anonymous or no changes that." * (not rest))
            case "/share":
                show.line(f"/share {KEYS[key]}{commands.meant(rest, list(SHARES))}", "yellow")
            case "/dm" if rest:
                _, _, card = await self.terminal.direct(self.me, rest)
                await self._private(show, card)
            case "/edit" if words:
                show.told(self.me.name, await self.terminal.edit(self.me, number, words))
            case "/delete" if number:
                show.told(self.me.name, await self.terminal.delete(self.me, number))
            case "/submit" if number:
                _, card = await self.terminal.submit(self.me, number, id=_new_id())
                await self._private(show, card)
            case "/press" if number:
                await self._press_number(show, number)
            case _ if key[1:].isdecimal():
                await self._press_number(show, key[1:])
            case "/hint":
                await self._private(show, await self._press_hint())
            case "/result":
                await self._private(show, await self.terminal.command(self.me, self.place, "me result", id=_new_id()))
            case "/covered":
                await self._private(show, await self._press_covered())
            case "/in" if number and self.terminal.room.thread_title(number) is not None:
                self.focus = replace(self.place, thread=number)
                if words:
                    _, told = await self.terminal.say(self.me, self.focus, words)
                    show.told(self.me.name, told)
                elif _is_open(await self.terminal.round_here(self.focus)):
                    show.line(f"You talk in the thread of [{number}] now.")
                else:
                    show.line(f"[{number}] is no longer open; /in {number} TEXT still says something there.")
            case "/in" if number:
                show.line(f"[{number}] has no thread; the question cards have one.", "yellow")
            case "/resume" | "/try":
                press = Press.RESUME if key == "/resume" else Press.TRY
                await self._private(show, await self._press(Button(press, "", self.place.channel)))
            case "/channel" if rest:
                await self.terminal.say(self.me, self.place, rest)
            case "/help":
                for name, says in KEYS.items():
                    show.line(f"  {name:<12} {says}")
            case known if known in KEYS:
                show.line(f"{known} {KEYS[known]}", "yellow")
            case _:
                named = key.removeprefix("/").lower()
                command = f" Did you mean “/nnquestion {named}”?" if named in commands.BY_NAME else ""
                meant = command or commands.meant(key, list(KEYS))
                show.line(f"There is no {key} here.{meant} /help lists what there is.", "yellow")

    async def _press_hint(self) -> Card:
        round_ = await self._round()
        if round_ is None:
            return await self.terminal.command(self.me, self.place, "hint", id=_new_id())
        return await self._press(Button(Press.HINT, "", round_.id))

    async def _press_covered(self) -> Card:
        round_id = await self.terminal.last_result(self.me, self.place.channel)
        if round_id is None:  # It may be long ago: the result has the button, or says that there is none.
            return await self.terminal.command(self.me, self.place, "me result", id=_new_id())
        return await self._press(Button(Press.OBJECT, "", round_id))

    async def _press_number(self, show: Show, number: str) -> None:
        button = self.buttons.get(int(number)) if number.isdecimal() else None
        if button is not None and button.press is Press.ANSWER:
            show.line("Say /answer TEXT: it sends the form, in place of all you said in the open round.")
        elif button is not None:
            await self._private(show, await self._press(button))
        elif self.buttons:
            there = ", ".join(f"/{known}" for known in sorted(self.buttons))
            show.line(f"There is no button {number}; the last private reply has {there}.", "yellow")
        else:
            show.line("No private reply has had a button yet; /result and /covered bring some.", "yellow")

    async def _press(self, button: Button) -> Card:
        return await self.terminal.press(self.me, self.place, button.press, button.about, id=_new_id())

    async def _private(self, show: Show, card: Card) -> None:
        numbers = numbered(card)
        self.buttons = numbers or self.buttons
        show.private(self.me.name, card, numbers, picture=await self.terminal.album.keep(card.picture))
        for file in card.files:
            try:
                show.saved(str(save(self.exports, file.name, file.text.encode(errors="replace"))))
            except OSError as problem:
                show.line(f"{problem.filename}: {file.name} cannot be saved ({problem.strerror}).", "red")

    async def _round(self) -> Round | None:
        return await self.terminal.round_here(await self._here())

    async def _here(self) -> Place:
        """The thread of the question that was opened or chosen last, while it is open; else the channel.

        A question whose thread is still on its way is waited for: nobody types so fast on purpose.
        """
        if self.focus is not None and _is_open(await self.terminal.round_here(self.focus)):
            return self.focus
        live = await self.terminal.round_here(self.place)
        if live is None or not _is_open(live) or live.sealed:
            return self.place
        for _ in range(THREAD_LOOKS):
            if live is None or live.thread is not None:
                break
            await asyncio.sleep(0.05)
            live = await self.terminal.round_here(self.place)
        return live.thread if live is not None and live.thread is not None else self.place

    def _changed(self, change: str, message: Message) -> None:
        if change == "thread":
            self.focus = Place(channel=ChannelId(message.channel), thread=message.id)


def _is_open(round_: Round | None) -> bool:
    return round_ is not None and round_.state is RoundState.OPEN


class _Completer(Completer):
    """Completes keys, commands and what their options take."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        words = document.text_before_cursor.split(" ")
        word = words[-1]
        for known in self._known(words):
            if known.lower().startswith(word.lower()):
                yield Completion(known, start_position=-len(word))

    def _known(self, words: list[str]) -> list[str]:
        if len(words) == 1:
            return list(KEYS) if words[0].startswith("/") else []
        if words[0] == "/in" and len(words) == 2:
            return [m.id for m in self._chat.terminal.room.all() if self._chat.terminal.room.thread_title(m.id)][::-1]
        if words[0] in ("/edit", "/delete", "/submit") and len(words) == 2:
            return [message.id for message in self._mine()]
        if words[0] == "/share" and len(words) == 2:
            return list(SHARES)
        if words[0] == "/press" and len(words) == 2:
            return [str(number) for number in self._chat.buttons]
        if words[0] != "/nnquestion":
            return []
        if len(words) == 2:
            return list(commands.BY_NAME)
        command = commands.BY_NAME.get(words[1])
        if command is None:
            return []
        name, sign, _ = words[-1].partition("=")
        if sign:
            named = next((option for option in command.options if option.name == name), None)
            return [f"{name}={value}" for value in self._values(named)] if named else []
        free = [value for option in command.options if not option.named for value in self._values(option)]
        if any(word.startswith("@") for word in words[2:-1]):  # One member is enough.
            free = [value for value in free if not value.startswith("@")]
        return free + [f"{option.name}=" for option in command.options if option.named]

    def _values(self, option: commands.Option) -> list[str]:
        match option.takes:
            case commands.Takes.TOPIC:
                return list(self._chat.topics)
            case commands.Takes.QUESTION:
                return list(self._chat.questions)
            case commands.Takes.ZONE:
                return list(zone_names())
            case commands.Takes.MEMBER:
                return self._others()
            case _ if option.name == "command":
                return list(commands.BY_NAME)
            case _ if option.name == "topics":
                return list(self._chat.topics)
            case _:
                return list(option.choices)

    def _others(self) -> list[str]:
        names = (m.name for m in self._chat.terminal.room.all() if m.by not in (BOT, self._chat.me.id))
        return [f"@{name}" for name in sorted(set(names))]

    def _mine(self) -> list[Message]:
        everything = self._chat.terminal.room.all()
        return [m for m in everything if m.by == self._chat.me.id and m.deleted_at is None][::-1]


async def _piped() -> AsyncIterator[str]:
    """Lines from a pipe or a file. The thread is a daemon: one that waits for a line must not hold up the end."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def pump() -> None:
        with contextlib.suppress(RuntimeError):  # The loop has ended: nobody reads on.
            for row in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, row)
            loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=pump, name="stdin", daemon=True).start()
    while text := await lines.get():
        yield text


def _new_id() -> str:
    return f"chat/{uuid.uuid4()}"
