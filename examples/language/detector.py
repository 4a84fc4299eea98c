"""Says which language a text is in, with langid's model (97 languages, no network)."""

import math
import os
from dataclasses import dataclass
from typing import Any

# One thread a request is enough for a product of this size; a pool would only contend for cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from langid.langid import (  # pyright: ignore[reportMissingTypeStubs]
    LanguageIdentifier,
    model,
)


@dataclass(frozen=True)
class Detection:
    """An answer.

    Attributes:
        language: ISO 639-1 code, "und" where the text has nothing to go by.
        confidence: Probability of that language given the text, 0 to 1.
    """

    language: str
    confidence: float


class LanguageDetector:
    """A loaded model; safe to use from several threads, because detecting changes nothing in it."""

    def __init__(self) -> None:
        self._identifier: Any = LanguageIdentifier.from_modelstring(model)
        self.detect("warm")

    def detect(self, text: str) -> Detection:
        """Returns the most probable language of a text."""
        counts = self._identifier.instance2fv(text)
        # A text has few of the model's 7480 features: only their rows are multiplied.
        present = counts.nonzero()[0]
        if not present.size:
            return Detection("und", 0.0)
        weights = counts[present] @ self._identifier.nb_ptc[present] + self._identifier.nb_pc
        scores: list[float] = weights.tolist()
        best = max(range(len(scores)), key=scores.__getitem__)
        # Softmax of the log-probabilities, shifted so that nothing overflows.
        confidence = 1 / sum(math.exp(score - scores[best]) for score in scores)
        return Detection(str(self._identifier.nb_classes[best]), round(confidence, 6))
