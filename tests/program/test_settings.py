"""Settings: read once from a mapping, and every mistake told at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from bot.settings import NAMES, SettingsError, check_tokens, load, load_from_environment, shipped_bank

SECRETS = {
    "DISCORD_TOKEN": "discord-token-0123",
    "SLACK_BOT_TOKEN": "xoxb-0123",
    "SLACK_APP_TOKEN": "xapp-0123",
    "SLACK_SIGNING_SECRET": "signing-0123",
}


def problems_of(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environ)
    return caught.value.problems


def test_with_nothing_set_there_is_a_default_for_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    settings = load({})
    assert settings.banks == (shipped_bank(),)
    assert shipped_bank().is_file()
    assert settings.database.name == "nnquestion.db"
    assert tmp_path in settings.database.parents
    assert settings.platforms == ()
    assert settings.discord_token == settings.slack_bot_token == ""


def test_reading_the_settings_makes_no_file_and_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    load({"NNQUESTION_DATABASE": str(tmp_path / "new" / "x.db")})
    load({})
    assert list(tmp_path.iterdir()) == []


def test_every_setting_arrives_where_it_belongs(tmp_path: Path) -> None:
    bank = tmp_path / "bank.yaml"
    bank.touch()
    settings = load(
        {
            **SECRETS,
            "NNQUESTION_DATABASE": str(tmp_path / "x.db"),
            "NNQUESTION_BANK": str(bank),
            "NNQUESTION_PLATFORMS": "terminal,discord",
            "DISCORD_API_URL": "http://127.0.0.1:1/api",
            "DISCORD_GATEWAY_URL": "ws://127.0.0.1:2",
            "SLACK_API_URL": "https://127.0.0.1:3/api/",
        }
    )
    assert settings.database == tmp_path / "x.db"
    assert settings.banks == (bank,)
    assert settings.platforms == ("terminal", "discord")
    assert settings.discord_token == SECRETS["DISCORD_TOKEN"]
    assert settings.discord_api_url == "http://127.0.0.1:1/api"
    assert settings.discord_gateway_url == "ws://127.0.0.1:2"
    assert settings.slack_bot_token == SECRETS["SLACK_BOT_TOKEN"]
    assert settings.slack_app_token == SECRETS["SLACK_APP_TOKEN"]
    assert settings.slack_signing_secret == SECRETS["SLACK_SIGNING_SECRET"]
    assert settings.slack_api_url == "https://127.0.0.1:3/api/"


def test_a_tilde_means_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "bank.yaml").touch()
    settings = load({"NNQUESTION_DATABASE": "~/x.db", "NNQUESTION_BANK": "~/bank.yaml"})
    assert settings.database == tmp_path / "x.db"
    assert settings.banks == (tmp_path / "bank.yaml",)


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_that_is_empty_is_as_good_as_not_set(name: str) -> None:
    assert load({name: ""}) == load({}) == load({name: "  "})


def test_what_others_set_is_none_of_our_business() -> None:
    assert load({"PATH": "/bin", "DISCORD_SOMETHING": "x", "SLACK_X": "y", "nnquestion_x": "z"}) == load({})


# --- platforms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "platforms"),
    [
        ({}, ()),
        ({"DISCORD_TOKEN": "t"}, ("discord",)),
        ({"SLACK_BOT_TOKEN": "xoxb-t"}, ("slack",)),
        ({"DISCORD_TOKEN": "t", "SLACK_BOT_TOKEN": "xoxb-t"}, ("discord", "slack")),
    ],
)
def test_the_platforms_with_tokens_are_run(tokens: dict[str, str], platforms: tuple[str, ...]) -> None:
    assert load(tokens).platforms == platforms


def test_named_platforms_are_run_and_no_others() -> None:
    assert load({"NNQUESTION_PLATFORMS": "terminal", "DISCORD_TOKEN": "t"}).platforms == ("terminal",)


def test_the_list_of_platforms_is_read_generously() -> None:
    assert load({"NNQUESTION_PLATFORMS": " Terminal, discord,,terminal ", "DISCORD_TOKEN": "t"}).platforms == (
        "terminal",
        "discord",
    )


@pytest.mark.parametrize(("platform", "token"), [("discord", "DISCORD_TOKEN"), ("slack", "SLACK_BOT_TOKEN")])
def test_a_platform_is_assembled_without_its_token_and_not_run(platform: str, token: str) -> None:
    settings = load({"NNQUESTION_PLATFORMS": platform})
    assert settings.platforms == (platform,)
    with pytest.raises(SettingsError) as caught:
        check_tokens(settings)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{token} is not set")
    assert platform in problem
    check_tokens(load({"NNQUESTION_PLATFORMS": platform, token: "x", "SLACK_APP_TOKEN": "x"}))


def test_slack_is_not_run_without_a_way_to_hear_it() -> None:
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN is not set"):
        check_tokens(load({"SLACK_BOT_TOKEN": "x"}))
    for way in ("SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"):
        check_tokens(load({"SLACK_BOT_TOKEN": "x", way: "x"}))


@pytest.mark.parametrize(
    ("given", "web"),
    [
        ("", ("127.0.0.1", 8080)),
        ("9000", ("127.0.0.1", 9000)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_the_web_server_listens_on_this_machine_only_unless_told_otherwise(given: str, web: tuple[str, int]) -> None:
    assert load({"NNQUESTION_WEB": given}).web == web


def test_the_web_server_can_be_left_out_unless_slack_is_heard_there() -> None:
    assert load({"NNQUESTION_WEB": "Off"}).web is None
    given = {"SLACK_BOT_TOKEN": "x", "SLACK_SIGNING_SECRET": "y", "NNQUESTION_WEB": "off"}
    with pytest.raises(SettingsError, match="NNQUESTION_WEB=off: in HTTP mode Slack is heard there"):
        check_tokens(load(given))
    check_tokens(load({**given, "SLACK_APP_TOKEN": "z"}))


def test_a_port_that_a_platform_gives_does_not_open_the_web_server_to_the_world() -> None:
    assert load({"PORT": "5000"}).web == ("127.0.0.1", 8080)


def test_the_log_is_written_as_is_said() -> None:
    assert (load({}).log, load({}).log_level) == ("text", "info")
    settings = load({"NNQUESTION_LOG": "JSON", "NNQUESTION_LOG_LEVEL": "Debug"})
    assert (settings.log, settings.log_level) == ("json", "debug")


@pytest.mark.parametrize(
    ("name", "allowed"), [("NNQUESTION_LOG", "text, json"), ("NNQUESTION_LOG_LEVEL", "debug, info")]
)
def test_a_form_or_a_level_of_the_log_that_there_is_not_is_told(name: str, allowed: str) -> None:
    (problem,) = problems_of(**{name: "loud"})
    assert problem.startswith(f"{name}=loud: it is one of {allowed}")


def test_the_settings_know_their_secrets_and_do_not_show_them() -> None:
    names = ("DISCORD_TOKEN", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")
    settings = load({name: f"secret {name}" for name in names})
    assert settings.secrets == tuple(f"secret {name}" for name in names)
    assert "secret" not in repr(settings)
    assert load({}).secrets == ()


@pytest.mark.parametrize("wrong", ["nowhere", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:http"])
def test_an_address_to_listen_at_that_is_none_is_told(wrong: str) -> None:
    (problem,) = problems_of(NNQUESTION_WEB=wrong)
    assert problem.startswith(f"NNQUESTION_WEB={wrong}: expected host:port")


@pytest.mark.parametrize(
    ("name", "value", "platform"),
    [
        ("DISCORD_API_URL", "http://127.0.0.1:1/api", "discord"),
        ("DISCORD_GATEWAY_URL", "ws://127.0.0.1:1", "discord"),
        ("SLACK_API_URL", "http://127.0.0.1:1/api/", "slack"),
    ],
)
def test_an_address_names_its_platform_as_a_token_does(name: str, value: str, platform: str) -> None:
    assert load({name: value}).platforms == (platform,)
    assert load({name: value, "NNQUESTION_PLATFORMS": "terminal"}).platforms == ("terminal",)


def test_values_may_be_anything_that_reads_as_text(tmp_path: Path) -> None:
    assert load(cast("dict[str, str]", {"NNQUESTION_DATABASE": tmp_path / "x.db"})).database == tmp_path / "x.db"


# --- mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("NNQUESTION_PLATFORMS", "matrix", ("discord", "slack", "terminal")),
        ("NNQUESTION_BANK", "/no/such/bank.yaml", ("YAML files or folders", "commas")),
        ("DISCORD_API_URL", "discord.com/api", ("http://", "https://")),
        ("SLACK_API_URL", "ftp://slack.com", ("http://", "https://")),
        ("DISCORD_GATEWAY_URL", "https://gateway.discord.gg", ("ws://", "wss://")),
    ],
)
def test_a_broken_setting_is_told_with_its_name_its_value_and_what_is_allowed(
    name: str, value: str, allowed: tuple[str, ...]
) -> None:
    (problem,) = problems_of(**{name: value})
    assert problem.startswith(f"{name}={value}")
    assert all(word in problem for word in allowed)


def test_banks_are_files_and_folders_with_commas_and_nn_is_the_one_that_is_shipped(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.touch()
    assert load({"NNQUESTION_BANK": f"nn, {file},{tmp_path},"}).banks == (shipped_bank(), file, tmp_path)
    assert load({"NNQUESTION_BANK": ","}).banks == (shipped_bank(),)


def test_each_bank_that_is_not_there_is_told(tmp_path: Path) -> None:
    gone, lost = tmp_path / "gone.yaml", tmp_path / "lost"
    problems = problems_of(NNQUESTION_BANK=f"{gone},{tmp_path},{lost}")
    assert [f"“{path}”" in problem for problem, path in zip(problems, (gone, lost), strict=True)] == [True, True]


def test_a_misspelt_setting_is_told_with_the_one_that_was_meant() -> None:
    (problem,) = problems_of(NNQUESTION_DATABSE="x.db")
    assert "NNQUESTION_DATABSE=x.db" in problem
    assert "NNQUESTION_DATABASE?" in problem


def test_a_setting_that_is_like_no_other_is_told_with_those_there_are() -> None:
    (problem,) = problems_of(NNQUESTION_COLOUR_OF_THE_KITCHEN_CURTAINS="red")
    assert "NNQUESTION_COLOUR_OF_THE_KITCHEN_CURTAINS=red" in problem
    assert all(name in problem for name in NAMES if name.startswith("NNQUESTION_"))


def test_all_mistakes_are_told_at_once() -> None:
    problems = problems_of(
        NNQUESTION_BANK="/no/such/bank.yaml",
        NNQUESTION_PLATFORMS="matrix,irc,discord",
        NNQUESTION_DATABSE="x.db",
        DISCORD_API_URL="nowhere",
        DISCORD_GATEWAY_URL="nowhere",
        SLACK_API_URL="nowhere",
    )
    assert len(problems) == 7
    for told in (
        "BANK=/no",
        "“matrix”",
        "“irc”",
        "DATABSE",
        "DISCORD_API_URL",
        "GATEWAY",
        "SLACK_API",
    ):
        assert sum(told in problem for problem in problems) == 1, told


# --- secrets ------------------------------------------------------------------------------------------------


def test_no_secret_is_ever_in_the_repr() -> None:
    settings = load(SECRETS)
    for shown in (repr(settings), str(settings), f"{settings}"):
        assert not any(secret in shown for secret in SECRETS.values())


def test_a_mistake_elsewhere_tells_no_secret() -> None:
    told = "\n".join(problems_of(**SECRETS, NNQUESTION_BANK="/no/such/bank.yaml", NNQUESTION_PLATFORMS="matrix"))
    assert not any(secret in told for secret in SECRETS.values())


def test_a_secret_under_a_misspelt_name_is_not_told() -> None:
    for name in SECRETS:
        (problem,) = problems_of(**{f"NNQUESTION_{name}": SECRETS[name]})
        assert f"NNQUESTION_{name}" in problem
        assert SECRETS[name] not in problem


# --- .env ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of one's own, with nothing set."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_settings_are_read_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNQUESTION_DATABASE", "here.db")
    assert load_from_environment().database == Path("here.db")


def test_what_the_environment_does_not_say_is_read_from_a_file(folder: Path) -> None:
    (folder / ".env").write_text('# mine\nNNQUESTION_DATABASE="kept here.db"\nDISCORD_TOKEN=t\n', encoding="utf-8")
    settings = load_from_environment()
    assert settings.database == Path("kept here.db")
    assert settings.platforms == ("discord",)


def test_the_environment_wins_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("NNQUESTION_DATABASE=file.db\nNNQUESTION_PLATFORMS=terminal\n", encoding="utf-8")
    monkeypatch.setenv("NNQUESTION_DATABASE", "environment.db")
    settings = load_from_environment()
    assert settings.database == Path("environment.db")
    assert settings.platforms == ("terminal",)


def test_a_mistake_in_the_file_is_told_like_any_other(folder: Path) -> None:
    (folder / ".env").write_text("NNQUESTION_PLATFORM=terminal\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="did you mean NNQUESTION_PLATFORMS"):
        load_from_environment()


def test_the_example_file_sets_nothing_as_it_is(folder: Path) -> None:
    example = Path(__file__).parents[2] / ".env.example"
    (folder / ".env").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_from_environment() == load({})


def test_the_example_file_names_every_setting() -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"# {name}=" not in example] == []


def test_answers_are_kept_for_as_many_days_as_are_set_and_else_for_good() -> None:
    assert load({}).keep_answers is None
    assert load({"NNQUESTION_KEEP_ANSWERS": " 365 "}).keep_answers == timedelta(days=365)


@pytest.mark.parametrize("wrong", ["0", "-1", "a year", "1.5", "100000"])
def test_a_number_of_days_that_is_none_is_told(wrong: str) -> None:
    (problem,) = problems_of(NNQUESTION_KEEP_ANSWERS=wrong)
    assert problem.startswith(f"NNQUESTION_KEEP_ANSWERS={wrong}: it is a number of days from 1 to 36,500")
