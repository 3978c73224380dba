"""First bytes of flows → names with their proof; names and server ports → verdicts.

`registry` says how a protocol is added, `identify` names flows, `ports` judges them.
"""

import oddport.engine  # noqa: F401  (before any compiled module of this package: it decides which build is loaded)
