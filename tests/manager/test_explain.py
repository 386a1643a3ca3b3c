"""`explain` agrees with `validate`: the check that fails is the one whose error that raises."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve, frozen

from devsess import (
    Check,
    Client,
    InvalidSessionError,
    Keys,
    Location,
    Outcome,
    Policy,
    SessionManager,
)
from devsess.operations.explaining import CHECKS, OF_SESSION
from devsess.risk_policy import Risk
from devsess.testing import FakeClock
from devsess.tokens.access import LONGEST_LIFE
from devsess.tokens.text import MAX_TOKEN_LENGTH

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
OTHER = "Zb5nM1wYc8LqT3vRk6HfX9sPd2GjU7aEo4i"
PHONE = Client(
    "102.89.77.21",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
)

MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)


@frozen
class Scene:
    """A manager, the clock, and the sign-in whose token is explained."""

    make: Callable[..., Any]
    sessions: Any
    clock: FakeClock
    grant: Any

    @property
    def token(self) -> str:
        return str(self.grant.access_token)

    def signed(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """The token with these claims in place of its own, signed with the right key."""
        given_header, payload, _ = self.token.split(".")
        head = given_header if header is None else b64(json.dumps(header).encode())
        content = {**json.loads(unb64(payload)), **claims}
        kept = {name: value for name, value in content.items() if value is not ...}
        return self.sealed(head, b64(json.dumps(kept).encode()))

    def sealed(self, head: str, payload: str) -> str:
        mac = hmac.digest(SECRET.encode(), f"{head}.{payload}".encode(), hashlib.sha256)
        return f"{head}.{payload}.{b64(mac)}"

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp())


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


@pytest.fixture
def scene(make: Callable[..., Any], clock: FakeClock) -> Scene:
    sessions = make()
    return Scene(make, sessions, clock, sessions.login("ada", PHONE))


def tampered(it: Scene) -> str:
    head, payload, mac = it.token.split(".")
    other = b64(unb64(payload).replace(b'"ada"', b'"bob"'))
    return f"{head}.{other}.{mac}"


def by_another_key(it: Scene) -> str:
    return str(it.make(keys=OTHER).login("ada", PHONE).access_token)


def by(issuer: str = "devsess", audience: str = "devsess") -> Callable[[Scene], str]:
    return lambda it: str(it.make(issuer=issuer, audience=audience).login("ada").access_token)


def expired(it: Scene) -> str:
    it.clock.advance(Policy().access_lifetime + Policy().leeway)
    return it.token


def ended(it: Scene) -> str:
    it.sessions.revoke(it.grant.session.id, reason="lost phone")
    return it.token


def renewed_after(seconds: float) -> Callable[[Scene], str]:
    """A token that has time left, of a session that has none."""

    def late(it: Scene) -> str:
        it.clock.advance(seconds)
        return it.signed(iat=it.now, exp=it.now + 900)

    return late


def active_for_long(it: Scene) -> str:
    for _ in range(30):
        it.clock.advance(86_400 - 1)
        it.sessions.validate(it.signed(iat=it.now, exp=it.now + 900))
    it.clock.advance(60)
    return it.signed(iat=it.now, exp=it.now + 900)


def erased(it: Scene) -> str:
    it.sessions.erase_user("ada")
    return it.token


def impersonation(it: Scene) -> str:
    by_session = it.sessions.login("staff", acr="aal2").session
    return str(it.sessions.impersonate("ada", by_session, PHONE).access_token)


def impersonation_without_its_session(it: Scene) -> str:
    token = impersonation(it)
    it.sessions.revoke_all("staff")
    return token


def stepped_up(it: Scene) -> str:
    it.clock.advance(2)
    it.sessions.step_up(it.token, amr=("otp",), acr="aal2")
    return it.token


def of_a_clock_ahead(it: Scene) -> str:
    """A sign-in by a process whose clock was two hours ahead; ours is right."""
    it.clock.advance(7_200)
    token = it.make().login("ada").access_token
    it.clock.advance(-7_200)
    head, payload, _ = token.split(".")
    content = {**json.loads(unb64(payload)), "iat": it.now, "exp": it.now + 900}
    return it.sealed(head, b64(json.dumps(content).encode()))


def header(**members: Any) -> Callable[[Scene], str]:
    return lambda it: it.signed({"alg": "HS256", "typ": "at+jwt", **members})


def claims(**members: Any) -> Callable[[Scene], str]:
    return lambda it: it.signed(None, **members)


def moved(**seconds: int) -> Callable[[Scene], str]:
    """Instants so many seconds from now."""
    return lambda it: it.signed(None, **{name: it.now + by for name, by in seconds.items()})


def no_json(it: Scene) -> str:
    return it.sealed(it.token.split(".")[0], b64(b"[1, 2]"))


# Each way to be refused, and the check that refuses.
REFUSED: dict[str, tuple[str, Callable[[Scene], Any]]] = {
    "a number": ("token", lambda _: 5),
    "nothing": ("token", lambda _: ""),
    "any text": ("token", lambda _: "no token"),
    "too long": ("token", lambda _: "a" * (MAX_TOKEN_LENGTH + 1)),
    "a refresh token": ("token", lambda it: it.grant.refresh_token),
    "two parts": ("token", lambda it: it.token.rpartition(".")[0]),
    "a second spelling": ("token", lambda it: f"{it.token[:-1]}B"),
    "changed after signing": ("signature", tampered),
    "another key": ("signature", by_another_key),
    "no algorithm": ("signature", header(alg="none")),
    "another type": ("signature", header(typ="JWT")),
    "a member too many": ("signature", header(jku="https://example.org")),
    "a kid of nobody": ("signature", header(kid="nobody")),
    "no object": ("content", no_json),
    "another issuer": ("issuer", by(issuer="elsewhere")),
    "another audience": ("audience", by(audience="elsewhere")),
    "another client": ("audience", claims(client_id="elsewhere")),
    "no user": ("claims", claims(sub=...)),
    "no id": ("claims", claims(jti=...)),
    "no session": ("claims", claims(sid=...)),
    "methods that are no list": ("claims", claims(amr="pwd")),
    "a level that is no text": ("claims", claims(acr=2)),
    "a generation that is no number": ("claims", claims(gen="1")),
    "no expiry": ("times", claims(exp=...)),
    "issued in the future": ("times", moved(iat=60)),
    "not before a later time": ("times", moved(nbf=60)),
    "a life too long": ("times", moved(exp=LONGEST_LIFE + 60)),
    "an instant that is text": ("times", claims(auth_time="now")),
    "expired": ("times", expired),
    "erased": ("session", erased),
    "another session": ("session", claims(sid="s" * 22)),
    "another account": ("account", claims(sub="bob")),
    "revoked": ("liveness", ended),
    "idle": ("liveness", renewed_after(14 * 86_400)),
    "too old": ("liveness", active_for_long),
    "an impersonation by nobody": ("impersonation", impersonation_without_its_session),
    "replaced by a step-up": ("authentication", stepped_up),
    "dated by a clock ahead": ("authentication", of_a_clock_ahead),
}
PASSED: dict[str, Callable[[Scene], str]] = {
    "new": lambda it: it.token,
    "within the leeway": moved(iat=-900, exp=-1),
    "without a kid": header(),
    "an impersonation": impersonation,
    "of a rotated key": lambda it: it.token,
}


def error_of(sessions: Any, token: Any, client: Client | None) -> InvalidSessionError | None:
    try:
        sessions.validate(token, client, fresh=True)
    except InvalidSessionError as error:
        return error
    return None


@pytest.mark.parametrize("kind", REFUSED)
def test_the_check_that_fails_is_the_one_whose_error_is_raised(scene: Scene, kind: str) -> None:
    """All before it pass, those behind are not reached; class and sentence are the error's."""
    name, present = REFUSED[kind]
    token = present(scene)
    explained = scene.sessions.explain(token)
    error = error_of(scene.sessions, token, None)
    assert error is not None
    failed: Check | None = explained.failed
    assert failed is not None
    assert (name, type(error).__name__) == (failed.name, failed.data["error"])
    assert str(error).lower() == failed.message.removesuffix(".").lower()
    place = CHECKS.index(name)
    outcomes = [it.outcome for it in explained.checks]
    assert [Outcome.PASSED] * place == outcomes[:place]
    assert [Outcome.NOT_REACHED] * (len(CHECKS) - place - 1) == outcomes[place + 1 :]
    assert not explained.is_valid


