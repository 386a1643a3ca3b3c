"""What `import devsess` costs, beside `import jwt`."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks._line import Line
from benchmarks._setting import Setting

HEAVY = ("user_agents", "sqlite_utils", "redis", "psycopg", "pymongo", "flask", "django", "click")


def lines(setting: Setting) -> list[Line]:
    """Time, beyond an interpreter that does nothing; and what is loaded."""
    rounds = setting.rounds(25)
    nothing, jwt, ours = (
        _seconds(code, rounds) for code in ("pass", "import jwt", "import devsess")
    )
    ratio = (ours - nothing) / (jwt - nothing)
    return [
        Line("import devsess, beside import jwt", ratio, 1.5, microseconds=(ours - nothing) * 1e6),
        Line("modules that `import devsess` loads", _modules("import devsess"), unit=""),
        Line("modules that `import jwt` loads", _modules("import jwt"), unit=""),
        Line("heavy packages that `import devsess` loads", _heavy(), 0, unit=""),
    ]


def _seconds(code: str, rounds: int) -> float:
    def once() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    return min(once() for _ in range(rounds))


def _modules(code: str) -> int:
    return _told(f"import sys; {code}; print(len(sys.modules))")


def _heavy() -> int:
    return _told(f"import sys, devsess; print(sum(name in sys.modules for name in {HEAVY!r}))")


def _told(code: str) -> int:
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return int(answer.stdout)
