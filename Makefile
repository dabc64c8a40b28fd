# `make up` brings the platform up on this machine; `make test` proves it. Both install what they need.

PYTHON ?= python3
STACK ?= local
BIN := .venv/bin
SANDBOX := eval "$$($(BIN)/mlpctl sandbox env)"

.PHONY: help install up preview down test check fuzz format golden bench lock

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/ready ## make the virtual environment

up: .venv/ready ## bring the stack STACK (default: local) up in the sandbox
	@$(BIN)/mlpctl up --stack $(STACK)

preview: .venv/ready ## show what an update of STACK would change
	@$(BIN)/mlpctl sandbox up
	@$(SANDBOX) && pulumi stack select --create $(STACK) && pulumi preview --stack $(STACK)

down: .venv/ready ## destroy STACK and stop the sandbox
	@$(BIN)/mlpctl sandbox up
	@$(SANDBOX) && if pulumi stack select $(STACK) 2>/dev/null; then \
		pulumi destroy --yes --stack $(STACK) || { echo "If it is protected: set \`protect: false\`, and another profile \
	than prod, in stacks/Pulumi.$(STACK).yaml, run \`make up STACK=$(STACK)\`, then this again." >&2; exit 1; }; fi
	@$(BIN)/mlpctl sandbox down

test: .venv/ready ## run every test, with the real engine and control plane
	@$(BIN)/python -m mlsandbox.tools.toolchain
	@$(BIN)/pytest -m "not engine"
	@$(BIN)/pytest -m engine

check: .venv/ready ## format, lint, types, imports and fast tests, as CI runs them first
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy components/mlplatform facts/awsfacts platform/__main__.py platform/layers platform/mlpctl sandbox/mlsandbox
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest -m "not engine"

fuzz: .venv/ready ## 10,000 made-up stack files, and kills at random moments (hours)
	@$(BIN)/pytest tests/fuzz --hypothesis-profile slow
	@KILLS=all $(BIN)/pytest tests/engine/test_kills.py

format: .venv/ready ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

golden: .venv/ready ## rewrite the golden files; read their diff
	@$(BIN)/pytest tests/engine/test_api_schemas.py tests/engine/test_local_stack.py tests/engine/test_reviews.py \
		tests/engine/test_stacks.py -k "current or golden or first_creation or running_stack or rotated" --rewrite-golden
	@$(BIN)/pytest tests/golden tests/unit/config/test_wrong_files.py --rewrite-golden

bench: .venv/ready ## measure, and compare with twins (about an hour)
	@$(BIN)/python -m mlsandbox.tools.toolchain
	@$(BIN)/python -m benchmarks

lock: .venv/ready ## resolve the dependencies anew
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url \
		--no-header --quiet --python-version 3.11 --output-file requirements.lock

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is too old: Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Making the virtual environment .venv"; $(PYTHON) -m venv .venv; }
	@echo "Installing the locked dependencies, usually about 2 min"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
