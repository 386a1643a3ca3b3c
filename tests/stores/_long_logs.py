"""The contract of a store whose log takes long to fill, as two of its tests do."""

from __future__ import annotations

import pytest

from devsess.testing import StoreContract


class WithShorterLog(StoreContract):
    """With a log of a tenth by default."""

    @pytest.mark.usefixtures("shorter_log")
    def test_a_trimmed_position_means_all(self) -> None:
        """See LogContract."""
        super().test_a_trimmed_position_means_all()

    @pytest.mark.usefixtures("shorter_log")
    def test_a_purge_leaves_so_many_entries(self) -> None:
        """See LogContract."""
        super().test_a_purge_leaves_so_many_entries()


class WithLongLog(StoreContract):
    """Where the log cannot be shorter: it is filled with `--thorough` alone."""

    @pytest.mark.thorough
    def test_a_trimmed_position_means_all(self) -> None:
        """See LogContract."""
        super().test_a_trimmed_position_means_all()

    @pytest.mark.thorough
    def test_a_purge_leaves_so_many_entries(self) -> None:
        """See LogContract."""
        super().test_a_purge_leaves_so_many_entries()
