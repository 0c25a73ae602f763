"""numpy, with one thread: on a server the threads of its linear algebra wait for each other longer than they work.

A product of one question with thousands of phrasings takes a tenth of a millisecond alone; spread over the cores of a
busy machine it was measured to take forty times that.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is first imported

import numpy as np
from numpy.typing import NDArray

__all__ = ["NDArray", "np"]
