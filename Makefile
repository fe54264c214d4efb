# The README names demo and test. The other targets serve those who change
# daybook.

export GOFLAGS := -buildvcs=false
VERSION ?= # of the program; empty: the release in cmd/daybook/version.go
BIN     := $(CURDIR)/.bin
FUZZTIME ?= 20s

# Patterns leave out directories named testdata, and other modules. go test tells of
# packages in this order: those that take long come last, so that none of them is silent
# about the others.
PACKAGES := ./config ./transform/... ./sources/... ./sinks/... ./testdata/golden ./testdata/samebytes ./pipeline/... ./cmd/...
MODULES  := $(dir $(shell git ls-files '*/go.mod' ':!testdata/tools'))

# A package takes at most a minute of CPU. The limit suits a machine that is five
# times as slow, with a load of 12 for each core.
TIMEOUT := 1h

.PHONY: build iceberg release packages-test demo test golden lint fuzz s3 spark spark-figures warehouses spreadsheet browser screenshots bench bench-compare same-bytes hostile clean

build: ## the daybook binary, in .bin/
	@mkdir -p $(BIN)
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $(if $(VERSION),-X main.version=$(VERSION))" -o $(BIN)/daybook ./cmd/daybook

iceberg: ## daybook-iceberg, which keeps Iceberg tables of the reports, in .bin/
	@mkdir -p $(BIN)
	cd cmd/daybook-iceberg && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(BIN)/daybook-iceberg .

release: ## archives, packages, image, chart, SBOM and checksums of a version, in .bin/release/
	cd cmd/release && CGO_ENABLED=0 go build -trimpath -o $(BIN)/release-tool .
	$(BIN)/release-tool -root $(CURDIR) -out $(BIN)/release -time $$(git log -1 --format=%ct) \
		-version $(or $(VERSION),$$(sed -n 's/^const release = "\(.*\)"/\1/p' cmd/daybook/version.go))

packages-test: ## a release for this platform, made twice: the same bytes, which open; needs dpkg
	cd cmd/release && CGO_ENABLED=0 go test -trimpath -count=1 -timeout $(TIMEOUT) .

demo: build ## two weeks of generated dumps, their reports, and what to try next
	$(BIN)/daybook demo

# GOFLAGS=-count=1 runs also those that have passed since their last change.
# Tests make much garbage and need little memory, so it is collected less often.
test: export GOGC := 400
test: build ## all tests that need no S3 server and no browser; DuckDB reads what was published
	go test -timeout $(TIMEOUT) $(PACKAGES)
	cd testdata/duckdb && DAYBOOK_BIN=$(BIN)/daybook go test -timeout $(TIMEOUT) ./...
	cd cmd/daybook-iceberg && CGO_ENABLED=0 go test -trimpath -timeout $(TIMEOUT) ./...

golden: ## write the golden files anew; read the diff
	go test $$(grep -rl --include='*_test.go' '"daybook/testdata/golden"' . | xargs -n 1 dirname | sort -u) -update

lint: $(BIN)/staticcheck ## gofmt, vet, staticcheck, of every module
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet $(PACKAGES) ./testdata/hostile && go vet -tags s3 ./... && go vet -tags spreadsheet ./sinks/csv ./sinks/xlsx
	$(BIN)/staticcheck $(PACKAGES) ./testdata/hostile && $(BIN)/staticcheck -tags s3 ./...
	@for module in $(MODULES); do \
		echo "vet and staticcheck $$module" && (cd $$module && go vet ./... && $(BIN)/staticcheck ./...) || exit 1; \
	done

fuzz: ## each fuzz target for FUZZTIME
	@grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
			echo "$$(dirname $$file) $$target"; \
			go test $$(dirname $$file) -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s || exit 1; \
		done; \
	done

