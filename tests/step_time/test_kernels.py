"""What physics says of kernels, whatever the parameters are: bounds, monotony, tiles."""

from dataclasses import replace

import numpy as np
import pytest

from nincost._devices.cards import GPUS, get_gpu
from nincost._time.kernels import WorkTable, kernel_times
from nincost._time.parameters import fitted_parameters
from nincost._time.peaks import peak_of
from nincost._time.work.kinds import FAMILIES, Work

PARAMETERS = fitted_parameters()
#: Cards run above the clock that their data sheets compute peaks with.
FASTER = 1.1


def matmul(m, n, k, precision="float16", family="matmul", batch=1):
    size = 2 if precision == "float16" else 4
    moved = size * batch * (m * k + k * n + m * n)
    return Work(family, precision, 2 * batch * m * n * k, moved, (batch, m, n, k))


def seconds(*works, gpu="a100", parameters=PARAMETERS):
    return kernel_times(WorkTable.of(works), get_gpu(gpu), parameters).seconds


def test_each_family_has_its_parameters_and_none_is_better_than_its_peak():
    assert set(PARAMETERS.memory) == set(FAMILIES)
    assert all(0 < share <= 1 for share in PARAMETERS.memory.values())
    for units in (PARAMETERS.cores, PARAMETERS.tensor):
        assert all(0 < share <= FASTER for share in units.efficiency.values())


@pytest.mark.parametrize("card", sorted(GPUS))
def test_no_kernel_beats_its_card(card):
    gpu = get_gpu(card)
    shapes = [(8192, 8192, 8192), (64, 1000, 4096), (4096, 4096, 64), (197, 768, 768)]
    works = [matmul(*shape, precision) for shape in shapes for precision in ("float32", "float16")]
    works += [Work("elementwise", "float32", 0, moved) for moved in (2**10, 2**20, 2**30)]
    times = kernel_times(WorkTable.of(works), gpu, PARAMETERS).seconds
    for work, found in zip(works, times, strict=True):
        assert found >= work.moved / gpu.bandwidth
        assert found >= work.flops / peak_of(gpu, work.precision).flops / FASTER
        assert found >= PARAMETERS.kernel_seconds


def test_a_tile_more_than_the_card_has_sms_takes_a_wave_more():
    parameters = replace(
        PARAMETERS, tensor=replace(PARAMETERS.tensor, largest_tile=128 * 128, small_tiles=9.0)
    )
    rows = np.array([100, 108, 109, 200, 216]) * 128  # an A100 has 108 SMs
    works = [matmul(int(m), 128, 65536, family="batched-matmul") for m in rows]
    times = kernel_times(WorkTable.of(works), get_gpu("a100"), parameters).compute
    assert times[0] == times[1]
    assert times[2] == pytest.approx(2 * times[1])
    assert times[3] == times[4] == times[2]


def test_few_channels_cannot_fill_a_wide_card():
    few, many = (Work("batch-norm", "float32", 0, 2**28, blocks=n) for n in (64, 2048))
    assert seconds(few, gpu="h100") > 2 * seconds(many, gpu="h100")
    assert seconds(few, gpu="rtx3060") < 1.2 * seconds(many, gpu="rtx3060")


def test_more_work_takes_longer():
    base = matmul(1024, 1024, 1024)
    assert seconds(base) < seconds(matmul(2048, 2048, 1024))
    assert seconds(base) < seconds(matmul(1024, 1024, 1024, "float32"))
    assert seconds(base, gpu="h100") < seconds(base, gpu="a100") < seconds(base, gpu="t4")


def test_winograd_is_faster_where_channels_are_many():
    product = (1, 32 * 28 * 28, 256, 256 * 9)
    direct = Work("conv-forward", "float32", 2 * product[1] * 256 * 256 * 9, 2**26, product)
    quick = direct._replace(winograd=28)
    assert seconds(quick, gpu="v100") < 0.8 * seconds(direct, gpu="v100")
    # Published for 3 x 3 kernels: at most four times fewer products (F(4x4), Lavin and Gray).
    assert seconds(quick, gpu="v100") > seconds(direct, gpu="v100") / 4


def test_a_card_computes_no_more_than_its_power_allows():
    large = matmul(8192, 8192, 8192, "float32")
    limit = PARAMETERS.most_flops(get_gpu("t4"), tensor=False, size=4)
    assert limit < get_gpu("t4").fp32_flops
    assert seconds(large, gpu="t4") >= large.flops / limit


def test_what_a_card_draws_before_it_computes_counts_most_on_small_cards():
    # 25 of a T4's 70 W, and of a V100's 300: only the T4 is kept below its peak by its power.
    busy = replace(PARAMETERS, cores=replace(PARAMETERS.cores, idle_watts=0.0))
    share = {
        card: PARAMETERS.most_flops(get_gpu(card), tensor=False, size=4)
        / busy.most_flops(get_gpu(card), tensor=False, size=4)
        for card in ("t4", "v100-16gb")
    }
    assert share["t4"] == pytest.approx(45 / 70)
    assert share["v100-16gb"] == pytest.approx(275 / 300)
    v100 = get_gpu("v100-16gb")
    assert PARAMETERS.most_flops(v100, tensor=False, size=4) > v100.fp32_flops


def test_ada_has_an_energy_of_its_own_and_other_cards_that_of_their_generation():
    cards = [replace(get_gpu("l4"), capability=c) for c in ((8, 9), (8, 6), (8, 0))]
    ada, *ampere = (PARAMETERS.most_flops(card, tensor=False, size=4) for card in cards)
    assert ada > ampere[0] == ampere[1]


def test_a_library_with_one_tile_takes_whole_ones():
    only = replace(PARAMETERS, tiles={("batched-matmul", (8, 0)): ((128, 128),)})
    half, whole = (matmul(512, n, 1024, "float32", "batched-matmul", batch=512) for n in (64, 128))
    times = kernel_times(WorkTable.of([half, whole]), get_gpu("a100"), only).compute
    assert times[0] == times[1]
    times = kernel_times(WorkTable.of([half, whole]), get_gpu("a100"), PARAMETERS).compute
    assert times[0] < 0.7 * times[1]


def test_winograd_in_one_kernel_takes_whole_blocks_of_the_image():
    def conv(side):  # 32 channels of results: one block of them
        m = 1024 * side * side
        return Work("conv-forward", "float32", 2 * m * 32 * 576, 1, (1, m, 32, 576), winograd=side)

    table = WorkTable.of([conv(15), conv(16)])
    smaller, sixteen = kernel_times(table, get_gpu("v100"), PARAMETERS).compute
    assert smaller == sixteen  # of 8 x 16 results each image has two blocks
