# doc/files.mk: manual pages, made from their .in by a program that reads the tables of surel
noinst_PROGRAMS = doc/mandump
doc_mandump_SOURCES = doc/mandump.c
nodist_man_MANS = doc/surel.1 doc/surel.conf.5
CLEANFILES += $(nodist_man_MANS)
doc/surel.1: $(srcdir)/doc/surel.1.in doc/mandump$(EXEEXT)
	$(AM_V_GEN)doc/mandump$(EXEEXT) $(srcdir)/doc/surel.1.in > $@.tmp && mv $@.tmp $@
doc/surel.conf.5: $(srcdir)/doc/surel.conf.5.in doc/mandump$(EXEEXT)
	$(AM_V_GEN)doc/mandump$(EXEEXT) $(srcdir)/doc/surel.conf.5.in > $@.tmp && mv $@.tmp $@
doc: $(nodist_man_MANS)
.PHONY: doc
TESTS += tests/lint/test-doc.py
