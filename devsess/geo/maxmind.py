"""The locator over MMDB files, put together."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve

from devsess._runtime import clock as clocks
from devsess.devices.addresses import address as normal_address
from devsess.errors import ConfigurationError
from devsess.geo.checked import FARTHEST_KM
from devsess.geo.files import open_database
from devsess.geo.hosting import Address, Networks, read_networks
from devsess.geo.records import CITY_KM, Network, Reading, network_in, place_in
from devsess.geo.replaced import Replaced
from devsess.models import Location

if TYPE_CHECKING:
    from types import TracebackType

    from devsess._runtime.clock import Clock
    from devsess.geo.hosting import Hosting

PathLike: TypeAlias = "str | os.PathLike[str]"

# A word in a file's type or description, and the text that its licence asks for.
_ATTRIBUTIONS = {
    "dbip": "IP Geolocation by DB-IP (https://db-ip.com)",
    "db-ip": "IP Geolocation by DB-IP (https://db-ip.com)",
    "geolite": "This product includes GeoLite Data created by MaxMind,"
    " available from https://www.maxmind.com",
}


class MaxMindLocator:
    """
    A locator over MMDB files: MaxMind's, DB-IP's, and those in the same shapes.

    The files are opened once, and again when they are replaced on disk: they are looked at
    once a second at most. A replacement that cannot be read leaves the old file in use, with a
    warning in the log. May be shared by threads and by managers, and used after a fork.

    Args:
        files: Paths of files of cities, countries or networks (ASN), in any number and order;
            of several that know an address's place, or its network, the first is believed. A
            file for IPv4 and one for IPv6 are two of them.
        hosting: A file of the networks of hosting providers and VPNs, one prefix a line, with
            comments after #; or an object with a method `is_hosting(ip)`.
        locale: The language of names; English where a file has none in that language.
        default_accuracy_km: The radius, in kilometres, of a city in a record that has none.
            A country without a city has 1,000, if that is more.
        copy: Whether a copy of each file is opened, in the folder for temporary files, from
            which it vanishes at once. Otherwise the files themselves are mapped, as processes
            may share them: then a program that writes into one, instead of replacing it, ends
            this process or makes it answer nonsense.
        extension: Whether maxminddb's reader in C is used, which is faster, and which a damaged
            file can make end this process.
        attribution: The text that a licence asks for, where the files do not name their origin.
        clock: Only its `elapsed` is used.

    Attributes:
        never_waits: Whether it only reads files: then managers call it in place. An object that
            is asked for hosting networks may wait.

    Raises:
        ConfigurationError: If a file is missing or unusable, there is none, or maxminddb is
            not installed: `pip install 'devsess[geo]'`.
    """

    def __init__(
        self,
        *files: PathLike,
        hosting: PathLike | Hosting | None = None,
        locale: str = "en",
        default_accuracy_km: float = CITY_KM,
        copy: bool = True,
        extension: bool = False,
        attribution: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not files:
            raise ConfigurationError("a locator needs an MMDB file: MaxMindLocator('city.mmdb')")
        elapsed = clocks.elapsed if clock is None else clock.elapsed
        self._reading = _reading(locale, default_accuracy_km)
        self._attribution = attribution
        read = partial(open_database, copy=copy, extension=extension)
        self._files = [Replaced(_path(it), read, elapsed) for it in files]
        self._is_hosting = None if hosting is None else _asked(hosting, elapsed)
        self.never_waits = hosting is None or isinstance(hosting, (str, os.PathLike))
        self._has_failed = False

    @property
    def attribution(self) -> str | None:
        """
        The text that the licences of the files ask for where places are shown; None for none.

        It is read from the types and descriptions in the files.
        """
        if self._attribution is not None:
            return self._attribution
        kinds = " ".join(file.current().kind for file in self._files).lower()
        texts = {text: None for word, text in _ATTRIBUTIONS.items() if word in kinds}
        return ". ".join(texts) or None

    def locate(self, ip: str) -> Location | None:
        """
        The place and the network of *ip*; None where no file knows it.

        None too for what is no address, and for addresses that are not global: private,
        shared, link-local, multicast, reserved. Never raises; the first error is logged.
        """
        try:
            return self._located(ip)
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                import logging  # late: it is not needed as long as nothing fails

                logging.getLogger("devsess").exception("an address could not be located")
            return None

    def _located(self, ip: str) -> Location | None:
        text = normal_address(ip)
        if text is None:
            return None
        address = ipaddress.ip_address(text)
        if not address.is_global or address.is_multicast or address.is_reserved:
            return None
        place, network = self._found(address)
        is_hosting = None if self._is_hosting is None else self._is_hosting(address)
        if network is None and is_hosting is None:
            return place
        if place is None and network is None and not is_hosting:
            return None
        number, organisation = network or (None, None)
        return evolve(
            place or Location(), asn=number, organisation=organisation, is_hosting=is_hosting
        )

    def _found(self, address: Address) -> tuple[Location | None, Network | None]:
        place = network = None
        for file in self._files:
            record = file.current().get(address)
            if record is not None:
                place = place or place_in(record, self._reading)
                network = network or network_in(record)
            if place is not None and network is not None:
                break
        return place, network

    def close(self) -> None:
        """Let go of the files; from now on no address has a location."""
        self._files = []
        self._is_hosting = None

    def __enter__(self) -> MaxMindLocator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _reading(locale: object, radius: object) -> Reading:
    if not isinstance(radius, (int, float)) or not 0 < radius < FARTHEST_KM:
        raise ConfigurationError("default_accuracy_km must be above 0, and below 20,000")
    if not isinstance(locale, str):
        raise ConfigurationError("locale must be the code of a language, such as 'en'")
    return Reading(locale, float(radius))


def _path(path: PathLike) -> str:
    try:
        text = os.fspath(path)
    except TypeError:
        text = None
    if not isinstance(text, str) or "\0" in text:
        raise ConfigurationError(f"a file is named by its path, not by {type(path).__name__}")
    return os.path.abspath(text)  # noqa: PTH100 - the process may go to another folder


def _asked(
    hosting: PathLike | Hosting, elapsed: Callable[[], float]
) -> Callable[[Address], bool | None]:
    """How *hosting* is asked for an address."""
    if not isinstance(hosting, (str, os.PathLike)):
        ask = getattr(hosting, "is_hosting", None)
        if not callable(ask):
            raise ConfigurationError(
                "hosting must be the path of a list, or an object with is_hosting(ip), not"
                f" {type(hosting).__name__}"
            )
        return partial(_answer, ask)
    networks: Replaced[Networks] = Replaced(_path(hosting), read_networks, elapsed)
    return lambda address: address in networks.current()


def _answer(ask: Callable[[str], object], address: Address) -> bool | None:
    """The answer of somebody else's list; None where it is no answer."""
    try:
        answer = ask(str(address))
    except Exception:
        import logging  # late: it is not needed as long as nothing fails

        logging.getLogger("devsess").exception("the list of hosting networks failed")
        return None
    return answer if isinstance(answer, bool) else None
