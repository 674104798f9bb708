"""How a package of tests says that this machine cannot run it, whatever is tested."""

# The exit code of its runner then.
EXIT_CODE = 3


class NotHere(Exception):
    """Raised by the package's `setup`, with the reason."""
