/* src/mail/charset.c: bytes in the charsets of real mail -> valid UTF-8 */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/mail/mail-private.h"

/* What mail says and what its senders meant: labels of a subset are read as the superset that Windows programs wrote. */
static const struct { const char *label, *iconv; } aliases[] = {
	{ "ansi_x3.4-1968", "us-ascii" }, { "ascii", "us-ascii" }, { "us_ascii", "us-ascii" }, { "usascii", "us-ascii" }, { "646", "us-ascii" },
	{ "utf8", "utf-8" }, { "utf_8", "utf-8" }, { "x-utf-8", "utf-8" }, { "unicode-1-1-utf-8", "utf-8" }, { "utf-8mb4", "utf-8" },
	{ "utf8mb4", "utf-8" }, { "cp65001", "utf-8" }, { "cp-65001", "utf-8" },
	{ "iso-8859-1", "windows-1252" }, { "iso8859-1", "windows-1252" }, { "iso_8859-1", "windows-1252" }, { "latin1", "windows-1252" },
	{ "latin-1", "windows-1252" }, { "l1", "windows-1252" }, { "cp1252", "windows-1252" }, { "cp-1252", "windows-1252" },
	{ "iso-8859-1-windows-3.1-latin-1", "windows-1252" }, { "x-ansi", "windows-1252" }, { "ansi", "windows-1252" },
	{ "iso-8859-9", "windows-1254" }, { "iso8859-9", "windows-1254" }, { "latin5", "windows-1254" },
	{ "iso-8859-11", "cp874" }, { "tis-620", "cp874" }, { "tis620", "cp874" }, { "windows-874", "cp874" }, { "x-windows-874", "cp874" },
	{ "iso-8859-8-i", "iso-8859-8" }, { "iso-8859-8-e", "iso-8859-8" }, { "iso-8859-6-i", "iso-8859-6" }, { "logical", "iso-8859-8" },
	{ "gb2312", "gb18030" }, { "gb_2312", "gb18030" }, { "gb_2312-80", "gb18030" }, { "gbk", "gb18030" }, { "x-gbk", "gb18030" },
	{ "cp936", "gb18030" }, { "euc-cn", "gb18030" }, { "gb18030-2000", "gb18030" }, { "chinese", "gb18030" }, { "hz-gb2312", "hz" },
	{ "hz-gb-2312", "hz" }, { "big5", "big5-hkscs" }, { "big-5", "big5-hkscs" }, { "cn-big5", "big5-hkscs" }, { "x-x-big5", "big5-hkscs" },
	{ "cp950", "big5-hkscs" },
	{ "ks_c_5601-1987", "cp949" }, { "ks_c_5601", "cp949" }, { "ks_c_5601-1989", "cp949" }, { "ksc5601", "cp949" }, { "ksc_5601", "cp949" },
	{ "ks_c-5601-1987", "cp949" }, { "korean", "cp949" }, { "euc-kr", "cp949" }, { "euckr", "cp949" }, { "windows-949", "cp949" },
	{ "x-windows-949", "cp949" }, { "uhc", "cp949" },
	{ "shift_jis", "cp932" }, { "shift-jis", "cp932" }, { "x-sjis", "cp932" }, { "sjis", "cp932" }, { "windows-31j", "cp932" },
	{ "ms932", "cp932" }, { "cp943", "cp932" }, { "x-euc-jp", "euc-jp" }, { "eucjp", "euc-jp" }, { "iso-2022-jp-ms", "iso-2022-jp-3" },
	{ "iso-2022-jp", "iso-2022-jp-3" }, { "cp50220", "iso-2022-jp-3" }, { "cp50221", "iso-2022-jp-3" }, { "x-mac-roman", "macintosh" },
	{ "mac", "macintosh" }, { "macroman", "macintosh" }, { "x-mac-cyrillic", "mac-cyrillic" }, { "x-mac-ce", "mac-centraleurope" },
	{ "unicode-1-1-utf-7", "utf-7" }, { "x-unicode-2-0-utf-7", "utf-7" }, { "utf7", "utf-7" }, { "koi8r", "koi8-r" }, { "koi", "koi8-r" },
	{ "cp-1250", "windows-1250" }, { "cp-1251", "windows-1251" }, { "win-1251", "windows-1251" }, { "windows1251", "windows-1251" },
	{ "x-cp1250", "windows-1250" }, { "x-cp1251", "windows-1251" }, { "windows-1251-1", "windows-1251" }, { "latin2", "iso-8859-2" },
	{ "unknown", "" }, { "unknown-8bit", "" }, { "x-unknown", "" }, { "default", "" }, { "8bit", "" }, { "7bit", "" }, { "binary", "" },
	{ "none", "" }, { "_charset_", "" }, { "x-user-defined", "" }, { "user-defined", "" }, { "text", "" }, { "auto", "" },
};

