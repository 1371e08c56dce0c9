# natmap: publishes container ports and keeps a host's static NAT. `make help` lists the targets.
# CC, CFLAGS, CPPFLAGS, LDFLAGS, LDLIBS, PREFIX, DESTDIR and the directories below are yours to set.

VERSION := 1.0.0

PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/natmap
UNITDIR    ?= $(PREFIX)/lib/systemd/system
# Not below PREFIX, since podman and CRI-O look nowhere else.
HOOKSDIR   ?= /usr/share/containers/oci/hooks.d
COMPLETIONSDIR ?= $(PREFIX)/share/bash-completion/completions
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g
BUILD      ?= build
# For the machine that builds, when natmap is for another one.
CC_FOR_BUILD ?= cc
PKG_CONFIG_FOR_BUILD ?= pkg-config

LIBS := yajl
# Of the program that makes the filter of system calls; natmap itself does not need it.
LIBS_FOR_BUILD := libseccomp

NM_CPPFLAGS := -D_GNU_SOURCE -DNM_VERSION='"$(VERSION)"' -Icommon -I$(BUILD)/common
NM_CFLAGS := -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla \
	-Wconversion -fstack-protector-strong -fPIE
# The rows of a table may leave its last members out, as SCMP_A0() and its like do.
NM_CFLAGS += -Wno-missing-field-initializers
# The build id tells one build from another: state/verified.h. gcc asks for it by itself, musl-gcc does not.
NM_LDFLAGS := -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--build-id
# These three come as a warning or an error where the compiler, the packager or a sanitizer has its own idea of them.
ifeq ($(findstring -fsanitize,$(CFLAGS)),)
NM_CFLAGS += -fstack-clash-protection
ifeq ($(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS))$(findstring -O0,$(CFLAGS)),)
NM_CPPFLAGS += -D_FORTIFY_SOURCE=2
endif
endif
# Valgrind and sanitizers: a plain exit, and a filter that lets their runtimes work. `make INSTRUMENTED=1` for valgrind.
INSTRUMENTED ?= $(if $(findstring -fsanitize,$(CFLAGS)),1)
ifeq ($(INSTRUMENTED),1)
NM_CPPFLAGS += -DNM_INSTRUMENTED
endif
# natmap is linked statically, since the loader would take a third of a hook's time. `make DYNAMIC=1` for packagers.
# Sanitizers and valgrind must be able to put themselves before libc.
DYNAMIC ?= $(INSTRUMENTED)
ifeq ($(WERROR),1)
NM_CFLAGS += -Werror
endif

