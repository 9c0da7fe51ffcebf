"""How a problem is written down: formats with exact inverses, and tokenizers that Hugging Face can load."""

from algorism.text.batches import encoded_batch
from algorism.text.formats import TRANSFORMS, Format, Transform, format_by_name, transform
from algorism.text.mixing import mix, stream
from algorism.text.planes import Texts
from algorism.text.reading import Parsed, canonical
from algorism.text.tokenizers import CharTokenizer, DigitTokenizer, Encoded, Tokenizer

__all__ = [
    "TRANSFORMS",
    "CharTokenizer",
    "DigitTokenizer",
    "Encoded",
    "Format",
    "Parsed",
    "Texts",
    "Tokenizer",
    "Transform",
    "canonical",
    "encoded_batch",
    "format_by_name",
    "mix",
    "stream",
    "transform",
]
