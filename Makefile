# Two targets need nothing prepared: `make demo` and `make test`. They find or start the servers they need.

SHELL       := bash
.SHELLFLAGS := -o pipefail -c

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COVERED  = ./engine/...,./plugins/...,./cmd/...
COVERDIR = $(CURDIR)/bin/coverage
TOOL     = $(GO) tool -modfile=tools/go.mod

PLUGIN   = examples/custom-plugin
.PHONY: tidy stranger test-plugin test-schema test-k8s autoscaling page outage build image test test-image test-compose snapshot release budgets quick lint vuln bench bench-json bench-condition bench-e2e load liveness memory soak faults cluster brokers interop fuzz demo fmt manifests docs clean

build: ## the program, into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X github.com/logpipe/logpipe/cmd.Version=$(VERSION)" -o bin/logpipe ./cmd/logpipe

image: ## the container image, with docker, podman or buildah; IMAGE=name:tag
	deploy/image/build $(IMAGE) $(VERSION)

# From source, at one version, checked against the checksum database: no binary of somebody else's makes what is shipped.
GORELEASER = $(GO) run github.com/goreleaser/goreleaser/v2@v2.16.0

snapshot: ## archives, packages, checksums and SBOMs as a release has them, into dist/; publishes nothing
	$(GORELEASER) check
	$(GORELEASER) release --snapshot --clean --skip=docker

release: ## what the workflow does for a tag; needs GITHUB_TOKEN, and Docker logged in to ghcr.io
	$(GORELEASER) release --clean

demo: ## the main job, on a real RabbitMQ and a real S3 server
	@mkdir -p bin
	@$(GO) build -o bin/demo ./test/demo && exec bin/demo

# Coverage counts what the integration tests' own logpipe processes run, too.
test: ## everything, on real servers, under the race detector; prints the coverage
	rm -rf $(COVERDIR) && mkdir -p $(COVERDIR)
	$(GO) build -o bin/with ./test/servers/with
	GOCOVERDIR=$(COVERDIR) bin/with -- \
		$(GO) test -race -shuffle=on -timeout 30m -covermode=atomic -coverpkg=$(COVERED) ./... -args -test.gocoverdir=$(COVERDIR) \
		| sed -u 's/\tcoverage:.*//'
	@$(GO) tool covdata textfmt -i=$(COVERDIR) -o=$(COVERDIR)/profile
	@$(GO) tool cover -func=$(COVERDIR)/profile | awk '/^total:/ { print "coverage of engine, plugins and cmd: " $$3 }'
	cd test/k8s && $(GO) test -count=1 ./... # what it reads lies outside of its module, so the cache would not see a change
	$(MAKE) budgets test-compose test-plugin test-schema

test-compose: ## compose.yaml, by Compose's own loader, from a module of its own
	cd test/compose && $(GO) vet ./... && $(GO) test -count=1 ./... # its cache does not see files of another module

test-plugin: ## the module of examples/custom-plugin, built and tested as a third party would; its files must not change by it
	cd $(PLUGIN) && $(GO) mod tidy -diff && GOFLAGS=-mod=mod $(GO) build -o $(CURDIR)/bin/mylogpipe ./cmd/mylogpipe && $(CURDIR)/bin/mylogpipe validate pipeline.hcl
	cd $(PLUGIN) && GOFLAGS=-mod=mod $(GO) test -race ./... && $(GO) mod tidy -diff

test-schema: ## the JSON schema of `logpipe plugins --schema`, by a validator of JSON schemas, from a module of its own
	cd test/schema && $(GO) test -count=1 ./... # it reads files outside of its module

stranger: ## docs/plugins-howto.md as a stranger follows it: from an empty folder to a binary with a plugin that passes its suite, timed
	$(GO) test -count=1 -v -run TestHowto ./test/howto

test-image: ## the image, built and run with podman; needs root, takes a minute or two
	$(GO) test -tags image -count=1 -timeout 20m ./test/image

test-k8s: ## k8s/ on a real API server with KEDA, a process for each pod; builds both once (20 minutes), then takes some minutes
	cd test/cluster && $(GO) test -v -count=1 -timeout 60m .

autoscaling: ## docs/autoscaling.svg, from a run of test-k8s
	cd test/cluster && $(GO) test -v -count=1 -timeout 60m . -args -docs $(CURDIR)/docs

budgets: ## what a message may allocate; without the race detector, which allocates too
	$(GO) test -run '^TestBudget' -count=1 ./engine/... ./plugins/...

faults: ## every row of the failure table, also those that need a broker of their own; ten minutes
	$(GO) build -o bin/with ./test/servers/with
	bin/with -- $(GO) test -race -shuffle=on -tags faults -count=1 -parallel 6 -timeout 40m ./test/faults

