"""`devsess simulate`: a store and a CSV file, replayed through a policy."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from _terminal import drawn
from attrs import evolve
from click.testing import CliRunner, Result

from devsess import Client, Location, Policy, SessionManager
from devsess.cli import main
from devsess.cli._recorded import of_csv as recorded
from devsess.risk.assess import assess
from devsess.risk.profile import Profile, learned
from devsess.risk_policy import Points, Risk
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
ON = Points(velocity=60)
HOME = Client(
    "102.89.77.21",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
)
LAGOS = Location("Lagos", "Nigeria", 6.45, 3.39, 20, country_code="NG", asn=37148)
QUEBEC = Location("Québec", "Canada", 46.81, -71.21, 20, country_code="CA", asn=577)
HEADER = "user_id,at,known,ip,user_agent,country_code,asn,hosting\n"
# Ten sign-ins at home, one abroad of the known device, one abroad without it.
ROWS = HEADER + "".join(
    f"ada,2025-07-{day:02}T09:30:00Z,{known},{ip},,{place}\n"
    for day, known, ip, place in [
        *((day, "yes", "102.89.77.21", "NG,37148,no") for day in range(1, 11)),
        (11, "yes", "142.117.3.4", "CA,577,no"),
        (12, "no", "5.6.7.8", "DE,24940,yes"),
    ]
)


class Places:
    never_waits = True

    def locate(self, ip: str) -> Location | None:
        return LAGOS if ip == HOME.ip else QUEBEC


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store in which ada and bob sign in at home, and ada once from abroad, anew."""
    path, clock = tmp_path / "sessions.db", FakeClock()
    policy = Policy(risk=None)
    with SessionManager(path, keys=SECRET, clock=clock, locator=Places(), policy=policy) as it:
        tokens: dict[str, str | None] = {"ada": None, "bob": None}
        for _ in range(5):
            for user, token in tokens.items():
                tokens[user] = it.login(user, evolve(HOME, device_token=token)).device_token
            clock.advance(86_400)
        it.login("ada", evolve(HOME, ip="142.117.3.4"))
        by = it.login("staff", HOME).session
        it.impersonate("ada", by, Client("9.9.9.9", "curl/8"))
    return path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *arguments])


def of_csv(tmp_path: Path, text: str, *arguments: str) -> Result:
    file = tmp_path / "sign-ins.csv"
    file.write_text(text)
    return call("--csv", str(file), *arguments)


def figures(done: Result) -> Any:
    assert (0, "") == (done.exit_code, done.stderr)
    return json.loads(done.stdout)


def test_a_store_is_replayed_as_its_sign_ins_were(path: Path) -> None:
    """Places come from the rows, devices from the events; an impersonation is no sign-in."""
    found = figures(call("--store", str(path), "--json"))
    assert (3, 12, 3) == (found["accounts"], found["signIns"], found["first"])
    assert {"step_up": 1, "notify": 0, "allow": 11} == found["decisions"]
    (top,) = found["top"]
    assert "ada" == top["userId"]
    kinds = {it["kind"]: it["weight"] for it in top["assessment"]["signals"]}
    points = Points()
    assert {
        "new_device": points.unknown_device,
        "new_network": points.new_network,
        "new_country": points.new_country,
        "settled_account": points.established_account,
    } == kinds
    assert top["assessment"]["score"] == points.base + sum(kinds.values()) == 15
    assert {it: {"step_up": 1, "notify": 0} for it in kinds} == found["signals"]
    assert 1 == found["noticed"]


def test_the_replay_comes_to_the_sums_of_the_sign_ins(tmp_path: Path) -> None:
    """A store in which risk was on has the same assessments in its history."""
    path, clock = tmp_path / "risky.db", FakeClock()
    policy, scores = Policy(risk=Risk(notify_from=500, step_up_from=500)), []
    with SessionManager(path, keys=SECRET, clock=clock, locator=Places(), policy=policy) as it:
        token = None
        for number in range(12):
            away = number in (5, 6, 9)
            client = evolve(HOME, ip="142.117.3.4" if away else HOME.ip, device_token=token)
            grant = it.login("ada", client)
            token = None if number % 4 == 3 else grant.device_token
            if number:
                scores.append(str(grant.assessment.score))
            clock.advance(86_400)
    found = figures(call("--store", str(path), "--json"))["scores"]
    assert {it: scores.count(it) for it in scores} == found


def test_a_session_that_moved_signed_in_where_it_began(tmp_path: Path) -> None:
    """Its row has the place of its latest refresh; that of its sign-in is in another row."""
    path, clock = tmp_path / "moved.db", FakeClock()
    with SessionManager(path, keys=SECRET, clock=clock, locator=Places()) as it:
        begun = it.login("ada", HOME)
        abroad = evolve(HOME, ip="142.117.3.4")
        it.refresh(begun.refresh_token, evolve(abroad, device_token=begun.device_token))
        clock.advance(86_400)
        it.login("ada", abroad)
        clock.advance(86_400)
        it.login("ada", evolve(HOME, device_token=begun.device_token))
    found = figures(call("--store", str(path), "--json"))
    (top,) = found["top"]

    assert "new_country" in {it["kind"] for it in top["assessment"]["signals"]}
    assert {str(top["assessment"]["score"]): 1, str(Points().base): 1} == found["scores"]


