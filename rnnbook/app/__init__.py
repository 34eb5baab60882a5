"""The command `rnnbook`: the reader's copy of the chapters, and what this machine has."""
