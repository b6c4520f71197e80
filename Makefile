# The commands that people and CI use. `make run` and `make test` set up all they need.
PYTHON ?= python3
PORT ?= 8000
FAMILIES ?= all
VENV := .venv
BIN := $(VENV)/bin
LOCK := docker/lock
# PyTorch's own index has the CPU build; where it cannot be reached, pip finds torch wherever it is configured to look.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

export PYTHONDONTWRITEBYTECODE = 1

# mypy's Django plugin reads the settings; nothing is contacted.
LINT_SETTINGS := PARITY_MODE=demo PARITY_STATE=$(VENV)/lint DATABASE_URL=postgresql://lint/lint REDIS_URL=redis://lint

.PHONY: help run test test-fast families paths fuzz fuzz-states lint secrets audit format lock bench-code bench-engine bench-open-llm bench-path
.PHONY: backup restore restore-drill upgrade-drill bench-sandbox bench-web bench-evidence bench-gradio bench-workload bench-switch bench-fidelity screenshots survive bench-gateway clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

run: $(VENV)/.run ## Start everything and evaluate a real model (PORT=8000)
	@exec env PARITY_MODE=demo PORT=$(PORT) $(BIN)/python -m leaderboard.demo

test: $(VENV)/.dev ## Everything that guards a merge
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not engine and not stack"
	$(BIN)/python -m pytest -m "engine or stack"

test-fast: $(VENV)/.dev ## Tests without engines, browsers, whole stacks and long proofs
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not engine and not browser and not stack and not slow"

# Where no DATABASE_URL names a server it is the demonstration that is meant.
SITE := PARITY_MODE=$(or $(PARITY_MODE),$(if $(DATABASE_URL),,demo)) $(BIN)/python manage.py

backup: $(VENV)/.run ## Everything that the site cannot make again, into a new folder (TO=backups)
	$(SITE) backup $(or $(TO),backups)

restore: $(VENV)/.run ## A backup into an empty database (FROM=backups/parity-...)
	$(SITE) restore $(FROM)

restore-drill: $(VENV)/.run ## Back up, restore beside the site, compare; the last line is one JSON object
	$(SITE) restore_drill

upgrade-drill: $(VENV)/.dev ## The previous release's tests on this release's tables; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.upgrade

fuzz-states: $(VENV)/.dev ## Many random orders of calls, against the tables of states
	PARITY_HYPOTHESIS=thorough $(BIN)/python -m pytest -s tests/leaderboard/test_state_machine.py

.PHONY: attack
attack: $(VENV)/.dev ## Hostile texts in every column, opened in Chromium on every page; one line of what it prints is JSON
	PARITY_ATTACK=all $(BIN)/python -m pytest -s --timeout 5400 tests/browser/test_attack.py

fuzz: $(VENV)/.dev ## Random requests to the public API, as five kinds of callers; the last line is JSON
	PARITY_MODE=demo $(BIN)/python -m tests.fuzz

families: $(VENV)/.dev ## Every model family in both engines, against the table in evaluator/engines/README.md, and on the board
	PARITY_FAMILIES=$(FAMILIES) $(BIN)/python -m pytest -s tests/evaluator/engines/test_families.py \
		tests/evaluator/engines/test_shared_cache.py tests/test_families_site.py

paths: $(VENV)/.dev ## Our ways of scoring beside lm-eval's own, item by item; the last line is one JSON object
	$(BIN)/python -m tests.evaluator.engines.paths

lint: $(VENV)/.dev ## Formatting, lint, types and secrets
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(LINT_SETTINGS) $(BIN)/mypy leaderboard evaluator manage.py docker/lock
	$(BIN)/python $(LOCK)/scan_secrets.py

secrets: $(VENV)/.dev ## Look for keys and tokens in every file
	$(BIN)/python $(LOCK)/scan_secrets.py

audit: .parity/audit/.made ## Ask for known holes in the locked packages; says so where nobody can be asked
	.parity/audit/bin/python $(LOCK)/audit.py

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .parity/uv/.made ## Resolve every package anew and write docker/lock
	$(PYTHON) $(LOCK)/resolve.py
	.parity/uv/bin/python $(LOCK)/hashes.py