/* Windows-1252 80..9F; the five holes are read as Latin-1 controls, which cleaning removes. */
static const uint16_t windows_1252[32] = {
	0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
	0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

enum { CHARSET_LABEL_MAX = 48 };

/* Label -> name for iconv in buffer; "" when it says nothing. */
static const char *
canonical(const char *charset, char buffer[static CHARSET_LABEL_MAX])
{
	size_t n = 0;
	for (const char *p = charset ? charset : ""; *p && n + 1 < CHARSET_LABEL_MAX; p++)
		if (!strchr(" \t\r\n\"'<>", *p))
			buffer[n++] = g_ascii_tolower(*p);
	buffer[n] = '\0';
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
			if (strcmp(buffer, aliases[i].label) == 0)
				return aliases[i].iconv;
		if (!strchr(buffer, '_'))
			break;
		g_strdelimit(buffer, "_", '-');		/* koi8_r, windows_1251 */
	}
	return buffer;
}

static char *
from_windows_1252(const char *bytes, size_t size)
{
	GString *out = g_string_sized_new(size + size / 8 + 1);
	for (size_t i = 0; i < size; i++) {
		uint8_t c = (uint8_t)bytes[i];
		if (c >= 0x80 && c < 0xA0)
			g_string_append_unichar(out, windows_1252[c - 0x80]);
		else if (c >= 0xA0)
			g_string_append_unichar(out, c);
		else if (c)
			g_string_append_c(out, (char)c);
	}
	return g_string_free(out, FALSE);
}

/* UTF-8 with its faults made U+FFFD, one for each maximal piece that is no character. */
static char *
from_utf8(const char *bytes, size_t size)
{
	if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
		bytes += 3;
		size -= 3;
	}
	GString *out = g_string_sized_new(size + 1);
	while (size > 0) {
		const char *end;
		bool ok = g_utf8_validate_len(bytes, size, &end);
		g_string_append_len(out, bytes, end - bytes);
		if (ok)
			break;
		size_t bad = 1;
		size -= (size_t)(end - bytes);
		bytes = end;
		while (bad < size && bad < 4 && ((uint8_t)bytes[bad] & 0xC0) == 0x80 && (uint8_t)bytes[0] >= 0xC0)
			bad++;
		if (bytes[0] != '\0')
			g_string_append(out, "\xEF\xBF\xBD");
		bytes += bad;
		size -= bad;
	}
	return g_string_free(out, FALSE);
}

