"""Integer convolutions: against plain Python integers on ten thousand inputs, and inside whole networks."""

import itertools

import pytest
import torch
from torch import nn

from algorism.errors import ShapeError, UsageError
from algorism.lowbit.folding import fold_batch_norms
from algorism.lowbit.integer_conv import IntegerConv2d
from algorism.lowbit.integer_models import integer_network
from algorism.lowbit.spec import QuantSpec

UNSIGNED = QuantSpec(symmetric=False, signed=False)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def converted(layer, weights, activations, size=5, relu=True):
    parts = [layer, nn.ReLU()] if relu else [layer]
    net = integer_network(nn.Sequential(*parts), [random(200, layer.in_channels, size, size)], weights, activations)
    return net, net.layers[0]


def reference(conv, image):
    """One image (c, h, w) of integers through one convolution, with Python's integers and loops over every place."""
    linear = conv.linear
    weight, w_zero = linear.weight.q.tolist(), linear.weight.zero_point_og.tolist()
    x_zero, y_zero = int(linear.input.zero_point), int(linear.output.zero_point)
    rows, columns = len(image[0]), len(image[0][0])
    heights, widths = (
        [start for start in range(-pad, size + pad, stride) if start + dilation * (kernel - 1) < size + pad]
        for size, pad, stride, dilation, kernel in zip(
            (rows, columns), conv.padding, conv.stride, conv.dilation, conv.kernel
        )
    )
    out = []
    for o, filter_o in enumerate(weight):
        zero = w_zero[o if len(w_zero) > 1 else 0][0]
        places = []
        for h, w in itertools.product(heights, widths):
            acc = int(linear.bias_o[o])
            inside = itertools.product(range(conv.channels), range(conv.kernel[0]), range(conv.kernel[1]))
            for q_w, (c, i, j) in zip(filter_o, inside):
                r, s = h + conv.dilation[0] * i, w + conv.dilation[1] * j
                value = image[c][r][s] if 0 <= r < rows and 0 <= s < columns else x_zero
                acc += (q_w - zero) * (value - x_zero)
            m, e = int(linear.m_o[o]), int(linear.e_o[o])
            y = (2 * acc * m + 2**e) // 2 ** (e + 1) + y_zero
            low = max(linear.output.spec.qmin, y_zero) if linear.relu else linear.output.spec.qmin
            places.append(min(max(y, low), linear.output.spec.qmax))
        out.append([places[k * len(widths) : (k + 1) * len(widths)] for k in range(len(heights))])
    return out


SHAPES = [
    {"kernel_size": 3, "padding": 1, "stride": 2},
    {"kernel_size": (2, 3), "padding": (0, 2), "dilation": (2, 1)},
    {"kernel_size": 1, "bias": False},
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("weights", "activations"),
    [
        (QuantSpec(granularity="channel"), UNSIGNED),
        (QuantSpec(symmetric=False, bits=5), QuantSpec(symmetric=False, bits=6)),
    ],
)
def test_every_shape_equals_the_reference(shape, weights, activations):
    torch.manual_seed(1)
    _, conv = converted(nn.Conv2d(2, 3, **shape), weights, activations)
    assert isinstance(conv, IntegerConv2d)
    q = conv.input.quantize(random(40, 2, 5, 5, seed=1) * 1.5)  # some beyond the calibrated range
    assert conv(q).tolist() == [reference(conv, image) for image in q.tolist()]


def test_ten_thousand_inputs_equal_the_reference():
    torch.manual_seed(2)
    net, conv = converted(nn.Conv2d(1, 2, 2, padding=1, stride=2), QuantSpec(granularity="channel"), UNSIGNED, size=3)
    x = random(10_000, 1, 3, 3, seed=3) * 1.3
    q = conv.input.quantize(x)
    assert net.integers(x).tolist() == [reference(conv, image) for image in q.tolist()]


def convnet():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6, 5),
        nn.ReLU(),
        nn.Linear(5, 3),
    )


def test_a_network_of_everything_is_its_layers_one_by_one_and_near_the_float_one():
    model, x = convnet(), random(500, 1, 8, 8)
    model.train()
    for _ in range(50):
        model(x)
    model.eval()
    fold_batch_norms(model)
    net = integer_network(model, x.split(100), QuantSpec(granularity="channel"), UNSIGNED)
    assert len(net.computing) == 4
    asked = random(300, 1, 8, 8, seed=5)
    first, pool, second, flat, third, fourth = net.layers
    h = first(first.input.quantize(asked))
    pooled = nn.functional.max_pool2d(h.float(), 2).long()
    assert torch.equal(pool(h), pooled)
    assert torch.equal(net.integers(asked), fourth(third(flat(second(pooled)))))
    y = model(asked).detach()
    assert (net(asked) - y).square().mean() < 3e-3 * y.var()


def test_calibration_leaves_mode_and_statistics_alone():
    model = convnet().train()
    with pytest.raises(UsageError, match=r"got BatchNorm2d\. Fold it first"):
        integer_network(model, [random(4, 1, 8, 8)], QuantSpec(), UNSIGNED)
    model.eval()
    fold_batch_norms(model)
    model.train()
    integer_network(model, [random(4, 1, 8, 8)], QuantSpec(), UNSIGNED)
    assert model.training


def test_what_integer_convolutions_cannot_do_is_refused():
    for wrong in (
        nn.Conv2d(2, 4, 3, groups=2),
        nn.Conv2d(2, 4, 3, padding="same"),
        nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular"),
    ):
        with pytest.raises(UsageError, match="one group, padded with zeros"):
            converted(wrong, QuantSpec(), UNSIGNED)
    _, conv = converted(nn.Conv2d(2, 4, 3), QuantSpec(), UNSIGNED)
    with pytest.raises(ShapeError, match="2 channels expected"):
        conv(torch.zeros(1, 3, 5, 5, dtype=torch.int64))
    with pytest.raises(UsageError, match="got AvgPool2d"):
        integer_network(nn.Sequential(nn.Conv2d(1, 1, 1), nn.AvgPool2d(2)), [random(2, 1, 4, 4)], QuantSpec(), UNSIGNED)
