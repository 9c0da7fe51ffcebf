"""The other sets of grey images, one row each."""

from .mnist_sources import DIGITS
from .sources import File, ImageSource, Part

ARABIC = (
    *("alif", "ba", "ta", "tha", "jim", "hha", "kha", "dal", "dhal", "ra", "zay", "sin", "shin", "sad"),
    *("dad", "tah", "zah", "ayn", "ghayn", "fa", "qaf", "kaf", "lam", "mim", "nun", "ha", "waw", "ya"),
)

GREY = [
    ImageSource(
        name="usps",
        title="USPS, digits from envelopes",
        licence="none stated",
        origin="Hull 1994; the split of The Elements of Statistical Learning",
        note="Real values scaled to 0..255 and rounded.",
        shape=(16, 16),
        classes=DIGITS,
        parts={
            "train": Part(
                7_291,
                (
                    File(
                        "train-images-idx3-ubyte.gz",
                        1_866_512,
                        "4cd4bc62e6551318fe9ea956ca4b009b0d0393b480c2694b0042358c8349d345",
                    ),
                    File(
                        "train-labels-idx1-ubyte.gz",
                        7_299,
                        "ca21dd4e5a91233d38069e4f468988d3b56f6ce37e1a579a5ad1bd02395488c6",
                    ),
                ),
            ),
            "test": Part(
                2_007,
                (
                    File(
                        "t10k-images-idx3-ubyte.gz",
                        513_808,
                        "c457a5ed04299c6a38754b797879bb527abb519e4ec8afccc932d6018f35192a",
                    ),
                    File(
                        "t10k-labels-idx1-ubyte.gz",
                        2_015,
                        "9d60836db74a1ffe67829f9a2546bd594d5d321f778dbca1578c041da94483a2",
                    ),
                ),
            ),
        },
    ),
    ImageSource(
        name="ahcd",
        title="Arabic Handwritten Characters",
        licence="none stated",
        origin="El-Sawy, Loey, El-Bakry 2017",
        note="Black and white only.",
        shape=(32, 32),
        classes=ARABIC,
        parts={
            "train": Part(
                13_440,
                (
                    File(
                        "train-images-idx3-ubyte.gz",
                        13_762_576,
                        "9d0710d24026db4e2bd0a7aeba87c32d65af4778d4ce6209471aa3a82430302c",
                    ),
                    File(
                        "train-labels-idx1-ubyte.gz",
                        13_448,
                        "7e84492be02f13905d42a56e54b1476a3e047a7bed0e3719547b3bae4b282e2f",
                    ),
                ),
            ),
            "test": Part(
                3_360,
                (
                    File(
                        "t10k-images-idx3-ubyte.gz",
                        3_440_656,
                        "d7c6524b9a417226143644cac22586368c82282036ade5f301ef5f04e0f6fa01",
                    ),
                    File(
                        "t10k-labels-idx1-ubyte.gz",
                        3_368,
                        "be2e2d7bd0995d4cf2a773b78f5b456049fac13b994ab4d07d55778d59f4e2cb",
                    ),
                ),
            ),
        },
    ),
    ImageSource(
        name="quickdraw3",
        title="Quick, Draw! bitmaps: cat, rainbow, train",
        licence="CC BY 4.0",
        origin="Google Creative Lab, Quick, Draw! dataset",
        note="1,000 of each, divided at random.",
        shape=(28, 28),
        classes=("cat", "rainbow", "train"),
        parts={
            "train": Part(
                2_400,
                (
                    File(
                        "train-images-idx3-ubyte.gz",
                        1_881_616,
                        "0fa660b39d9b93f568202c425ee8d6aba0b8390450509e0a785419f3807d430f",
                    ),
                    File(
                        "train-labels-idx1-ubyte.gz",
                        2_408,
                        "aacee20a717aba667bec44031516b6fc88342a98c97518974728ec69829902bf",
                    ),
                ),
            ),
            "test": Part(
                600,
                (
                    File(
                        "t10k-images-idx3-ubyte.gz",
                        470_416,
                        "f6a991914c5ac6a7b1fdc1b8e3d4611318f3fa7752da06a8f829b22289af0ffa",
                    ),
                    File(
                        "t10k-labels-idx1-ubyte.gz",
                        608,
                        "4d4076df44cd8cc13e8e07542239544acfed7ad936e308fd2fdb8c0905120954",
                    ),
                ),
            ),
        },
    ),
    ImageSource(
        name="omniglot",
        title="Omniglot, characters of 8 alphabets",
        licence="MIT",
        origin="Lake, Salakhutdinov, Tenenbaum 2015, github.com/brendenlake/omniglot",
        note="The 8 alphabets of both small background sets, and the one-shot runs; drawers 16-19 are for testing.",
        format="omniglot",
        shape=(28, 28),
        classes=(),
        parts={
            "whole": Part(
                4_840,
                (
                    File(
                        "images-28-idx3-ubyte.gz",
                        3_794_576,
                        "75f9ed7e124e0056452371891e8d7ba297be6437f03aea927c41acb07cb21e01",
                    ),
                    File(
                        "alphabet-idx1-ubyte.gz",
                        4_848,
                        "9b964fcdffff4be65708254dc781579b2d0efb861aea1a3547beeca7c0edda3e",
                    ),
                    File(
                        "character-idx1-ubyte.gz",
                        4_848,
                        "7b8eee5a9dd8d17403a103d97c3777fa6f7aea07493f3d960692c1218ff005e2",
                    ),
                    File(
                        "drawer-idx1-ubyte.gz",
                        4_848,
                        "54ba94a5eaf2b77ab6a4329cb52bd144799ab1713d53c95228e2fea18478e7ae",
                    ),
                    File("alphabets.txt", 79, "b019ab0e89732269139def6030d28c4ac225c2652703d53e86d66eb76a2a451a"),
                ),
            ),
        },
        split="tail",
        extra=(
            File(
                "images-105-idx3-ubyte.gz",
                53_361_016,
                "25cf5a6da09c0ba49b8e296a70500fb05006e3e744bddbfb58a1f6a6b3494242",
            ),
            File(
                "oneshot-train-28-idx3-ubyte.gz",
                313_616,
                "44736a13db903c8c21762d6c44a2d27aca621bc88bcd9d284d9807393f346f58",
            ),
            File(
                "oneshot-test-28-idx3-ubyte.gz",
                313_616,
                "1e63e8b921a1d8f7c49829ac05f52df8103603c38db7e42afa06cd4de566e122",
            ),
            File(
                "oneshot-answer-idx1-ubyte.gz", 408, "a1fbc6668ea10b0bc5dac3b854f4d2d31d1adc03b9237005bfe0c6f1519921e1"
            ),
        ),
    ),
    ImageSource(
        name="digits",
        title="digits, embedded in scikit-learn",
        licence="CC BY 4.0",
        origin="Alpaydin, Kaynak 1998, UCI Optical Recognition of Handwritten Digits, test part",
        note="Counts 0..16 scaled to 0..255; split by us.",
        format="embedded",
        shape=(8, 8),
        classes=DIGITS,
        parts={
            "whole": Part(1_797),
        },
        split="random",
    ),
]
