/* src/engine/imap-proto.c: commands written as text, replies through libetpan's parser (RFC 3501, 4315, 4731, 7162) */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "src/engine/imap.h"
#include "surel/text.h"

enum { RAW_LINES_MAX = 1000, ESEARCH_MAX_UIDS = 20000000 };

static const struct { const char *name; ImapCap bit; } CAPS[] = {
	{"STARTTLS", CAP_STARTTLS}, {"LOGINDISABLED", CAP_LOGINDISABLED}, {"SASL-IR", CAP_SASL_IR}, {"ID", CAP_ID},
	{"IDLE", CAP_IDLE}, {"CONDSTORE", CAP_CONDSTORE}, {"QRESYNC", CAP_CONDSTORE}, {"UIDPLUS", CAP_UIDPLUS}, {"MOVE", CAP_MOVE},
	{"ESEARCH", CAP_ESEARCH}, {"LITERAL+", CAP_LITERAL_PLUS}, {"LITERAL-", CAP_LITERAL_MINUS},
	{"SPECIAL-USE", CAP_SPECIAL_USE}, {"LIST-EXTENDED", CAP_LIST_EXTENDED}, {"UNSELECT", CAP_UNSELECT},
};

static void
listed_free(void *data)
{
	ImapListed *listed = data;
	g_free(listed->raw);
	g_free(listed);
}

static void
status_free(void *data)
{
	ImapStatus *status = data;
	g_free(status->raw);
	g_free(status);
}

Imap *
imap_new(Engine *engine)
{
	Imap *imap = g_new0(Imap, 1);

	imap_catch_register();
	imap->engine = engine;
	imap->sasl = g_ptr_array_new_with_free_func(g_free);
	imap->listed = g_ptr_array_new_with_free_func(listed_free);
	imap->statuses = g_ptr_array_new_with_free_func(status_free);
	imap->found = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	imap->looked = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	imap->complained = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	imap_clear_caps(imap);
	return imap;
}

void
imap_free(Imap *imap)
{
	if (!imap)
		return;
	imap_session_close(imap);
	g_ptr_array_unref(imap->sasl);
	g_ptr_array_unref(imap->listed);
	g_ptr_array_unref(imap->statuses);
	g_array_unref(imap->found);
	g_hash_table_unref(imap->looked);
	g_hash_table_unref(imap->complained);
	g_free(imap->selected);
	g_free(imap);
}

/* ---- what we know of the server ---- */

void
imap_clear_caps(Imap *imap)
{
	imap->caps = 0;
	g_ptr_array_set_size(imap->sasl, 0);
	g_ptr_array_add(imap->sasl, NULL);
}

static void
add_cap(Imap *imap, const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(CAPS); i++)
		if (g_ascii_strcasecmp(word, CAPS[i].name) == 0)
			imap->caps |= CAPS[i].bit;
}

void
imap_take_caps(Imap *imap)
{
	struct mailimap_connection_info *info = imap->session->imap_connection_info;

	if (!info || !info->imap_capability)
		return;
	imap_clear_caps(imap);
	for (clistiter *at = clist_begin(info->imap_capability->cap_list); at; at = clist_next(at)) {
		const struct mailimap_capability *cap = clist_content(at);
		if (cap->cap_type == MAILIMAP_CAPABILITY_AUTH_TYPE && cap->cap_data.cap_auth_type)
			g_ptr_array_insert(imap->sasl, 0, g_ascii_strup(cap->cap_data.cap_auth_type, -1));
		else if (cap->cap_type == MAILIMAP_CAPABILITY_NAME && cap->cap_data.cap_name)
			add_cap(imap, cap->cap_data.cap_name);
	}
	mailimap_capability_data_free(info->imap_capability);
	info->imap_capability = NULL;
}

/* ---- out ---- */