@pytest.mark.parametrize("kind", PASSED)
def test_where_all_pass_a_validation_passes(scene: Scene, kind: str) -> None:
    """Each check has a sentence and its numbers."""
    token = PASSED[kind](scene)
    sessions = scene.make(keys=[OTHER, SECRET]) if kind == "of a rotated key" else scene.sessions
    explained = sessions.explain(token)
    assert [(it, Outcome.PASSED) for it in CHECKS] == [
        (it.name, it.outcome) for it in explained.checks
    ]
    assert [] == [it.name for it in explained.checks if not it.message or not it.data]
    assert explained.is_valid
    assert error_of(sessions, token, None) is None


def test_another_devices_token(scene: Scene) -> None:
    """The session's own passes, and so does none; another one fails, whatever its account."""
    other = scene.make().login("bob").device_token
    for token, is_other in (
        (scene.grant.device_token, False),
        (None, False),
        ("no token", False),
        (other, True),
    ):
        client = evolve(PHONE, device_token=token)
        failed = scene.sessions.explain(scene.token, client).failed
        error = error_of(scene.sessions, scene.token, client)
        assert is_other == (error is not None) == (failed is not None)
    assert failed is not None
    assert ("device", "DeviceMismatchError") == (failed.name, failed.data["error"])


def data_of(explained: Any, name: str) -> Any:
    (check,) = (it for it in explained.checks if it.name == name)
    return check.data


