"""`nincost audit`: grades a hand calculation term by term, and names each mistake.

An answer is read in four steps: `answer.py` cuts a text into parts and lines (`table_answer.py`
reads a table), `tokens.py` and `expression.py` make a tree of each line, and `split_terms.py` cuts
the tree into pieces that may stand for a layer each.

`mistakes.py` has the mistakes that people make, one function each (with `misread_sizes.py` and
`costs_nothing.py`), and `interpretations.py` lists every value that they make of a layer's cost.
`matching.py` gives each piece its layer so that the whole is likeliest: `layer_groups.py` knows the
model's layers, `weights.py` says how unlikely each thing is, `penalties.py` adds that up,
`pairs.py` has pieces with their layers, `hungarian.py` the assignment.

`grading.py` makes a grade of that (`grading_table.py` of a table's column), `wrong_total.py`
explains an answer that is one number, `corrections.py` writes the right calculation. `audit.py` is
the public function, `results.py` what it returns. Whether an answer is right follows from its value
alone: matching can only name a mistake wrongly, never grade wrongly.
"""
