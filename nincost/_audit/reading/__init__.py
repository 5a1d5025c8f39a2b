"""Reads a written answer: `statements.py` cuts a text into calculations with the words around them.

`words.py` knows the words, `answer.py` puts the calculations into parts by what they are about,
`table_answer.py` reads tables. `tokens.py` and `expression.py` make a tree of one calculation, by a
strict grammar with limits on length, digits, depth, exponents and values.
"""
