"""The bot in a Slack workspace, driven as members would, over real sockets."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.slack.study import FULL, OTHER, Study, marked
from tests.wire.slack_server import SlackServer


@pytest.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    async with SlackServer(commands=frozenset({"/nnquestion"})) as server:
        team = server.team("Study")
        ada = team.user("ada", admin=True, tz="Europe/Berlin")
        yield Study(server, tmp_path / "x.db", team, team.channel("general"), ada, team.user("bob"))


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- a day ------------------------------------------------------------------------------------------------------


async def test_a_day_from_setup_to_the_reveal_goes_without_a_warning(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running():
        card = await study.opened()
        assert card.labels == ["Answer", "Hint"]
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        form = (await study.ada.press(card, "Answer")).modal
        assert form is not None
        seen = await study.ada.submit(form, {"Your answer": OTHER})
        assert seen.modal is not None
        assert "Recorded" in seen.modal.words
        reveal = await study.revealed()
        assert reveal.thread_ts == card.ts
        await study.until(lambda: card.edited)
        seen = await study.bob.press(card, "My result")
        assert seen.modal is not None
        assert seen.modal.title == "Your result"
        assert "1." in (await study.bob.command("/nnquestion", "leaderboard", study.channel)).words
    assert complaints(caplog) == []
    assert study.server.pings == []
    assert study.server.unknown == []
    assert study.server.complaints == []


async def test_a_round_opens_with_one_request_and_is_revealed_with_two(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        assert len(study.server.asked("chat.postMessage")) == 1
        await study.revealed()
        await study.until(lambda: card.edited)
        assert len(study.server.asked("chat.postMessage")) == 2
        assert len(study.server.asked("chat.update")) == 1
