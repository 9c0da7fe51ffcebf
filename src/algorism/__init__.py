"""Teach neural networks arithmetic and other algorithms, and know whether they really can.

The rooms of the package, lowest first: `tasks` (what is asked), `text` (how it is written down), `models`
(networks), `training` and `evaluation`, and on top the `studies` that measure the claims of papers.
Nothing heavy is imported here: `import algorism` must stay instant.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
