/* tests/unit/test-html.c: HTML mail as lines: links, hidden text, lists, tables, limits */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <string.h>
#include <time.h>

#include "surel/mail.h"

static Document *
render(const char *html, size_t size)
{
	g_autoptr(GByteArray) mail = g_byte_array_new();
	static const char head[] = "Content-Type: text/html; charset=utf-8\n\n";
	g_byte_array_append(mail, (const uint8_t *)head, sizeof head - 1);
	g_byte_array_append(mail, (const uint8_t *)html, (guint)size);
	return document_render((const char *)mail->data, mail->len, NULL, RENDER_DEFAULT);
}

static void
check(const char *html, const char *expected)
{
	g_autoptr(Document) document = render(html, strlen(html));
	g_autofree char *text = document_text(document);
	g_assert_cmpstr(text, ==, expected);
}

static void
test_blocks_and_white_space(void)
{
	check("<h1>Judul</h1><p>satu\n  dua<br>tiga</p><p>empat</p>", "Judul\n\nsatu dua\ntiga\n\nempat\n");
	check("<div>a</div><div>b</div><div><br></div><div>c</div>", "a\nb\n\nc\n");
	check("a &amp; b &lt;c&gt;&nbsp;d &eacute;", "a & b <c> d \xC3\xA9\n");
	check("<b>x</b> <i>y</i>z", "x yz\n");
	check("<pre>  a\n\tb</pre>", "  a\n        b\n");
	check("<p></p><p>&nbsp;</p>a", "a\n");
}

static void
test_lists_hang_and_count(void)
{
	check("<ul><li>satu<li>dua<ul><li>dalam</ul></ul><ol start=3><li>x<li>y</ol>",
		"  \xE2\x80\xA2 satu\n  \xE2\x80\xA2 dua\n      \xE2\x80\xA2 dalam\n\n  3. x\n  4. y\n");
	const char *html = "<ul><li>satu</ul>";
	g_autoptr(Document) document = render(html, strlen(html));
	g_assert_cmpuint(((Line *)document->lines->pdata[0])->hang, ==, 2);
	check("<ul style='margin:0;list-style:none'><li>satu<ul><li>dalam</ul><li>dua</ul>", "  satu\n    \xE2\x80\xA2 dalam\n  dua\n");
	check("<ol style='list-style-type: none'><li>satu</ol><ol><li>dua</ol>", "  satu\n\n  1. dua\n");
}

static void
test_quotes_have_levels(void)
{
	check("<p>hi</p><div>On x, y wrote:</div><blockquote type=cite>one<blockquote>two</blockquote></blockquote>", "hi\n\nOn x, y wrote:\n> one\n>\n> > two\n");
}

static void
test_hidden_text_is_dropped(void)
{
	check("a<div style='display:none'>b</div><span style=\"font-size:0px\">c</span><div style='max-height:0; overflow:hidden'>d</div><p hidden>e</p>"
		"<script>f</script><style>.pre{display:none}</style><p class='x pre'>g</p><img src='http://t.example/p.gif' width=1 height=1 alt='h'><p>i", "a\n\ni\n");
	check("<p style='position:absolute;left:-9999px'>a</p><p style='position:relative; left: -4px'>b</p><p style='position:absolute; top:-1000px'>c</p>", "b\n");
	check("<div style='font-size:0'>a<span style='font-size:14px'>b</span></div>", "b\n");
	check("<style>@media print { .m { display:none } } #id1 { display: none }</style><p class=m>m</p><p id=id1>n</p>", "m\n");
}

static void
test_links_show_their_true_target(void)
{
	const char *html = "<a href='https://evil.example/x'>www.bank.example</a> <a href='https://www.toko.example/a'>toko.example</a> "
		"<a href='javascript:alert(1)'>js</a> <a href='#top'>top</a> <a href='https://toko.example/b'><img src=x alt=''></a> "
		"<a href='mailto:a@b.example'>a@b.example</a> <a href='https://evil.example/x'>lagi</a>";
	g_autoptr(Document) document = render(html, strlen(html));
	g_assert_cmpuint(document->links->len, ==, 4);
	const Link *bank = document->links->pdata[0], *toko = document->links->pdata[1];
	g_assert_cmpstr(bank->url, ==, "https://evil.example/x");
	g_assert_true(bank->lies);
	g_assert_false(toko->lies);
	g_autofree char *text = document_text(document);
	g_assert_nonnull(strstr(text, "www.bank.example [1]"));
	g_assert_nonnull(strstr(text, "[1] https://evil.example/x"));
	g_assert_nonnull(strstr(text, "[image]"));
	g_assert_null(strstr(text, "alert"));
}

static void
test_pictures_speak_only_with_words(void)
{
	check("<img src=a alt='Toko Maju'><img src=b alt=' '><img src=c alt=spacer><img src=d alt='IMG_1.JPG'><img src=e alt='https://a.example/e'>", "[Toko Maju]\n");
	check("<a href='https://a.example/1' title='https://a.example/1'><img src=a></a>", "[image] [1]\n\n[1] https://a.example/1\n");
	check("<a href='https://a.example/1' title='Lihat promo'><img src=a alt='promo.png'></a>", "[Lihat promo] [1]\n\n[1] https://a.example/1\n");
	check("<img src=a alt='Berkas laporan.pdf'>", "[Berkas laporan.pdf]\n");
}

static void
test_raised_digits_stay_apart(void)
{
	check("10<sup>2</sup> m<sup>3</sup>, 2<sup>10</sup>, 4<sup>th</sup>", "10\xC2\xB2 m\xC2\xB3, 2\xC2\xB9\xE2\x81\xB0, 4th\n");
}

