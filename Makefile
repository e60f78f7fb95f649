# Two commands: `make up` and `make test`. The work is done in deploy/.
.DEFAULT_GOAL := help
.PHONY: up down logs reset test check clean lock help

up down logs reset test check clean lock help:
	@sh deploy/bootstrap.sh $@