COMMON_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out common/generate/%,$(sort $(wildcard common/*/*.c))))
HOOK_OBJ   := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard hook/*.c)))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard test/unit/test_*.c)))
UNIT_COMMON := $(patsubst %.c,$(BUILD)/%.o,$(filter-out test/unit/test_%,$(sort $(wildcard test/unit/*.c))))
TEST_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard test/helpers/*.c))) $(BUILD)/test/bench/measure
BENCH_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard test/bench/*.c)))
HEADERS    := $(sort $(wildcard common/*/*.h hook/*.h test/unit/*.h test/helpers/*.h test/faults/*.h test/hole/*.h))
SOURCES    := $(sort $(wildcard common/*/*.c hook/*.c test/unit/*.c test/helpers/*.c test/faults/*.c test/bench/*.c test/coverage/*.c test/hole/*.c))
SCRIPTS    := $(sort $(wildcard test/*.sh test/*/*.sh test/*/*.bash hooks.d/*.bash.in .ci/run))
SCRIPTS    += $(wildcard packaging/*.sh) $(addprefix packaging/debian/,natmap.prerm natmap.postrm tests/publish)
BATS       := $(sort $(wildcard test/*.bats))
HOST_BATS  := $(sort $(wildcard test/hosts/*.bats))
RUNTIME_BATS := $(sort $(wildcard test/runtimes/*.bats))
PACKAGE_BATS := $(sort $(wildcard test/packages/*.bats))
UNITS      := natmap.service natmap-follow.service natmap-heal.service natmap-heal.timer natmap-gc.service natmap-gc.timer \
	natmap-forwarding.path natmap-metrics.service natmap-metrics.timer
DATA       := runc.json containerd-2.toml containerd-3.toml
MANUALS    := natmap.8 natmap.json.5 natmap-runtimes.7
GENERATED  := $(addprefix $(BUILD)/hooks.d/,podman.json natmap.bash $(DATA) $(UNITS)) $(MANUALS:%=$(BUILD)/man/%)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' '$(1)' '$(2)')

PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(LIBS))
PKG_LIBS   = $(shell $(PKG_CONFIG) --libs $(LIBS))

.PHONY: all check check-unit check-bats check-asan check-userlands check-hosts check-runtimes check-systemd check-archs check-kernels check-all \
	check-headers check-layers model soak lint format format-check deps faults fuzz coverage mutants bench bench-network bench-hostile demo ci install uninstall clean help
.DEFAULT_GOAL := all
.SECONDARY:

all: $(BUILD)/natmap $(GENERATED) ## build build/natmap (no root needed)

LINK = $(CC) $(NM_CFLAGS) $(CFLAGS) $(NM_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)
LINK_DYNAMIC = $(LINK) -pie $(PKG_LIBS) $(LDLIBS)
# -static-pie: the kernel still chooses where the program is. yajl's archive has a name of its own.
LINK_STATIC = $(LINK) -static-pie $(patsubst -lyajl,-lyajl_s,$(PKG_LIBS)) $(LDLIBS)

$(BUILD)/natmap: $(HOOK_OBJ)
$(BUILD)/test/bench/minimal: $(BUILD)/test/bench/minimal.o
$(BUILD)/natmap $(BUILD)/test/bench/minimal: $(BUILD)/libnatmap.a $(BUILD)/linking
	$(call say,LD,$@)
ifeq ($(DYNAMIC),1)
	$(Q)$(LINK_DYNAMIC)
else
	$(Q)$(LINK_STATIC) 2>$@.static-log || { echo "  $@ is linked dynamically: $$(head -n 1 $@.static-log)" && $(LINK_DYNAMIC); }
endif

# The program of DYNAMIC=1, into which tests can preload a library.
$(BUILD)/natmap-dynamic: $(HOOK_OBJ) $(BUILD)/libnatmap.a
	$(call say,LD,$@)
	$(Q)$(LINK_DYNAMIC)

# Changes when what is linked last would be linked in another way now.
$(BUILD)/linking: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(DYNAMIC)' | cmp -s - $@ || echo '$(DYNAMIC)' >$@

# natmap with a hole, for test/430-sandbox.bats: the same objects, whose calls of these functions come to test/hole/hole.c.
HOLES := $(if $(filter 1,$(INSTRUMENTED)),,$(BUILD)/natmap-hole $(BUILD)/natmap-hole-dynamic)
HOLE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard test/hole/*.c)))
HOLE_WRAPS := nm_sandbox_enter nm_oci_state_parse nm_json_value_string nm_state_open clone
$(BUILD)/natmap-hole $(BUILD)/natmap-hole-dynamic: LDFLAGS += $(HOLE_WRAPS:%=-Wl,--wrap=%)
$(BUILD)/natmap-hole: $(HOOK_OBJ) $(HOLE_OBJ) $(BUILD)/libnatmap.a $(BUILD)/linking
	$(call say,LD,$@)
	$(Q)$(if $(filter 1,$(DYNAMIC)),$(LINK_DYNAMIC),$(LINK_STATIC) 2>$@.static-log || $(LINK_DYNAMIC))

$(BUILD)/natmap-hole-dynamic: $(HOOK_OBJ) $(HOLE_OBJ) $(BUILD)/libnatmap.a
	$(call say,LD,$@)
	$(Q)$(LINK_DYNAMIC)

$(BUILD)/libnatmap.a: $(COMMON_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(BUILD)/%.o: %.c Makefile | check-libraries
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NM_CPPFLAGS) $(CPPFLAGS) $(PKG_CFLAGS) $(NM_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The rows of the table that are for this compiler, its C library and its machine; a program that makes the filter of them;
# and the filter.
FILTER := $(BUILD)/common/generate/sandbox_program.h

$(BUILD)/%.inc: %.def Makefile
	$(call say,CPP,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NM_CPPFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ -E -P -x c $< -o $@.i
	$(Q)grep -E '^(MACHINE|ALLOW|KILL|SOCKETS)\("' $@.i >$@

$(BUILD)/common/generate/sandbox_program: common/generate/sandbox_program.c $(BUILD)/common/generate/sandbox_calls.inc
	$(call say,CC,$@)
	$(Q)$(CC_FOR_BUILD) -std=gnu11 -Wall -Wextra -Wno-missing-field-initializers $(if $(filter 1,$(WERROR)),-Werror) -D_GNU_SOURCE \
		-I$(BUILD)/common $$($(PKG_CONFIG_FOR_BUILD) --cflags $(LIBS_FOR_BUILD)) -o $@ $< $$($(PKG_CONFIG_FOR_BUILD) --libs $(LIBS_FOR_BUILD))

$(FILTER): $(BUILD)/common/generate/sandbox_program
	$(call say,GEN,$@)
	$(Q)$< >$@.new && mv $@.new $@

$(BUILD)/common/host/sandbox_filter.o $(BUILD)/test/unit/test_host_sandbox_filter.o: $(FILTER)

$(UNIT_TESTS): $(UNIT_COMMON)
$(UNIT_TESTS) $(filter-out %/minimal %/measure,$(BENCH_PROGRAMS)): %: %.o $(BUILD)/libnatmap.a
	$(call say,LD,$@)
	$(Q)$(LINK_DYNAMIC)

# Static and without sanitizers, because the tests start them very often, and no process that measure starts seems to need less
# memory than itself.
$(TEST_PROGRAMS): $(BUILD)/%: %.c $(wildcard test/helpers/*.h) Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NM_CPPFLAGS) $(CPPFLAGS) $(filter-out -fPIE,$(NM_CFLAGS)) -O2 -static -o $@ $<

# What injects faults: the driver, of several files, and the prober beside it.
FAULTS_PROGRAMS := $(addprefix $(BUILD)/test/faults/,faults probe)
FAULTS ?=

faults: all test-programs $(FAULTS_PROGRAMS) ## kill natmap, and fail its calls, at each system call of each command (root); FAULTS="publish network" for parts
	$(Q)BUILD='$(BUILD)' test/faults/faults.sh $(FAULTS)

$(BUILD)/test/faults/faults: $(filter-out %/probe.c,$(sort $(wildcard test/faults/*.c)))
$(BUILD)/test/faults/probe: test/faults/probe.c
$(FAULTS_PROGRAMS): $(wildcard test/faults/*.h test/helpers/*.h) Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(NM_CPPFLAGS) $(CPPFLAGS) $(filter-out -fPIE,$(NM_CFLAGS)) -O2 -static -o $@ $(filter %.c,$^)

# libFuzzer's programs, one for each kind of input that may be hostile, from a library that is built for them.
FUZZ ?= $(patsubst test/fuzz/fuzz_%.c,%,$(sort $(wildcard test/fuzz/fuzz_*.c)))
FUZZ_SECONDS ?= 10
FUZZ_BUILD := $(BUILD)/fuzz
FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_OBJ := $(addprefix $(BUILD)/test/,fuzz/replies.o unit/kernel.o)

fuzz: ## feed the parsers with hostile input; FUZZ="config record" FUZZ_SECONDS=3600 for some, for an hour
	$(Q)if [ "$$(id -u)" = 0 ]; then test/install-deps.sh lint; fi
	$(Q)$(MAKE) --no-print-directory BUILD=$(FUZZ_BUILD) CC=clang CFLAGS='$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link' \
		LDFLAGS=-fsanitize=fuzzer $(FUZZ:%=$(FUZZ_BUILD)/test/fuzz/fuzz_%)
	$(Q)test/fuzz/run.sh $(FUZZ_BUILD)/test/fuzz $(FUZZ_SECONDS) $(FUZZ)

$(BUILD)/test/fuzz/fuzz_%: $(BUILD)/test/fuzz/fuzz_%.o $(FUZZ_OBJ) $(BUILD)/libnatmap.a
	$(call say,LD,$@)
	$(Q)$(LINK_DYNAMIC)

# Each time, since BINDIR may be another one now.
$(BUILD)/hooks.d/%: hooks.d/%.in FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed 's|@BINDIR@|$(BINDIR)|g' $< >$@

$(BUILD)/hooks.d/%: hooks.d/% Makefile
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

# They name files where they are by default, or below PREFIX.
$(BUILD)/man/%: man/% FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|/usr/local/share/natmap|$(DATADIR)|g' -e 's|PREFIX/share/natmap|$(DATADIR)|g' \
		-e 's|PREFIX/lib/systemd/system|$(UNITDIR)|g' -e 's|^\.Os$$|.Os natmap $(VERSION)|' $< >$@

$(BUILD)/hooks.d/natmap.bash: hooks.d/natmap.bash.in $(BUILD)/synopses
	$(Q)mkdir -p $(@D)
	$(Q)sed -e '/^@SYNOPSES@$$/{r $(BUILD)/synopses' -e 'd}' $< >$@

# The general usage, then that of each command, each without what goes before the command.
$(BUILD)/synopses: $(BUILD)/natmap Makefile
	$(Q)$< help >$@.help
	$(Q)for c in '' $$(sed -n 's/^  \([a-z]*\) .*/\1/p' $@.help); do $< help $$c || exit 1; done >$@.usages
	$(Q)sed -n -e '1s/^usage: //p' -e '2,$$s/^usage: natmap .*\[-v\] //p' $@.usages >$@

.PHONY: FORCE
FORCE:

-include $(shell test -d $(BUILD) && find $(BUILD) -type f -name '*.d')

OR_INSTALL = false
.PHONY: check-libraries
check-libraries: ## check that the libraries natmap is built with are here
	@libraries() { $(PKG_CONFIG) --exists $(LIBS) && $(PKG_CONFIG_FOR_BUILD) --exists $(LIBS_FOR_BUILD); }; \
	libraries || { [ "$$(id -u)" = 0 ] && $(OR_INSTALL) && libraries; } || \
		{ echo "natmap needs $(LIBS) $(LIBS_FOR_BUILD): 'make deps' as root installs them" >&2; exit 1; }

deps: ## install what building and testing need (Debian and Ubuntu, root)
	$(Q)test/install-deps.sh

check: ## run all tests; as root it first installs what they need
	$(Q)if [ "$$(id -u)" = 0 ]; then test/install-deps.sh; fi
	$(Q)$(MAKE) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc)) --no-print-directory all unit-programs test-programs
	$(Q)test/run-tests.sh $(UNIT_TESTS) -- $(BATS)

