# make drill   stand real topologies up, break them, measure, and print the path of the report
# make test    all tests, and the drills that every change should pass, on real servers (at most 25 minutes on 2 cores)
# make drill-all   every drill that ships, the long ones too, a thousand faults one after the other, and drills on machines of the
#                  Linode stand-in
# make check   unit tests, vet, lint: no Docker
# make bench   the figures: stand-up times, the error of the recovery time; kept in bench/
# make clean   remove what runs left, and what was built here

FIREDRILL := bin/firedrill
GO        := go
VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
SOURCES   := $(shell find . -name '*.go' -o -path './harness/*' -type f -o -path './features/*' -type f -o -path './reports/templates/*' -type f) go.mod go.sum

# A pinned linter, outside go.mod: users of the packages do not inherit it.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0

.PHONY: drill drill-all test check bench clean setup lint

drill: setup
	$(FIREDRILL) run --tags @smoke

test: setup
	FIREDRILL_AGENT=$(CURDIR)/$(FIREDRILL) FIREDRILL_TAGS='~@extended' FIREDRILL_AGAIN=2 $(GO) test -p 1 -count=1 -timeout 40m ./...

drill-all: setup
	$(FIREDRILL) run
	FIREDRILL_AGENT=$(CURDIR)/$(FIREDRILL) FIREDRILL_ROUNDS=1000 $(GO) test -count=1 -timeout 60m -run '^TestRounds$$' -v ./scenarios/
	FIREDRILL_AGENT=$(CURDIR)/$(FIREDRILL) FIREDRILL_MACHINES=1 $(GO) test -count=1 -timeout 60m -run '^(TestDrillsOnMachines|TestADrillInOneRegionWithAName)$$' -v ./cmd/firedrill/

check:
	$(GO) vet ./...
	$(GO) mod tidy -diff
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt: $$(gofmt -l $$(git ls-files '*.go'))"; exit 1; }
	$(MAKE) --no-print-directory lint
	$(GO) test -race -short ./...

lint:
	$(GO) run $(STATICCHECK) ./...

bench: setup
	@mkdir -p bench
	FIREDRILL_AGENT=$(CURDIR)/$(FIREDRILL) FIREDRILL_BENCH=$(CURDIR)/bench $(GO) test -count=1 -timeout 60m -run '^TestBench' -p 1 -v ./scenarios/ ./injectors/

clean:
	@if [ -x $(FIREDRILL) ]; then $(FIREDRILL) clean --all; fi
	rm -rf bin bench

# Everything that a fresh machine lacks: the engine, the program, the images.
setup: $(FIREDRILL)
	@./harness/images/engine.sh
	@$(FIREDRILL) doctor --build

$(FIREDRILL): $(SOURCES)
	@mkdir -p bin
	@echo "building firedrill"
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.Version=$(VERSION)' -o $@ ./cmd/firedrill
