"""Run the service: `python -m evergreen.serving`."""

from evergreen import settings
from evergreen.serving import commands

if __name__ == "__main__":
    commands.serve(settings.get())
