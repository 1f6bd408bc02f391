#!/bin/sh
# tests/lib/tally.sh: counts the results of a test run from its .trs files; fails where one failed or none ran
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: tally.sh BUILD_DIRECTORY...
find "$@" -name '*.trs' -exec cat {} + | awk '
	$1 == ":test-result:" && ($2 == "PASS" || $2 == "XFAIL") { passed++ }
	$1 == ":test-result:" && ($2 == "FAIL" || $2 == "XPASS" || $2 == "ERROR") { failed++ }
	$1 == ":test-result:" && $2 == "SKIP" { skipped++ }
	END {
		if (skipped)
			printf "%d skipped\n", skipped
		printf "%d passed, %d failed\n", passed, failed
		exit failed > 0 || passed == 0
	}'