.PHONY: unit-programs
unit-programs: $(UNIT_TESTS) ## build the unit tests

check-unit: $(UNIT_TESTS) ## run the unit tests (no root needed)
	$(Q)test/run-tests.sh $^

.PHONY: helper-programs test-programs
helper-programs: $(TEST_PROGRAMS)
test-programs: helper-programs $(BUILD)/natmap-dynamic $(HOLES)

check-bats: $(BUILD)/natmap test-programs ## run the bats files (root); BATS=test/300-traffic.bats for one
	$(Q)test/run-tests.sh -- $(BATS)

check-asan: ## run all tests with the address and undefined behaviour sanitizers (root)
	$(Q)$(MAKE) --no-print-directory check BUILD=$(BUILD)/asan CFLAGS='-O1 -g -fsanitize=address,undefined'

# Seeds are printed; LEFT_OUT=3-17,20 leaves out steps of a sequence that is repeated.
STEPS ?= 1000

model: $(BUILD)/natmap test-programs ## compare natmap with a model after each of random steps (root); SEED=123 STEPS=10000
	$(Q)BUILD='$(BUILD)' test/model/run.sh '$(STEPS)' '$(SEED)' '$(LEFT_OUT)'

SOAK_SECONDS ?= 120

soak: $(BUILD)/natmap test-programs ## run hundreds of hooks at once beside other tools that change rules (root); SOAK_SECONDS=3600
	$(Q)BUILD='$(BUILD)' test/soak/run.sh '$(SOAK_SECONDS)'

