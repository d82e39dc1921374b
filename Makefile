# One compilation at a time: the Graph SDK and the Temporal CLI each fill a
# small machine by themselves.
.NOTPARALLEL:

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X tenure/internal/version.Version=$(VERSION)

# A Temporal CLI that is already installed is preferred to compiling one.
ifeq ($(shell command -v temporal 2>/dev/null),)
TEMPORAL := bin/temporal
endif

# A worker that exists means that its dependencies stand in the build cache.
define announce-graph
@test -e bin/tenure-worker || echo '==> compiling the Microsoft Graph SDK sub-packages that the worker needs: once, 2-3 minutes on 2 cores unless cached'
endef

# npm is wanted on the build server only: nothing that is built needs it.
define drive-npm
if ! command -v npm >/dev/null; then \
	echo '==> no npm found: the test with Microsoft'"'"'s JavaScript client is skipped'; \
	test "$$CI" != true || { echo '==> on a build server it must run: install npm' >&2; exit 1; }; \
	exit 0; \
fi; \
cd tools/npm && \
{ test node_modules/.package-lock.json -nt package-lock.json || npm ci --silent; } && \
node flow.mjs "$(CURDIR)/bin/tenure-worker"
endef

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@echo 'Tenure onboards, offboards and moves Microsoft 365 and Teams Phone users. Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

.PHONY: demo
demo: build ## start everything, offboard one person of a simulated tenant, stop again
	bin/tenure-worker demo $(ARGS)

.PHONY: dev
dev: build ## start everything and stay up until Ctrl-C (flags in ARGS='--data-dir DIR …')
	bin/tenure-worker dev $(ARGS)

.PHONY: build
build: $(TEMPORAL) bin/tenure-worker bin/tenure ## compile bin/tenure, bin/tenure-worker and, unless one is on PATH, bin/temporal

.PHONY: test
test: build ## run every test (those on PostgreSQL only where its server is installed)
	@command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || \
		echo '==> no PostgreSQL server found: the tests that need one will be skipped'
	go test -timeout 30m -p 2 ./...
	@$(drive-npm)

.PHONY: test-npm
test-npm: bin/tenure-worker ## drive the simulated tenant with Microsoft's JavaScript client (skipped without npm)
	@$(drive-npm)

.PHONY: lint
lint: bin/staticcheck bin/workflowcheck ## check formatting, go vet, staticcheck and the determinism of workflows
	@files=$$(gofmt -l $$(find . -name node_modules -prune -o -name '*.go' -print)) && \
		{ test -z "$$files" || { echo 'not formatted (gofmt -w):'; echo "$$files"; exit 1; }; }
	$(announce-graph)
	go vet ./...
	bin/staticcheck ./...
	bin/workflowcheck ./...

.PHONY: bench
bench: build ## run the benchmarks; they print the ratios that the project promises
	@packages=$$(grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Benchmark' . | sed 's|/[^/]*$$||' | sort -u); \
	test -n "$$packages" || { echo 'no benchmarks yet'; exit 0; }; \
	go test -run '^$$' -bench . -benchtime 1x -count 1 -p 1 -v -timeout 60m $$packages

.PHONY: histories
histories: build ## record the workflow histories of the replay tests anew, from real runs (some: ONLY='held|move')
	go test ./workflows/replay -run '^TestRecordHistories$$' -count 1 -v -timeout 30m -args -record -only '$(ONLY)'

.PHONY: docs
docs: ## write docs/commands.md, and man pages to bin/man, from the help of the command
	go run ./starter/manual -markdown docs/commands.md -man bin/man

.PHONY: clean
clean: ## remove what these targets made: binaries, development data, profiles
	rm -rf bin .tenure coverage.out
	find . -name node_modules -prune -o \( -name '*.test' -o -name '*.prof' \) -type f -exec rm -f {} +

# go itself decides what is out of date.
.PHONY: FORCE
FORCE:

bin/tenure-worker: FORCE
	$(announce-graph)
	go build -ldflags '$(LDFLAGS)' -o $@ ./worker

bin/tenure: FORCE
	go build -ldflags '$(LDFLAGS)' -o $@ ./starter

bin/temporal: tools/temporal/go.mod
	@echo '==> compiling the Temporal CLI (server and UI for development), as no temporal is on PATH: once, about 4 minutes on 2 cores unless cached'
	cd tools/temporal && go build -o ../../$@ github.com/temporalio/cli/cmd/temporal

bin/staticcheck bin/workflowcheck: tools/lint/go.mod
	@echo '==> compiling $(@F): once, up to a minute on 2 cores unless cached'
	cd tools/lint && go build -o ../../$@ $$(go list -f '{{.ImportPath}}' tool | grep '/$(@F)$$')
