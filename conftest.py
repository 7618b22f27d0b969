"""Settings for every test run, `pytest --nbmake notebooks/` against a server of your own included."""

import os

# A wrong answer to an exercise is a message to an attendee and a failure here. Kernels inherit this.
os.environ["WORKSHOP_CHECKS"] = "raise"
