"""
Check that a revocation holds at once: no validation that began after `revoke` returned succeeds.

    python -m benchmarks.checker [--store NAME|URL] [--way WAY] [--faults all] [--json]

benchmarks/README.md says what is done, and what the options mean. The exit code is 1 if a
validation was late, if a live session was refused, or if too little was tried.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from attrs import asdict
from tabulate import tabulate

from benchmarks.checker.checking import Findings, check
from benchmarks.checker.faults import FAULTS
from benchmarks.checker.places import NAMES
from benchmarks.checker.settings import KINDS, WAYS, Settings

# What cannot be injected there; see `faults.possible`.
_WITHOUT = {
    "sqlite": {"cut", "delayed", "restarted"},
    "valkey-cluster": {"delayed"},
    "mongoeco": {"restarted"},
}
# Where a server takes long for each new session, in Python: less of everything.
_FEWER = {"threads": 1, "refusals": 1}
_OF_A_URL = {"cut", "delayed", "restarted"}


def faults_of(store: str, named: str) -> tuple[str, ...]:
    """The faults in a text: their names with commas in between, `all`, or nothing."""
    if named != "all":
        return tuple(filter(None, named.split(",")))
    without = _WITHOUT.get(store, set() if store in NAMES else _OF_A_URL)
    return tuple(fault for fault in FAULTS if fault not in without)


def fewer_on(store: str) -> dict[str, Any]:
    """The settings of a check on a server that is slow."""
    return _FEWER if store.startswith("mongo") and store in NAMES else {}


def report(findings: Findings) -> str:
    """The outcome, for people."""
    faults = ", ".join(f"{name} {count}" for name, count in findings.faults.items())
    return tabulate(
        [
            ("validations", f"{findings.validations:,}"),
            ("of them refused, rightly", f"{findings.refusals:,}"),
            ("without an answer, sign-ins and endings too", f"{findings.unavailable:,}"),
            ("of the accepted, from memory", f"{findings.from_memory:.1%}"),
            ("of the accepted, without a call of the store", f"{findings.leased:.1%}"),
            ("revocations", f"{findings.revocations:,}"),
            ("of them by a number, before their rows", f"{findings.covered:,}"),
            ("late: accepted after revoke had returned", f"{findings.late:,}"),
            ("revoked, and accepted when all was over", f"{findings.lived_on:,}"),
            ("refused though nobody had revoked", f"{findings.wrong_refusals:,}"),
            ("faults", faults or "none"),
            ("seconds", f"{findings.seconds:.1f}"),
        ],
        disable_numparse=True,
        colalign=("left", "right"),
    )


def _settings(options: argparse.Namespace) -> Settings:
    way = options.way or ("following" if options.max_staleness else "asking")
    kinds = KINDS if options.managers == "both" else (options.managers,) * 2
    faults = faults_of(options.store, options.faults)
    return Settings(
        store=options.store,
        way=way,
        max_staleness=options.max_staleness or Settings().max_staleness,
        bound=options.bound,
        lease=options.lease,
        kinds=kinds,
        faults=faults,
        validations=options.validations,
        revocations=options.revocations,
        rounds=options.rounds if {*faults} - {"clocks"} else 0,
        mark=options.mark,
        **fewer_on(options.store),
    )


def main() -> int:
    """Check, print, and say by the exit code whether the promise held."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checker", description=main.__doc__)
    parser.add_argument("--store", default="sqlite", help=f"{', '.join(NAMES)}, or a URL")
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--managers", choices=("both", *KINDS), default="both")
    parser.add_argument("--faults", default="", help=f"all, or some of {', '.join(FAULTS)}")
    parser.add_argument("--rounds", type=int, default=2, help="of all faults, at least")
    parser.add_argument("--validations", type=int, default=100_000, metavar="N")
    parser.add_argument("--revocations", type=int, default=200, metavar="N")
    parser.add_argument("--max-staleness", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--bound", type=float, metavar="SECONDS")
    parser.add_argument("--lease", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--mark", choices=("automatic", "data_version"), default="automatic")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    findings = check(_settings(options))
    print(json.dumps(asdict(findings)) if options.json else report(findings))
    return 0 if findings.sound and findings.validations >= options.validations else 1


if __name__ == "__main__":
    sys.exit(main())