def test_new_devices_of_a_day_are_replayed(tmp_path: Path) -> None:
    """The third unlike one notifies, as it did; one on the next day does not."""
    path, clock, noticed = tmp_path / "burst.db", FakeClock(), 0
    with SessionManager(path, keys=SECRET, clock=clock) as it:
        token = it.login("ada", HOME).device_token
        clock.advance(2 * 86_400)
        for agent in (*"hhh", *"aabbc", *"d"):
            known = token if agent == "h" else None
            client = evolve(HOME, user_agent=f"{agent}/1", device_token=known)
            noticed += it.login("ada", client).notice is not None
            clock.advance(60 if agent != "c" else 86_400)
    found = figures(call("--store", str(path), "--json"))

    assert 1 == noticed == found["noticed"]


def test_new_devices_of_a_day_in_a_file(tmp_path: Path) -> None:
    """A file has them as well: the third is notified, and none that is known."""
    agents = [*"aaaa", "b", "c", "c"]
    rows = [f"ada,{60 * n},{'yes' if it == 'a' else 'no'},,{it}/1" for n, it in enumerate(agents)]
    text = "\n".join(["user_id,at,known,ip,user_agent", *rows, "ada,500,no,,d/1"])

    assert 1 == figures(of_csv(tmp_path, text, "--json"))["noticed"]


def test_nothing_is_written(path: Path) -> None:
    """Each row of each table is as before."""
    before = dumped(path)
    assert 0 == call("--store", str(path)).exit_code
    assert before == dumped(path)


