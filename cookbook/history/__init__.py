"""
The history of runs: their changes, operator and revision.

Runs write journals (`journal`); `store` reads them into tables and answers questions from those.
"""