s3: build $(BIN)/versitygw $(BIN)/minio ## the tests against real S3 servers
	go test -tags s3 -short -count=1 -timeout $(TIMEOUT) ./sources/store/... ./pipeline/... ./cmd/...

spreadsheet: ## CSV and XLSX files in LibreOffice: what adds up, what is a formula; needs libreoffice-calc-nogui
	go test -tags spreadsheet -count=1 -timeout 20m -run Spreadsheet ./sinks/csv ./sinks/xlsx

browser: $(BIN)/axe.min.js ## the console in Chromium: every page, keys, actions, accessibility; needs chromium and npm
	cd testdata/browser && AXE=$(BIN)/axe.min.js go test -count=1 -timeout $(TIMEOUT) ./...

screenshots: ## the pictures of the console that the README shows; needs chromium, and looks best with fonts-inter
	@mkdir -p testdata/screenshots
	cd testdata/browser && go run ./shots ../screenshots

spark: build $(BIN)/versitygw ## the job of daybook spark emit on two executors, with faults; needs python3 and Java 17
	python3 -m venv $(BIN)/spark
	$(BIN)/spark/bin/pip install --quiet -r testdata/spark/requirements.txt
	$(BIN)/spark/bin/python testdata/spark/spark_test.py $(BIN)/daybook $(BIN)/versitygw

ROUNDS ?= 3
spark-figures: build ## what the job on Spark costs, compared with one process: CPU, shuffle, two executors against one; ROUTE=b SESSIONS=500000 for another load
	python3 -m venv $(BIN)/spark
	$(BIN)/spark/bin/pip install --quiet -r testdata/spark/requirements.txt
	$(BIN)/spark/bin/python testdata/spark/figures.py $(BIN)/daybook $(ROUNDS) $(ROUTE) $(SESSIONS)

ENGINES ?= duckdb duckdb-cli clickhouse postgres spark polars snowflake datafusion dbt iceberg
RESTATEMENTS ?= 100
WITH_ICEBERG := $(if $(findstring iceberg,$(ENGINES)),iceberg $(BIN)/jars)
warehouses: build $(WITH_ICEBERG) ## engines load reports by the statements of daybook sql, and read while days are restated; needs python3, for spark Java 17, for iceberg Java 17 and Maven, for postgres its server
	python3 -m venv $(BIN)/warehouses
	$(BIN)/warehouses/bin/pip install --quiet -c testdata/warehouses/requirements.txt pyarrow sqlglot duckdb $(sort $(foreach e,$(ENGINES),$(PYPI_$e)))
	$(BIN)/warehouses/bin/python testdata/warehouses/dialects.py pipeline/warehouse/testdata
	$(BIN)/warehouses/bin/python -W ignore testdata/warehouses/warehouses.py $(BIN)/daybook $(ENGINES)
	$(BIN)/warehouses/bin/python -W ignore testdata/warehouses/restating.py $(BIN)/daybook $(RESTATEMENTS) $(ENGINES)
PYPI_duckdb-cli := duckdb-cli
PYPI_clickhouse := chdb
PYPI_postgres   := duckdb-cli
PYPI_spark      := pyspark
PYPI_polars     := polars
PYPI_snowflake  := fakesnow
PYPI_datafusion := datafusion
PYPI_dbt        := dbt-duckdb
PYPI_iceberg    := "pyiceberg[sql-sqlite]" chdb pyspark

# Iceberg's runtime for Spark, and the driver of its catalog.
$(BIN)/jars: testdata/warehouses/pom.xml testdata/warehouses/jars.sha256
	rm -rf $@.new
	mvn --quiet --batch-mode -f testdata/warehouses/pom.xml dependency:copy-dependencies -DexcludeTransitive -DoutputDirectory=$@.new
	cd $@.new && sha256sum --check --quiet $(CURDIR)/testdata/warehouses/jars.sha256
	rm -rf $@ && mv $@.new $@ && touch $@

