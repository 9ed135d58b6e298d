# SPDX-License-Identifier: Apache-2.0
# dupack: `make help` lists what can be made.

CC	?= gcc
BUILD	?= build
PREFIX	?= /usr/local
SAN	?=
JOBS	?= $(shell nproc)
comma	:= ,
.SECONDARY: # keep objects, and with them what is not rebuilt next time

PACKAGES := libnl-route-3.0 libnl-3.0 libnftables yaml-0.1 jansson libcrypto

WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	   -Wwrite-strings -Wformat=2 -Wswitch-enum -Werror
CFLAGS	?= -O2 -g
override CFLAGS += -std=gnu17 -D_GNU_SOURCE $(WARN) -Iharness -MMD -MP \
	   $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDLIBS	:= $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm
ifneq ($(SAN),)
BUILD	:= build/san-$(subst $(comma),-,$(SAN))
override CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=$(SAN)
endif

Q	:= $(if $(V),,@)
say	= $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)';)

FOLDERS := base decode spec net impair middlebox process observe carrier lab grade report guest cmd
LIB_SRC := $(filter-out harness/guest/shim.c,$(foreach d,$(FOLDERS),$(wildcard harness/$(d)/*.c))) \
	   harness/runtime.c harness/target-probe.c harness/run.c harness/journal.c
LIB_SRC := $(wildcard $(LIB_SRC))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
TESTS	:= $(patsubst harness/tests/%.c,$(BUILD)/tests/%,$(wildcard harness/tests/test-*.c))
SYSTEM_TESTS := $(patsubst %,harness/tests/%.sh,contract problem determinism devices faults fidelity timeline keys \
	matrix mutants)
SH_TESTS := $(filter-out $(SYSTEM_TESTS),$(wildcard harness/tests/*.sh))
TARGET_BINS := $(patsubst targets/%/,$(BUILD)/targets/%/carrier,$(dir $(wildcard targets/*/main.c))) \
	   $(patsubst %.c,$(BUILD)/%.so,$(wildcard targets/*/preload.c))

.PHONY: all
all: $(BUILD)/dupack $(BUILD)/shim.so $(TARGET_BINS) ## build everything that runs

$(BUILD)/harness/base/%.o $(BUILD)/harness/decode/%.o: override CFLAGS += -Wconversion

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/libdupack.a: $(LIB_OBJ)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(BUILD)/dupack: $(BUILD)/harness/main.o $(BUILD)/libdupack.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/%: $(BUILD)/harness/tests/%.o $(BUILD)/libdupack.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/bench/%: $(BUILD)/harness/bench/%.o $(BUILD)/libdupack.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# targets/NAME/main.c: our own carrier; harness/tests/test-NAME*.c see all of it but main.c
define carrier_rules
$(BUILD)/targets/$(1)/carrier: $(patsubst %.c,$(BUILD)/%.o,$(wildcard targets/$(1)/*.c)) \
		$(BUILD)/libdupack.a
	$$(call say,LD,$$@)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)

$(patsubst harness/tests/%.c,$(BUILD)/tests/%,$(wildcard harness/tests/test-$(1)*.c)): \
$(BUILD)/tests/%: $(BUILD)/harness/tests/%.o \
		$(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard targets/$(1)/*.c))) \
		$(BUILD)/libdupack.a
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach d,$(wildcard targets/*/main.c),$(eval $(call carrier_rules,$(notdir $(patsubst %/,%,$(dir $(d)))))))

# A preload library of the User-Mode Linux process, never sanitised
$(BUILD)/shim.so: harness/guest/shim.c harness/guest/shim.h
	@mkdir -p $(@D)
	$(call say,SHIM,$@)$(CC) -O2 -std=gnu17 -D_GNU_SOURCE $(WARN) -Iharness -shared -fPIC -o $@ $< -ldl

# targets/NAME/preload.c: what a target loads into its program, never sanitised either
$(BUILD)/targets/%/preload.so: targets/%/preload.c
	@mkdir -p $(@D)
	$(call say,SHIM,$@)$(CC) -O2 -std=gnu17 -D_GNU_SOURCE $(WARN) -shared -fPIC -o $@ $< -ldl

.PHONY: deps
deps: ## install the Debian packages that are missing
	@harness/deps.sh

# The flags of a build are asked of pkg-config when make starts: after the packages are there
.PHONY: demo
demo: ## install, build, and reproduce the document: its failure and every remedy
	@harness/deps.sh build run guest
	@$(MAKE) --no-print-directory -j $(JOBS) all
	@$(BUILD)/dupack run seed --jobs $(JOBS); status=$$?; \
	$(BUILD)/dupack report results/latest --html results/latest/report.html && \
		echo 'pictures: results/latest/report.html'; exit $$status

