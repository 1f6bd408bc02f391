/* tests/unit/test-reply.c: drafts as files, answers, forwards, mailto: */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
#include <string.h>

#include "surel/mail.h"

static char *const own[] = { (char *)"me@a.example", (char *)"*@mine.example", NULL };

static Draft *
reply(const char *mail, ReplyKind kind)
{
	return draft_reply(mail, strlen(mail), kind, own, "On %d, %n wrote:", "Budi\nContoh");
}

static void
test_draft_file_comes_back(void)
{
	g_autoptr(Draft) draft = draft_new();
	draft->account = g_strdup("work");
	draft->from = g_strdup("Budi <me@a.example>");
	g_free(draft->to);
	draft->to = g_strdup("\"Rahma, Siti\" <s@b.example>, c@d.example");
	g_free(draft->body);
	draft->body = g_strdup("Subject: not a field\n\nbody\n");
	draft->source = g_strdup("work/abc");
	draft->is_forward = true;
	static const char *const paths[] = { "/tmp/a b.pdf", "/tmp/\xE2\x9C\x93.txt", "/tmp/odd\"name\n.txt" };
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		DraftAttachment *attachment = g_new0(DraftAttachment, 1);
		attachment->path = g_strdup(paths[i]);
		attachment->name = i == 1 ? g_strdup("x; y.txt") : NULL;
		g_ptr_array_add(draft->attachments, attachment);
	}
	g_autofree char *text = draft_to_text(draft);
	g_autoptr(Draft) copy = draft_from_text(text);
	g_assert_cmpstr(copy->account, ==, "work");
	g_assert_cmpstr(copy->to, ==, draft->to);
	g_assert_cmpstr(copy->body, ==, draft->body);
	g_assert_cmpstr(copy->source, ==, "work/abc");
	g_assert_true(copy->is_forward);
	g_assert_null(copy->references);
	g_assert_cmpuint(copy->attachments->len, ==, 3);
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
		g_assert_cmpstr(((DraftAttachment *)copy->attachments->pdata[i])->path, ==, paths[i]);
	g_assert_cmpstr(((DraftAttachment *)copy->attachments->pdata[1])->name, ==, "x; y.txt");
	g_autofree char *again = draft_to_text(copy);
	g_assert_cmpstr(again, ==, text);
}

static void
test_draft_file_of_a_person_is_understood(void)
{
	g_autoptr(Draft) draft = draft_from_text("to: a@b.example,\n  c@d.example\nTo: e@f.example\nX-Unknown: 1\nsubject:Halo\nX-Surel-Attach: /tmp/x.pdf\n\nisi\n");
	g_assert_cmpstr(draft->to, ==, "a@b.example,  c@d.example, e@f.example");
	g_assert_cmpstr(draft->subject, ==, "Halo");
	g_assert_cmpstr(draft->body, ==, "isi\n");
	g_assert_cmpuint(draft->attachments->len, ==, 1);
	g_autoptr(Draft) empty = draft_from_text("");
	g_assert_cmpstr(empty->to, ==, "");
	g_autoptr(Draft) injected = draft_new();
	g_free(injected->subject);
	injected->subject = g_strdup("x\nBcc: evil@c.example");
	g_autofree char *text = draft_to_text(injected);
	g_autoptr(Draft) back = draft_from_text(text);
	g_assert_cmpstr(back->bcc, ==, "");
}

static void
test_reply_goes_to_reply_to_else_from(void)
{
	g_autoptr(Draft) from = reply("From: Ayu <ayu@x.example>\nSubject: RE: AW: hal\nMessage-ID: <1@x>\nReferences: <0@x>\n\nisi\n", REPLY_SENDER);
	g_assert_cmpstr(from->to, ==, "Ayu <ayu@x.example>");
	g_assert_cmpstr(from->subject, ==, "Re: hal");
	g_assert_cmpstr(from->in_reply_to, ==, "<1@x>");
	g_assert_cmpstr(from->references, ==, "<0@x> <1@x>");
	g_autoptr(Draft) other = reply("From: ayu@x.example\nReply-To: Kantor <k@x.example>\n\nisi\n", REPLY_SENDER);
	g_assert_cmpstr(other->to, ==, "Kantor <k@x.example>");
	g_assert_cmpstr(other->subject, ==, "Re: (no subject)");
}

static const char list_mail[] = "From: Ayu <ayu@x.example>\nTo: warga@l.example, me@a.example\nCc: Dewi <dewi@y.example>, alias@mine.example\n"
	"Reply-To: warga@l.example\nList-Post: <mailto:warga@l.example>\nSubject: Re: rapat\n\nisi\n";

static void
test_reply_to_a_list_message(void)
{
	g_autoptr(Draft) sender = reply(list_mail, REPLY_SENDER), all = reply(list_mail, REPLY_ALL), list = reply(list_mail, REPLY_LIST);
	g_assert_cmpstr(sender->to, ==, "Ayu <ayu@x.example>");	/* not the list that put itself into Reply-To */
	g_assert_cmpstr(all->to, ==, "Ayu <ayu@x.example>");
	g_assert_cmpstr(all->cc, ==, "warga@l.example, Dewi <dewi@y.example>");
	g_assert_cmpstr(list->to, ==, "warga@l.example");
	g_assert_cmpstr(list->cc, ==, "");
}