static void
test_rules_do_not_pile_up(void)
{
	const char *html = "a<hr><hr><p></p><hr>b<hr>";
	g_autoptr(Document) document = render(html, strlen(html));
	unsigned rules = 0;
	for (guint i = 0; i < document->lines->len; i++)
		rules += ((const Line *)document->lines->pdata[i])->kind == LINE_RULE;
	g_assert_cmpuint(rules, ==, 2);
}

static void
test_data_tables_are_aligned_and_layout_flows(void)
{
	check("<table border=1><tr><th>Barang</th><th>Harga</th></tr><tr><td>Kopi</td><td>15.000</td></tr><tr><td>Teh manis</td><td>8.000</td></tr></table>",
		"Barang      Harga\n---------  ------\nKopi       15.000\nTeh manis   8.000\n");
	check("<table role=presentation><tr><td><table><tr><td><p>Isi pertama</p></td></tr></table></td></tr><tr><td>kaki</td></tr></table>", "Isi pertama\n\nkaki\n");
	check("<table><tr><td>Beranda</td><td>Toko</td><td>Bantuan</td></tr></table>", "Beranda  Toko  Bantuan\n");
	const char *html = "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>";
	g_autoptr(Document) document = render(html, strlen(html));
	g_assert_cmpint(((Line *)document->lines->pdata[0])->kind, ==, LINE_TABLE);
}

static void
test_wide_cells_wrap_inside_their_column(void)
{
	const char *html = "<table><tr><th>Nama</th><th>Keterangan</th></tr><tr><td>Satu</td><td>keterangan yang sangat panjang sekali sampai tidak muat di dalam satu "
		"baris layar biasa</td></tr><tr><td>Dua</td><td>pendek</td></tr></table>";
	g_autoptr(Document) document = render(html, strlen(html));
	g_autofree char *text = document_text(document);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		g_assert_cmpuint(strlen(*line), <=, 80);
	g_assert_nonnull(strstr(text, "Dua   pendek"));
}

/* Each of these made some parser or renderer of mail hang or die. */
static void
test_hostile_markup_ends_soon(void)
{
	static const char *const units[] = { "<div>", "<b>", "<table><tr><td>", "<a href=x><p>", "<font size=1><p>", "<blockquote>", "<ul><li>", "</p>", "<b id=%d>", "&", "<!--", "<svg><p>" };
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		GString *html = g_string_new(NULL);
		for (int n = 0; n < 20000; n++)
			if (strstr(units[i], "%d"))
				g_string_append_printf(html, "<b id=%d>x", n);
			else
				g_string_append(html, units[i]);
		clock_t start = clock();	/* time of this process, whatever else the machine does */
		g_autoptr(Document) document = render(html->str, html->len);
		g_assert_nonnull(document);
		g_assert_cmpint(clock() - start, <, 20 * CLOCKS_PER_SEC);
		g_string_free(html, TRUE);
	}
	GString *items = g_string_new("<ol>");
	GString *tabs = g_string_new("<pre>");
	for (int n = 0; n < 100000; n++) {
		g_string_append(items, "<li>x");
		g_string_append(tabs, "x\t");
	}
	int64_t start = g_get_monotonic_time();
	g_autoptr(Document) list = render(items->str, items->len);
	g_autoptr(Document) pre = render(tabs->str, tabs->len);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
	g_assert_cmpuint(list->lines->len, ==, 100000);
	g_assert_cmpuint(pre->lines->len, >, 0);
	g_string_free(items, TRUE);
	g_string_free(tabs, TRUE);
	GString *attributes = g_string_new("<p ");
	for (int n = 0; n < 100000; n++)
		g_string_append_printf(attributes, "a%d=1 ", n);
	g_string_append(attributes, ">x");
	g_autoptr(Document) document = render(attributes->str, attributes->len);
	g_assert_nonnull(document);
	g_string_free(attributes, TRUE);
}

static void
test_no_control_byte_comes_through(void)
{
	const char *html = "<p>&#27;[31m&#7;&#155;x&#x202e;y</p><a href='http://a.example/&#27;]0;'>z</a><img alt='&#27;c' src=x>";
	g_autoptr(Document) document = render(html, strlen(html));
	g_autofree char *text = document_text(document);
	for (const char *p = text; *p; p++)
		g_assert_true(*p == '\n' || (*p & 0x80) || *p >= 0x20);
	g_assert_null(strstr(text, "\xE2\x80\xAE"));
	g_assert_null(strstr(text, "\xC2\x9B"));
}

int
main(int argc, char **argv)
{
	setlocale(LC_ALL, "C.UTF-8");
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mail/html/blocks-and-white-space", test_blocks_and_white_space);
	g_test_add_func("/mail/html/lists-hang-and-count", test_lists_hang_and_count);
	g_test_add_func("/mail/html/quotes-have-levels", test_quotes_have_levels);
	g_test_add_func("/mail/html/hidden-text-is-dropped", test_hidden_text_is_dropped);
	g_test_add_func("/mail/html/links-show-their-true-target", test_links_show_their_true_target);
	g_test_add_func("/mail/html/pictures-speak-only-with-words", test_pictures_speak_only_with_words);
	g_test_add_func("/mail/html/raised-digits-stay-apart", test_raised_digits_stay_apart);
	g_test_add_func("/mail/html/rules-do-not-pile-up", test_rules_do_not_pile_up);
	g_test_add_func("/mail/html/data-tables-are-aligned-and-layout-flows", test_data_tables_are_aligned_and_layout_flows);
	g_test_add_func("/mail/html/wide-cells-wrap-inside-their-column", test_wide_cells_wrap_inside_their_column);
	g_test_add_func("/mail/html/hostile-markup-ends-soon", test_hostile_markup_ends_soon);
	g_test_add_func("/mail/html/no-control-byte-comes-through", test_no_control_byte_comes_through);
	return g_test_run();
}
