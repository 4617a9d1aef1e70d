"""What holds for all tests."""

import signal
import threading

from hypothesis import HealthCheck, settings

# How fast examples are made says nothing of the code where other programs share the processor.
# The same tree passes or fails alike each time: `--hypothesis-profile search` looks for more.
settings.register_profile(
    "search", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("shared", settings.get_profile("search"), derandomize=True)
settings.load_profile("shared")

# A shell ignores Ctrl-C for what it starts in the background, and so would all that tests start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
