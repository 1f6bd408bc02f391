#!/bin/sh
# tests/lib/tally.sh: counts the results of a test run from its .trs files; fails where one failed or none ran
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: tally.sh BUILD_DIRECTORY...
find "$@" -name '*.trs' -exec awk '
	# that a program exits with 1 after a test of its failed is the same failure
	FNR == 1 { failed_here = 0 }
	$1 != ":test-result:" { next }
	$2 == "PASS" || $2 == "XFAIL" { passed++ }
	$2 == "FAIL" || $2 == "XPASS" { failed++; failed_here++ }
	$2 == "ERROR" && !failed_here { failed++ }
	$2 == "SKIP" { skipped++ }
	END {
		if (skipped)
			printf "%d skipped\n", skipped
		printf "%d passed, %d failed\n", passed, failed
		exit failed > 0 || passed == 0
	}' {} +
