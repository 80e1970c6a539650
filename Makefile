# Stint. `make help` lists the targets; each installs what it needs and is missing.

PREFIX ?= /usr/local
SWIFT ?= swift

# The installed program must run where there is no Swift.
ifeq ($(shell uname -s),Linux)
RELEASE = -c release --static-swift-stdlib
else
RELEASE = -c release
endif

.DEFAULT_GOAL := help
.PHONY: help build demo test model mutants check bench bench-ratios bench-scale bench-peers bench-build faults faults-ci faults-build soak loss format examples install clean deps-build deps-run deps-check deps-peers deps-faults

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: deps-build ## build the stint program (release): .build/release/stint
	$(SWIFT) build $(RELEASE) --product stint

demo: deps-run build ## build it, and watch a small cluster lose a node and no job
	.build/release/stint demo

test: deps-build deps-run deps-check ## run all tests, and the short selection of the fault matrix
	SWIFT="$(SWIFT)" scripts/test.sh
	scripts/fuzz-resp.sh
	.build/debug/stint-faults run --ci --minutes 5 $(FAULTS_ARGS)

model: deps-build deps-run ## compare the scripts with the model at random, then in all orders; STEPS=1000000 SEED=1 DEPTH=8
	$(SWIFT) build $(RELEASE) --product stint-model
	.build/release/stint-model $(if $(STEPS),--steps $(STEPS)) $(if $(SEED),--seed $(SEED)) $(if $(DEPTH),--depth $(DEPTH))

mutants: deps-build deps-run ## take every guard of the scripts away in turn, and see the model test find it; HISTORIES=200 SEED=1
	$(SWIFT) build $(RELEASE) --product stint-model
	.build/release/stint-model --mutants $(or $(HISTORIES),200) $(if $(SEED),--seed $(SEED))

check: deps-build deps-check ## formatting, Lua, import rule, house rules, build without warnings
	scripts/check.sh

bench: bench-build ## measure everything, beside its targets and the committed ratios
	.build/release/stint-bench --ratios Benchmarks/ratios.json

bench-ratios: bench-build ## measure everything, and write the ratios that `make bench` compares with
	.build/release/stint-bench --write-ratios Benchmarks/ratios.json

bench-scale: bench-build ## measure with up to 10 million jobs, 1,000 queues, 1,000 nodes, and plot it; takes long
	.build/release/stint-bench scale --output docs/benchmarks

bench-build: deps-build deps-run
	$(SWIFT) build $(RELEASE) --product stint-bench

bench-peers: deps-build deps-run deps-peers ## compare with other job queues; PEERS_ARGS="--only celery,rq --json"
	$(SWIFT) build $(RELEASE) --product stint-peer
	python3 Benchmarks/peers/run.py $(PEERS_ARGS)

faults: faults-build ## play the fault matrix, 25 minutes at most; ROW=F3 or ROW=F3,F8 plays these
	.build/release/stint-faults run $(ROW) $(FAULTS_ARGS)

faults-ci: faults-build ## play the short selection of the fault matrix, 5 minutes at most
	.build/release/stint-faults run --ci --minutes 5 $(FAULTS_ARGS)

JOBS ?= 1000000

soak: faults-build ## run JOBS=1000000 jobs through ten nodes with faults all the time
	.build/release/stint-faults soak --jobs $(JOBS) --nodes 10

loss: faults-build ## measure what a kill of Redis loses at each level of durability
	.build/release/stint-faults loss

faults-build: deps-build deps-run deps-faults
	$(SWIFT) build $(RELEASE) --product stint
	$(SWIFT) build $(RELEASE) --product stint-faults

format: ## format the Swift code in place
	$(SWIFT) format format --in-place --parallel --recursive Package.swift Sources Tests Benchmarks Faults $(wildcard examples)

examples: deps-build ## build all examples; README.md says how to run one
	@for example in $(notdir $(patsubst %/,%,$(wildcard examples/*/))); do \
		$(SWIFT) build --product "$$example" || exit 1; \
	done

install: build ## install stint into PREFIX/bin (default PREFIX: /usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 .build/release/stint "$(DESTDIR)$(PREFIX)/bin/stint"

clean: ## remove everything that was built
	$(SWIFT) package clean
	rm -rf .build/lua .build/peers

deps-build deps-run deps-check deps-peers deps-faults: deps-%:
	@scripts/install-deps.sh $*