# The releases of Debian, and what runs there. With all of them, the table of rules in test/HOSTS.md is compared.
USERLANDS ?= trixie sid
USERLAND_BATS ?= $(sort $(wildcard test/2*.bats test/43*.bats))

check-userlands: ## build and run unit, rule and sandbox tests in newer Debians (root); USERLANDS=sid for one
	$(Q)test/install-deps.sh userlands
	$(Q)test/userlands.sh $(USERLANDS) -- $(USERLAND_BATS)
	$(Q)$(if $(filter trixie,$(USERLANDS)),test/hosts.sh check test/240-restored.bats)

# With all of them, in every order of starts, and the tables of test/HOSTS.md are compared.
HOSTS ?= bookworm

check-hosts: ## run Docker, firewalld, ufw, CNI and netavark beside natmap (root); HOSTS="bookworm trixie sid" for everything
	$(Q)test/install-deps.sh userlands
	$(Q)test/hosts.sh $(if $(filter trixie,$(HOSTS)),check $(HOST_BATS),quick)

# Whose runtimes are run, each by the steps of man/natmap-runtimes.7. Its table is compared with what comes of it.
RUNTIMES ?= bookworm

check-runtimes: ## run natmap with runc, crun, podman and containerd (root); RUNTIMES="bookworm trixie sid" for everything
	$(Q)test/install-deps.sh userlands
	$(Q)NM_RELEASES='$(RUNTIMES)' test/runtimes.sh

