"""`nincost audit`: grades a hand calculation term by term, and names each mistake.

`reading/` reads a text or a table, `lost_signs.py` puts back times signs that a paste lost, and
`split_terms.py` cuts the tree of a calculation into pieces that may stand for a layer each.

`mistakes.py` and `channel_mistakes.py` have the mistakes that people make, one function each (with
`misread_sizes.py`, `carried_sizes.py` and `costs_nothing.py`), and `interpretations.py` lists every
value that they make of a layer's cost. `matching.py` gives each piece its layer so that the whole
is likeliest: `layer_groups.py` knows the model's layers, `weights.py` says how unlikely each thing
is, `penalties.py` adds that up, `pairs.py` has pieces with their layers, `hungarian.py` the
assignment. `labels.py` says which layers a line names, `labelled.py` matches it with those.

`grading.py` makes a grade of that (`grading_table.py` of a table's column, `graded_terms.py` its
rows), `wrong_total.py` explains an answer that is one number, `slips.py` a wrong sum,
`corrections.py` writes the right calculation. `figures/` grades memory, shapes and receptive
fields. `audit.py` is the public function, `subject.py` the model that it is about, `results.py`
what it returns. Whether an answer is right follows from its value, and from the layers that it
names: matching can only name a mistake wrongly, never grade wrongly.
"""
