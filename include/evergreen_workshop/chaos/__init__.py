"""Faults at every moment of a running stack, and whether they did harm.

Usage::

    cells = draw(choose(["kill -9"]), seed=7, count=20)    # the same seed, the same cells
    with experiment(world, Strike(), messages, seed=7) as it:
        for number, cell in enumerate(cells):
            [result] = it.run([cell], number)
            print(result.cell, result.complaints, result.recovery)

`cells` is the matrix; `world` the stack, seen from outside; `twin` the same use case undisturbed,
which says what is due; `pursuit` follows a run and strikes; `judge` holds one against the other.
"""
