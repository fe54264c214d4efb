# What the README names: demo and test. Everything else serves those who
# change daybook.

export GOFLAGS := -buildvcs=false
VERSION := $(shell git describe --tags --always 2>/dev/null || echo dev)
BIN     := $(CURDIR)/.bin
FUZZTIME ?= 20s

.PHONY: build demo test lint fuzz s3 clean

build: ## the daybook binary, in .bin/
	@mkdir -p $(BIN)
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN)/daybook ./cmd/daybook

demo: build ## two weeks of generated dumps, their reports, and what to try next
	$(BIN)/daybook demo

test: build ## every test but those against real S3 servers; DuckDB reads what was published
	go test ./...
	cd testdata/duckdb && DAYBOOK_BIN=$(BIN)/daybook go test ./...

lint: $(BIN)/staticcheck ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./... && go vet -tags s3 ./...
	$(BIN)/staticcheck ./... && $(BIN)/staticcheck -tags s3 ./...
	cd testdata/duckdb && go vet ./...

fuzz: ## each fuzz target for FUZZTIME
	@grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
			echo "$$(dirname $$file) $$target"; \
			go test $$(dirname $$file) -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s || exit 1; \
		done; \
	done

s3: build $(BIN)/versitygw $(BIN)/minio ## the tests against real S3 servers
	go test -tags s3 -short -count=1 -timeout 20m ./sources/store/... ./pipeline/... ./cmd/...

# The pinned tools of testdata/tools: test servers, never linked in, and the
# linter.
$(BIN)/versitygw $(BIN)/minio $(BIN)/staticcheck: testdata/tools/go.mod
	@mkdir -p $(BIN)
	cd testdata/tools && CGO_ENABLED=0 go build -o $@ $(TOOL_$(@F))
	@touch $@
TOOL_versitygw   := github.com/versity/versitygw/cmd/versitygw
TOOL_minio       := github.com/minio/minio
TOOL_staticcheck := honnef.co/go/tools/cmd/staticcheck

clean:
	rm -rf $(BIN)