def test_the_numbers_are_those_of_the_session(scene: Scene) -> None:
    """The deadlines, the key and the device, as JSON types."""
    explained = scene.sessions.explain(scene.token)
    session, kid = scene.grant.session, Keys(SECRET).current.kid
    shown = session.to_dict()
    assert {"kid": kid, "alg": "HS256", "current": True} == data_of(explained, "signature")
    assert shown["expiresAt"] == data_of(explained, "liveness")["idleDeadline"]
    assert shown["createdAt"] == data_of(explained, "session")["createdAt"]
    assert session.device.id == data_of(explained, "device")["deviceId"]
    assert 900 == data_of(explained, "times")["secondsLeft"]
    assert json.dumps(explained.to_dict())


def test_an_end_has_its_instant_and_reason(scene: Scene) -> None:
    """A revoked session says when and why."""
    scene.clock.advance(60)
    data = data_of(scene.sessions.explain(ended(scene)), "liveness")
    assert ("revoked", "lost phone", "2025-07-18T09:31:00Z") == (
        *(data["state"], data["reason"], data["endedAt"]),
    )


@pytest.mark.parametrize("kind", [*REFUSED, *PASSED])
def test_nothing_secret_is_in_it(scene: Scene, kind: str, caplog: Any) -> None:
    """No token, no secret, no part of a signature: in no record, JSON, repr or line of a log."""
    token = (PASSED.get(kind) or REFUSED[kind][1])(scene)
    client = evolve(PHONE, device_token=scene.grant.device_token)
    explained = scene.sessions.explain(token, client)
    shown = f"{explained!r}{explained}{json.dumps(explained.to_dict())}{caplog.text}"
    secret = [SECRET, OTHER, scene.grant.device_token, scene.grant.refresh_token]
    parts = [it for it in str(token).split(".") if len(it) > 8]
    assert [] == [it for it in [*secret, *parts] if it in shown]