.PHONY: check
check: ## install, build, and pass all tests; with SAN=address,undefined the unit tests
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j $(JOBS) tests
	@$(MAKE) --no-print-directory check-unit $(if $(SAN),,check-cases check-system)

# Some pairs of each family; `make conformance` has all cases of one, a matrix all pairs
CATALOGUE := strongswan@udp strongswan@iketcp openconnect:ocserv@cstp openvpn@tcp wireguard@udp
BASELINE := strongswan@esp libreswan@iketcp vpnc:strongswan@ctcp openconnect:ocserv@dtls openvpn@tcp wireguard-go@udp

.PHONY: check-cases
check-cases: all ## the laboratory measured against itself, every pair once, the cases of the catalogue
	$(Q)prove -j $(JOBS) cases/lab
	$(Q)prove -j $(JOBS) cases/pairs
	$(Q)prove -j $(JOBS) cases/seed
	$(Q)prove -j $(JOBS) $(filter-out cases/lab cases/pairs cases/seed cases/b %.md,$(wildcard cases/*)) :: \
		--matrix $(CATALOGUE:%=--pair %)
	$(Q)prove -j $(JOBS) cases/b :: $(BASELINE:%=--pair %)

.PHONY: check-system
check-system: tests ## whole executions: the problem, determinism, devices, faults, fidelity, keys; some minutes
	$(Q)DUPACK=$(abspath $(BUILD))/dupack prove --norc --exec '' $(PROVE) $(SYSTEM_TESTS)

# All series but lab, which measures the laboratory itself
CONFORMANCE := $(filter-out cases/lab,$(patsubst %/,%,$(wildcard cases/*/)))

.PHONY: conformance
conformance: all ## every case that a pair is of a profile for: make conformance PAIR=strongswan@esp
	@test -n '$(PAIR)' || { echo "say which pair: make conformance PAIR=strongswan@esp" >&2; exit 2; }
	$(Q)prove -j $(JOBS) $(CONFORMANCE) :: --matrix --pair '$(PAIR)'

.PHONY: bench
bench: all $(patsubst harness/bench/%.c,$(BUILD)/bench/%,$(wildcard harness/bench/*.c)) ## what things cost, beside a peer measured in the same run
	@harness/bench/bench.sh $(BUILD)

# Of libFuzzer: a build of its own, since all of the code has to be instrumented
FUZZ_SECONDS ?= 600
FUZZ_SAN := fuzzer-no-link,address,undefined
FUZZ_BUILD := build/san-$(subst $(comma),-,$(FUZZ_SAN))
FUZZERS	?=
FUZZ_BINS := $(patsubst harness/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard harness/fuzz/*.c))

$(BUILD)/fuzz/fuzz-%: override LDFLAGS += -fsanitize=fuzzer
$(BUILD)/fuzz/fuzz-ctcp: $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard targets/ctcp/*.c)))
$(BUILD)/fuzz/fuzz-iketcp: $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard targets/iketcp/*.c)))
$(BUILD)/fuzz/%: $(BUILD)/harness/fuzz/%.o $(BUILD)/libdupack.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libdupack.a $(LDLIBS)

.PHONY: fuzzers
fuzzers: $(FUZZ_BINS)

.PHONY: fuzz
fuzz: all ## fuzz the engine and all decoders, FUZZ_SECONDS=600 each; FUZZERS=fuzz-engine: only that
	@harness/deps.sh build guest fuzz
	@$(MAKE) --no-print-directory -j $(JOBS) CC=clang SAN=$(FUZZ_SAN) fuzzers
	@harness/fuzz/fuzz.sh $(BUILD) $(FUZZ_BUILD) $(FUZZ_SECONDS) $(JOBS) $(FUZZERS)

.PHONY: tests
tests: all $(TESTS)

# Not .proverc, which is for cases; a hang is for the caller to see, a leak for ASan
.PHONY: check-unit
check-unit: tests ## unit tests; SAN=address,undefined: the same under sanitizers
	$(Q)DUPACK=$(abspath $(BUILD))/dupack CARRIER=$(abspath $(BUILD))/targets/ctcp/carrier \
		prove --norc -j $(JOBS) --exec '' $(PROVE) $(TESTS) $(SH_TESTS)

.PHONY: lint
lint: ## format, clang-tidy, cppcheck, gcc's analyzer, layers, headers, shell, man page
	@JOBS=$(JOBS) harness/lint.sh

.PHONY: format
format: ## rewrite all C by .clang-format
	@find harness targets -name '*.[ch]' -exec clang-format -i {} +

.PHONY: install
install: all ## install to DESTDIR and PREFIX, by default /usr/local
	@harness/install.sh $(BUILD) '$(DESTDIR)' '$(PREFIX)'

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: clean
clean: ## remove what was built
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