cluster: ## faults of a RabbitMQ cluster of three nodes under load, and the time without flow; then an upgrade from 4.0 to 4.3; ten minutes
	$(GO) test -tags cluster -count=1 -v -timeout 40m ./test/rabbitcluster

brokers: ## every test that needs a broker on each RabbitMQ of VERSIONS (all; newest; 3.10,4.3), and a table; an hour and more
	$(GO) build -o bin/brokers ./test/brokers && bin/brokers -versions "$(VERSIONS)" -tags "$(TAGS)" -race=$(RACE) $(BROKERS)

interop: ## foreign clients of RabbitMQ and S3, in their own languages: who writes, through what, who reads; installs them from Debian and npm as root; some minutes
	$(GO) test -race -tags interop -count=1 -timeout 60m ./test/interop

memory: ## what a process takes at most, with bodies of 250 B to 16 MiB and all that makes it hold much, as a table; forty minutes; MEMORY="-only '8MiB down'"
	$(GO) test -tags memory -count=1 -v -timeout 90m -run "TestTable|TestManyFiles" ./test/memory -args $(MEMORY)

quick: ## what needs no server and no time
	$(GO) test -short ./engine/... ./cmd/... ./plugins/processors/... ./plugins/internal/... ./plugins/inputs/generator ./plugins/outputs/stdout

lint: ## format, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not formatted, run make fmt:"; gofmt -l .; exit 1; }
	$(GO) vet -tags faults,image,cluster,interop,memory ./...
	$(TOOL) staticcheck -tags faults,image,cluster,interop,memory ./...
	$(GO) mod tidy -diff
	cd test/k8s && $(GO) vet ./... && $(GO) mod tidy -diff && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...
	cd test/schema && $(GO) vet ./... && $(GO) mod tidy -diff && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...
	cd $(PLUGIN) && $(GO) vet ./... && $(GO) mod tidy -diff && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...

vuln: ## known vulnerabilities in what the program calls; needs https://vuln.go.dev
	$(TOOL) govulncheck ./...

fmt: ## format Go and HCL
	gofmt -w .
	$(GO) run ./cmd/logpipe fmt pipeline.hcl pipeline_test.hcl examples $(PLUGIN)

tidy: ## go.mod and go.sum of all modules, after one of them changed
	for dir in . $(PLUGIN) test/k8s test/compose test/schema test/cluster; do (cd $$dir && $(GO) mod tidy) || exit 1; done

manifests: ## write what k8s/ copies from other files
	cd test/k8s && $(GO) test -count=1 -run Copies . -write

docs: ## write what is made from the code
	$(GO) generate ./cmd/...

page: ## the pictures of the status page in docs/, from a real run of five minutes
	$(GO) test ./test/page -run TestOutageShows -count=1 -args -docs $(CURDIR)/docs

outage: ## what an operator sees while S3 is down for OUTAGE: log, status page, alerts; twelve minutes
	$(GO) build -o bin/outage ./test/outage && exec bin/outage -for $(OUTAGE)

bench: ## time and allocations of the parts, in the format of benchstat; BENCH=Check COUNT=10 for some of them, ten times
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./engine/... ./plugins/...

bench-json: ## the JSON check beside others', and whether they are right
	cd engine/jsonscan/bench && $(GO) test -run TestWhoIsRight -v -bench . -benchmem -count $(COUNT)

bench-condition: ## a condition beside the plain way and cel-go, and whether they agree
	cd engine/condition/bench && $(GO) test -bench . -benchmem -count $(COUNT)

soak: ## replicas under random faults, SEEDS of TIME each; one random seed when SEEDS is empty
	$(GO) build -o bin/soak ./test/soak && bin/soak -time $(TIME) -seeds "$(SEEDS)"

bench-e2e: ## logpipe on real servers beside a raw client and BENCH_PEER; E2E="-sets growth -rounds 3", -h has all flags
	$(GO) build -o bin/bench ./test/bench && bin/bench $(E2E)

liveness: ## flow and broker's CPU with and without a rare partition, on RabbitMQ 3.10, 4.0 and 4.3; half an hour, goes on where it was; LIVENESS="-only '4.3 quorum'"
	$(GO) build -o bin/liveness ./test/liveness && bin/liveness $(LIVENESS)

load: ## a filled queue to S3 with a kill -9 in the middle, and the count
	$(GO) build -o bin/load ./test/load && bin/load

IMAGE ?= logpipe:$(VERSION)

BENCH ?= .
COUNT ?= 1
E2E   ?=

VERSIONS ?=
TAGS     ?= faults
RACE     ?= true

OUTAGE ?= 310s

TIME  ?= 2m
SEEDS ?=

FUZZTIME ?= 30s
fuzz: ## each fuzz target for FUZZTIME
	@grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' $$file); do \
			echo "$$target in $$file"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$(dirname $$file) || exit 1; \
		done; done

clean:
	rm -rf bin