@pytest.mark.parametrize("kind", [*REFUSED, *PASSED])
def test_nothing_is_written_and_there_is_no_event(
    make: Callable[..., Any], clock: FakeClock, kind: str
) -> None:
    """No touch, no mark, no event: all that is kept of each account is as before."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)
    scene = Scene(make, sessions, clock, sessions.login("ada", PHONE))
    token = (PASSED.get(kind) or REFUSED[kind][1])(scene)
    client = evolve(PHONE, device_token=scene.grant.device_token)
    clock.advance(1)
    before = [sessions.export_user(it) for it in ("ada", "bob", "staff")]
    heard.clear()
    for _ in range(2):
        sessions.explain(token, client)
    assert before == [sessions.export_user(it) for it in ("ada", "bob", "staff")]
    assert [] == heard


class Moving:
    """Puts each address into a country of its own."""

    never_waits = True

    def locate(self, ip: str) -> Location | None:
        return Location(country_code="NG" if ip == PHONE.ip else "CA", asn=len(ip))


def test_risk_is_a_sum(make: Callable[..., Any], clock: FakeClock) -> None:
    """The latest assessment of the session: base, points of each signal, sum and decision."""
    sessions = make(locator=Moving(), policy=Policy(risk=Risk()))
    token = None
    for _ in range(5):
        token = sessions.login("ada", evolve(PHONE, device_token=token)).device_token
        clock.advance(3_600)
    grant = sessions.login("ada", evolve(PHONE, ip="5.6.7.8", device_token=token))
    check = sessions.explain(grant.access_token).checks[-1]
    assessment = check.data["assessment"]
    assert grant.assessment.to_dict() == assessment
    assert grant.assessment.score == check.data["base"] + sum(
        it["weight"] for it in assessment["signals"]
    )
    assert grant.assessment.signals
    for signal in grant.assessment.signals:
        assert f"{signal.weight:+d} {signal.message}" in check.message
    assert f"-50 base = {grant.assessment.score}: allow." in check.message


def test_a_step_up_that_is_due_fails_no_validation(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """`validate` passes and `require` refuses: the check says so, until the step-up."""
    sessions = make(locator=Moving(), policy=Policy(risk=Risk(mode="enforce")))
    for _ in range(5):
        sessions.login("ada", PHONE)
        clock.advance(3_600)
    grant = sessions.login("ada", PHONE)
    clock.advance(60)
    grant = sessions.refresh(
        grant.refresh_token,
        Client("5.6.7.8", MAC, device_token=grant.device_token),
    )
    explained = sessions.explain(grant.access_token)
    assert explained.is_valid
    assert {"stepUpAfter": "2025-07-18T14:31:00Z", "due": True, "acrValues": ["aal2"]} == (
        data_of(explained, "step_up")
    )
    assert explained.checks[-1].message.startswith(
        "Assessed at a refresh, 2025-07-18 14:31:00 UTC:"
    )
    clock.advance(60)
    grant = sessions.step_up(grant.access_token, amr=("otp",), acr="aal2")
    assert not data_of(sessions.explain(grant.access_token), "step_up")["due"]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy(), "Each validation asks the store: it is not behind."),
        (Policy(max_staleness=2), "Memory may answer, and be 2 s behind an ending;"),
        (Policy(max_staleness=2, cache_size=0), "Each validation asks the store"),
    ],
)
def test_staleness_has_its_way_and_seconds(policy: Policy, said: str) -> None:
    """The way in which memory stays current, with its seconds."""
    with SessionManager("memory://", keys=SECRET, policy=policy) as sessions:
        check = sessions.explain(sessions.login("ada").access_token).checks[-3]
    assert "staleness" == check.name
    assert check.message.startswith(said)


def test_memory_is_not_asked(scene: Scene) -> None:
    """It reads the store, and is at no time behind: nor does it count as a hit or miss."""
    stale = scene.make(policy=Policy(max_staleness=60))
    stale.validate(scene.token)
    before = stale.metrics().hits, stale.metrics().misses
    scene.make().revoke(scene.grant.session.id)
    assert "liveness" == stale.explain(scene.token).failed.name
    assert before == (stale.metrics().hits, stale.metrics().misses)


def test_a_client_must_be_one(scene: Scene) -> None:
    """As for validate."""
    with pytest.raises(TypeError, match="client must be a Client"):
        scene.sessions.explain(scene.token, "a client")


def test_a_session_is_explained_without_a_token(scene: Scene) -> None:
    """The checks that need no token say the same as those of its newest token."""
    with_token = scene.sessions.explain(scene.token)
    without = scene.sessions.explain_session(scene.grant.session)
    assert list(OF_SESSION) == [it.name for it in without.checks]
    assert without.is_valid
    same = [it for it in with_token.checks if it.name in OF_SESSION]
    assert [it.data for it in same] == [it.data for it in without.checks]
    assert scene.sessions.explain_session("unknown") is None


def test_a_history_that_was_read_is_not_read_again(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """Its events, as `history` gives them, have the assessment that the account's have."""
    sessions = make(locator=Moving(), policy=Policy(risk=Risk()))
    sessions.login("ada", PHONE)
    clock.advance(60)
    session = sessions.login("ada", evolve(PHONE, ip="5.6.7.8")).session
    told = sessions.explain_session(session)
    events = [*sessions.history("ada")]
    read = sessions.metrics().calls["events"].count

    assert told.checks[-1].data["assessment"] is not None
    assert told == sessions.explain_session(session, events=events)
    assert None is sessions.explain_session(session, events=()).checks[-1].data["assessment"]
    assert read == sessions.metrics().calls["events"].count


@pytest.mark.parametrize(
    "end",
    [ended, renewed_after(14 * 86_400), active_for_long, impersonation_without_its_session],
)
def test_an_ended_session_is_explained_without_a_token(
    scene: Scene, end: Callable[[Scene], str]
) -> None:
    """The check that fails is the one that fails for its newest token, for the same reason."""
    with_token = scene.sessions.explain(end(scene))
    failed = with_token.failed
    session_id = next(it for it in with_token.checks if it.name == "session").data["sessionId"]
    assert failed == scene.sessions.explain_session(session_id).failed
