# tests/e2e/files.mk: what this folder adds to the build
e2e_tests = tests/e2e/test-workflow.py tests/e2e/test-screen.py tests/e2e/test-cli.py tests/e2e/test-trouble.py tests/e2e/test-crash.py tests/e2e/test-idle.py tests/e2e/test-render.py
TESTS += $(e2e_tests)
EXTRA_DIST += $(e2e_tests) tests/e2e/world.py
