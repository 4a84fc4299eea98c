# ai-platform: `make up` brings it up on this machine, `make` lists the rest.

PYTHON ?= python3
ENV ?= local
BASE ?= main
RUN := .venv/bin/python -m
APART := tests/components/clouds tests/simulation tests/environments

.DEFAULT_GOAL := help
.PHONY: help setup up down demo outputs preview plan review golden test policy-test check lint types protos bench lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: ## make the environment, generated code and the Pulumi CLI; seconds once done
	@$(PYTHON) tools/bootstrap.py
	@$(RUN) tools.setup

up: setup ## bring the whole platform up on this machine
	@$(RUN) tools.up

down: setup ## stop and delete everything `make up` made
	@$(RUN) tools.down

demo: setup ## log in, register the example, call it through both regions, lose one region
	@$(RUN) tools.demo

outputs: setup ## the stack's outputs as JSON; SECRETS=1 shows secrets
	@$(RUN) tools.outputs

preview: setup ## what `pulumi up` would do to ENV (default: local), with or without credentials
	@$(RUN) tools.preview $(ENV)

plan: setup ## what the change since BASE (default: main) makes necessary, and why
	@$(RUN) tools.plan $(BASE) $(if $(JSON),--json)

review: setup ## what the change since BASE does to every environment; into .platform/review.md
	@$(RUN) tools.review $(BASE)

golden: setup ## write down anew what previews create and reviews say (tests/golden)
	@$(RUN) tools.golden
	@$(RUN) tests.environments.reviews

test: check ## every test
	.venv/bin/pytest -n 2 --dist loadfile $(APART)
	.venv/bin/pytest $(addprefix --ignore=,$(APART))

policy-test: setup ## every rule on what keeps it and on what breaks it
	.venv/bin/pytest tests/unit/policies tests/environments/test_policies.py

check: setup lint types protos ## what needs nothing running: lint, types, protos, policies

lint:
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types:
	.venv/bin/pyright

protos:
	.venv/bin/buf format --exit-code --diff protos
	.venv/bin/buf lint generated/aiplatform.binpb --config protos/buf.yaml --path aiplatform
	@$(RUN) services.runtime.access check

bench: setup ## every figure, or ONLY=<name>; into .platform/bench.json
	@$(RUN) tests.bench $(ONLY)

lock: setup ## resolve pyproject.toml into requirements.lock
	.venv/bin/uv pip compile pyproject.toml --group infra --group services --group dev \
	  --universal --generate-hashes --no-header --no-annotate --upgrade -q -o requirements.lock
