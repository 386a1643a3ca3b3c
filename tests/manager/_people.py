"""Clients at known places, for tests of risk."""

from __future__ import annotations

from devsess import Client, Location

CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
PLACES = {
    "102.89.77.21": Location(
        "Lagos", "Nigeria", 6.45, 3.39, 20, None, "NG", None, 37148, "Globacom", False
    ),
    "102.89.78.4": Location(
        "Lagos", "Nigeria", 6.45, 3.39, 20, None, "NG", None, 37148, "Globacom", False
    ),
    "70.24.10.5": Location(
        "Québec", "Canada", 46.81, -71.21, 20, None, "CA", None, 577, "Bell", False
    ),
    "45.83.91.7": Location(
        "Amsterdam", "Netherlands", 52.37, 4.9, 20, None, "NL", None, 9009, "M247", True
    ),
}
HOME, NEXT_DOOR, QUEBEC, HOSTED = PLACES


class Locator:
    """Knows PLACES alone."""

    def locate(self, ip: str) -> Location | None:
        return PLACES.get(ip)


def at(ip: str, device_token: str | None = None, agent: str = CHROME) -> Client:
    """A browser at *ip*."""
    return Client(ip=ip, user_agent=agent, device_token=device_token)
