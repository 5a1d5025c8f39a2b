"""Terms as products, and sums of them as text."""

from __future__ import annotations

from nincost._closed_form.terms import Factor, Term, term
from nincost._closed_form.terms_text import terms_text


def test_a_term_is_its_product() -> None:
    made = term("weights", a=2, b=3)
    assert made == Term("weights", (Factor("a", 2), Factor("b", 3)))
    assert (made.value, made.symbols, made.numbers) == (6, "a*b", "2*3")


def test_weights_and_biases_have_their_common_factor_in_front() -> None:
    weights = term("weights", k_h=3, k_w=3, C_in=8, C_out=16)
    biases = term("biases", C_out=16)
    assert terms_text((weights, biases)) == "16*(3*3*8+1)"
    assert terms_text((weights, biases), symbols=True) == "C_out*(k_h*k_w*C_in+1)"
    assert terms_text((weights,)) == "16*3*3*8"


def test_a_sum_has_constants_as_numbers_and_no_batch_of_one() -> None:
    terms = (term("a", N=1, two=2, H=4), term("b", N=5, I=3))
    assert terms_text(terms) == "2*4 + 5*3"
    assert terms_text(terms, symbols=True) == "2*H + N*I"
    assert terms_text(()) == ""
