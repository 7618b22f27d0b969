# The workshop's commands. Each calls `workshop`, which `uv run workshop …` calls as well, on Windows too.
WORKSHOP = scripts/uv run workshop

.DEFAULT_GOAL := help
.PHONY: help setup llama-server lab test test-browser chain run bench progress reset book bundle slides doctor canary format diagrams lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install everything into this folder and prepare the embedded models
	@$(WORKSHOP) setup

llama-server: ## Start the model and the LlamaStack server (STACK=vllm ARGS="--port 8331")
	@$(WORKSHOP) llama-server $(if $(STACK),--stack $(STACK)) $(ARGS)

lab: ## Start model, server and JupyterLab with the chapters (ARGS="--no-browser")
	@$(WORKSHOP) lab $(ARGS)

test: ## Run all notebooks and tests on a server of their own (STACK=ogx-1.5 ARGS="-k chaining")
	@$(WORKSHOP) test $(if $(STACK),--stack $(STACK)) $(ARGS)

test-browser: ## Test the site and JupyterLab in a real browser (ARGS="-k site")
	@scripts/uv run --group browser workshop test-browser $(ARGS)

chain: ## Run the prompt chain of chapters 3 and 11 (VERBOSE=true shows each step)
	@scripts/uv run llamastack-prompt-chaining $(ARGS)

run: ## Execute chapters with a model (MODEL=openai/gpt-4o-mini CHAPTER=12)
	@$(WORKSHOP) run $(CHAPTER) $(if $(MODEL),--model $(MODEL)) $(ARGS)

bench: ## Measure plain Python, LangChain and the hybrid for the comparison chapter
	@$(WORKSHOP) bench $(ARGS)

progress: ## Show which exercises you have solved
	@$(WORKSHOP) progress

reset: ## Give yourself a fresh copy of a chapter; yours is kept (CHAPTER=2)
	@$(WORKSHOP) reset $(CHAPTER)

book: ## Build the site into _build/html, every notebook executed
	@$(WORKSHOP) book

slides: ## Make slides from the chapters for an instructor, into _build/slides (CHAPTER=2)
	@$(WORKSHOP) slides $(CHAPTER)

bundle: ## Pack everything into one archive, for machines without any network
	@$(WORKSHOP) bundle

doctor: ## Check Python, packages, ports, keys, upstreams, models, disk and memory
	@$(WORKSHOP) doctor

format: ## For contributors: tidy code and notebooks
	@scripts/uv run ruff format && scripts/uv run ruff check --fix && $(WORKSHOP) format-notebooks

diagrams: ## For contributors: draw the book's diagrams from their DOT files
	@$(WORKSHOP) diagrams

canary: ## For contributors: install the newest releases into a copy, report what breaks
	@$(WORKSHOP) canary $(ARGS)

lock: ## For contributors: write requirements.txt, the hashed pins for pip and conda
	@scripts/uv export --quiet --no-emit-project --no-header --output-file requirements.txt

clean: ## Remove state, logs, prepared models and the built book (your work/ stays)
	@$(WORKSHOP) clean
