"""
Have pytest show both sides of the contract's assertions.

pytest rewrites the assertions of test files only, and prints a bare
AssertionError for any other. A module must be named before it is imported
(https://docs.pytest.org/en/stable/how-to/writing_plugins.html#assertion-rewriting),
so this one is imported first, by `contract`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from pkgutil import iter_modules

_HERE = str(Path(__file__).parent)
_NAMES = [module.name for module in iter_modules([_HERE], f"{__package__}.")]
CONTRACT = [name for name in _NAMES if name.startswith(f"{__package__}.contract_")]

# Not imported for it: an application may use FakeClock without a test runner.
if "pytest" in sys.modules:
    sys.modules["pytest"].register_assert_rewrite(*CONTRACT)