bool
imap_quote(GString *line, const char *text, GError **error)
{
	if (strpbrk(text, "\r\n"))
		return error_set(error, ERROR_INPUT, "a line break in a name or password cannot be sent to the server");
	g_string_append_c(line, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			g_string_append_c(line, '\\');
		g_string_append_c(line, *p);
	}
	g_string_append_c(line, '"');
	return true;
}

void
imap_append_set(GString *line, const uint32_t *uids, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t last = i;
		while (last + 1 < n && uids[last + 1] == uids[last] + 1)
			last++;
		if (i > 0)
			g_string_append_c(line, ',');
		g_string_append_printf(line, "%u", uids[i]);
		if (last > i)
			g_string_append_printf(line, ":%u", uids[last]);
		i = last + 1;
	}
}

static void
forget_harvest(Imap *imap)
{
	g_ptr_array_set_size(imap->listed, 0);
	g_ptr_array_set_size(imap->statuses, 0);
	g_array_set_size(imap->found, 0);
	imap->skipped = false;
}

bool
imap_send(Imap *imap, const char *command, unsigned *ret_tag, GError **error)
{
	Net *net = imap->engine->net;

	if (imap->broken || !net)
		return error_set(error, ERROR_OFFLINE, "the connection has ended");
	if (strpbrk(command, "\r\n"))
		return error_set(error, ERROR_INPUT, "a line break in a command");
	forget_harvest(imap);
	g_autofree char *tag = g_strdup_printf("%u ", ++imap->tag);
	/* The verb alone, arguments may be names or passwords; but sets of UIDs are neither. */
	bool uids = g_str_has_prefix(command, "UID FETCH ") || g_str_has_prefix(command, "UID STORE ");
	log_debug(LOG_IMAP, "> %u %.*s", imap->tag, (int)(uids ? strlen(command) : strcspn(command, " \"")), command);
	if (!net_write(net, tag, strlen(tag), error) || !net_write(net, command, strlen(command), error) || !net_write(net, "\r\n", 2, error)) {
		imap->broken = true;
		return false;
	}
	*ret_tag = imap->tag;
	return true;
}

bool
imap_flush(Imap *imap, GError **error)
{
	if (net_flush(imap->engine->net, error))
		return true;
	imap->broken = true;
	return false;
}

/* ---- in ---- */

bool
imap_fail(Imap *imap, int etpan_code, const char *what, GError **error)
{
	const char *words = imap->session->imap_response;
	const char *last = net_last_line(imap->engine->net);

	imap->broken = true;
	if (etpan_code == MAILIMAP_ERROR_PROTOCOL && words && *words && strstr(last, " BAD ")) {
		g_autofree char *clean = text_clean(words, -1, false);
		return error_set(error, ERROR_PROTOCOL, "the server did not accept a command: %s", clean);
	}
	if (etpan_code == MAILIMAP_ERROR_STREAM && g_ascii_strncasecmp(last, "* BYE", 5) == 0)
		return net_fail(imap->engine->net, ERROR_OFFLINE, error, "the server ended the session");
	if (etpan_code == MAILIMAP_ERROR_STREAM)
		return net_fail(imap->engine->net, ERROR_OFFLINE, error, "%s", what);
	return net_fail(imap->engine->net, ERROR_PROTOCOL, error, "%s makes no sense", what);
}

void
imap_reply_clear(ImapReply *reply)
{
	g_clear_pointer(&reply->code, g_free);
	g_clear_pointer(&reply->text, g_free);
	g_clear_pointer(&reply->from, g_array_unref);
	g_clear_pointer(&reply->to, g_array_unref);
}

static void
append_range(GArray *array, uint32_t first, uint32_t last)
{
	if (first == 0 || last == 0)
		return;
	for (uint32_t low = MIN(first, last), high = MAX(first, last);; low++) {
		if (array->len >= ESEARCH_MAX_UIDS)
			return;
		g_array_append_val(array, low);
		if (low == high)
			return;
	}
}

