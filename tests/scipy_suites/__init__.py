"""SciPy's own tests, run with its functions replaced by ours."""
