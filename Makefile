# Each target needs no step before it: the first makes .venv from the lock, hashes checked.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A worker starts in a third of the time where what was compiled once is kept, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=
ROOMS := models mappings profiles schemes reports store ingest api simulators migrations stack cli bench

.DEFAULT_GOAL := help
.PHONY: help install demo test test-faults test-random test-deep test-fuzz check format lock bench bench-full reports-year federation-bench measure-pages simulate-city drill clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

install: $(VENV)/.ready ## the virtual environment with everything locked, and the command .venv/bin/jishi

$(VENV)/.ready: requirements.lock scripts/install
	@PYTHON=$(PYTHON) scripts/install

demo: $(VENV)/.ready ## the whole service with a simulated fleet; DEMO_FOR=60 ends it after 60 s
	@$(BIN)/jishi demo $(if $(DEMO_FOR),--for $(DEMO_FOR)s)

# Longest files first, so that no worker is left alone with one. Chance is the same each time (tests/chance.py), and sets
# have one order.
test: $(VENV)/.ready ## every test but the long ones, against a real TimescaleDB and a real Mosquitto
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest -m "not slow" -n 3 --dist loadfile --no-loadscope-reorder

test-faults: $(VENV)/.ready ## the long fault tests: kills, outages, soak; then what the reader matters for, with the other one
	@JISHI_SLOW=1 $(BIN)/python -m pytest -m slow tests/faults
	@JISHI_REPLAY_INSTRUMENTS=200 $(BIN)/python -m pytest tests/acceptance/test_replay.py
	@JISHI_DELIVERY_KILLS=100 $(BIN)/python -m pytest tests/integration/api/reports/test_deliver.py
	@JISHI_CORE_CASES=10000 $(BIN)/python -m pytest tests/unit/models/test_fold_oracle.py
	@JISHI_MQTT_READER=paho $(BIN)/python -m pytest -m "not slow" tests/faults/test_ingest.py \
		tests/faults/test_broker.py tests/faults/test_shares.py

test-random: $(VENV)/.ready ## what tests leave to chance, anew and ten times as much of it; SEED=7 TIMES=100 say which and how much
	@seed=$${SEED:-$$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}; \
	echo "the same once more: make test-random SEED=$$seed$${TIMES:+ TIMES=$$TIMES}"; \
	JISHI_TEST_SEED=$$seed JISHI_TEST_TIMES=$${TIMES:-10} $(BIN)/python -m pytest -m "hypothesis or chance" \
		-n 2 --dist loadfile --hypothesis-seed=$$seed

test-deep: $(VENV)/.ready ## the random histories that make test holds to oracles, five times as many; TIMES=20 says how many times
	@JISHI_TEST_DEPTH=$${TIMES:-5} $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
		$$(grep -rl --include='test_*.py' 'counted("JISHI_' tests)

test-fuzz: $(VENV)/.ready ## ten minutes of requests that a machine thinks of, after the API's own description; and of heartbeats
	@JISHI_FUZZ_FOR=600 $(BIN)/python -m pytest -s tests/integration/api/test_fuzz.py tests/unit/models/test_wire_fuzz.py

bench: $(VENV)/.ready ## the measurements, beside their references: 18 minutes on a quiet machine
	@$(BIN)/python -m bench

bench-full: $(VENV)/.ready ## the same with more repeats, then from 1,000 to 1,000,000 instruments
	@$(BIN)/python -m bench --full

reports-year: $(VENV)/.ready ## a city's year closed and written in every shipped form: time and memory of each; INSTRUMENTS=2500 is a tenth
	@$(BIN)/python -m bench.reports_year $(if $(INSTRUMENTS),--instruments $(INSTRUMENTS))

federation-bench: $(VENV)/.ready ## a follower of ten cities with 1,000,000 instruments: how long its questions take, and how much it stores
	@$(BIN)/python -m bench.federation

measure-pages: $(VENV)/.ready ## every page before a city of 23,504 in a real browser: first paint, what one does there; ONLY='explore*' is some
	@$(BIN)/python -m tests.cockpit.measure_pages $(if $(ONLY),--only '$(ONLY)')

simulate-city: $(VENV)/.ready ## a whole city for 10 minutes, then with every fault, each verified; FOR=2m is shorter
	@scripts/simulate-city

drill: ## from a bare account to a service with TLS and a restored copy that answers the same
	@scripts/drill

check: $(VENV)/.ready ## lint, types, formatting, import directions, the page's scripts, known weaknesses of dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@scripts/check-js
	@$(BIN)/python scripts/audit.py

format: $(VENV)/.ready ## put code into the agreed form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(VENV)/.ready ## write both locks from pyproject.toml: all, and the part of it that running needs
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --group dev pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header -c requirements.lock pyproject.toml -o requirements-run.lock

clean: ## remove the virtual environment and caches (downloaded servers stay in the user's cache)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