/* The order of a set is kept: COPYUID pairs source and target by position (RFC 4315, 3). */
static GArray *
set_uids(const struct mailimap_set *set)
{
	GArray *uids = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	for (clistiter *at = set ? clist_begin(set->set_list) : NULL; at; at = clist_next(at)) {
		const struct mailimap_set_item *item = clist_content(at);
		append_range(uids, item->set_first, item->set_last);
	}
	return uids;
}

static void
take_uidplus(ImapReply *reply, const struct mailimap_extension_data *data)
{
	if (data->ext_type == MAILIMAP_UIDPLUS_RESP_CODE_APND) {
		const struct mailimap_uidplus_resp_code_apnd *append = data->ext_data;
		reply->uidvalidity = append->uid_uidvalidity;
		g_clear_pointer(&reply->to, g_array_unref);
		reply->to = set_uids(append->uid_set);
	} else if (data->ext_type == MAILIMAP_UIDPLUS_RESP_CODE_COPY) {
		const struct mailimap_uidplus_resp_code_copy *copy = data->ext_data;
		reply->uidvalidity = copy->uid_uidvalidity;
		g_clear_pointer(&reply->from, g_array_unref);
		g_clear_pointer(&reply->to, g_array_unref);
		reply->from = set_uids(copy->uid_source_set);
		reply->to = set_uids(copy->uid_dest_set);
		if (reply->from->len != reply->to->len) {	/* a liar: nothing is known then */
			g_clear_pointer(&reply->from, g_array_unref);
			g_clear_pointer(&reply->to, g_array_unref);
		}
	}
}

/* "ESEARCH (TAG "5") UID COUNT 3 ALL 1:3,7" (RFC 4731) */
static void
take_esearch(Imap *imap, const char *text)
{
	const char *all = strstr(text, " ALL ");

	for (const char *p = all ? all + 5 : ""; g_ascii_isdigit(*p);) {
		char *end;
		guint64 first = g_ascii_strtoull(p, &end, 10), last = first;
		if (*end == ':')
			last = g_ascii_strtoull(end + 1, &end, 10);
		if (first > UINT32_MAX || last > UINT32_MAX) {
			imap->skipped = true;
			return;
		}
		append_range(imap->found, (uint32_t)first, (uint32_t)last);
		p = *end == ',' ? end + 1 : end;
	}
}

static void
take_caught(Imap *imap, const char *text)
{
	if (g_ascii_strncasecmp(text, "ESEARCH ", 8) == 0) {
		take_esearch(imap, text);
		return;
	}
	/* Of a kind we know, but unreadable: whoever asked must not take what is missing for gone. */
	static const char *const KNOWN[] = {"LIST ", "STATUS ", "SEARCH", "FLAGS ", "VANISHED"};
	bool known = g_ascii_isdigit(*text);
	for (size_t i = 0; i < G_N_ELEMENTS(KNOWN); i++)
		known = known || g_ascii_strncasecmp(text, KNOWN[i], strlen(KNOWN[i])) == 0;
	if (!known)
		return;
	imap->skipped = true;
	log_warn(LOG_IMAP, "left out an answer that cannot be read: %.*s", (int)strcspn(text, "(\""), text);
}

static void
take_extensions(Imap *imap, ImapReply *reply, clist *list)
{
	for (clistiter *at = list ? clist_begin(list) : NULL; at; at = clist_next(at)) {
		const struct mailimap_extension_data *data = clist_content(at);
		const char *caught = imap_caught(data);
		if (caught) {
			take_caught(imap, caught);
		} else if (data->ext_extension->ext_id == MAILIMAP_EXTENSION_UIDPLUS) {
			take_uidplus(reply, data);
		} else if (data->ext_extension->ext_id == MAILIMAP_EXTENSION_CONDSTORE && data->ext_type == MAILIMAP_CONDSTORE_TYPE_RESP_TEXT_CODE) {
			const struct mailimap_condstore_resptextcode *code = data->ext_data;
			if (code->cs_type == MAILIMAP_CONDSTORE_RESPTEXTCODE_HIGHESTMODSEQ)
				imap->modseq = code->cs_data.cs_modseq_value;
		}
	}
}

