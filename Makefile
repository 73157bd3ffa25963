# The project's commands. The work is done by tools/; here stand only their names.
.PHONY: help run test check fmt bench crash faults load attack demo wheel sbom lock

# HOST counts only on make's own command line: some shells export HOST as the machine's name, and
# `make run` must never open the tracker to the network because of that.
ifneq ($(origin HOST),command line)
HOST =
endif
serve_options = $(if $(HOST),--host '$(HOST)') $(if $(PORT),--port '$(PORT)') $(if $(WORKERS),--workers '$(WORKERS)')

environment = sh tools/environment.sh
python = .venv/bin/python

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

run: ## serve the tracker on 127.0.0.1:8000 (PORT=9000, HOST=0.0.0.0, WORKERS=4 change that)
	@$(environment) run && exec $(python) -m cmmc_tracker serve $(serve_options)

test: ## everything: style, types, import contracts, the suite on both databases, browser tests
	@$(environment) dev && exec $(python) tools/check.py all

check: ## the fast part of it: style, types, import contracts, unit tests
	@$(environment) dev && exec $(python) tools/check.py fast

fmt: ## mend what ruff can mend, and format
	@$(environment) dev && { $(python) -m ruff check --fix . ; $(python) -m ruff format . ; }

bench: ## measure the promised speed and memory
	@$(environment) dev && exec $(python) -m bench

crash: ## kill the server 50 times during writes and look for losses (ROUNDS=20; POSTGRESQL=1: on a PostgreSQL of its own)
	@$(environment) dev && exec $(python) -m tests.crash $(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(POSTGRESQL),--postgresql)

faults: ## cause every fault that it must survive (KILLS=200) and look for losses; needs PostgreSQL's and Redis' programs
	@$(environment) dev && exec $(python) -m tests.faults $(if $(KILLS),--kills '$(KILLS)')

load: ## 200 people for 3 minutes on SQLite and PostgreSQL (PEOPLE=, SECONDS=): times, errors, memory, lost saves
	@$(environment) dev && exec $(python) -m bench.load $(if $(PEOPLE),--people '$(PEOPLE)') $(if $(SECONDS),--seconds '$(SECONDS)')

attack: ## set scanners upon a production installation of its own on the loopback; writes docs/security-scan.md
	@$(environment) run && $(environment) attack && $(environment) wapiti && exec $(python) -m tools.attack

demo: ## fill an empty install with a believable small contractor
	@$(environment) run && exec $(python) -m cmmc_tracker demo

wheel: ## build the wheel into dist/, the same bytes each time
	@$(environment) dev && exec $(python) tools/wheel.py

sbom: ## write dist/sbom.cdx.json (CycloneDX) and dist/licences.md of what the product is made of
	@$(environment) dev && $(environment) sbom && exec $(python) tools/sbom.py

# Both locks come from one resolution each, with the build backend among them: an install needs nothing unhashed.
lock_command = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate --quiet

lock: ## write the six requirements*.lock anew (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: python3 -m pip install uv" >&2; exit 1; }
	@$(lock_command) --all-extras pyproject.toml tools/build.in -o requirements.lock
	@$(lock_command) --all-extras --group dev pyproject.toml tools/build.in -c requirements.lock -o requirements-dev.lock
	@$(lock_command) --group attack -o requirements-attack.lock
	@$(lock_command) --group wapiti -o requirements-wapiti.lock
	@$(lock_command) --group sbom -o requirements-sbom.lock
	@$(lock_command) --group oscal -o requirements-oscal.lock