# axe-core checks accessibility inside the test's browser. It is fetched when it
# is needed.
$(BIN)/axe.min.js:
	@mkdir -p $(BIN)/axe
	cd $(BIN)/axe && npm pack --silent axe-core@$(AXE_VERSION) && \
		echo "$(AXE_SHA256)  axe-core-$(AXE_VERSION).tgz" | sha256sum --check --quiet && \
		tar -xzf axe-core-$(AXE_VERSION).tgz package/axe.min.js && mv package/axe.min.js $@
AXE_VERSION := 4.14.1
AXE_SHA256  := e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745

bench: build $(BIN)/versitygw $(BIN)/peers/bin/python ## daybook against DuckDB, ClickHouse, Polars, its floor, its targets; needs python3; BENCH="-size 0.1 -rounds 2 -only versus" for less
	cd testdata/bench && go run . -data $(BIN)/bench-data $(BENCH)

$(BIN)/peers/bin/python: testdata/bench/peers/requirements.txt
	python3 -m venv $(BIN)/peers
	$(BIN)/peers/bin/pip install --quiet -r testdata/bench/peers/requirements.txt
	@touch $@

# Old and new take turns, so that the load of the machine falls on both.
bench-compare: $(BIN)/benchstat ## decoders of each form, map and export, shuffle, engine and writer, against OLD=<git revision>
	@test -n "$(OLD)" || { echo 'make bench-compare OLD=<git revision>'; exit 2; }
	@tmp=$$(mktemp -d) && trap 'git worktree remove --force '$$tmp'/old; rm -rf '$$tmp EXIT && \
	git worktree add --quiet --detach $$tmp/old $(OLD) && \
	for round in 1 2 3 4 5 6 7 8 9 10; do \
		(cd $$tmp/old && $(MICRO)) >> $$tmp/old.txt && $(MICRO) >> $$tmp/new.txt || exit 1; \
	done && \
	$(BIN)/benchstat $(OLD)=$$tmp/old.txt now=$$tmp/new.txt
MICRO := go test -run '^$$' -bench '^Benchmark(Decode|DecodeMapped|Forms|Shuffle|Engine|Writer)$$' -benchmem \
	./transform/event ./sources/dump ./transform/export ./transform/shuffle ./transform/session ./sinks/parquet

same-bytes: build ## whether OLD=<git revision> publishes the same bytes as this tree
	@test -n "$(OLD)" || { echo 'make same-bytes OLD=<git revision>'; exit 2; }
	@tmp=$$(mktemp -d) && trap 'git worktree remove --force '$$tmp'/old; rm -rf '$$tmp EXIT && \
	git worktree add --quiet --detach $$tmp/old $(OLD) && \
	(cd $$tmp/old && CGO_ENABLED=0 go build -trimpath -o $$tmp/daybook ./cmd/daybook) && \
	go run ./testdata/samebytes -old $$tmp/daybook -new $(BIN)/daybook

hostile: build ## peak memory and CPU of whole processes on hostile inputs; HOSTILE=-full for inputs of full size
	go test -count=1 -timeout $(TIMEOUT) ./testdata/hostile -daybook $(BIN)/daybook $(HOSTILE)

# The pinned tools of testdata/tools: test servers, the linter, and the comparison
# of benchmarks. None of them is linked into daybook.
$(BIN)/versitygw $(BIN)/minio $(BIN)/staticcheck $(BIN)/benchstat: testdata/tools/go.mod
	@mkdir -p $(BIN)
	cd testdata/tools && CGO_ENABLED=0 go build -o $@ $(TOOL_$(@F))
	@touch $@
TOOL_versitygw   := github.com/versity/versitygw/cmd/versitygw
TOOL_minio       := github.com/minio/minio
TOOL_staticcheck := honnef.co/go/tools/cmd/staticcheck
TOOL_benchstat   := golang.org/x/perf/cmd/benchstat

clean:
	rm -rf $(BIN)