static FolderRole
role_of_attribute(const char *attribute)
{
	static const struct { const char *name; FolderRole role; } ROLES[] = {
		{"All", ROLE_ALL}, {"AllMail", ROLE_ALL}, {"Archive", ROLE_ARCHIVE}, {"Drafts", ROLE_DRAFTS}, {"Junk", ROLE_JUNK},
		{"Spam", ROLE_JUNK}, {"Sent", ROLE_SENT}, {"Trash", ROLE_TRASH}, {"Inbox", ROLE_INBOX},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(ROLES); i++)
		if (g_ascii_strcasecmp(attribute, ROLES[i].name) == 0)
			return ROLES[i].role;
	return ROLE_NONE;
}

static void
take_listed(Imap *imap, const struct mailimap_mailbox_list *item)
{
	ImapListed *listed = g_new0(ImapListed, 1);
	const struct mailimap_mbx_list_flags *flags = item->mb_flag;

	*listed = (ImapListed){.raw = g_strdup(item->mb_name ? item->mb_name : ""), .delimiter = item->mb_delimiter,
		.selectable = !flags || flags->mbf_sflag != MAILIMAP_MBX_LIST_SFLAG_NOSELECT};
	for (clistiter *at = flags && flags->mbf_oflags ? clist_begin(flags->mbf_oflags) : NULL; at; at = clist_next(at)) {
		const struct mailimap_mbx_list_oflag *flag = clist_content(at);
		const char *name = flag->of_flag_ext;
		if (!name)
			continue;
		name += *name == '\\';
		if (g_ascii_strcasecmp(name, "NonExistent") == 0)
			listed->selectable = false;
		FolderRole role = role_of_attribute(name);
		if (role != ROLE_NONE)
			listed->role = role;
	}
	g_ptr_array_add(imap->listed, listed);
}

/* libetpan leaves the name of a STATUS line as it stands: quotes and backslashes are taken off here. */
static char *
unquoted(const char *name)
{
	GString *out = g_string_new(NULL);
	size_t size = strlen(name);
	bool quoted = size >= 2 && name[0] == '"' && name[size - 1] == '"';

	for (size_t i = quoted; i < size - quoted; i++) {
		if (quoted && name[i] == '\\' && i + 1 < size - 1)
			i++;
		g_string_append_c(out, name[i]);
	}
	return g_string_free(out, FALSE);
}

static void
take_status(Imap *imap, const struct mailimap_mailbox_data_status *item)
{
	ImapStatus *status = g_new0(ImapStatus, 1);

	*status = (ImapStatus){.raw = unquoted(item->st_mailbox ? item->st_mailbox : ""), .messages = -1, .unseen = -1};
	for (clistiter *at = item->st_info_list ? clist_begin(item->st_info_list) : NULL; at; at = clist_next(at)) {
		const struct mailimap_status_info *info = clist_content(at);
		const struct mailimap_extension_data *data = info->st_ext_data;
		if (info->st_att == MAILIMAP_STATUS_ATT_MESSAGES)
			status->messages = info->st_value;
		else if (info->st_att == MAILIMAP_STATUS_ATT_UNSEEN)
			status->unseen = info->st_value;
		else if (info->st_att == MAILIMAP_STATUS_ATT_UIDNEXT)
			status->uidnext = info->st_value;
		else if (info->st_att == MAILIMAP_STATUS_ATT_UIDVALIDITY)
			status->uidvalidity = info->st_value;
		else if (data && data->ext_extension->ext_id == MAILIMAP_EXTENSION_CONDSTORE && data->ext_type == MAILIMAP_CONDSTORE_TYPE_STATUS_INFO)
			status->modseq = ((const struct mailimap_condstore_status_info *)data->ext_data)->cs_highestmodseq_value;
	}
	g_ptr_array_add(imap->statuses, status);
}

