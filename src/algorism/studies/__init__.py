"""One file per paper: its claims, and the wiring that measures them. No algorithm lives here.

`registry` finds the studies (every module of this folder that defines STUDY), `runner` runs one.
"""
