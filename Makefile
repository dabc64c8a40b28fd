# `make up` deploys the platform on this machine; `make test` tests it. Both install what they need.

PYTHON ?= python3
STACK ?= local
BIN := .venv/bin
SANDBOX := eval "$$($(BIN)/mlpctl sandbox env)"

.PHONY: help install up preview down test check types fuzz format golden bench lock

help: ## print this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/ready ## create the virtual environment

up: .venv/ready ## deploy the stack STACK (default: local) in the sandbox
	@$(BIN)/mlpctl up --stack $(STACK)

preview: .venv/ready ## show the changes that an update of STACK would make
	@$(BIN)/mlpctl sandbox up
	@$(SANDBOX) && pulumi stack select --create $(STACK) && pulumi preview --stack $(STACK)

down: .venv/ready ## destroy STACK and stop the sandbox
	@$(BIN)/mlpctl sandbox up
	@$(SANDBOX) && if pulumi stack select $(STACK) 2>/dev/null; then \
		pulumi destroy --yes --stack $(STACK) || { echo "If the stack is protected: set \`protect: false\` and a profile \
	other than prod in stacks/Pulumi.$(STACK).yaml, run \`make up STACK=$(STACK)\`, then run \`make down STACK=$(STACK)\` again." >&2; exit 1; }; fi
	@$(BIN)/mlpctl sandbox down

test: .venv/ready ## run all tests, with the real engine and control plane
	@$(BIN)/python -m mlsandbox.tools.toolchain
	@$(BIN)/pytest -m "not engine"
	@$(BIN)/pytest -m engine

check: .venv/ready ## check format, lint, types and imports, and run the fast tests, as CI does first
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(MAKE) --no-print-directory types
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest -m "not engine"

# Twice, since components and platform each have a module `__main__`.
types: .venv/ready ## check types
	@$(BIN)/mypy components/mlplatform components/mlplatform_eks_token facts/awsfacts platform/__main__.py platform/layers platform/mlpctl sandbox/mlsandbox
	@$(BIN)/mypy components/__main__.py

fuzz: .venv/ready ## test 10,000 generated stack files, and kills at random times (hours)
	@$(BIN)/pytest tests/fuzz --hypothesis-profile slow
	@KILLS=all $(BIN)/pytest tests/engine/test_kills.py

format: .venv/ready ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

golden: .venv/ready ## rewrite the golden files; review their diff
	@$(BIN)/pytest tests/engine/test_api_schemas.py tests/engine/test_local_stack.py tests/engine/test_reviews.py \
		tests/engine/test_shared_files.py tests/engine/test_stacks.py -k "current or golden or first_creation or running_stack or rotated" --rewrite-golden
	@$(BIN)/pytest tests/golden tests/unit/config/test_wrong_files.py --rewrite-golden

bench: .venv/ready ## run the benchmarks, with comparisons (about an hour)
	@$(BIN)/python -m mlsandbox.tools.toolchain
	@$(BIN)/python -m benchmarks

lock: .venv/ready ## update the locked dependencies
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url \
		--no-header --quiet --python-version 3.11 --output-file requirements.lock

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is too old: Python 3.11 or newer is required; specify one with PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Creating the virtual environment .venv"; $(PYTHON) -m venv .venv; }
	@echo "Installing the locked dependencies (about 2 minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
