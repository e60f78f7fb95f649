#!/bin/sh
# Find a Python that is new enough (installing Debian's where there is none) and let it do the rest.
set -eu
cd "$(dirname "$0")/.."

fits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && fits "$name"; then
            echo "$name"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    sudo=""
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null 2>&1 || {
            echo "Python 3.11 or newer is missing, and you are neither root nor have sudo." >&2
            echo "  Mend: ask an administrator for 'apt-get install python3 python3-venv', then run this again." >&2
            exit 1
        }
    fi
    command -v apt-get >/dev/null 2>&1 || {
        echo "Python 3.11 or newer is missing." >&2
        echo "  Mend: install it with this system's own package tool, then run this again." >&2
        exit 1
    }
    echo "[0] Python is missing: installing it"
    mkdir -p var/log
    {
        $sudo apt-get -o DPkg::Lock::Timeout=300 update &&
            $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y \
                --no-install-recommends install python3 python3-venv
    } >>var/log/apt.log 2>&1 || {
        tail -n 25 var/log/apt.log >&2
        echo "  Mend: read the lines above (all of them: var/log/apt.log), then run this again." >&2
        exit 1
    }
    python=$(find_python)
    [ -n "$python" ] || {
        echo "This system's Python is older than 3.11." >&2
        echo "  Mend: Debian 12, Ubuntu 24.04 or newer is needed." >&2
        exit 1
    }
fi
exec "$python" -m deploy "$@"
