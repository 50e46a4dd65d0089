# SPDX-License-Identifier: BSD-3-Clause
# Lamina's build. Each folder is a static library (every .c but *_main.c) plus the
# programs its *_main.c files name. `make help` lists what a user may call.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:

CC ?= gcc
PKG_CONFIG ?= pkg-config
PYTHON := /usr/bin/python3
# what root runs from the tree leaves no files of root's in it
export PYTHONDONTWRITEBYTECODE := 1
FOLDERS := mp substrate fp cp slicemgr

# FLAVOR: rel (what is shipped), asan (unit tests under ASan+UBSan), fuzz (libFuzzer, clang)
FLAVOR ?= rel
O := build/$(FLAVOR)

ifeq ($(filter deps clean help demo-clean,$(MAKECMDGOALS)),)
PKGS := libdpdk jansson libevent libmnl libseccomp libxml-2.0
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null || echo MISSING)
ifneq ($(filter MISSING,$(PKG_CFLAGS)),)
DEPS_MISSING := 1
endif
endif

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla
CFLAGS_rel := -O3 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_rel := -Wl,-z,relro,-z,now
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined
ifeq ($(FLAVOR),fuzz)
CC := clang
endif
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DALLOW_EXPERIMENTAL_API -I. $(PKG_CFLAGS) $(WARN) \
	$(CFLAGS_$(FLAVOR)) -fPIE -MMD -MP $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,--as-needed $(LDFLAGS_$(FLAVOR)) $(LDFLAGS)

lib_srcs = $(filter-out %_main.c,$(wildcard $(1)/*.c $(1)/*/*.c))
lib_file = $(O)/lib/liblm-$(1).a

BASE_LIBS := -ljansson -levent_core -levent_pthreads -lpthread
SYS_LIBS := $(BASE_LIBS) -lmnl -lseccomp -lxml2
# The substrate takes any PMD a site has, so it uses DPDK's shared libraries and plug-in folder.
DPDK_SHARED := $(shell $(PKG_CONFIG) --libs libdpdk 2>/dev/null)
# One FP runs per sliver: it is linked statically with just what it uses, so it starts fast and
# its text is shared. Constructors (mempool handlers, graph nodes) need --whole-archive.
DPDK_FP_NAMES := rcu graph rib fib hash net mbuf mempool mempool_ring ring kvargs telemetry eal meter
DPDK_FP_STATIC := -Wl,--whole-archive $(patsubst %,-l:librte_%.a,$(DPDK_FP_NAMES)) \
	-Wl,--no-whole-archive -lnuma -lm -ldl -lbsd

# What each folder's code (and its unit tests and fuzz targets) links besides itself.
deps_mp :=
deps_substrate := mp
deps_fp := substrate mp
deps_cp := mp
deps_slicemgr := mp
libs_mp := $(BASE_LIBS)
libs_substrate := $(DPDK_SHARED) -lpcap $(SYS_LIBS)
libs_fp := $(DPDK_FP_STATIC) $(SYS_LIBS)
libs_cp := $(SYS_LIBS)
libs_slicemgr := $(SYS_LIBS)

# Under sudo, what is built belongs to whoever called it.
ifeq ($(shell id -u),0)
ifneq ($(SUDO_USER),)
ifneq ($(SUDO_USER),root)
AS_USER := sudo -u $(SUDO_USER) --
endif
endif
endif

.PHONY: all
ifdef AS_USER
all:
	@$(AS_USER) $(MAKE) --no-print-directory FLAVOR=$(FLAVOR) all
else
all: build/.checked
	@$(MAKE) --no-print-directory _programs
endif

build/.checked:
ifdef DEPS_MISSING
	@echo "make: packages to build with are missing; run: sudo make deps" >&2; exit 1
endif
	@mkdir -p build && touch $@

