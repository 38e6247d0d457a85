"""The house's own folder is on the path, so that the pretend chain is found by its name."""

from __future__ import annotations

import sys
from pathlib import Path

HOUSE = str(Path(__file__).resolve().parents[2])
if HOUSE not in sys.path:
    sys.path.insert(0, HOUSE)
