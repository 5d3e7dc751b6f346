"""
The history: what was done, by whom, from which revision.

Runs write journals (`journal`); `store` reads them into tables and answers questions from those.
"""
