"""The sets of colour images, one row each: JPEGs in parquet files, a form in which none of them lies in public."""

from .mnist_sources import DIGITS
from .sources import File, ImageSource, Part

LAND_USE = (
    "AnnualCrop",
    "Forest",
    "HerbaceousVegetation",
    "Highway",
    "Industrial",
    "Pasture",
    "PermanentCrop",
    "Residential",
    "River",
    "SeaLake",
)
TEXTURES = (
    "banded",
    "blotchy",
    "braided",
    "bubbly",
    "bumpy",
    "chequered",
    "cobwebbed",
    "cracked",
    "crosshatched",
    "crystalline",
)
SCENES = (
    "aGrass",
    "bField",
    "cIndustry",
    "dRiverLake",
    "eForest",
    "fResident",
    "gParking",
)
SIGNS = (
    "speed limit 20",
    "speed limit 30",
    "speed limit 50",
    "speed limit 60",
    "speed limit 70",
    "speed limit 80",
    "end of speed limit 80",
    "speed limit 100",
    "speed limit 120",
    "no overtaking",
    "no overtaking by trucks",
    "right of way at the next crossing",
    "priority road",
    "give way",
    "stop",
    "no vehicles",
    "no trucks",
    "no entry",
    "danger",
    "bend to the left",
    "bend to the right",
    "double bend",
    "bumpy road",
    "slippery road",
    "road narrows on the right",
    "road works",
    "traffic lights",
    "pedestrians",
    "children",
    "bicycles",
    "ice or snow",
    "wild animals",
    "end of all limits",
    "turn right ahead",
    "turn left ahead",
    "straight ahead only",
    "straight or right",
    "straight or left",
    "keep right",
    "keep left",
    "roundabout",
    "end of no overtaking",
    "end of no overtaking by trucks",
)

COLOUR = [
    ImageSource(
        name="cifar10",
        title="CIFAR-10, small photographs",
        licence="none stated",
        origin="Krizhevsky 2009, cs.toronto.edu/~kriz/cifar.html",
        note="JPEG copies of the original pixels: not bit for bit the published set.",
        format="parquet",
        shape=(32, 32, 3),
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        parts={
            "train": Part(
                50_000,
                (
                    File(
                        "train.parquet", 15_138_082, "6e1b43993c559ee90334c92f2790fcdefa777bad729b2e69aad87c1ac705c71c"
                    ),
                ),
            ),
            "test": Part(
                10_000,
                (File("test.parquet", 3_030_858, "5d8f4f46d93bc9068a80a015f7c6a5a83476b040b3d22f6db10dca5c7a2cfed0"),),
            ),
        },
    ),
    ImageSource(
        name="eurosat",
        title="EuroSAT, land use seen by Sentinel-2",
        licence="MIT",
        origin="Helber et al. 2019, github.com/phelber/EuroSAT",
        note="A random 7,000 of the 27,000, original JPEGs; split by us.",
        format="parquet",
        shape=(64, 64, 3),
        classes=LAND_USE,
        parts={
            "train": Part(
                5_500,
                (
                    File(
                        "train.parquet", 17_346_728, "4ab2b16e00e6d242c607df13af9be84ce903cf39b91c1e2dbecddbf600e3eadd"
                    ),
                ),
            ),
            "test": Part(
                1_500,
                (File("test.parquet", 4_744_111, "40809a6d35ebc88f669c0dad5dd3302183cf7f88d71c1e3cfc2fc27b67382546"),),
            ),
        },
    ),
    ImageSource(
        name="gtsrb",
        title="German Traffic Sign Recognition Benchmark",
        licence="none stated",
        origin="Stallkamp et al. 2012, INI Bochum",
        note="Resized to 32×32; train thinned to at most 450 images per class, test complete.",
        format="parquet",
        shape=(32, 32, 3),
        classes=SIGNS,
        parts={
            "train": Part(
                16_766,
                (
                    File(
                        "train.parquet", 11_264_935, "c84aa1aa5dca09aa206b1b23fc6532726ebfe05d5f535d09f0d5b61cdf8c45fd"
                    ),
                ),
            ),
            "test": Part(
                12_630,
                (File("test.parquet", 8_355_159, "6c851441df9d06c3112871a088fbd9f121a97caa7c2ffbe78e84d195d1f3ef5c"),),
            ),
        },
    ),
    ImageSource(
        name="dtd10",
        title="Describable Textures, the first 10 of 47 classes",
        licence="for research purposes",
        origin="Cimpoi et al. 2014, VGG Oxford",
        note="Centre squares of 64×64; split by us, near-duplicates may stand on both sides.",
        format="parquet",
        shape=(64, 64, 3),
        classes=TEXTURES,
        parts={
            "train": Part(
                800,
                (File("train.parquet", 2_017_174, "3af3bcae101f8225cb2cbce0d259820c90edd0ec6b1c912fb5aeee0e9b247ea5"),),
            ),
            "test": Part(
                400,
                (File("test.parquet", 1_032_361, "a22afd97f0741e9569d879deda688adff5eb9a6359ad2a2aeacda4bcc1f864ed"),),
            ),
        },
    ),
    ImageSource(
        name="rsscn7",
        title="RSSCN7, aerial scenes",
        licence="none stated",
        origin="Zou et al. 2015",
        note="Resized from 400×400; split by us.",
        format="parquet",
        shape=(64, 64, 3),
        classes=SCENES,
        parts={
            "train": Part(
                2_100,
                (File("train.parquet", 4_673_834, "0c8ff1145a9d3a41d9b67e24219faa6217b1ab146c8cb212c888553f941a0a2e"),),
            ),
            "test": Part(
                700,
                (File("test.parquet", 1_566_090, "56da1c2d6239c8bf24ed9b898d658475f921280297a6ed55a687a3606148a324"),),
            ),
        },
    ),
    ImageSource(
        name="sign_digits",
        title="Sign Language Digits",
        licence="Apache-2.0",
        origin="Mavi 2020, arXiv 2011.08927",
        note="Resized from 100×100; split by us, signers are not separated.",
        format="parquet",
        shape=(64, 64, 3),
        classes=DIGITS,
        parts={
            "train": Part(
                1_551,
                (File("train.parquet", 2_525_369, "858cb8460a4a4973476d0f0677531a6456d7f07e2ae61b4dcceb35b495b7374c"),),
            ),
            "test": Part(
                511,
                (File("test.parquet", 844_595, "ed562104e81713e35f2dc3646c37f99eb51ad66de62931043c52cc7d176d7a01"),),
            ),
        },
    ),
]
