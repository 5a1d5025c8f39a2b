"""What results and errors say, in Chinese.

The code writes English. `translate.py` finds the sentence among the patterns of the catalogs, each
an English sentence with `{names}` for what varies beside its Chinese, and puts the values in.
To add a sentence, add it to the catalog of its command; a test finds those that lack one.
"""
