# The verbs of this repository; "make help" lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(PATH):/usr/sbin

MODULES := fanout gateway pkg
BINARY := .build/plenum-gateway
LOADTEST := .build/plenum-loadtest
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
CLIENT := gateway/web/client
PAGE := gateway/web/page
SCRIPTS := .ci/run .ci/setup deploy/cluster/cluster deploy/redis/backup deploy/redis/restore gateway/web/vendor.sh
CLUSTER := deploy/cluster/cluster

# How long each fuzz target runs, which benchmarks run, what the load test loads, and flags for
# bench-compare, loadtest and measure.
FUZZTIME ?= 30s
BENCH ?= .
TARGET ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: $(shell awk -F: '/^[a-z-]+:/ { print $$1 }' $(firstword $(MAKEFILE_LIST)))

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what the tests run: redis-server, nginx, chromium, Prometheus, … (Debian; only what is missing)
	@.ci/setup

build: ## build the gateway into .build
	@go build -trimpath -ldflags '-X main.version=$(VERSION)' -o $(BINARY) ./gateway/cmd/gateway

run: build ## run the gateway alone, with the embedded log; PLENUM_ variables are passed on
	@listen="$${PLENUM_LISTEN:-:8080}"; \
	if [[ $$listen == :* ]]; then listen="localhost$$listen"; fi; \
	echo "Plenum: http://$$listen"; \
	exec $(BINARY)

test: setup ## run all tests of all modules, with the race detector
	go test -race -timeout 40m work

check: setup format vet lint modules types scripts alerts deploy-check ## run all checks but the tests

format:
	@echo "gofmt"; unformatted="$$(gofmt -l $(MODULES) deploy)"; \
	if [ -n "$$unformatted" ]; then echo "not formatted; run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

vet:
	go vet work

lint:
	@for module in $(MODULES); do \
		echo "staticcheck $$module"; (cd $$module && $(STATICCHECK) ./...); \
	done

# Each module must build without its neighbours in the workspace.
modules:
	@for module in $(MODULES); do \
		echo "GOWORK=off $$module"; \
		(cd $$module && export GOWORK=off && go build ./... && go vet ./... && go mod tidy -diff); \
	done

# The JavaScript of the client and of the page, and the types that both declare.
types:
	@echo "tsc $(CLIENT)"; npm run --silent --prefix $(CLIENT) types
	@echo "tsc $(PAGE)"; npm run --silent --prefix $(PAGE) types

scripts:
	shellcheck -x $(SCRIPTS)
	@echo "nginx -t"; prefix="$$(mktemp -d)"; trap 'rm -rf "$$prefix"' EXIT; \
	mkdir "$$prefix/log" "$$prefix/temp"; \
	nginx -q -t -p "$$prefix" -c "$$PWD/deploy/nginx/nginx.conf"

alerts: ## check what Prometheus is given, and that each alert fires when it must and stays quiet when it must
	promtool check config configs/prometheus/prometheus.yml
	promtool test rules configs/prometheus/tests/*.yml

# A module of its own, outside the workspace: what it reads the files with is
# nothing for the gateway. The files are no inputs that go test knows of.
deploy-check: setup ## check what is in deploy: compose file, image, Kubernetes, systemd, nginx
	@cd deploy/validate && export GOWORK=off && echo "deploy/validate" && go vet ./... && $(STATICCHECK) ./... && \
	go mod tidy -diff && go test -count=1 ./...

screenshots: setup ## write the pictures of the page in docs/images; needs a Chinese font, too
	@fc-list :lang=zh | grep -q . || { echo "no Chinese font: on Debian, apt-get install fonts-wqy-microhei"; exit 1; }
	cd gateway && go test -count=1 ./integration -run 'TestEstimationScreens/(home|voting|split|fifty)$$' -screens "$(CURDIR)/docs/images"

bench: ## run the benchmarks; BENCH= chooses
	go test -run '^$$' -bench '$(BENCH)' -benchmem work

bench-compare: build ## compare with centrifuge under the same load, where ../shared/bench exists; ARGS= are its flags
	@if [ ! -d ../shared/bench ]; then \
		echo "There is no ../shared/bench. With it, this runs:"; \
		echo '  B=$$(mktemp -d) && (cd ../shared/bench && go build -o "$$B/" ./...) && "$$B/compare" -gateway $(BINARY)'; \
		exit 1; \
	fi; \
	B="$$(mktemp -d)"; trap 'rm -rf "$$B"' EXIT; \
	(cd ../shared/bench && go build -o "$$B/" ./...); \
	"$$B/compare" -gateway $(BINARY) $(ARGS)

loadtest: build ## load a gateway, TARGET= or one of its own, and report what it carries; ARGS= are flags (-help)
	@go build -trimpath -o $(LOADTEST) ./gateway/cmd/loadtest
	@exec $(LOADTEST) $(if $(TARGET),-target $(TARGET),-gateway $(BINARY)) $(ARGS)

measure: setup ## print the coefficients of docs/sizing.md; takes six minutes, in which nothing else should run
	@cd gateway && go test ./integration -run '^$$' -bench '^BenchmarkSizing$$' -benchtime 1x -timeout 30m $(ARGS)

chaos: build ## break a whole Plenum on purpose and judge it; ARGS= are its flags, as in ARGS='-seed 7 -for 5m -members 100 -replicas 3'
	@go build -o .build/plenum-chaos ./gateway/cmd/chaos
	@exec .build/plenum-chaos -gateway $(BINARY) $(ARGS)

generate: ## write the files that are made from the code: configs/gateway.env, docs/metrics.md, the JavaScript client's bundle, nginx.conf for Kubernetes
	@go run ./gateway/cmd/gateway --settings > configs/gateway.env
	@go run ./gateway/cmd/gateway --metrics > docs/metrics.md
	@go run ./gateway/web/bundle
	@{ printf '# deploy/nginx/nginx.conf. Made by `make generate`; do not edit.\napiVersion: v1\nkind: ConfigMap\n'; \
	printf 'metadata:\n  name: plenum-nginx-main\n  namespace: plenum\ndata:\n  nginx.conf: |\n'; \
	sed 's/^./    &/' deploy/nginx/nginx.conf; } > deploy/kubernetes/nginx-main.yaml

fuzz: ## run each fuzz target for FUZZTIME (30s)
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' $(MODULES) | while IFS=: read -r file target; do \
		echo "$${file%/*} $${target#func }"; \
		go test -run '^$$' -fuzz "^$${target#func }\$$" -fuzztime $(FUZZTIME) "./$${file%/*}" </dev/null; \
	done

cluster: build ## start Redis, three replicas and nginx on this machine
	@$(CLUSTER) start

cluster-stop: ## end the cluster
	@$(CLUSTER) stop

cluster-status: ## say what of the cluster runs
	@$(CLUSTER) status

cluster-scale: ## run N= replicas in the cluster
	@$(CLUSTER) scale "$(N)"

backup: ## write what the cluster's Redis holds to FILE=; everybody goes on meanwhile
	@$(CLUSTER) backup "$(FILE)"

restore: ## have the cluster's Redis hold the backup FILE= again
	@$(CLUSTER) restore "$(FILE)"

cluster-redis-test: setup ## test the log against Redis Sentinel and Redis Cluster
	cd fanout && go test -race -count=1 -timeout 20m -run 'Sentinel|Cluster' ./redislog/...

clean: cluster-stop ## end the cluster and remove what was built and written
	@rm -rf .build .run
