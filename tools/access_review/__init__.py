"""What a change of the access policies means: who may do what they could not do, and who no more.

``review`` is a pure function of the policies before and after; ``render`` puts its answer into a
few lines of Markdown. Cedar's own analyser (``Analyser``) proves what requests only suggest.
"""

from tools.access_review.cedar_cli import Analyser
from tools.access_review.change import AccessReview, review
from tools.access_review.markdown import render
from tools.access_review.recordings import logs, recorded

__all__ = ["AccessReview", "Analyser", "logs", "recorded", "render", "review"]
