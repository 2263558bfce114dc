"""Other libraries: one file each, imported only when asked for."""
