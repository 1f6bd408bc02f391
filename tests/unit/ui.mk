# tests/unit/ui.mk: unit tests of src/ui and src/view
ui_test_libs = src/libview.a src/libui.a src/libconf.a $(mail_libs) $(NCURSES_LIBS)
check_PROGRAMS += tests/unit/test-surface tests/unit/test-input tests/unit/test-keymap tests/unit/test-theme tests/unit/test-prompt tests/unit/test-views
tests_unit_test_surface_SOURCES = tests/unit/test-surface.c tests/unit/fake-app.c tests/unit/fake-app.h
tests_unit_test_surface_LDADD = $(ui_test_libs)
tests_unit_test_input_SOURCES = tests/unit/test-input.c tests/unit/fake-app.c
tests_unit_test_input_LDADD = $(ui_test_libs)
tests_unit_test_keymap_SOURCES = tests/unit/test-keymap.c tests/unit/fake-app.c
tests_unit_test_keymap_LDADD = $(ui_test_libs)
tests_unit_test_theme_SOURCES = tests/unit/test-theme.c tests/unit/fake-app.c
tests_unit_test_theme_LDADD = $(ui_test_libs)
tests_unit_test_prompt_SOURCES = tests/unit/test-prompt.c tests/unit/fake-app.c
tests_unit_test_prompt_LDADD = $(ui_test_libs)
tests_unit_test_views_SOURCES = tests/unit/test-views.c tests/unit/fake-app.c
tests_unit_test_views_LDADD = $(ui_test_libs)
TESTS += tests/unit/test-surface tests/unit/test-input tests/unit/test-keymap tests/unit/test-theme tests/unit/test-prompt tests/unit/test-views