check-systemd: $(BUILD)/natmap test-programs ## run natmap's units under a systemd of their own, which must heal what others break (root)
	$(Q)test/install-deps.sh
	$(Q)test/systemd.sh

# Other machines, and another libc on this one.
ARCHS ?= arm64 armhf i386 riscv64 s390x musl

check-archs: ## build for other machines and musl, run unit tests and commands (root); ARCHS=s390x for one
	$(Q)test/install-deps.sh userlands
	$(Q)test/archs.sh $(ARCHS)

# The releases of Debian whose kernels are run.
KERNELS ?= bullseye bookworm trixie sid

check-kernels: $(BUILD)/natmap test-programs ## run natmap with other kernels in emulated machines (root); KERNELS=trixie for one
	$(Q)test/install-deps.sh kernels
	$(Q)test/kernels.sh $(KERNELS)

# Where packages are built, installed and upgraded.
PACKAGES ?= bookworm

.PHONY: check-packages
check-packages: ## build Debian packages and RPMs, install, upgrade and purge them (root); PACKAGES="bookworm trixie sid" for everything
	$(Q)test/install-deps.sh userlands
	$(Q)$(MAKE) --no-print-directory helper-programs
	$(Q)test/packages.sh $(PACKAGES)

check-all: ## run everything there is (root); takes some hours
	$(Q)test/install-deps.sh lint
	$(Q)$(MAKE) --no-print-directory check-headers format-check lint
	$(Q)$(MAKE) --no-print-directory check-userlands check-archs check-kernels
	$(Q)$(MAKE) --no-print-directory check-hosts HOSTS='bookworm trixie sid'
	$(Q)NM_MANY=30 $(MAKE) --no-print-directory check-runtimes RUNTIMES='bookworm trixie sid'
	$(Q)$(MAKE) --no-print-directory check-systemd
	$(Q)$(MAKE) --no-print-directory check-packages PACKAGES='bookworm trixie sid'
	$(Q)$(MAKE) --no-print-directory faults soak fuzz bench-hostile
	$(Q)$(MAKE) --no-print-directory model STEPS=10000
	$(Q)$(MAKE) --no-print-directory check-asan
	$(Q)$(MAKE) --no-print-directory coverage mutants
	$(Q)$(MAKE) --no-print-directory check