MAINS := $(wildcard $(addsuffix /*_main.c,$(FOLDERS)))
# mp/lamina_main.c is the command `lamina`; X_main.c elsewhere is the program lamina-X
prog_of = $(O)/bin/$(if $(filter lamina,$(1)),lamina,lamina-$(1))
PROGS :=

define FOLDER_RULES
$$(call lib_file,$(1)): $$(patsubst %.c,$$(O)/obj/%.o,$$(call lib_srcs,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call FOLDER_RULES,$(f))))

define PROG_RULES
PROGS += $$(call prog_of,$(2))
$$(call prog_of,$(2)): $$(O)/obj/$(1)/$(2)_main.o $$(foreach l,$(1) $$(deps_$(1)),$$(call lib_file,$$(l)))
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC) $$(ALL_CFLAGS) $$< -Wl,--whole-archive $$(call lib_file,$(1)) -Wl,--no-whole-archive \
		$$(foreach l,$$(deps_$(1)),$$(call lib_file,$$(l))) $$(ALL_LDFLAGS) $$(libs_$(1)) -o $$@
endef
$(foreach m,$(MAINS),$(eval $(call PROG_RULES,$(patsubst %/,%,$(dir $(m))),$(patsubst %_main.c,%,$(notdir $(m))))))

.PHONY: _programs
_programs: $(PROGS)
	@:

$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(ALL_CFLAGS) -c $< -o $@

# the schemas are part of the program (.incbin)
$(O)/obj/slicemgr/xml_schema.o: $(wildcard slicemgr/schema/*.xsd)

# tests/unit/FOLDER/test_X.c: one Check suite a module; tool_X.c: what system tests call
UNIT_SRCS := $(wildcard tests/unit/*/test_*.c tests/unit/*/tool_*.c)
UNIT_BINS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRCS))
define UNIT_RULES
$$(O)/unit/$(1)/%: tests/unit/$(1)/%.c $$(foreach l,$(1) $$(deps_$(1)),$$(call lib_file,$$(l)))
	@mkdir -p $$(@D)
	@echo "  TEST  $$@"
	@$$(CC) $$(ALL_CFLAGS) $$< $$(foreach l,$(1) $$(deps_$(1)),$$(call lib_file,$$(l))) $$(ALL_LDFLAGS) \
		$$(libs_$(1)) $$$$($$(PKG_CONFIG) --libs check) -o $$@
$$(O)/fuzz/$(1)/%: tests/fuzz/$(1)/%.c $$(foreach l,$(1) $$(deps_$(1)),$$(call lib_file,$$(l)))
	@mkdir -p $$(@D)
	@echo "  FUZZ  $$@"
	@$$(CC) $$(ALL_CFLAGS) $$< $$(foreach l,$(1) $$(deps_$(1)),$$(call lib_file,$$(l))) $$(ALL_LDFLAGS) \
		$$(libs_$(1)) -o $$@
endef
$(foreach f,$(FOLDERS),$(eval $(call UNIT_RULES,$(f))))

.PHONY: unit-bins fuzz-bins
unit-bins: $(UNIT_BINS)
# tests/fuzz/FOLDER/fuzz_X.c with its corpus in tests/fuzz/corpus/X/
FUZZ_SRCS := $(wildcard tests/fuzz/*/fuzz_*.c)
fuzz-bins: $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRCS))

-include $(shell find $(O) -name '*.d' 2>/dev/null)

.PHONY: deps check check-unit check-system check-fuzz demo demo-clean lint soak install clean help
deps:            ## install the Debian packages that building, running and testing need (root)
	@images/deps.sh

check:           ## install, build and run every test (root); last line: N passed, N failed
	@images/deps.sh
	@$(MAKE) --no-print-directory all
	@AS_USER="$(AS_USER)" $(PYTHON) tests/check.py all

check-unit:      ## unit tests alone, plain and under ASan+UBSan
	@AS_USER="$(AS_USER)" $(PYTHON) tests/check.py unit

check-system:    ## system tests alone (root)
	@AS_USER="$(AS_USER)" $(PYTHON) tests/check.py system

check-fuzz:      ## every fuzz target for FUZZ_SECONDS (30)
	@AS_USER="$(AS_USER)" $(PYTHON) tests/check.py fuzz

demo:            ## three nodes, three slices, real traffic (root); KEEP=1 leaves it up
	@images/deps.sh
	@$(AS_USER) $(MAKE) --no-print-directory all
	@$(PYTHON) tests/demo/demo.py run

demo-clean:      ## end a demo that KEEP=1 left up
	@$(PYTHON) tests/demo/demo.py clean

lint:            ## clang-format, clang-tidy, cppcheck, shellcheck, codespell
	@tests/lint/lint.sh

bench-%:         ## run benchmark NAME, JSON under build/bench/
	@$(AS_USER) $(MAKE) --no-print-directory all
	@mkdir -p build/bench
	@$(PYTHON) tests/bench/$(subst -,_,$*).py

soak:            ## the long runs that make check leaves out (root)
	@$(AS_USER) $(MAKE) --no-print-directory all
	@SOAK=1 FUZZ_SECONDS=600 AS_USER="$(AS_USER)" $(PYTHON) tests/check.py soak

PREFIX ?= /usr
install: all     ## install below DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/lamina $(DESTDIR)$(PREFIX)/share/lamina
	install -m 755 build/rel/bin/lamina $(DESTDIR)$(PREFIX)/bin/
	install -m 755 build/rel/bin/lamina-* $(DESTDIR)$(PREFIX)/lib/lamina/
	install -m 644 slicemgr/schema/*.xsd $(DESTDIR)$(PREFIX)/share/lamina/

clean:           ## remove what was built
	rm -rf build

help:            ## this list
	@sed -n 's/^\([a-z%-]*\):.*## /\1	/p' Makefile | expand -t 16
