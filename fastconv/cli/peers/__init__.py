"""``bench --peers``: other engines beside fastconv, each in a process of its own."""
