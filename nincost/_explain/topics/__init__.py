"""Answers to what readers of the textbook's chapter asked, each with its figures worked out.

A file has a topic or two; `answer.py` lists them by name. A topic is a function of a `Subject` (the
model, its input and batch) and returns rows of figures for two or more cases, and sentences. No
figure is written down: each comes from `profile`, `memory`, `time` or a formula. Sentences stand in
`phrases.py`, in English and Chinese; `results.py` is what comes back.
"""
