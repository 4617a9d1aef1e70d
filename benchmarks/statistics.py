"""Whether intervals cover and tests keep their word: see interval_coverage.py.

python benchmarks/statistics.py [--simulations 1000] [--json]
"""

import importlib.util
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    from interval_coverage import main

    sys.exit(main())

# A script of this folder has the folder on its path, so whatever asks for Python's own module of
# this name finds this file; it is given what it asked for.
real = Path(os.__file__).with_name("statistics.py")
spec = importlib.util.spec_from_file_location(__name__, real)
if spec is None or spec.loader is None:
    raise ImportError("Python's own module 'statistics' is not there")
sys.modules[__name__] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[__name__])
