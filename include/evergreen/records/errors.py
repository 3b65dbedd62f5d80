"""What PostgreSQL says when it does not do what it was asked, in our words.

DatabaseError             any of these
├── DatabaseAway          it does not answer, ends the connection, or is out of something
│   ├── DiskFull          its disk is
│   └── LIMITS            a row, a statement or a table is larger than it can be
├── StatementRefused      a statement names what is not there, or does what is not allowed
│   ├── NotAllowed        the role may not
│   └── NoSuchKey         there is no unique constraint on these columns
├── ValueRefused          a value that it cannot hold or compute
├── RuleBroken            a constraint of a table
│   └── KeyRepeats        a key that is there already
└── NotSupported          something that it does not do

They are the driver's own classes: `error.diag` holds what the server said. Whoever works with
PostgreSQL catches these; only this package and `data.warehouse` know the driver.
"""

import psycopg2
from psycopg2 import errors

DatabaseError = psycopg2.Error
DatabaseAway = psycopg2.OperationalError
StatementRefused = psycopg2.ProgrammingError
ValueRefused = psycopg2.DataError
RuleBroken = psycopg2.IntegrityError
NotSupported = psycopg2.NotSupportedError

DiskFull = errors.DiskFull
NotAllowed = errors.InsufficientPrivilege
NoSuchKey = errors.InvalidColumnReference
KeyRepeats = errors.UniqueViolation
LIMITS = (errors.ObjectNotInPrerequisiteState, errors.ProgramLimitExceeded, errors.TooManyColumns)
