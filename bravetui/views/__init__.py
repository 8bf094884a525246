"""Everything a person can see: one function a question, frozen rows for answers.

No row of the database and no session ever leaves this package. Times are aware and in UTC; `words` turns them into what a
foreman reads.
"""
