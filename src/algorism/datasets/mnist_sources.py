"""MNIST and the sets made in its image, one row each: 28×28, grey, IDX.

A `base` is given only where the bytes lie unchanged in public; the checksum decides, whoever sends them.
"""

from .sources import File, ImageSource, Part

DIGITS = tuple("0123456789")
CLOTHING = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
HIRAGANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

MNIST_LIKE = [
    ImageSource(
        name="mnist",
        title="MNIST, handwritten digits",
        licence="none stated",
        origin="LeCun, Cortes, Burges, yann.lecun.com/exdb/mnist",
        base="https://ossci-datasets.s3.amazonaws.com/mnist/",
        shape=(28, 28),
        classes=DIGITS,
        parts={
            "train": Part(
                60_000,
                (
                    File(
                        "train-images-idx3-ubyte.gz",
                        47_040_016,
                        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                    ),
                    File(
                        "train-labels-idx1-ubyte.gz",
                        60_008,
                        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                    ),
                ),
            ),
            "test": Part(
                10_000,
                (
                    File(
                        "t10k-images-idx3-ubyte.gz",
                        7_840_016,
                        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                    ),
                    File(
                        "t10k-labels-idx1-ubyte.gz",
                        10_008,
                        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                    ),
                ),
            ),
        },
    ),
    ImageSource(
        name="fashion_mnist",
        title="Fashion-MNIST, clothing",
        licence="MIT",
        origin="Zalando Research, github.com/zalandoresearch/fashion-mnist",
        base="https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        shape=(28, 28),
        classes=CLOTHING,
        parts={
            "train": Part(
                60_000,
                (
                    File(
                        "train-images-idx3-ubyte.gz",
                        47_040_016,
                        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                    ),
                    File(
                        "train-labels-idx1-ubyte.gz",
                        60_008,
                        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                    ),
                ),
            ),
            "test": Part(
                10_000,
                (
                    File(
                        "t10k-images-idx3-ubyte.gz",
                        7_840_016,
                        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                    ),
                    File(
                        "t10k-labels-idx1-ubyte.gz",
                        10_008,
                        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                    ),
                ),
            ),
        },
    ),
    ImageSource(
        name="kmnist",
        title="Kuzushiji-MNIST, cursive hiragana",
        licence="CC BY-SA 4.0",
        origin="ROIS-DS CODH, codh.rois.ac.jp/kmnist",
        note="The test file only; split by us.",
        base="https://raw.githubusercontent.com/Vasu-Shrivastava/Kuzushiji-MNIST-Classification/cbb6f9b4e9aa56071757662e5cbd995c2432f92f/",
        shape=(28, 28),
        classes=HIRAGANA,
        parts={
            "whole": Part(
                10_000,
                (
                    File(
                        "t10k-images-idx3-ubyte.gz",
                        7_840_016,
                        "76fbd229ce87db80dd281af5e6670de4ad0e42fb30a7bd643972994c47c1f42e",
                    ),
                    File(
                        "t10k-labels-idx1-ubyte.gz",
                        10_008,
                        "a11dc742be8e781a40a92f53d6a4957e7b7d36df2faa097659131ebfd8fd60c6",
                    ),
                ),
            ),
        },
        split="random",
    ),
    ImageSource(
        name="notmnist",
        title="notMNIST, letters A-J in many fonts",
        licence="posted by permission of its author, in a repository under MIT",
        origin="Bulatov 2011, a sample of notMNIST_small",
        note="1,000 of each letter; split by us.",
        base="https://raw.githubusercontent.com/davidflanagan/notMNIST-to-MNIST/c58c29ff93d7b8c809c449b380a232f9f39909fd/",
        shape=(28, 28),
        classes=tuple("ABCDEFGHIJ"),
        parts={
            "whole": Part(
                10_000,
                (
                    File(
                        "t10k-images-idx3-ubyte.gz",
                        7_840_016,
                        "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b",
                    ),
                    File(
                        "t10k-labels-idx1-ubyte.gz",
                        10_008,
                        "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001",
                    ),
                ),
            ),
        },
        split="random",
    ),
    ImageSource(
        name="kannada_mnist",
        title="Kannada-MNIST, digits of the Kannada script",
        licence="none stated",
        origin="Prabhu 2019, arXiv 1908.01242",
        note="The test file only; writers follow each other, and the last of them are for testing.",
        base="https://raw.githubusercontent.com/vinayprabhu/Kannada_MNIST/07904d4e56fb3af46310e9a3eec3ddc8ba976fa4/data/output_tensors/MNIST_format/",
        shape=(28, 28),
        classes=DIGITS,
        parts={
            "whole": Part(
                10_000,
                (
                    File(
                        "t10k-images-idx3-ubyte.gz",
                        7_840_016,
                        "be3a7f7fd24b3eb62f28ab1e3f9e5a380738e87000f99417c14f94ca89616cf4",
                        "X_kannada_MNIST_test-idx3-ubyte.gz",
                    ),
                    File(
                        "t10k-labels-idx1-ubyte.gz",
                        10_008,
                        "2a4fb3eec0877aa3d4ab80d8f59374733af9b2b2966e8be0e50efe715f443a4d",
                        "y_kannada_MNIST_test-idx1-ubyte.gz",
                    ),
                ),
            ),
        },
        split="tail",
    ),
    ImageSource(
        name="dig_mnist",
        title="Dig-MNIST, Kannada digits of other writers, harder",
        licence="none stated",
        origin="Prabhu 2019, arXiv 1908.01242",
        note="All of it is for testing: it lies outside the distribution of kannada_mnist.",
        base="https://raw.githubusercontent.com/vinayprabhu/Kannada_MNIST/07904d4e56fb3af46310e9a3eec3ddc8ba976fa4/data/output_tensors/MNIST_format/",
        folder="kannada_mnist",
        shape=(28, 28),
        classes=DIGITS,
        parts={
            "whole": Part(
                10_240,
                (
                    File(
                        "dig-images-idx3-ubyte.gz",
                        8_028_176,
                        "80f10e9328072991d61cc2db57a8793ae4ffcf030aa8b73a37dd64787da464ae",
                        "X_dig_MNIST-idx3-ubyte.gz",
                    ),
                    File(
                        "dig-labels-idx1-ubyte.gz",
                        10_248,
                        "270a721d62dee2a1e9459e0192e425c086de49f1f9610fb3d7b9f457e3dd83fe",
                        "y_dig_MNIST-idx1-ubyte.gz",
                    ),
                ),
            ),
        },
        split="test",
    ),
]
