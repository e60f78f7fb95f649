"""The two commands, `make up` and `make test`, and their small sisters.

Everything here is the standard library only, since it runs before `.venv` exists.
`python3 -m deploy help` lists the commands; `deploy/bootstrap.sh` finds the Python that runs it.
"""