.PHONY: hashes
hashes: .parity/uv/.made ## Write the digests of the packages that are locked now
	.parity/uv/bin/python $(LOCK)/hashes.py

bench-path: $(VENV)/.dev ## Time the running path; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.path

bench-engine: $(VENV)/.dev ## Time our engine against lm-eval's own on real data; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.engine

bench-open-llm: $(VENV)/.dev ## open-llm@1 with its worker killed twice, against lm_eval run; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.open_llm

bench-code: $(VENV)/.dev ## Score generated programs through the site and by lm-eval; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.code

bench-sandbox: $(VENV)/.dev ## Time programs in the sandbox; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.sandbox

bench-gateway: $(VENV)/.dev ## Time the gateway to API endpoints; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.gateway

bench-fidelity: $(VENV)/.dev ## Compare weights here with the same behind an API; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.fidelity

bench-workload: $(VENV)/.dev ## Time the reading of 100,000 prompts, and the report of a bake-off; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.workload

bench-switch: $(VENV)/.dev ## From a log of 300 prompts to "can I switch?" in a browser, all parts real; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.switch

bench-shards: $(VENV)/.dev ## A large submission by 1, 2 and 4 workers, with an engine of fixed speed; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.shards

bench-queue: $(VENV)/.dev ## 20 workers take 2,000 waiting submissions; writes the plans of the queries; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.waiting

screenshots: $(VENV)/.dev ## Take the README's pictures of a running demo (PORT=8000)
	$(BIN)/python -m tests.screenshots http://127.0.0.1:$(PORT)

bench-web: $(VENV)/.dev ## Time the board on 100,000 models with 40 tasks; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.web

.PHONY: bench-load
bench-load: $(VENV)/.dev ## 50 users on 100,000 models, samples taken in, idle memory, the image's size; the last line is JSON
	$(BIN)/python -m tests.benchmarks.capacity

bench-evidence: $(VENV)/.dev ## Time the gap, the claims and samples on 100,000 models; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.evidence

bench-gradio: $(VENV)/.dev .parity/gradio/.made ## The same table on our board and on a gradio_leaderboard page; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.beside_gradio

# Their versions and ours cannot be in one environment.
.parity/gradio/.made: tests/benchmarks/gradio.txt
	$(PYTHON) -m venv .parity/gradio
	.parity/gradio/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# It looks at the lists alone, so it needs nothing of ours beside it.
.parity/audit/.made: $(LOCK)/audit.py
	$(PYTHON) -m venv .parity/audit
	.parity/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	@touch $@

.parity/uv/.made:
	$(PYTHON) -m venv .parity/uv
	.parity/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

.PHONY: chaos guards bench-queue multi-host
multi-host: $(VENV)/.dev ## Workers on three hosts (network namespaces), cut off and healed; the last line is one JSON object
	$(BIN)/python -m tests.hosts

chaos: $(VENV)/.dev ## Hundreds of jobs while everything dies, stops and forgets (SEED=12); the last line is one JSON object
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

guards: $(VENV)/.dev ## Take each guard of the queue away and ask whether a test notices; the last line is one JSON object
	$(BIN)/python -m tests.guards

survive: $(VENV)/.dev ## Kill workers and the broker under a real evaluation; the last line is one JSON object
	$(BIN)/python -m tests.benchmarks.survive

clean: ## Remove the environment and all local state
	rm -rf $(VENV) .parity

$(VENV)/.run: $(LOCK)/site.txt $(LOCK)/worker-cpu.txt $(LOCK)/hashed/site.txt $(LOCK)/hashed/worker-cpu.txt $(LOCK)/install.sh
	sh $(LOCK)/install.sh $(PYTHON) $(VENV) $(TORCH_INDEX) site.txt worker-cpu.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.run $(LOCK)/dev.txt $(LOCK)/hashed/dev.txt
	sh $(LOCK)/install.sh $(PYTHON) $(VENV) $(TORCH_INDEX) dev.txt
	@touch $@
