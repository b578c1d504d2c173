# Each target is one command, so that everything also works without make.
.DEFAULT_GOAL := help
.PHONY: help up shop reset test lint schema schema-diff bench prove fuzz

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## start everything with demo data; Ctrl-C stops it, the data stay in .data; PORT=4100 for another port than 4000
	@go build -o .data/bin/dev ./tools/dev && exec .data/bin/dev up $(if $(PORT),--port $(PORT))

shop: ## the storefront with hot reload, beside `make up`
	@storefront/run dev

reset: ## delete the data of make up
	@go run ./tools/dev reset

test: ## every test, against a temporary Postgres and RabbitMQ
	@go run ./tools/dev test

lint: ## vet, lint and search for secrets
	@.ci/lint

schema: ## regenerate everything that derives from schema/*.graphqls
	@tools/compose/generate.sh

schema-diff: ## list the changes for clients since the release
	@tools/compose/run diff.mjs

bench: ## measure throughput and latency
	@go run ./tools/bench

prove: ## inject faults for a minute, then check every guarantee
	@go run ./tools/prove

fuzz: ## compare the router with one server on random supergraphs; SEED=1 GRAPHS=2000 OPS=50 DIFFERENCES=10
	@cd router && SEED=$(or $(SEED),1) GRAPHS=$(or $(GRAPHS),2000) OPS=$(or $(OPS),50) DIFFERENCES=$(or $(DIFFERENCES),10) \
		GOGC=400 go test -count=1 -timeout 0 -v -run TestRandomSupergraphs ./internal/conformance
