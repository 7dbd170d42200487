"""The file of people: strict, in one line, never a secret in it, and nobody may answer while it is wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import ConfigError
from gate.people import Kept, People, Person
from gate.peoplefile import load, people_file

WHOLE = """
[[person]]
name = "ann"
groups = ["oncall"]
logins = ["ann@example.com", "ann@corp"]
slack = "U012ABCDEF"
quiet = "22:00-07:00"
tz = "Europe/Vienna"
notify = ["webhook:pager", "slack"]
passkey = true

[[person]]
name = "bob"
per_hour = 3
slack = "U999ABCDEF"

[[webhook]]
name = "pager"
url = "https://hooks.example.com/gate"
secret = "env:GATE_PAGER"
events = ["question", "answer"]
answers = ["@oncall"]

[slack]
token = "env:SLACK_TOKEN"
signing_secret = "file:.gate/slack"
channel = "C012ABCDEF"

[inbox]
url = "https://approve.example.com/"

[asking]
remind = ["90%", "50%"]
escalate_after = "2m"
per_hour = 6
"""


def said(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text.encode(), "approvers.toml")
    return str(caught.value)


def test_everything_that_may_be_said() -> None:
    people = load(WHOLE.encode(), "approvers.toml", folder=Path("/here"))
    ann, bob = people.people
    assert (ann.per_hour, bob.per_hour, ann.notify, bob.notify, ann.passkey) == (6, 3, ("webhook:pager", "slack"), ("slack",), True)
    settings = people.settings
    assert (
        settings.slack and settings.slack.signing_secret == Kept("file", "/here/.gate/slack") and settings.slack.token == Kept("env", "SLACK_TOKEN")
    )
    assert settings.inbox.url == "https://approve.example.com"
    assert settings.asking.remind == (0.5, 0.9) and settings.asking.escalate_after == 120.0
    assert settings.webhook("pager") and not settings.webhook("other")
    assert people.named(["@oncall"]) == {"ann"} and people.same("ANN", "ann@corp") and people.same("ann@corp", "Ann@Example.com")
    assert not people.same("ann", "bob") and people.by_slack("U999ABCDEF") == bob and people.by_slack("") is None


PERSON = '[[person]]\nname = "ann"\n'
HOOK = '[[webhook]]\nname = "h"\n'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (PERSON + "slak = 1\n", 3, "no key 'slak'"),
        (PERSON + "[other]\n", 3, "no key 'other'"),
        (PERSON + "passkey = 1\n", 3, "true or false"),
        (PERSON + "per_hour = 0\n", 3, "greater"),
        (PERSON + 'quiet = "25:00-07:00"\n', 3, "daily window"),
        (PERSON + 'quiet = "07:00-07:00"\n', 3, "daily window"),
        (PERSON + 'tz = "Mars/Olympus"\n', 3, "time zone"),
        (PERSON + 'slack = "ann"\n', 3, "member id"),
        (PERSON + 'notify = ["slack"]\n', 3, "cannot be told"),
        (PERSON + 'notify = ["webhook:none"]\n', 3, "cannot be told"),
        (PERSON + 'notify = ["mail"]\n', 3, "cannot be told"),
        (PERSON + PERSON, 4, "is ann already"),
        (PERSON + '[[person]]\nname = "ANN"\n', 4, "is ann already"),
        (PERSON + 'logins = ["a@x"]\n[[person]]\nname = "bob"\nlogins = ["b@x", "A@X"]\n', 6, "is ann already"),
        (PERSON + '[[person]]\nname = "bob"\nlogins = ["Ann"]\n', 5, "is ann already"),
        (PERSON + 'slack = "U111"\n[[person]]\nname = "bob"\nslack = "U111"\n', 6, "is ann already"),
        (PERSON + '[[person]]\nname = "bob"\ngroups = ["ann"]\n', 2, "a person and a group"),
        (PERSON + '[[person]]\nname = "bob"\ngroups = ["Ann"]\n', 2, "a person and a group"),
        ('[[person]]\nname = "@oncall"\n', 2, "is no name"),
        ('[[person]]\nname = "a/../b"\n', 2, "is no name"),
        ('[[person]]\nname = "\u0430nn"\n', 2, "is no name"),
        ('[[person]]\ngroups = ["x"]\n', 1, "missing"),
        (HOOK + 'url = "http://example.com/"\nsecret = "env:A"\n', 3, "must be https"),
        (HOOK + 'url = "https://u:p@example.com/"\nsecret = "env:A"\n', 3, "user, password"),
        (HOOK + 'url = "ftp://127.0.0.1/"\nsecret = "env:A"\n', 3, "must be https"),
        (HOOK + 'url = "https://example.com/"\nsecret = "env:A"\nevents = ["all"]\n', 5, "must be"),
        (HOOK + 'url = "https://example.com/"\nsecret = "env:A"\nanswers = ["zoe"]\n', 5, "neither a person"),
        (2 * (HOOK + 'url = "https://example.com/"\nsecret = "env:A"\n'), 6, "a webhook 'h' already"),
        ('[inbox]\nurl = "http://gate.example.com"\n', 2, "must be https"),
        ('[inbox]\nurl = "https://gate.example.com"\nsign_in = "none"\n', 3, "no key"),
        ("[inbox]\n", 1, "missing"),
        ('[asking]\nremind = ["0%"]\n', 2, "part of the time"),
        ('[asking]\nescalate_after = "now"\n', 2, "escalate_after"),
        ("[[person]\n", 1, "no toml"),
        ("person = 1\n", 1, "must be a list"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, line: int, words: str) -> None:
    message = said(text)
    assert "\n" not in message and message.startswith(f"approvers.toml:{line}: "), message
    assert words.lower() in message.lower(), message


@pytest.mark.parametrize("secret", ["whsec_c2VjcmV0c2VjcmV0", "xoxb-12-secret", "env:", "plain:secret", "env:xoxb-secret"])
def test_a_secret_in_clear_is_refused_and_not_repeated(secret: str) -> None:
    message = said(f'[slack]\ntoken = "{secret}"\nsigning_secret = "env:A"\n')
    assert message.startswith("approvers.toml:2: slack.token: ")
    assert "xoxb" not in message and "whsec" not in message and "plain:" not in message


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_people_or_one_line(text: str) -> None:
    try:
        load(text.encode("utf-8", "surrogatepass"), "f")
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1


def test_a_kept_secret_is_read_from_where_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_T", " s3 \n")
    assert Kept("env", "GATE_T").read() == b"s3"
    path = tmp_path / "secret"
    path.write_text("from-file\n")
    path.chmod(0o600)
    assert Kept("file", str(path)).read() == b"from-file"
    path.chmod(0o644)
    for kept in (Kept("env", "GATE_NONE"), Kept("file", str(tmp_path / "none")), Kept("file", str(path))):
        with pytest.raises(ConfigError) as caught:
            kept.read()
        assert "from-file" not in str(caught.value)


def test_a_change_counts_and_a_wrong_file_lets_nobody_answer(tmp_path: Path) -> None:
    path = tmp_path / "approvers.toml"
    current = people_file(path, interval=0.0)
    assert current() is People.EMPTY
    path.write_text(PERSON)
    assert [person.name for person in current().people] == ["ann"]
    path.write_text(PERSON.replace("ann", "bob"))
    assert [person.name for person in current().people] == ["bob"]
    path.write_text("[[person]]\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match="missing; nobody may answer"):
            current()
    path.write_text(PERSON)
    assert current().person("ann")
    path.unlink()
    for _ in range(2):
        with pytest.raises(ConfigError, match="gone; nobody may answer"):
            current()
    path.write_text(PERSON)
    assert current().person("ann")


def test_a_file_put_in_its_place_is_seen_though_size_and_times_are_the_same(tmp_path: Path) -> None:
    path, other = tmp_path / "approvers.toml", tmp_path / "other"
    path.write_text(PERSON)
    other.write_text(PERSON.replace("ann", "eve"))
    for each in (path, other):
        os.utime(each, ns=(10**18, 10**18))
    current = people_file(path, interval=0.0)
    assert current().person("ann")
    time.sleep(0.01)
    other.rename(path)
    assert current().person("eve")


def test_a_file_that_everybody_may_write_or_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "approvers.toml"
    path.write_text(PERSON)
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="everybody"):
        people_file(path)()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="not a regular file"):
        people_file(path)()
    path.unlink()
    path.write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(ConfigError, match="over 1 MiB"):
        people_file(path)()


def test_quiet_hours_are_in_their_own_time_zone() -> None:
    ann = Person("ann", quiet="22:00-07:00", tz="+02:00")
    assert [ann.rests(hour * 3600.0) for hour in (4, 5, 19, 20, 23)] == [True, False, False, True, True]
    assert not Person("bob").rests(0.0) and not ann.rests(float("nan"))


def test_the_reference_names_every_key_and_its_example_is_read() -> None:
    from gate import peopleform

    page = (Path(__file__).parent.parent / "docs" / "reference" / "approvers.md").read_text()
    example = page.partition("```toml\n")[2].partition("```")[0]
    people = load(example.encode(), "approvers.md")
    assert people.people and people.settings.webhooks and people.settings.slack
    forms = {"[person]": "PersonForm", "[webhook]": "WebhookForm", "slack": "SlackForm", "inbox": "InboxForm", "asking": "AskingForm"}
    for name, form in forms.items():
        section = page.partition(f"\n## `[{name}]`\n")[2].partition("\n## ")[0]
        documented = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
        assert documented == set(getattr(peopleform, form).model_fields), name