/* NULL when iconv does not know the charset. *ret_bad counts what could not be read. */
static char *
from_iconv(const char *bytes, size_t size, const char *charset, size_t *ret_bad)
{
	GIConv converter = g_iconv_open("UTF-8", charset);
	if (converter == (GIConv)-1)
		return NULL;
	g_autoptr(GString) out = g_string_sized_new(size * 2 + 16);
	char *in = (char *)bytes;
	char buffer[4096];
	size_t bad = 0;
	bool double_byte = g_str_has_prefix(charset, "iso-2022-");	/* an unknown character there is two bytes of ASCII */
	bool euc = g_str_has_prefix(charset, "euc-");
	while (size > 0) {
		char *to = buffer;
		size_t room = sizeof buffer;
		size_t got = g_iconv(converter, &in, &size, &to, &room);
		g_string_append_len(out, buffer, to - buffer);
		if (got != (size_t)-1 || to != buffer)
			continue;
		g_string_append(out, "\xEF\xBF\xBD");	/* a byte that iconv refuses, or a cut sequence at the end */
		bad++;
		bool pair = size > 1 && ((double_byte && in[0] > 0x20 && in[1] > 0x20) || (euc && (uint8_t)in[0] > 0xA0 && (uint8_t)in[1] > 0xA0));
		size_t skip = pair ? 2 : 1;
		in += skip;
		size -= skip;
		if (bad > 200 && bad > (size_t)(in - bytes) / 2)
			break;
	}
	g_iconv_close(converter);
	*ret_bad = bad;
	size_t kept = 0;
	for (size_t i = 0; i < out->len; i++)
		if (out->str[i] != '\0')
			out->str[kept++] = out->str[i];
	return g_strndup(out->str, kept);
}

/* ISO-2022-JP as mail has it: with NEC and IBM characters, halfwidth kana, escapes that are lost at line ends (RFC 1468 and what
 * programs do). Turned into EUC, whose Microsoft form has a converter. NULL where a set comes that EUC has not. */
static GByteArray *
jis_to_euc(const char *bytes, size_t size)
{
	GByteArray *out = g_byte_array_sized_new((guint)size);
	char set = 'A';		/* A ASCII, J kanji, S supplementary kanji, K halfwidth kana */
	for (size_t i = 0; i < size; i++) {
		uint8_t c = (uint8_t)bytes[i];
		size_t left = size - i;
		if (c == 0x1B && left >= 3) {
			bool kanji = bytes[i + 1] == '$' && (bytes[i + 2] == 'B' || bytes[i + 2] == '@');
			bool kanji_long = left >= 4 && bytes[i + 1] == '$' && bytes[i + 2] == '(' && (bytes[i + 3] == 'B' || bytes[i + 3] == 'D');
			bool single = bytes[i + 1] == '(' && strchr("BJIH", bytes[i + 2]);
			if (kanji || kanji_long || single) {
				set = kanji ? 'J' : kanji_long ? (bytes[i + 3] == 'D' ? 'S' : 'J') : bytes[i + 2] == 'I' ? 'K' : 'A';
				i += kanji_long ? 3 : 2;
				continue;
			}
			g_byte_array_unref(out);
			return NULL;
		}
		if (c == '\n' || c == '\r')
			set = 'A';
		uint8_t high = c | 0x80;
		static const uint8_t kana = 0x8E, supplementary = 0x8F;
		if (c <= 0x20 || c >= 0x7F || set == 'A') {
			g_byte_array_append(out, &c, 1);
		} else if (set == 'K') {
			g_byte_array_append(out, &kana, 1);
			g_byte_array_append(out, &high, 1);
		} else if (left >= 2) {
			uint8_t second = (uint8_t)bytes[++i] | 0x80;
			if (set == 'S')
				g_byte_array_append(out, &supplementary, 1);
			g_byte_array_append(out, &high, 1);
			g_byte_array_append(out, &second, 1);
		}
	}
	return out;
}

/* from_iconv with a detour for Japanese. */
static char *
convert(const char *bytes, size_t size, const char *charset, size_t *ret_bad)
{
	g_autoptr(GByteArray) euc = strcmp(charset, "iso-2022-jp-3") == 0 ? jis_to_euc(bytes, size) : NULL;
	char *text = euc ? from_iconv((const char *)euc->data, euc->len, "euc-jp-ms", ret_bad) : NULL;
	return text ? text : from_iconv(bytes, size, charset, ret_bad);
}

static bool
is_ascii(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((uint8_t)bytes[i] >= 0x80 || bytes[i] == '\0' || bytes[i] == 0x1B || bytes[i] == '~')
			return false;
	return true;
}

