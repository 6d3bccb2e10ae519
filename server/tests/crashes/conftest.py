"""The suite's own package: what its tests share is too much for one module."""

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if "crash_suite" not in sys.modules:
    _spec = importlib.util.spec_from_file_location(
        "crash_suite", HERE / "suite" / "__init__.py", submodule_search_locations=[str(HERE / "suite")]
    )
    _package = importlib.util.module_from_spec(_spec)
    sys.modules["crash_suite"] = _package
    _spec.loader.exec_module(_package)