static void
harvest(Imap *imap, ImapReply *reply)
{
	const struct mailimap_response_info *info = imap->session->imap_response_info;

	imap_take_caps(imap);
	if (!info)
		return;
	for (clistiter *at = info->rsp_mailbox_list ? clist_begin(info->rsp_mailbox_list) : NULL; at; at = clist_next(at))
		take_listed(imap, clist_content(at));
	for (clistiter *at = info->rsp_search_result ? clist_begin(info->rsp_search_result) : NULL; at; at = clist_next(at))
		g_array_append_val(imap->found, *(const uint32_t *)clist_content(at));
	if (info->rsp_status)
		take_status(imap, info->rsp_status);
	if (info->rsp_expunged && clist_count(info->rsp_expunged) > 0)
		imap->changed = true;
	take_extensions(imap, reply, info->rsp_extension_list);
	reply->code = info->rsp_trycreate ? g_strdup("TRYCREATE") : g_ascii_strup(info->rsp_atom ? info->rsp_atom : "", -1);
}

/* ---- FETCH rows ---- */

static uint32_t
flag_bit(const struct mailimap_flag *flag)
{
	switch (flag->fl_type) {
	case MAILIMAP_FLAG_ANSWERED: return FLAG_ANSWERED;
	case MAILIMAP_FLAG_FLAGGED: return FLAG_FLAGGED;
	case MAILIMAP_FLAG_DELETED: return FLAG_DELETED;
	case MAILIMAP_FLAG_SEEN: return FLAG_SEEN;
	case MAILIMAP_FLAG_DRAFT: return FLAG_DRAFT;
	case MAILIMAP_FLAG_KEYWORD:
		return flag->fl_data.fl_keyword && g_ascii_strcasecmp(flag->fl_data.fl_keyword, "$Forwarded") == 0 ? FLAG_FORWARDED : 0;
	default: return 0;
	}
}

static void
row_flags(ImapRow *row, const struct mailimap_msg_att_dynamic *dynamic)
{
	row->has_flags = true;
	for (clistiter *at = dynamic && dynamic->att_list ? clist_begin(dynamic->att_list) : NULL; at; at = clist_next(at)) {
		const struct mailimap_flag_fetch *fetch = clist_content(at);
		if (fetch->fl_flag)
			row->flags |= flag_bit(fetch->fl_flag);
	}
}

static int64_t
row_arrival(const struct mailimap_date_time *date)
{
	if (!date)
		return 0;
	int zone = date->dt_zone / 100 * 3600 + date->dt_zone % 100 * 60;
	g_autoptr(GDateTime) utc = g_date_time_new_utc(date->dt_year, date->dt_month, date->dt_day, date->dt_hour, date->dt_min, MIN(date->dt_sec, 59));
	return utc ? g_date_time_to_unix(utc) - zone : 0;
}

static void
row_static(ImapRow *row, const struct mailimap_msg_att_static *item)
{
	const struct mailimap_msg_att_body_section *section;

	switch (item->att_type) {
	case MAILIMAP_MSG_ATT_UID:
		row->uid = item->att_data.att_uid;
		return;
	case MAILIMAP_MSG_ATT_RFC822_SIZE:
		row->size = item->att_data.att_rfc822_size;
		return;
	case MAILIMAP_MSG_ATT_INTERNALDATE:
		row->arrival = row_arrival(item->att_data.att_internal_date);
		return;
	case MAILIMAP_MSG_ATT_BODY_SECTION:
		section = item->att_data.att_body_section;
		if (section && section->sec_body_part) {
			row->has_body = true;
			row->bytes = section->sec_body_part;
			row->length = section->sec_length;
		}
		return;
	default:
		return;
	}
}

