"""What holds for all tests."""

from hypothesis import settings

# A deadline would fail on a busy machine what is right: speed is for `nox -s bench`.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
