#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Checks every file that git knows. Each check prints one line; what it found follows when it failed.
# LINT_JOBS: how many clang-tidy at a time (2). Files clang-tidy passed are not looked at again
# until they, a header or its rules change (build/lint/tidy).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

jobs=${LINT_JOBS:-2}
work=build/lint
mkdir -p "$work"
failed=0

mapfile -t c_files < <(git ls-files '*.c')
mapfile -t h_files < <(git ls-files '*.h')
mapfile -t py_files < <(git ls-files '*.py')
mapfile -t sh_files < <(git ls-files | xargs grep -lIE '^#! ?/.*\b(ba|da)?sh\b' --)
mapfile -t text_files < <(git ls-files | grep -vE '^(LICENSE|tests/fuzz/corpus/.*|.*/data/.*|.*\.xsd)$')

check() { # NAME COMMAND...
	local name=$1 start=$SECONDS out="$work/$1.txt"
	shift
	if "$@" >"$out" 2>&1; then
		printf 'lint: %-13s ok      %3d s\n' "$name" $((SECONDS - start))
	else
		printf 'lint: %-13s FAILED  %3d s\n' "$name" $((SECONDS - start))
		sed 's/^/    /' "$out"
		failed=$((failed + 1))
	fi
}

tidy_flags() {
	echo "-std=gnu11 -D_GNU_SOURCE -DALLOW_EXPERIMENTAL_API -I." \
		"$(pkg-config --cflags libdpdk jansson libevent libmnl libseccomp libxml-2.0 check)"
}

# One file; silent and true when it is clean.
tidy_one() {
	local file=$1 stamp checks=
	# the analyzer drowns in the branches of Check's macros, and what tests do ASan and UBSan watch
	[[ $file != tests/unit/* ]] || checks="--checks=-clang-analyzer-*"
	stamp="$work/tidy/$(sha256sum "$file" "$work/tidy.key" | sha256sum | cut -c1-40)"
	[ ! -e "$stamp" ] || return 0
	# shellcheck disable=SC2046,SC2086
	if clang-tidy --quiet $checks "$file" -- $(<"$work/tidy.flags") 2>/dev/null; then
		: >"$stamp"
	else
		return 1
	fi
}

tidy() {
	mkdir -p "$work/tidy"
	tidy_flags >"$work/tidy.flags"
	cat "${h_files[@]}" .clang-tidy "$work/tidy.flags" | sha256sum >"$work/tidy.key"
	export -f tidy_one
	export work
	# shellcheck disable=SC2016
	printf '%s\0' "${c_files[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'tidy_one "$1"' _
}

cpp_check() {
	# Left to others: resourceLeak, memleak: it does not know __attribute__((cleanup)), ASan does.
	# ctuuninitvar: a pointer to what a function fills is no use of it.
	# bufferAccessOutOfBounds: it takes two neighbouring header fields for one that is too short.
	cppcheck --quiet --error-exitcode=1 -j "$jobs" --std=c11 --language=c --inline-suppr \
		--enable=warning,performance,portability -D__linux__ -D__x86_64__ -D_GNU_SOURCE -I. --include=tests/lint/cppcheck.h \
		--cppcheck-build-dir="$work/cppcheck" \
		--suppress=unknownMacro --suppress=missingInclude --suppress=normalCheckLevelMaxBranches \
		--suppress=bufferAccessOutOfBounds --suppress=resourceLeak --suppress=memleak --suppress=ctuuninitvar --template=gcc "${c_files[@]}"
}

mkdir -p "$work/cppcheck"
start=$SECONDS
check house-rules /usr/bin/python3 tests/lint/house_rules.py
check clang-format clang-format --dry-run -Werror "${c_files[@]}" "${h_files[@]}"
check shellcheck shellcheck -x "${sh_files[@]}"
check python /usr/bin/python3 -W error tests/lint/compiles.py "${py_files[@]}"
check codespell codespell -q 3 -I tests/lint/codespell.txt "${text_files[@]}"
check cppcheck cpp_check
check clang-tidy tidy
if [ "$failed" -gt 0 ]; then
	echo "lint: $failed checks failed in $((SECONDS - start)) s"
	exit 1
fi
echo "lint: passed in $((SECONDS - start)) s"