static void
take_row(struct mailimap_msg_att *attributes, void *data)
{
	Imap *imap = data;
	ImapRow row = {0};

	for (clistiter *at = clist_begin(attributes->att_list); at; at = clist_next(at)) {
		const struct mailimap_msg_att_item *item = clist_content(at);
		if (item->att_type == MAILIMAP_MSG_ATT_ITEM_DYNAMIC)
			row_flags(&row, item->att_data.att_dyn);
		else if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC && item->att_data.att_static)
			row_static(&row, item->att_data.att_static);
	}
	/* Without UID it is news of a message by its number, which cannot be tracked: flags changed somewhere. */
	if (row.uid == 0)
		imap->changed = true;
	else if (imap->row)
		imap->row(imap->row_data, &row);
	else
		imap->changed = true;
}

static bool
take_piece(int type, struct mailimap_msg_att_body_section *section, const char *bytes, size_t length, void *data)
{
	Imap *imap = data;

	(void)type, (void)section;
	return imap->piece(imap->row_data, bytes, length);
}

/* libetpan gives rows to the handler only where a progress callback is set too. */
static void
no_progress(size_t current, size_t maximum, void *data)
{
	(void)current, (void)maximum, (void)data;
}

bool
imap_receive(Imap *imap, unsigned tag, ImapReply *reply, GError **error)
{
	mailimap *session = imap->session;
	struct mailimap_response *response = NULL;

	*reply = (ImapReply){0};
	if (imap->broken)
		return error_set(error, ERROR_OFFLINE, "the connection has ended");
	session->imap_tag = (int)tag;
	mailimap_set_progress_callback(session, no_progress, no_progress, NULL);
	mailimap_set_msg_att_handler(session, take_row, imap);
	mailimap_set_msg_body_handler(session, imap->piece ? take_piece : NULL, imap);
	int code = mailimap_read_line(session) ? mailimap_parse_response(session, &response) : MAILIMAP_ERROR_STREAM;
	if (code != MAILIMAP_NO_ERROR)
		return imap_fail(imap, code, "the server's answer", error);
	int state = response->rsp_resp_done->rsp_data.rsp_tagged->rsp_cond_state->rsp_type;
	mailimap_response_free(response);
	reply->ok = state == MAILIMAP_RESP_COND_STATE_OK;
	harvest(imap, reply);
	if (!reply->code)
		reply->code = g_strdup("");
	reply->text = text_clean(session->imap_response ? session->imap_response : "", -1, false);
	if (!reply->ok)
		log_info(LOG_IMAP, "< %u NO [%s]", tag, reply->code);
	return true;
}

bool
imap_refused(const ImapReply *reply, GError **error, const char *what)
{
	/* RFC 5530; what a person can do next decides the code */
	static const struct { const char *code; SurelError error; } CODES[] = {
		{"AUTHENTICATIONFAILED", ERROR_AUTH}, {"AUTHORIZATIONFAILED", ERROR_AUTH}, {"EXPIRED", ERROR_AUTH},
		{"UNAVAILABLE", ERROR_BUSY}, {"INUSE", ERROR_BUSY}, {"LIMIT", ERROR_BUSY}, {"SERVERBUG", ERROR_BUSY},
		{"NONEXISTENT", ERROR_NOT_FOUND},
	};
	SurelError code = ERROR_SERVER;

	for (size_t i = 0; i < G_N_ELEMENTS(CODES); i++)
		if (g_strcmp0(reply->code, CODES[i].code) == 0)
			code = CODES[i].error;
	return error_set(error, code, "%s%sthe server says: %s", what, *what ? ": " : "", reply->text && *reply->text ? reply->text : "no");
}

bool
imap_ask(Imap *imap, const char *command, ImapReply *reply, GError **error)
{
	unsigned tag;

	*reply = (ImapReply){0};
	return imap_send(imap, command, &tag, error) && imap_flush(imap, error) && imap_receive(imap, tag, reply, error);
}

bool
imap_command(Imap *imap, const char *command, GError **error)
{
	g_auto(ImapReply) reply = {0};

	if (!imap_ask(imap, command, &reply, error))
		return false;
	if (reply.ok)
		return true;
	g_autofree char *verb = g_strndup(command, strcspn(command, " "));
	return imap_refused(&reply, error, verb);
}
