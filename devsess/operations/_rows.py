"""The rows that a sign-in and an impersonation begin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from devsess import lifecycle
from devsess.stores.rows import DeviceRow, SessionRow

if TYPE_CHECKING:
    from devsess.devices.recognise import Sighting
    from devsess.models import Location
    from devsess.operations._sign_in import SignIn
    from devsess.operations.operation import Operation


def new_device(
    op: Operation,
    user_id: str,
    sighting: Sighting,
    *,
    fingerprint: bytes | None = None,
    resembles: str | None = None,
) -> DeviceRow:
    """A device that the account did not know; see DeviceRow."""
    return DeviceRow(
        id=op.new_id(),
        user_id=user_id,
        label=sighting.traits.label,
        kind=sighting.traits.kind,
        os=sighting.traits.os,
        browser=sighting.traits.browser,
        first_seen_at=op.now,
        last_seen_at=op.now,
        network=sighting.network,
        fingerprint=fingerprint,
        resembles=resembles,
    )


def new_session(
    op: Operation,
    device: DeviceRow,
    sighting: Sighting,
    location: Location | None,
    sign_in: SignIn,
    *,
    number: int,
    bound: bool = False,
    score: int | None = None,
) -> SessionRow:
    """The session of *sign_in* that begins now on *device*, under that ending number."""
    idle, absolute = lifecycle.first_deadlines(op.now, op.policy, sign_in.lifetime)
    return SessionRow(
        id=op.new_id(),
        user_id=device.user_id,
        device=device,
        ip=sighting.ip,
        network=sighting.network,
        user_agent=sighting.user_agent,
        location=location,
        created_at=op.now,
        last_seen_at=op.now,
        idle_from=op.now,
        idle_expires_at=idle,
        absolute_expires_at=absolute,
        auth_time=math.floor(sign_in.auth_instant),
        amr=sign_in.amr,
        acr=sign_in.acr,
        persistent=sign_in.persistent,
        claims=sign_in.claims,
        salt=op.entropy(16),
        bound=bound,
        ending_number=number,
        score=score,
    )
