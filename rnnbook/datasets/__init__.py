"""The data the chapters learn from; nothing is downloaded but The Time Machine."""

from rnnbook.datasets.story import Corpus, Part, story
from rnnbook.datasets.time_machine import TextUnavailable, time_machine

__all__ = ["Corpus", "Part", "TextUnavailable", "story", "time_machine"]
