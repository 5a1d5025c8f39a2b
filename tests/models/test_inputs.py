"""Input specs, against their grammar in the interface: `[NAME=]SHAPE[:DTYPE]`."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nincost._models.inputs import DTYPES, InputSpec, make_input, parse_spec, to_meta
from nincost.errors import InputError


@pytest.mark.parametrize(
    ("text", "batch", "shape", "dtype", "name"),
    [
        ("1x224x224", 1, (1, 1, 224, 224), "", ""),
        ("3x32x32:float16", 8, (8, 3, 32, 32), "float16", ""),
        ("input_ids=128:int64", 2, (2, 128), "int64", "input_ids"),
        ("3×32×32", 1, (1, 3, 32, 32), "", ""),
        ("3X32X32", 1, (1, 3, 32, 32), "", ""),
        (" 7 ", 5, (5, 7), "", ""),
        ("4:half", 1, (1, 4), "float16", ""),
        ("4:torch.bfloat16", 1, (1, 4), "bfloat16", ""),
        ("4:long", 1, (1, 4), "int64", ""),
        ("labels=batch:int64", 8, (8,), "int64", "labels"),
        ("batch", 3, (3,), "", ""),
        ("16xbatchx4", 3, (16, 3, 4), "", ""),
        ("edge_index==2x100:int64", 8, (2, 100), "int64", "edge_index"),
        ("==5", 8, (5,), "", ""),
        ("kwargs.time_ids=6", 8, (8, 6), "", "kwargs.time_ids"),
        ("images[]=3x8x8", 2, (3, 8, 8), "", "images[2]"),
        ("targets[].labels=7:int64", 2, (7,), "int64", "targets[2].labels"),
    ],
)
def test_a_spec_reads_as_written(
    text: str, batch: int, shape: tuple[int, ...], dtype: str, name: str
) -> None:
    assert parse_spec(text, batch) == InputSpec(shape, dtype, name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "SHAPE"),
        ("1xAx3", "'A'"),
        ("0x224x224", "size of 0"),
        ("-1x3", "'-1'"),
        ("3x", "''"),
        ("x3", "''"),
        ("3.5x2", "'3.5'"),
        ("a=b=3", "NAME"),
        ("1a=3", "NAME"),
        ("3:float33", "float32"),
        ("3:", "NAME"),
        ("=3", "NAME"),
        ("a==batch", "twice"),
        ("batchxbatch", "twice"),
        ("٣x٣", "no size"),  # Arabic-Indic digits are decimal to Python
        ("99999999999999999999", "no size"),
        ("999999999999x999999999999", "more elements"),
    ],
)
def test_a_bad_spec_is_named_and_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match="input") as error:
        parse_spec(text, 1)
    assert says in str(error.value)


@pytest.mark.parametrize("batch", [0, -1, 1.0, True, "1", None])
def test_a_batch_size_is_a_whole_number_of_at_least_one(batch: object) -> None:
    with pytest.raises(InputError, match="batch size is"):
        make_input("3", batch, torch.float32)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_each_dtype_name_is_torchs(name: str) -> None:
    assert getattr(torch, name) is getattr(torch, DTYPES[name])


@given(
    st.lists(st.integers(1, 99), min_size=1, max_size=5),
    st.integers(1, 9),
    st.sampled_from(["", *sorted(set(DTYPES.values()))]),
    st.sampled_from(["", "x", "input_ids"]),
)
def test_a_spec_written_out_reads_the_same(
    sizes: list[int], batch: int, dtype: str, name: str
) -> None:
    spec = InputSpec((batch, *sizes), dtype, name)
    head, _, tail = str(spec).rpartition("=")
    without_batch = tail.partition("x")[2]
    assert parse_spec(f"{head}{'=' if head else ''}{without_batch}", batch) == spec


def test_positional_and_named_specs_go_where_they_belong() -> None:
    given = make_input(("3x4", "mask=4:bool", "5"), 2, torch.float16)
    assert [tuple(t.shape) for t in given.args] == [(2, 3, 4), (2, 5)]
    assert given.args[0].dtype is torch.float16
    assert given.kwargs["mask"].dtype is torch.bool
    assert all(t.is_meta for t in (*given.args, *given.kwargs.values()))


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        make_input(("a=3", "a=4"), 1, torch.float32)


def test_tensors_keep_their_layout_and_their_batch() -> None:
    tensor = torch.zeros(2, 3, 8, 8, dtype=torch.float64).to(memory_format=torch.channels_last)
    given = make_input({"x": [tensor, 5]}, 1, torch.float32)
    copy = given.kwargs["x"][0]
    assert copy.is_meta
    assert (copy.stride(), copy.dtype) == (tensor.stride(), torch.float64)
    assert given.kwargs["x"][1] == 5
    assert given.batch_size == 2
    with pytest.raises(InputError, match="already have their batch"):
        make_input(tensor, 4, torch.float32)


@pytest.mark.parametrize("nothing", [5, (), [], {}, object(), (1, 2.5), {"a": 1}, None])
def test_an_input_without_a_tensor_is_refused(nothing: object) -> None:
    with pytest.raises(InputError, match="3x224x224"):
        make_input(nothing, 1, torch.float32)


def test_a_spec_larger_than_any_memory_is_refused_in_words() -> None:
    # 3e18 elements could be numbered, but 1.2e19 bytes cannot.
    with pytest.raises(InputError, match="more elements"):
        make_input("1x1500000000x2000000000", 1, torch.float32)


def test_to_meta_keeps_requires_grad() -> None:
    assert to_meta(torch.zeros(3, requires_grad=True)).requires_grad
    assert not to_meta(torch.zeros(3)).requires_grad


def test_sizes_with_their_batch_stand_for_tensors() -> None:
    """As torchinfo's input_size."""
    for sizes in ((8, 3, 224, 224), [8, 3, 224, 224], torch.Size([8, 3, 224, 224])):
        found = make_input(sizes, 1, torch.float16)
        assert found.specs == ("8x3x224x224:float16",)
        assert found.batch_size == 8
        assert found.args[0].is_meta
    assert make_input([(2, 3), (2, 5)], 1, torch.float32).specs == ("2x3:float32", "2x5:float32")
    with pytest.raises(InputError, match="already have their batch"):
        make_input((8, 3), 2, torch.float32)
    with pytest.raises(InputError, match="holds no tensor"):
        make_input((8, 0), 1, torch.float32)
