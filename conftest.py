"""What holds for every test: no deadline on a busy machine, and nothing of the person's own folders is touched."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_HOMES = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")


def pytest_configure(config: pytest.Config) -> None:
    """Data and settings of the tests go to a folder of their own, in processes that tests start too."""
    folder = tempfile.TemporaryDirectory(prefix="oddport-tests-")
    config.add_cleanup(folder.cleanup)
    for name in _HOMES:
        path = Path(folder.name) / name.lower()
        path.mkdir()
        os.environ[name] = str(path)
