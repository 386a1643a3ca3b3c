"""The cost of `import devsess`, beside `import jwt`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from benchmarks._line import Line
from benchmarks._setting import Setting

DESCRIPTION = "Beyond an interpreter that does nothing."

HEAVY = (
    "jwt",
    "cryptography",
    "user_agents",
    "sqlite_utils",
    "redis",
    "psycopg",
    "pymongo",
    "flask",
    "django",
    "click",
)
_PROGRAMS = (
    "pass",
    "import jwt",
    "import devsess",
    "import devsess; devsess.SessionManager('memory://', keys='t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6Rg')",
)
_NEVER_COMPILED = "PYTHONDONTWRITEBYTECODE"


def lines(setting: Setting) -> list[Line]:
    """Time, beyond an interpreter that does nothing; and the modules loaded."""
    with TemporaryDirectory() as compiled:
        nothing, *others = _seconds(setting.rounds(40), compiled)
    jwt, ours, made = (seconds - nothing for seconds in others)
    return [
        Line("import devsess, beside import jwt", ours / jwt, 1.5, microseconds=ours * 1e6),
        Line("and a manager made, which loads jwt", made / jwt, microseconds=made * 1e6),
        Line("modules that `import devsess` loads", _modules("import devsess"), unit=""),
        Line("modules that `import jwt` loads", _modules("import jwt"), unit=""),
        Line("heavy packages that `import devsess` loads", _heavy(), 0, unit=""),
    ]


def _seconds(rounds: int, compiled: str) -> list[float]:
    """The least of alternating rounds, each module compiled before, as an installed one is."""
    kept = {name: value for name, value in os.environ.items() if name != _NEVER_COMPILED}
    environment = {**kept, "PYTHONPYCACHEPREFIX": compiled}

    def once(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        return time.perf_counter() - start

    found = [[once(code) for code in _PROGRAMS] for _ in range(rounds + 1)]
    return [min(times) for times in zip(*found[1:], strict=True)]


def _modules(code: str) -> int:
    return _printed(f"import sys; {code}; print(len(sys.modules))")


def _heavy() -> int:
    return _printed(f"import sys, devsess; print(sum(name in sys.modules for name in {HEAVY!r}))")


def _printed(code: str) -> int:
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return int(answer.stdout)
