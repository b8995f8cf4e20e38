"""The store as somebody sees it whose grants name metrics: what they do not name is not there, and cannot be written.

The rooms whose points have metrics are opened over a BoundedStore, and know nothing of grants. For whom it stands is
said around each request (`bounds.within`); work whose bounds nobody has said finds no store at all, so a thread that is
not told them fails instead of showing everything.
"""