def dumped(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def test_a_csv_file(tmp_path: Path) -> None:
    """The same counts, whatever the order of its rows, and behind the mark that Excel writes."""
    header, *rows = ROWS.splitlines(keepends=True)
    for text in (ROWS, header + "".join(reversed(rows)), f"\ufeff{ROWS}"):
        found = figures(of_csv(tmp_path, text, "--json"))
        assert (1, 12, 1) == (found["accounts"], found["signIns"], found["first"])
        assert {"step_up": 1, "notify": 0, "allow": 11} == found["decisions"]
        assert "2025-07-12T09:30:00Z" == found["top"][0]["at"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at,ip\n", "no column user_id"),
        ("user_id,at,place\n", "place is no column"),
        ("user_id,at\nada,\n", "line 2: user_id and at must be given"),
        ("user_id,at\nada,yesterday\n", "line 2: at cannot be 'yesterday'"),
        ("user_id,at\nada,1e300\n", "line 2: at cannot be '1e300'"),
        ("user_id,at\nada,-1e12\n", "line 2: at cannot be '-1e12'"),
        ("user_id,at\nada,9999-12-31T23:59:59-14:00\n", "line 2: at cannot be '9999"),
        ("user_id,at\nada,0001-01-01T00:00:00+14:00\n", "line 2: at cannot be '0001"),
        ("user_id,at,user_agent\nada,1,A (KHTML, like B)\n", "line 2: more values than columns"),
        ("user_id,at,user_id\nada,1,bob\n", "several columns user_id"),
        ("user_id,at,known\nada,1,perhaps\n", "line 2: known cannot be 'perhaps'"),
        ("user_id,at,asn\nada,1,-5\n", "line 2: asn cannot be '-5'"),
        ("user_id,at,latitude\nada,1,nan\n", "line 2: latitude cannot be 'nan'"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    """By its line and column, in one sentence."""
    done = of_csv(tmp_path, text)
    assert (2, "") == (done.exit_code, done.stdout)
    assert said in done.stderr
    assert 1 == len(done.stderr.splitlines())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[risk", "is no TOML"),
        ("[points]\nhosting = 1", "points is no setting; there are risk"),
        ("[risk]\nstep_up = 1", "risk.step_up is no setting"),
        ("[risk.points]\nhostin = 1", "risk.points.hostin is no setting"),
        ("[risk.points]\nhosting = 1.5", "risk.points.hosting must be a whole number"),
        ("[risk]\nstep_up_from = true", "risk.step_up_from must be a whole number"),
        ("[risk]\nmode = 1", "risk.mode must be a text"),
        ('[risk]\nmode = "strict"', "mode must be observe or enforce"),
        ("risk = 1", "risk must be a table, [risk]"),
        ("[risk]\npoints = 1", "risk.points must be a table"),
        ("[risk]\nstep_up_from = -1", "notify_from must not exceed step_up_from"),
    ],
)
def test_a_wrong_policy_is_named(tmp_path: Path, text: str, said: str) -> None:
    """By its key, in one sentence."""
    policy = tmp_path / "policy.toml"
    policy.write_text(text)
    done = of_csv(tmp_path, ROWS, "--policy", str(policy))
    assert (2, "") == (done.exit_code, done.stdout)
    assert said in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_the_policy_decides(tmp_path: Path) -> None:
    """Its points make the sums, and its thresholds the decisions."""
    policy = tmp_path / "policy.toml"
    policy.write_text("[risk]\nstep_up_from = 100\n[risk.points]\nhosting = 40\n")
    found = figures(of_csv(tmp_path, ROWS, "--policy", str(policy), "--json"))
    assert (100, 40) == (
        found["policy"]["step_up_from"],
        found["policy"]["points"]["hosting"],
    )
    assert {"step_up": 0, "notify": 1, "allow": 11} == found["decisions"]


@pytest.mark.parametrize(("accounts", "is_signal"), [("10", True), ("9", False), ("", None)])
def test_failures_of_a_network_are_replayed(
    tmp_path: Path, accounts: str, is_signal: bool | None
) -> None:
    """Where the policy asks for them, and the file has them: else they are not evaluated."""
    policy = tmp_path / "policy.toml"
    policy.write_text("[risk.points]\nvelocity = 60\n")
    text = "user_id,at,known,ip,failed_accounts\n" + "".join(
        f"ada,2025-07-0{day},yes,102.89.77.21,{accounts}\n" for day in (1, 2)
    )
    [facts] = [found for _, found in recorded(text.splitlines(), "a file")]
    found = figures(of_csv(tmp_path, text, "--policy", str(policy), "--json"))

    assert [int(accounts) if accounts else None] * 2 == [it.failed_accounts for it in facts]
    assert {"step_up": int(is_signal or False), "notify": 0} == {
        it: found["decisions"][it] for it in ("step_up", "notify")
    }
    missing = assess(facts[0], learned(Profile(), facts[0], confirmed=True), Risk(points=ON))
    assert (is_signal is None) == ("velocity" in missing.not_evaluated)


@pytest.mark.parametrize(
    ("at_most", "threshold", "challenged"),
    [("0", 36, 0), ("0.08", 36, 0), ("0.09", 0, 1), ("1", 0, 1)],
)
def test_the_threshold_keeps_challenges_below_the_rate(
    tmp_path: Path, at_most: str, threshold: int, challenged: int
) -> None:
    """The lowest that does so, but never lower than that of a notice; one of twelve is 8.3 %."""
    found = figures(of_csv(tmp_path, ROWS, "--at-most", at_most, "--json"))
    assert 1 == found["scores"]["35"]
    proposal = found["proposal"]
    assert (threshold, challenged) == (proposal["stepUpFrom"], proposal["challenged"])
    assert proposal["rate"] <= float(at_most)


HOME_ROWS = "".join(f"ada,{day * 86_400},yes,102.89.77.21,,NG,37148,no\n" for day in range(3))
ABROAD = "no,5.6.7.8,,DE,24940,yes\n"


def test_the_rate_itself_may_be_reached(tmp_path: Path) -> None:
    """One of four is a quarter, and no more than it."""
    text = f"{HEADER}{HOME_ROWS}ada,{3 * 86_400},{ABROAD}"
    for at_most, challenged in (("0.25", 1), ("0.24", 0)):
        found = figures(of_csv(tmp_path, text, "--at-most", at_most, "--json"))
        assert challenged == found["proposal"]["challenged"]


def test_a_second_try_gains_nothing(tmp_path: Path) -> None:
    """A sign-in without proof teaches as it does at a login: its new parts wait for days."""
    text = f"{HEADER}{HOME_ROWS}ada,{3 * 86_400},{ABROAD}ada,{3 * 86_400 + 60},{ABROAD}"
    found = figures(of_csv(tmp_path, text, "--json"))
    assert 2 == found["decisions"]["step_up"]


def test_nothing_to_replay(tmp_path: Path) -> None:
    """A file without rows is said to be empty."""
    assert "no sign-ins\n" == of_csv(tmp_path, HEADER).stdout


@pytest.mark.parametrize("width", [60, 120])
def test_in_a_terminal(path: Path, width: int) -> None:
    """It counts the accounts while it reads, and its tables fit."""
    code, shown = drawn("simulate", "--store", str(path), width=width)
    assert 0 == code
    assert "replaying accounts" in shown
    assert "step_up_from = 0 " not in shown
    assert "step_up_from = 16 challenges 0 sign-ins" in " ".join(shown.split())
    lines = shown.replace("\r", "\n").replace("\x1b[?25l", "").replace("\x1b[?25h", "")
    assert [] == [it for it in lines.splitlines() if len(it.replace("\x1b[K", "")) > width]
