"""What the tests of the operators share: random problems, oracles, bounds, guard pages.

- `cases`: problems drawn by a seeded generator or by hypothesis, and their arrays;
- `oracles`: what each operator should give, in float64, by the reference or by torch;
- `checks`: one function per promise; it runs the operator on a case and raises AssertionError;
- `guards`: arrays that lie flush against pages which may not be touched;
- `children`: the same checks in a process of their own, with another instruction set.
"""