coverage: ## run all tests, print how much of common/ and hook/ they run, fail where it is too little (root)
	$(Q)test/install-deps.sh coverage
	$(Q)test/coverage/run.sh $(BUILD)/coverage

# The folders of common/, or single modules, whose unit tests are the judges of them.
MUTANTS ?= base model

mutants: ## change the code in one place at a time: which changes unit tests do not see; MUTANTS="base model/tag" MUTANTS_SAMPLE=200 SEED=2
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/mutants CFLAGS='-O0 -fPIC -w' run-mutants

.PHONY: run-mutants
run-mutants: $(COMMON_OBJ) $(UNIT_TESTS:=.o) $(UNIT_COMMON)
	$(Q)test/mutants/run.pl $(BUILD) $(MUTANTS) -- $(CC) $(NM_CPPFLAGS) $(CPPFLAGS) $(PKG_CFLAGS) -std=gnu11

check-headers: ## check that every header compiles by itself
	$(Q)for h in $(HEADERS); do \
		echo "#include \"$$h\"" | $(CC) $(NM_CPPFLAGS) $(PKG_CFLAGS) $(NM_CFLAGS) -Werror -I. -fsyntax-only -x c - || exit 1; \
	done

# Fails on a file, an include or a name outside its place: README's table of folders says what each folder may use.
check-layers: OR_INSTALL = test/install-deps.sh
check-layers: $(COMMON_OBJ) ## check that includes, libraries and exported names are where they belong; as root it installs what is missing
	$(Q)nm -A -g --defined-only $(COMMON_OBJ) >$(BUILD)/exported-names
	$(Q)awk -f test/check-layers.awk README.md $$(find common hook -name '*.[ch]' | sort) $(BUILD)/exported-names

# Lints files side by side: $(call each,FILES,COMMAND) runs COMMAND for each file, which is {} in it.
each = printf '%s\n' $(1) | xargs -P"$$(nproc)" -I{} $(2)
# What gcc's analyzer is not asked, and why:
#   malloc-leak: it does not follow what is stored through a pointer, as in list->v = grown. LeakSanitizer looks for leaks.
ANALYZER := gcc -std=gnu11 -O0 -fanalyzer -Wno-analyzer-malloc-leak -Werror
# clang-tidy: the checks and the reasons for those left out are in .clang-tidy.
# cppcheck: varFuncNullUB is about machines on which NULL is no pointer; memleak does not know what releases at the end of a
# scope, nor memcpy() of a pointer.
# Of later versions of cppcheck: a unit test without memory may crash, and PICK() divides an index.
UNIT_SUPPRESSED := nullPointerOutOfMemory nullPointerArithmeticOutOfMemory sizeofDivisionMemfunc

