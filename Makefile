# ai-platform: `make up` brings it up on this machine, `make` lists the rest.

PYTHON ?= python3
ENV ?= local
BASE ?= main
RUN := .venv/bin/python -m
APART := tests/components/clouds tests/simulation tests/environments tests/unit

.DEFAULT_GOAL := help
.PHONY: help setup up down demo outputs preview plan review access-review apply drift golden test \
  policy-test policy-mutate check lint types protos workflows bench lock

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

access-review: setup ## what the change of the access policies since BASE means: who gains and loses what
	@$(RUN) tools.access_review $(BASE)

apply: setup ## bring ENV (or several stacks) to what is declared, region by region, stopping where one is ill
	@$(RUN) tools.apply $(ENV)

drift: setup ## what is other in ENV than its state says; changes nothing
	@$(RUN) tools.drift $(ENV)

golden: setup ## write down anew what previews create and reviews say (tests/golden)
	@$(RUN) tools.golden
	@$(RUN) tests.environments.reviews
	@$(RUN) tests.unit.tools.access_recording

test: check ## every test
	.venv/bin/pytest -n 2 --dist loadfile $(APART)
	.venv/bin/pytest $(addprefix --ignore=,$(APART))

policy-test: setup ## every rule on what keeps it and on what breaks it
	.venv/bin/pytest tests/unit/policies tests/environments/test_policies.py

policy-mutate: setup ## break each property that rules assert in ENV (default: staging), print what none notices
	@$(RUN) tools.policy_mutate $(if $(filter local,$(ENV)),staging,$(ENV))

check: setup lint types protos workflows ## what needs nothing running: lint, types, protos, policies

lint:
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types:
	.venv/bin/pyright

protos:
	.venv/bin/buf format --exit-code --diff protos
	.venv/bin/buf lint generated/aiplatform.binpb --config protos/buf.yaml --path aiplatform
	@$(RUN) services.runtime.access check

workflows:
	@$(RUN) tools.workflows

bench: setup ## every figure, or ONLY=<name>; into .platform/bench.json
	@$(RUN) tests.bench $(ONLY)

lock: setup ## resolve pyproject.toml into requirements.lock; KEEP=1 keeps what it has where it can
	.venv/bin/uv pip compile pyproject.toml --group infra --group services --group dev \
	  --universal --generate-hashes --no-header --no-annotate $(if $(KEEP),,--upgrade) -q -o requirements.lock
