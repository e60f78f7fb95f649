"""`python3 -m deploy COMMAND`: what the Makefile's targets call."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy import checks, commands
from deploy.places import Places
from deploy.progress import Trouble

COMMANDS = {
    "up": commands.up,
    "down": commands.down,
    "logs": commands.logs,
    "reset": commands.reset,
    "check": checks.check,
    "test": checks.test,
    "clean": commands.clean,
    "lock": commands.lock,
}


def main(arguments: list[str]) -> int:
    """Run one command; a trouble is told with its mend, an interruption with what it left."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        for name, command in COMMANDS.items():
            print(f"make {name:6} {(command.__doc__ or '').splitlines()[0]}")
        return 0 if arguments in ([], ["help"]) else 2
    places = Places.of(Path(__file__).resolve().parent.parent, os.environ)
    try:
        return COMMANDS[arguments[0]](places)
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        commands.interrupted()
        return 130
    except OSError as error:
        print(f"\n{_system_trouble(error)}", file=sys.stderr)
        return 1


def _system_trouble(error: OSError) -> Trouble:
    if error.errno == 28:  # ENOSPC
        return Trouble("the disk is full.", "free some space (`df -h .`), then run the same command again.")
    return Trouble(f"the system refused: {error}.", "mend that, then run the same command again.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
