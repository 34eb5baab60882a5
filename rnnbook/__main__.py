"""``python -m rnnbook``: the command ``rnnbook`` where it is not on the path."""

import sys

from rnnbook.app.cli import main

sys.exit(main())
