"""Where the collection of real captures lies, if it is there at all."""

import os
from pathlib import Path

COLLECTION = Path(os.environ.get("ODDPORT_CORPORA", Path(__file__).parents[2] / ".." / "shared" / "corpora"))
