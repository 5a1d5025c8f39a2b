"""Never takes a step, and never needs torch."""

import time

time.sleep(600)
