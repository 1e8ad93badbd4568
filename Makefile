# Castnet. `make run` and `make test` need nothing done before them; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ENV := deploy/deps/env.sh
GO  := $(ENV) go
WEB := broadcaster/api/web
BENCH_SECONDS ?= 60
export BENCH_SECONDS
export GOFLAGS := -buildvcs=false $(GOFLAGS)

go-sources := $(shell find . -name '*.go' -not -path '*/node_modules/*' -not -path './bin/*' 2>/dev/null) go.mod go.sum

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | awk -F '|' '{ printf "%-24s%s\n", $$1, $$2 }'

##@ What it is built with

.PHONY: deps test-deps
deps: ## Install or build what the build needs (FFmpeg 7.x, Debian and Node packages)
	@deploy/deps/deps.sh build
test-deps:
	@deploy/deps/deps.sh test

##@ Build and run

.PHONY: build run
build: deps bin/castnet bin/castnet-worker ## Build the programs into bin/

bin/castnet: $(go-sources) $(WEB)/dist/index.html
	$(GO) build -trimpath -o $@ ./cmd/castnet

bin/castnet-worker: $(go-sources)
	$(GO) build -trimpath -o $@ ./cmd/castnet-worker

# The pages' part of the contracts' ABI comes out of the bindings.
$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json contracts/bindings/bindings.go $(shell find $(WEB)/src $(WEB)/public $(WEB)/build -type f -not -name abi.ts 2>/dev/null) $(wildcard $(WEB)/*.html $(WEB)/*.ts $(WEB)/*.json)
	cd $(WEB) && npm run build --silent
	@touch $@

# npm ci makes node_modules exactly what the lock file says.
%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --ignore-scripts --silent
	@touch $@

run: build ## Build, then run the whole network on this machine (ARGS="--demo" publishes a picture)
	@exec bin/castnet up $(ARGS)

##@ Tests

.PHONY: test unit e2e check test-faults contracts contracts-deep
test: build test-deps test/browser/node_modules/.package-lock.json contracts/node_modules/.package-lock.json ## Run every test that CI runs
	@echo '--- contracts' && $(MAKE) contracts
	@echo '--- unit' && $(MAKE) unit
	@echo '--- end to end' && $(MAKE) e2e

unit:
	cd $(WEB) && npm test --silent
	$(GO) test -timeout 20m $$(go list ./... | grep -v -e castnet/test/e2e -e castnet/test/bench -e castnet/test/economy -e castnet/test/hostile -e castnet/test/joins)
	$(GO) test -v -count=1 ./test/economy # another seed each time, printed

e2e: build test-deps test/browser/node_modules/.package-lock.json ## Run the end-to-end tests: real FFmpeg, browser, chain, kill -9
	$(GO) test -timeout 40m -count=1 -p 1 ./test/e2e/... ./test/hostile ./test/joins

.PHONY: e2e-matrix
e2e-matrix: build test-deps test/browser/node_modules/.package-lock.json ## Every way in, in every codec, to every way out, with real clients (CASTNET_MATRIX=PATTERN: some rows)
	CASTNET_MATRIX=$${CASTNET_MATRIX:-all} $(GO) test -timeout 20m -count=1 -v -run TestMatrix ./test/e2e/

test-faults: test-deps ## Kill both sides of the money at every durable step, 200 runs on each store
	CASTNET_FAULT_RUNS=200 $(GO) test -timeout 30m -count=1 -run TestFaults ./probabilistic-payments/store

contracts: contracts/node_modules/.package-lock.json ## Test the contracts: unit, fuzz, invariants, gas, format, lint, layout, sizes, coverage, bindings
	contracts/scripts/check.sh
	$(GO) run ./contracts/bindings/generate -check

contracts-deep: contracts/node_modules/.package-lock.json ## The same fuzz tests and invariants, for hours if need be
	cd contracts && FOUNDRY_PROFILE=deep npx --no-install forge test --no-match-contract Gas

.PHONY: test-sim
test-sim: ## Play a day of tickets on a simulated clock (CASTNET_SIM_HOURS=24)
	CASTNET_SIM_HOURS=$${CASTNET_SIM_HOURS:-24} $(GO) test -timeout 60m -count=1 -v -run TestDayOfTraffic ./test/sim/

.PHONY: test-hostile fuzz-transcoder soak-transcode test-gpu gpu-bundle
test-hostile: build test-deps ## Throw 10,000 made-up inputs at each port (CASTNET_HOSTILE_PORT=NAME: at some) and at the workers, and print what became of each kind
	CASTNET_HOSTILE=$${CASTNET_HOSTILE:-10000} $(GO) test -timeout 60m -count=1 -v -p 1 -run TestHostile ./test/hostile ./transcoder/worker/
.PHONY: soak-joins fuzz
soak-joins: build test-deps ## Have 20 WHEP and 200 HLS viewers a second and 50 publishers come and go for SOAK_SECONDS (60), and tell what stays
	@CASTNET_SOAK_SECONDS=$${SOAK_SECONDS:-60} $(GO) test -timeout 30m -count=1 -v ./test/joins
fuzz: test-deps ## Fuzz every target for FUZZTIME (10m) each (FUZZ=PATTERN: some of them)
	@$(ENV) test/fuzz.sh $${FUZZTIME:-10m} "$${FUZZ:-.}"
fuzz-transcoder: build test-deps ## Fuzz the engine for FUZZ_SECONDS (60)
	$(GO) test -run '^$$' -fuzz FuzzSession -fuzztime $${FUZZ_SECONDS:-60}s ./transcoder/av/
soak-transcode: build test-deps ## Run sessions for SOAK_MINUTES (60), and tell what grows: memory, processes, files, goroutines
	@$(GO) run ./test/soak
gpu-bundle: build test-deps ## Pack what a bare NVIDIA machine needs for test/gpu/run.sh: bin/castnet-gpu.tar.gz
	@$(ENV) test/gpu/bundle.sh bin/castnet-gpu.tar.gz
test-gpu: gpu-bundle ## Run the bundle on this machine
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && tar -xzf bin/castnet-gpu.tar.gz -C "$$dir" && "$$dir/run.sh"

check: build test-deps ## Format, lint, arrows, and the race detector
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...
	$(GO) test ./test/arch/...
	$(GO) test -race -timeout 30m $$(go list ./... | grep -v -e castnet/test/e2e -e castnet/test/bench -e castnet/contracts -e castnet/test/hostile -e castnet/test/joins)

##@ Figures

.PHONY: bench bench-abr bench-hls bench-ingest bench-latency bench-overhead bench-tickets bench-transcode bench-whep
bench-latency: build test-deps test/browser/node_modules/.package-lock.json ## Latency: publisher frame to transcoded WHEP frame, and glass to glass in Chromium
	@$(GO) run ./test/bench latency
bench-overhead: build test-deps ## CPU of the network over the plain ffmpeg command line
	@$(GO) run ./test/bench overhead
bench-tickets: build test-deps ## What a ticket costs: over the bare signature, on the disk, in memory
	@$(GO) run ./test/bench tickets
bench-transcode: build test-deps ## The engine: CPU and quality against the ffmpeg command line, memory, latency, resume
	@$(GO) run ./test/bench transcode
bench-whep: build test-deps ## What a viewer by WHEP costs, 200 of one stream, beside bare sendto
	@$(GO) run ./test/bench whep
bench-hls: build test-deps test/browser/node_modules/.package-lock.json ## LL-HLS: first playlist and part, how old the newest picture is when downloaded, and when hls.js shows it in Chromium
	@$(GO) run ./test/bench hls
bench-abr: build test-deps test/browser/node_modules/.package-lock.json ## WebRTC behind a link that becomes narrow, good, lossy: moves and freezes in Chromium
	@$(GO) run ./test/bench abr
bench-ingest: build test-deps ## What a publisher by RTMP costs: handshake, memory, CPU
	@$(GO) run ./test/bench ingest
bench: build test-deps test/browser/node_modules/.package-lock.json ## Run every bench, and write docs/bench/latest.json
	@$(GO) run ./test/bench all

##@ Generated code

.PHONY: generate generate-check
generate: test-deps contracts/node_modules/.package-lock.json ## Make the generated code anew
	GOBIN=$(CURDIR)/bin/tools $(GO) install tool
	cd contracts && npx --no-install forge build
	PATH="$(CURDIR)/bin/tools:$$PATH" $(GO) generate ./internal/wire/... ./contracts/...
generate-check: generate ## Fail where generated code is not fresh
	git diff --exit-code -- internal/wire contracts/bindings

.PHONY: clean
clean: ## Remove what was built in the tree (the FFmpeg cache stays)
	rm -rf bin $(WEB)/dist/assets $(WEB)/dist/index.html $(WEB)/node_modules test/browser/node_modules contracts/node_modules contracts/out contracts/cache