lint: check-layers $(FILTER) ## run check-layers, clang-tidy, gcc -fanalyzer, cppcheck, shellcheck, mandoc
	$(Q)$(call each,$(SOURCES),clang-tidy --quiet {} -- $(NM_CPPFLAGS) $(PKG_CFLAGS) -std=gnu11)
	$(Q)$(call each,$(filter common/% hook/%,$(SOURCES)),\
		$(ANALYZER) $(NM_CPPFLAGS) -U_FORTIFY_SOURCE $(PKG_CFLAGS) -S -o /dev/null {})
	$(Q)cppcheck --quiet -j"$$(nproc)" --enable=warning,performance,portability --suppress=varFuncNullUB \
		--suppress=memleak --suppress=normalCheckLevelMaxBranches \
		$(addprefix --suppress=,$(addsuffix :test/unit/*,$(UNIT_SUPPRESSED))) --error-exitcode=1 -Icommon -I$(BUILD)/common $(SOURCES)
	$(Q)shellcheck -x $(SCRIPTS) $(BATS) $(HOST_BATS) $(RUNTIME_BATS) $(PACKAGE_BATS)
	$(Q)mandoc -T lint -W warning man/*.[0-9]

format: ## format the C files
	$(Q)clang-format -i $(SOURCES) $(HEADERS)

format-check: ## fail when a C file is not formatted
	$(Q)clang-format --dry-run --Werror $(SOURCES) $(HEADERS)

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS) ## build what the benchmarks need

bench: ## measure against the peers of today, write test/bench/RESULTS.md, print missed goals (root); BENCH="sizes dual" for parts
	$(Q)test/install-deps.sh bench
	$(Q)$(MAKE) --no-print-directory all bench-programs test-programs
	$(Q)BUILD='$(BUILD)' test/bench/bench.sh $(BENCH)

bench-network: all bench-programs test-programs ## measure a bare container's network against CNI and netavark of Debian unstable (root)
	$(Q)bash -o pipefail -c 'test/bench/network.sh | tee $(BUILD)/test/bench/network'

bench-hostile: bench-programs ## check that time and memory grow no faster than hostile input, up to its bounds (no root needed)
	$(Q)$(BUILD)/test/bench/hostile

demo: ## install what is missing, build, do what the quick start of README.md says, on a throwaway host (root)
	$(Q)test/install-deps.sh
	$(Q)$(MAKE) --no-print-directory all test-programs
	$(Q)test/demo.sh

ci: ## run what CI runs
	$(Q).ci/run

# Packages are made of the source as it is given away, by what is in packaging/.
.PHONY: dist deb rpm
DIST := $(BUILD)/dist/natmap-$(VERSION).tar.gz

dist: ## write build/dist/natmap-VERSION.tar.gz, the same bytes for the same source
	$(Q)mkdir -p $(dir $(DIST))
	$(Q)BUILD='$(BUILD)' packaging/dist.sh $(VERSION) $(DIST)

deb: dist ## build Debian packages of it in build/dist
	$(Q)packaging/build.sh deb $(DIST) $(dir $(DIST))

rpm: dist ## build RPMs of it in build/dist
	$(Q)packaging/build.sh rpm $(DIST) $(dir $(DIST))

install: all ## install below DESTDIR and PREFIX
	install -Dm755 $(BUILD)/natmap $(DESTDIR)$(BINDIR)/natmap
	install -Dm644 $(BUILD)/man/natmap.8 $(DESTDIR)$(MANDIR)/man8/natmap.8
	install -Dm644 $(BUILD)/man/natmap.json.5 $(DESTDIR)$(MANDIR)/man5/natmap.json.5
	install -Dm644 $(BUILD)/man/natmap-runtimes.7 $(DESTDIR)$(MANDIR)/man7/natmap-runtimes.7
	install -Dm644 -t $(DESTDIR)$(DATADIR) $(DATA:%=$(BUILD)/hooks.d/%)
	install -Dm644 $(BUILD)/hooks.d/podman.json $(DESTDIR)$(HOOKSDIR)/natmap.json
	install -Dm644 $(BUILD)/hooks.d/natmap.bash $(DESTDIR)$(COMPLETIONSDIR)/natmap
	install -Dm644 -t $(DESTDIR)$(UNITDIR) $(UNITS:%=$(BUILD)/hooks.d/%)

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(BINDIR)/natmap $(DESTDIR)$(MANDIR)/man8/natmap.8 $(DESTDIR)$(MANDIR)/man5/natmap.json.5 \
		$(DESTDIR)$(MANDIR)/man7/natmap-runtimes.7 $(DATA:%=$(DESTDIR)$(DATADIR)/%) \
		$(DESTDIR)$(HOOKSDIR)/natmap.json $(DESTDIR)$(COMPLETIONSDIR)/natmap \
		$(UNITS:%=$(DESTDIR)$(UNITDIR)/%)
	-rmdir $(DESTDIR)$(DATADIR) 2>/dev/null

clean: ## remove build/
	rm -rf $(BUILD)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | awk -F'\t' '{printf "  %-16s%s\n", $$1, $$2}'
