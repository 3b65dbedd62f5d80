"""`make demo`: the loop closes before your eyes, on a stack that `make up` has started.

| story | what happens |
| --- | --- |
| cure | the concept changes in a table, quality falls, and another recipe cures it |
| drift | the inputs of requests change, and Airflow trains anew with that cause on show |

`python -m evergreen_workshop.demonstration drift` tells the second. Exit code 0: it all came out as
told.
"""