static bool
is_single_byte_latin(const char *charset)
{
	return strcmp(charset, "windows-1252") == 0 || strcmp(charset, "us-ascii") == 0 || strcmp(charset, "utf-8") == 0 || !*charset;
}

/* JIS in escape sequences, seven bits (RFC 1468): the one stateful charset that comes without a label. */
static bool
looks_iso2022jp(const char *bytes, size_t size)
{
	const char *escape = memchr(bytes, 0x1B, size);
	if (!escape || size - (size_t)(escape - bytes) < 3)
		return false;
	return escape[1] == '$' && (escape[2] == 'B' || escape[2] == '@');
}

static bool
is_utf8(const char *bytes, size_t size)
{
	return g_utf8_validate_len(bytes, size, NULL);
}

static bool
is_seven_bit(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((uint8_t)bytes[i] >= 0x80)
			return false;
	return true;
}

char *
charset_to_utf8(const char *bytes, size_t size, const char *charset, const char *fallback)
{
	char label[CHARSET_LABEL_MAX], other_label[CHARSET_LABEL_MAX];
	if (size == 0)
		return g_strdup("");
	if (!charset && is_ascii(bytes, size))
		return g_strndup(bytes, size);
	const char *name = canonical(charset, label);
	if (is_ascii(bytes, size) && !g_str_has_prefix(name, "utf-16") && !g_str_has_prefix(name, "utf-32") && strcmp(name, "utf-7") != 0 &&
	    strcmp(name, "hz") != 0)
		return g_strndup(bytes, size);
	if (is_single_byte_latin(name)) {	/* "iso-8859-1" and "us-ascii" on UTF-8 are the commonest lies */
		if (is_utf8(bytes, size) && !looks_iso2022jp(bytes, size))
			return from_utf8(bytes, size);
		if (looks_iso2022jp(bytes, size))
			name = "iso-2022-jp-3";
	}
	bool escapes = g_str_has_prefix(name, "iso-2022-") || strcmp(name, "hz") == 0 || strcmp(name, "utf-7") == 0;
	if (escapes && !is_seven_bit(bytes, size) && is_utf8(bytes, size))
		return from_utf8(bytes, size);
	size_t bad = 0;
	if (is_single_byte_latin(name)) {	/* mostly UTF-8 with some damage, such as a character cut at the end */
		g_autofree char *text = from_utf8(bytes, size);
		size_t faults = 0, high = 0, factor = strcmp(name, "utf-8") == 0 ? 2 : 4;
		for (const char *p = text; (p = strstr(p, "\xEF\xBF\xBD")); p += 3)
			faults++;
		for (size_t i = 0; i < size; i++)
			high += (uint8_t)bytes[i] >= 0x80;
		if (faults * factor < high || (faults == 0 && strcmp(name, "utf-8") == 0))
			return g_steal_pointer(&text);
		if (strcmp(name, "utf-8") == 0)
			name = "";
	}
	if (*name && strcmp(name, "us-ascii") != 0 && strcmp(name, "windows-1252") != 0) {
		g_autofree char *text = convert(bytes, size, name, &bad);
		if (text && bad == 0)
			return g_steal_pointer(&text);
		if (text && escapes)
			return g_steal_pointer(&text);
		if (is_utf8(bytes, size))
			return from_utf8(bytes, size);
		if (text && bad <= 2 + size / 20)
			return g_steal_pointer(&text);
	}
	const char *other = canonical(fallback, other_label);
	if (strcmp(name, "windows-1252") != 0 && *other && !is_single_byte_latin(other) && strcmp(other, name) != 0) {
		g_autofree char *text = convert(bytes, size, other, &bad);
		if (text && bad == 0)
			return g_steal_pointer(&text);
	}
	return from_windows_1252(bytes, size);
}

bool
charset_known(const char *charset)
{
	char label[CHARSET_LABEL_MAX];
	const char *name = canonical(charset, label);
	if (!*name)
		return false;
	GIConv converter = g_iconv_open("UTF-8", name);
	if (converter == (GIConv)-1)
		return false;
	g_iconv_close(converter);
	return true;
}
