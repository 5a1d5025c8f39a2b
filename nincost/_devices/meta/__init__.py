"""What operators give on meta tensors, for every device: a file a family, backward beside forward.

torch's own meta kernels know all cases, but many are Python that takes up to two milliseconds for
each new shape, and the first call imports torch's compiler and sympy, a second or two. The layouts
here know the commonest operators' plainest case each: dense row-major tensors of one type. For
anything else they give None, and torch is asked. Corrections and refusals are where torch's meta
kernels differ from every real one. Tests compare each with torch's kernels.
"""
