# The workshop's commands. Each installs its packages into .venv/ and calls `workshop`; so does `uv run workshop …`, also
# on Windows.
WORKSHOP = scripts/workshop

.DEFAULT_GOAL := help
.PHONY: help setup llama-server lab classroom load test test-all test-browser chain run bench eval progress reset book bundle slides export doctor canary format diagrams adapter lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install everything here and prepare the embedded models
	@$(WORKSHOP) setup

llama-server: ## Start model and server (MODEL=qwen3-1.7b or STACK=vllm)
	@$(WORKSHOP) llama-server $(if $(MODEL),--model "$(MODEL)") $(if $(STACK),--stack $(STACK)) $(ARGS)

lab: ## Start model, server and JupyterLab (MODEL= or STACK=)
	@$(WORKSHOP) lab $(if $(MODEL),--model "$(MODEL)") $(if $(STACK),--stack $(STACK)) $(ARGS)

classroom: ## Serve a room full of people (USERS=40 ARGS="--listen ADDRESS")
	@$(WORKSHOP) classroom --users $(or $(USERS),40) $(ARGS)

load: ## Fill a classroom with attendees (ARGS="--people 1,10,40")
	@$(WORKSHOP) load $(ARGS)

test: ## Run the chapters and our tests (STACK=ogx-1.5 ARGS="-k chaining")
	@$(WORKSHOP) test $(if $(STACK),--stack $(STACK)) $(ARGS)

test-all: ## Also run slow tests: the pinned server, blanks, the bench
	@$(WORKSHOP) test-all $(ARGS)

test-browser: ## Test site, slides and lab in a browser (ARGS="-k site")
	@$(WORKSHOP) test-browser $(ARGS)

chain: ## Run the chain from chapters 3 and 11 (VERBOSE=true)
	@scripts/install lab && .venv/bin/llamastack-prompt-chaining $(ARGS)

run: ## Execute chapters (MODEL=openai/gpt-4o-mini CHAPTER=12)
	@$(WORKSHOP) run $(CHAPTER) $(if $(MODEL),--model $(MODEL)) $(ARGS)

bench: ## Measure LlamaStack's overhead, startup and the comparison
	@$(WORKSHOP) bench $(ARGS)

eval: ## Count a model's right answers (ARGS="--kind tools --verbose")
	@$(WORKSHOP) eval $(if $(MODEL),--model $(MODEL)) $(ARGS)

progress: ## Show the exercises that you have solved (ARGS=--room)
	@$(WORKSHOP) progress $(ARGS)

reset: ## Get a fresh copy of a chapter and keep yours (CHAPTER=2)
	@$(WORKSHOP) reset $(CHAPTER)

book: ## Build the site into _build/html, with executed notebooks
	@$(WORKSHOP) book

slides: ## Make slides from the chapters (CHAPTER=2)
	@$(WORKSHOP) slides $(CHAPTER)

bundle: ## Pack everything into one archive for offline use
	@$(WORKSHOP) bundle

export: ## Write chapters for nbgrader (ARGS="--nbgrader course 1 2")
	@$(WORKSHOP) export $(ARGS)

doctor: ## Check this machine's setup, and suggest fixes
	@$(WORKSHOP) doctor

format: ## For contributors: tidy code and notebooks
	@scripts/install test && .venv/bin/ruff format && .venv/bin/ruff check --fix && $(WORKSHOP) format-notebooks

diagrams: ## For contributors: render the book's diagrams
	@$(WORKSHOP) diagrams

canary: ## For contributors: test against the newest releases
	@$(WORKSHOP) canary $(ARGS)

adapter: ## For contributors: retrain the embedded model's adapter
	@scripts/install lab && for round in $(if $(findstring --help,$(ARGS)),1,1 2); do .venv/bin/python -m training.make --round $$round $(ARGS) || exit; done

lock: ## For contributors: update the hashed pins in requirements/
	@scripts/lock

clean: ## Remove state, logs, models and the site, but not work/
	@$(WORKSHOP) clean
