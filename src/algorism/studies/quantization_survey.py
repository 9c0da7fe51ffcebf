"""Which ways to quantize a network keep its accuracy, measured on one network each: on digits, and on addition.

**The survey** (Gholami et al. 2021) trains nothing. It orders methods: by grid, by how a range is found, by how many
scales there are, by how accuracy is recovered, by how the result is executed, by how many bits go where. Each part of
`algorism.lowbit` is a leaf of that tree (`lowbit.taxonomy`), from which the first picture is drawn. The claims are the
statements of the survey that one machine can check; numbers beside them are from our own brief's single run.

**What is measured.** Per seed: a perceptron 784-128-64-10 on 8,000 MNIST images, every method on copies of it at 8, 4,
3 and 2 bits, asked all 10,000 test images; five convolutions with batch norms for what needs those; and a 2-layer
transformer that adds 3-digit numbers (reversed), asked 2,000 held-out sums, once more on integers alone: from token
ids to logits, embeddings, norms, softmax and activations included. Methods share the float network, the symmetric
restricted grid, and 1,024 calibration images. MSE clip, GPTQ and AdaRound work on the same grid, whose range minimises
the squared error of the weights. Training on the grid is two more epochs.

**How differences are judged.** Seed by seed: a method's accuracy minus another's, on the same network, with Student's
interval over the seeds. "Exactly", "unchanged" and "every network" are counts and extremes, without an interval.

**Settings of the single experiments.** Outliers: one of the 1,024 calibration images is 30 times too bright, which
min-max believes. Bad scaling: each hidden unit is multiplied by e^N(0, 4) and its outgoing weights divided by it.
Mixed precision: layers at 2, 4 or 8 bits within the size of 3 bits, always the exact optimum of Σ Ω; "reversed" and
"random" give each layer another layer's trace per weight. Generated data: ZeroQ's procedure on normalised inputs.

**What is not measured.** ImageNet, where the public numbers are from (that claim stays open), and speed.

**What was found** (`cpu`, ten networks of each kind). The ladder holds, step by step. It took two changes to see it.
With 600 steps of rounding, as in our brief, AdaRound was above GPTQ in three networks of five, with 2,000 in all five
(its own default is 15,000 for few bits). And over five networks the interval of that difference still held 0, because
GPTQ varies much from network to network. Mixed precision by traces beats reversed and random bits over ten networks,
not over five. What fails: with one outlier, squared error beats min-max at 4 bits and not surely at 6; and at 3 bits
adding loses no more than reading digits, with three networks that differ widely.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from ..claims import Claim, Measurement, Measurements, Paper, Picture, Scale, Study
from .runner import note, remember

ON_DIGITS = (
    "RTN, tensor", "RTN, channel", "RTN, groups", "MSE clip", "MSE + bias, layer", "MSE + bias, network", "GPTQ",
    "AWQ", "AdaRound", "k-means", "vectors of 2", "TWN", "TTQ", "QAT", "QAT, LSQ", "QAT, distilled",
)  # fmt: skip
ON_ADDITION = ("RTN, tensor", "RTN, channel", "RTN, groups", "MSE clip", "GPTQ", "AWQ", "AdaRound", "QAT")
AFTER_TRAINING = [name for name in ON_ADDITION if name != "QAT"]
AT_FOUR_BITS = [f"addition:{name}@4" for name in AFTER_TRAINING]
LADDER = ("RTN, tensor", "RTN, channel", "MSE clip", "GPTQ", "AdaRound", "QAT")


@dataclass(frozen=True)
class Settings(Scale):
    """Sizes of one scale.

    Args:
        images: the data set; the embedded digits where its files are not there.
        train, test: images.
        calibration: images shown to methods and observers.
        epochs, conv_epochs, tune_epochs: of the perceptron, the convolutional network, and training on the grid.
        bits, trained_bits: widths of weights; those at which networks are trained on the grid.
        methods: rows of the table on digits.
        addition: transformers.
        addition_methods: rows of the table on addition.
        steps, width, layers, batch: of the transformers.
        rounding_steps: of AdaRound.
        distil_steps: of generated data.
        trace_samples: random vectors behind a Hessian's trace.
        random_allocations: of bits, at random.
        sums: held-out sums asked.
    """

    images: str = "mnist"
    train: int = 8_000
    test: int = 10_000
    calibration: int = 1_024
    epochs: int = 12
    conv_epochs: int = 4
    tune_epochs: int = 2
    bits: tuple[int, ...] = (8, 4, 3, 2)
    trained_bits: tuple[int, ...] = (3, 2)
    methods: tuple[str, ...] = ON_DIGITS
    addition: int = 3
    addition_methods: tuple[str, ...] = ON_ADDITION
    steps: int = 800
    width: int = 64
    layers: int = 2
    batch: int = 192
    rounding_steps: int = 2_000
    distil_steps: int = 500
    trace_samples: int = 30
    random_allocations: int = 5
    sums: int = 2_000


def _above(m: Measurements, name: str) -> bool:
    """Whether a difference is above 0, interval and all."""
    return m[name].low > 0


def _loses_less(m: Measurements, name: str, most: float) -> bool:
    """Whether a loss is surely below so many points (as a share)."""
    return m[name].high < most


def _reaches(m: Measurements, name: str, low: float, high: float) -> bool:
    """Whether an interval and a range have something in common."""
    return m[name].low <= high and m[name].high >= low


def _best(names: list[str], m: Measurements) -> float:
    """The largest of what was measured of these; not measured at all, it is missing like any other."""
    return max([m[name].value for name in names if name in m] or [m[names[0]].value])


STUDY = Study(
    slug="quantization-survey",
    paper=Paper(
        "A Survey of Quantization Methods for Efficient Neural Network Inference",
        year=2021,
        arxiv="2103.13630",
        authors="Amir Gholami, Sehoon Kim, Zhen Dong, Zhewei Yao, Michael W. Mahoney, Kurt Keutzer",
    ),
    claims=[
        Claim(
            "ladder",
            "At 2-bit weights RTN per tensor < RTN per channel < MSE clip ≈ GPTQ < AdaRound < training on the grid, "
            "which regains the float network's accuracy.",
            source="section III-G; numbers of our brief, one seed",
            paper={
                "digits:RTN, tensor@2": 0.198,
                "digits:RTN, channel@2": 0.5935,
                "digits:MSE clip@2": 0.884,
                "digits:GPTQ@2": 0.8865,
                "digits:AdaRound@2": 0.9155,
                "digits:QAT@2": 0.9425,
            },
            parts={
                "RTN: channel above tensor": partial(_above, name="gain:RTN, channel over RTN, tensor@2"),
                "MSE clip above RTN": partial(_above, name="gain:MSE clip over RTN, channel@2"),
                "GPTQ ≈ MSE clip: 0 to 2 points above": partial(
                    _reaches, name="gain:GPTQ over MSE clip@2", low=0.0, high=0.02
                ),
                "AdaRound above GPTQ": partial(_above, name="gain:AdaRound over GPTQ@2"),
                "training above AdaRound": partial(_above, name="gain:QAT over AdaRound@2"),
                "training within a point of float": partial(_loses_less, name="loss:digits:QAT@2", most=0.01),
            },
            value="digits:QAT@2",
        ),
        Claim(
            "eight-and-four-bits",
            "8 bits after training lose nothing (0.2 points), 4 bits per channel about a point, on an easy model.",
            source="sections III-G and IV; numbers of our brief",
            paper={"digits:RTN, channel@8": 0.939, "digits:RTN, channel@4": 0.936},
            parts={
                "8-bit weights": partial(_loses_less, name="loss:digits:RTN, channel@8", most=0.002),
                "8-bit weights and inputs, convolutional": partial(
                    _loses_less, name="loss:convolutions:real data@8", most=0.002
                ),
                "4-bit weights": partial(_loses_less, name="loss:digits:RTN, channel@4", most=0.01),
            },
            value="loss:digits:RTN, channel@8",
        ),
        Claim(
            "granularity",
            "One scale per channel beats one per tensor at 4 bits and less, groups beat channels.",
            source="section III-E",
            paper="'channelwise is the standard'; no numbers",
            parts={
                **{
                    f"squared error, {b} bits: {one} below {other}": partial(
                        lambda m, name: m[name].high < 1, name=f"error:{one} over {other}@{b}"
                    )
                    for b in (4, 3, 2)
                    for one, other in (("channel", "tensor"), ("group", "channel"))
                },
                **{
                    f"accuracy, {b} bits: {one} above {other}": partial(_above, name=f"gain:{one} over {other}@{b}")
                    for b, one, other in (
                        (3, "RTN, channel", "RTN, tensor"),
                        (2, "RTN, channel", "RTN, tensor"),
                        (2, "RTN, groups", "RTN, channel"),
                    )
                },
            },
            value="error:channel over tensor@2",
        ),
        Claim(
            "calibration",
            "With outliers percentile, entropy and squared error beat min-max at 6 bits and less; without, min-max "
            "loses nothing at 8.",
            source="section III-D",
            paper="'not to be affected by outliers'; no numbers",
            parts={
                **{
                    f"outliers, {bits} bits: {name} above min-max": partial(
                        _above, name=f"gain:outlier:{name} over minmax@{bits}"
                    )
                    for bits in (6, 4)
                    for name in ("percentile", "entropy", "mse")
                },
                **{
                    f"none, 8 bits: {name} not above min-max": partial(
                        _loses_less, name=f"gain:clean:{name} over minmax@8", most=0.002
                    )
                    for name in ("percentile", "entropy", "mse")
                },
            },
            value="gain:outlier:mse over minmax@4",
        ),
        Claim(
            "integer-only",
            "Integer-only inference with dyadic factors equals simulated inference exactly; a real factor changes at "
            "most one unit.",
            source="section IV-A",
            paper={"integers: mismatches": 0, "integers: largest difference": 1},
            parts={
                "no mismatch": lambda m: m["integers: mismatches"].value == 0 and m["integers: compared"].value >= 1e5,
                "one unit at most": lambda m: m["integers: largest difference"].value <= 1,
            },
        ),
        Claim(
            "mixed-precision",
            "Hessian traces within a budget give HAWQ-V3's nine published configurations, and more accuracy than the "
            "same bits reversed or at random.",
            source="section IV-B; HAWQ-V3's public notebook and bit configurations",
            paper={"published allocations found": 9},
            parts={
                "all nine": lambda m: m["published allocations found"].value == 9,
                "above reversed": partial(_above, name="gain:traces over reversed"),
                "above random": partial(_above, name="gain:traces over random"),
            },
        ),
        Claim(
            "equalisation",
            "Cross-layer equalisation leaves the function as it was, and lifts a badly scaled network per tensor to "
            "nearly per channel.",
            source="section III-G; DFQ",
            paper={"equalised: moved": 1e-5},
            parts={
                "unchanged to 1e-5": lambda m: m["equalised: moved"].value <= 1e-5,
                "8 bits per tensor: lifted": partial(_above, name="gain:equalised over scaled@8"),
                "4 bits per tensor: lifted": partial(_above, name="gain:equalised over scaled@4"),
                "8 bits: within half a point of per channel": partial(
                    _loses_less, name="gain:channel over equalised tensor@8", most=0.005
                ),
                "4 bits: within two points of per channel": partial(
                    _loses_less, name="gain:channel over equalised tensor@4", most=0.02
                ),
            },
        ),
        Claim(
            "zero-shot",
            "Without data, generated inputs or batch norms calibrate 8-bit weights and inputs as well as real data.",
            source="section III-G3; ZeroQ's table for ImageNet",
            paper="0.04 to 0.12 points of top-1 below float on ImageNet",
            parts={
                "generated data, within 0.2 points": partial(
                    _loses_less, name="gain:real data over generated data@8", most=0.002
                ),
                "batch norms, within 0.2 points": partial(
                    _loses_less, name="gain:real data over batch norms@8", most=0.002
                ),
            },
            value="gain:real data over generated data@8",
        ),
        Claim(
            "addition",
            "Adding is a sharper test than reading digits: rounding per channel costs it more from 3 bits down, while "
            "8 bits and the best method at 4 bits keep 99 %.",
            source="addition of this study",
            paper="our own claim",
            parts={
                "it can add: 99 %": lambda m: m["addition:float"].value >= 0.99,
                "8 bits: 99 %": lambda m: m["addition:RTN, channel@8"].value >= 0.99,
                "4 bits, one method after training: 99 %": lambda m: _best(AT_FOUR_BITS, m) >= 0.99,
                "3 bits: costs more than on digits": lambda m: (
                    m["loss:addition:RTN, channel@3"].low > m["loss:digits:RTN, channel@3"].high
                ),
                "2 bits: costs more than on digits": lambda m: (
                    m["loss:addition:RTN, channel@2"].low > m["loss:digits:RTN, channel@2"].high
                ),
            },
            value="loss:addition:RTN, channel@3",
        ),
        Claim(
            "addition-without-floats",
            "Every network that adds keeps 99 % at 4-bit weights by at least one method after training, and loses at "
            "most 0.1 points on integers alone from ids to logits, weights and activations in 8 bits.",
            source="sections III-G and IV-A; addition of this study",
            paper="our own claim",
            parts={
                "float: 99 %": lambda m: m["addition: worst network, float"].value >= 0.99,
                "4 bits, its best method after training: 99 %": lambda m: (
                    m["addition: worst network, its best at 4 bits"].value >= 0.99
                ),
                "integers, W8A8: at most 0.1 points": lambda m: (
                    m["addition: largest loss, integers, W8A8"].value <= 0.001
                ),
            },
            value="addition:integers, W8A8",
        ),
        Claim(
            "imagenet",
            "ResNet-18 on ImageNet keeps 71.56 % of 71.47 % at W8A8, 68.45 % at W4A4, and 70.22 % with mixed bits.",
            source="HAWQ-V3's model zoo",
            paper={"imagenet:W8A8": 0.7156, "imagenet:W4A4": 0.6845, "imagenet:mixed": 0.7022},
            holds=lambda m: (
                m["imagenet:W8A8"].value > 0.71 and m["imagenet:mixed"].value > m["imagenet:W4A4"].value > 0.67
            ),
        ),
    ],
    scales={
        "quick": Settings(
            "quick",
            seeds=2,
            images="digits",
            train=200,
            test=100,
            calibration=32,
            epochs=2,
            conv_epochs=1,
            tune_epochs=1,
            trained_bits=(2,),
            methods=tuple(name for name in ON_DIGITS if name != "AWQ"),
            addition_methods=tuple(name for name in ON_ADDITION if name != "AWQ"),
            addition=2,
            steps=10,
            width=16,
            layers=1,
            batch=32,
            rounding_steps=3,
            distil_steps=3,
            trace_samples=2,
            random_allocations=1,
            sums=40,
        ),
        "cpu": Settings("cpu", seeds=10),
        "gpu": Settings(
            "gpu", seeds=10, needs_gpu=True, train=60_000, addition=10, rounding_steps=10_000, trained_bits=(4, 3, 2)
        ),
    },
)


@STUDY.measures
def run(scale: Settings, seed: int) -> Iterator[Measurement | Picture]:
    """Measure: what one seed's networks do is remembered, so that a killed study continues."""
    from . import _quantization_survey_addition as addition
    from . import _quantization_survey_rows as rows
    from . import _quantization_survey_tables as tables
    from ._quantization_survey import side_by_side

    yield tables.taxonomy_picture()
    yield tables.published_allocations()
    note(f"{scale.seeds} perceptrons and as many convolutional networks, every method on each")
    seeds = range(seed, seed + scale.seeds)
    jobs = [partial(remember, {"digits": each}, partial(rows.on_digits, scale, each)) for each in seeds]
    jobs += [partial(remember, {"convolutions": each}, partial(rows.convolutions, scale, each)) for each in seeds]
    found = side_by_side(jobs)
    on_digits, convolutions = found[: scale.seeds], found[scale.seeds :]
    yield from tables.digits_measurements(on_digits, scale, LADDER)
    yield from tables.calibration_measurements(on_digits)
    yield from tables.equalisation_measurements(on_digits)
    yield from tables.convolution_measurements(convolutions)
    yield from tables.integer_measurements([*on_digits, *convolutions])
    note(f"{scale.addition} transformers that add")
    recipes = [tables.recipe(scale, each) for each in range(seed, seed + scale.addition)]
    key = {"addition": seed, "integers": "W8A8"}
    added = remember(key, lambda: {"networks": addition.on_addition(scale, recipes)})["networks"]
    yield from tables.addition_measurements(added, AFTER_TRAINING)
    yield from tables.pictures(on_digits, added, LADDER)