static void
test_followup_wish_is_kept_for_all(void)
{
	static const char mail[] = "From: ayu@x.example\nTo: warga@l.example, me@a.example\nMail-Followup-To: warga@l.example\n\nisi\n";
	g_autoptr(Draft) all = reply(mail, REPLY_ALL), sender = reply(mail, REPLY_SENDER);
	g_assert_cmpstr(all->to, ==, "warga@l.example");
	g_assert_cmpstr(all->cc, ==, "");
	g_assert_cmpstr(sender->to, ==, "ayu@x.example");
}

static void
test_reply_to_own_message_goes_where_it_went(void)
{
	g_autoptr(Draft) draft = reply("From: ME@a.example\nTo: Ayu <ayu@x.example>\nCc: d@y.example\n\nisi\n", REPLY_ALL);
	g_assert_cmpstr(draft->to, ==, "Ayu <ayu@x.example>");
	g_assert_cmpstr(draft->cc, ==, "d@y.example");
}

static void
test_quote_is_wrapped_and_trimmed(void)
{
	g_autoptr(Draft) draft = reply("From: Ayu <ayu@x.example>\nContent-Type: text/html\n\n<p>satu dua tiga empat lima enam tujuh delapan sembilan sepuluh sebelas dua belas "
		"tiga belas</p><blockquote>lama</blockquote><p>--&nbsp;<br>Ayu</p>", REPLY_SENDER);
	g_auto(GStrv) lines = g_strsplit(draft->body, "\n", -1);
	g_assert_true(g_str_has_prefix(lines[0], "On an unknown date, Ayu wrote:"));
	for (char **line = lines; *line; line++)
		g_assert_cmpuint(strlen(*line), <=, 78);
	g_assert_nonnull(strstr(draft->body, "\n>> lama\n"));
	g_assert_true(g_str_has_suffix(draft->body, "\n-- \nBudi\nContoh\n"));
	g_autoptr(Draft) plain = reply("From: a@b\n\nisi\n\n> kutip\n-- \nAyu\n", REPLY_SENDER);
	g_assert_nonnull(strstr(plain->body, "> isi\n>\n>> kutip\n\n"));
	g_assert_null(strstr(plain->body, "Ayu"));
}

static void
test_forward_keeps_head_and_text(void)
{
	g_autoptr(Draft) draft = reply("From: Ayu <ayu@x.example>\nTo: me@a.example\nSubject: FW: hal\nMessage-ID: <1@x>\n\nisi\n-- \nAyu\n", REPLY_FORWARD);
	g_assert_true(draft->is_forward);
	g_assert_cmpstr(draft->to, ==, "");
	g_assert_cmpstr(draft->subject, ==, "Fwd: hal");
	g_assert_null(draft->in_reply_to);
	g_assert_nonnull(strstr(draft->body, "From: Ayu <ayu@x.example>\nSubject: FW: hal\nTo: me@a.example\n\nisi\n"));
}

static void
test_mailto_takes_only_safe_fields(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Draft) draft = draft_from_mailto("mailto:a%40b.example@c.example,d@e.example?subject=Halo%20%E2%9C%93&cc=f@g.example&body=satu%0D%0Adua&attach=/etc/passwd&bcc=h@i.example"
		"&X-Evil=1&subject=lagi%0D%0ABcc:%20evil@c.example", &error);
	g_assert_no_error(error);
	g_assert_cmpstr(draft->to, ==, "a@b.example@c.example,d@e.example");
	g_assert_cmpstr(draft->cc, ==, "f@g.example");
	g_assert_cmpstr(draft->bcc, ==, "h@i.example");
	g_assert_cmpstr(draft->body, ==, "satu\ndua");
	g_assert_null(strchr(draft->subject, '\n'));
	g_assert_cmpuint(draft->attachments->len, ==, 0);
	g_assert_null(draft_from_mailto("http://x", &error));
	g_assert_error(error, SUREL_ERROR, ERROR_INPUT);
}

int
main(int argc, char **argv)
{
	setlocale(LC_ALL, "C.UTF-8");
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mail/draft/file-comes-back", test_draft_file_comes_back);
	g_test_add_func("/mail/draft/file-of-a-person-is-understood", test_draft_file_of_a_person_is_understood);
	g_test_add_func("/mail/reply/goes-to-reply-to-else-from", test_reply_goes_to_reply_to_else_from);
	g_test_add_func("/mail/reply/to-a-list-message", test_reply_to_a_list_message);
	g_test_add_func("/mail/reply/followup-wish-is-kept-for-all", test_followup_wish_is_kept_for_all);
	g_test_add_func("/mail/reply/to-own-message-goes-where-it-went", test_reply_to_own_message_goes_where_it_went);
	g_test_add_func("/mail/reply/quote-is-wrapped-and-trimmed", test_quote_is_wrapped_and_trimmed);
	g_test_add_func("/mail/reply/forward-keeps-head-and-text", test_forward_keeps_head_and_text);
	g_test_add_func("/mail/draft/mailto-takes-only-safe-fields", test_mailto_takes_only_safe_fields);
	return g_test_run();
}
