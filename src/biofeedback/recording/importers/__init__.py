"""Foreign formats, read into beats."""
