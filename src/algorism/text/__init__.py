"""How a problem is written down: formats with exact inverses, and tokenizers that Hugging Face can load."""

from algorism.text.batches import encoded_batch
from algorism.text.chunks import DigitTokenizer
from algorism.text.formats import Format, format_by_name
from algorism.text.indices import Indexing, indexing_by_name
from algorism.text.list_formats import ListFormat, list_format
from algorism.text.mixing import mix, stream
from algorism.text.planes import Texts
from algorism.text.reading import Parsed, canonical
from algorism.text.tokenizers import CharTokenizer, Encoded, Tokenizer
from algorism.text.transforms import TRANSFORMS, Transform, transform
from algorism.text.words import WordTexts, WordTokenizer

__all__ = [
    "TRANSFORMS",
    "CharTokenizer",
    "DigitTokenizer",
    "Encoded",
    "Format",
    "Indexing",
    "ListFormat",
    "Parsed",
    "Texts",
    "Tokenizer",
    "Transform",
    "WordTexts",
    "WordTokenizer",
    "canonical",
    "encoded_batch",
    "format_by_name",
    "indexing_by_name",
    "list_format",
    "mix",
    "stream",
    "transform",
]
