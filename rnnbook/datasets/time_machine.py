"""placeholder: see _fetch"""

from rnnbook.datasets._fetch import load_text


def time_machine(*, download: bool = True) -> str:
    """Load The Time Machine."""
    return load_text("time_machine", download=download)
