"""Pin the scores that the compact scorer gives now to the probe's known edits.

`python -m bench.goldens` rewrites `services/evaluation/goldens.json`. Run it when the digest of the compact
scorer has changed on purpose; the service refuses to start with a digest that has no pins.
"""

import json

from services.evaluation import staged
from services.evaluation.backends import load_backend
from services.evaluation.probes import GOLDENS, values
from services.evaluation.settings import Settings

scorer = load_backend(Settings(backend="compact"))
edits = {"reddened": staged.reddened, **staged.FLAWED_EDITS}
marks = scorer.score(staged.table(), [draw() for draw in edits.values()], staged.RED, lambda: None)
pins = {name: [round(value, 3) for value in values(found)] for name, found in zip(edits, marks, strict=True)}
GOLDENS.write_text(json.dumps({scorer.backend.digest: pins}, indent=2) + "\n")
print(json.dumps({"digest": scorer.backend.digest, "pins": pins}))
