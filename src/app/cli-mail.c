/* app/cli-mail.c: search, show, index, store, config, account without a screen */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/cli.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SHOW_MEMORY_MB = 1024, INDEX_BATCH = 200, INDEX_TURN_MS = 2000, SEARCH_TIMEOUT_S = 60 };

/* ---- JSON ---- */

static void
json_text(GString *out, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
	g_string_append_c(out, '"');
	for (const unsigned char *c = (const unsigned char *)valid; *c; c++) {
		if (*c == '"' || *c == '\\')
			g_string_append_printf(out, "\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			g_string_append_printf(out, "\\u%04x", *c);
		else
			g_string_append_c(out, (char)*c);
	}
	g_string_append_c(out, '"');
}

static void
json_field(GString *out, const char *name, const char *text)
{
	g_string_append_printf(out, ", \"%s\": ", name);
	json_text(out, text);
}

static void
json_flags(GString *out, uint32_t flags)
{
	static const struct { uint32_t flag; const char *name; } names[] = {
		{ FLAG_SEEN, "seen" }, { FLAG_ANSWERED, "answered" }, { FLAG_FLAGGED, "flagged" }, { FLAG_DRAFT, "draft" }, { FLAG_FORWARDED, "forwarded" },
	};
	bool first = true;
	g_string_append(out, ", \"flags\": [");
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		if (!(flags & names[i].flag))
			continue;
		g_string_append_printf(out, "%s\"%s\"", first ? "" : ", ", names[i].name);
		first = false;
	}
	g_string_append_c(out, ']');
}

/* ---- search ---- */

typedef struct SearchWait { GMainLoop *loop; GPtrArray *ids; char *error; int code; } SearchWait;

static void
search_frame(void *data, Worker *worker, const Frame *frame)
{
	SearchWait *wait = data;
	(void)worker;
	if (frame->type == FRAME_HITS) {
		g_auto(GStrv) lines = g_strsplit(frame->u.hits.message_ids, "\n", -1);
		for (char **line = lines; *line; line++)
			if (**line)
				g_ptr_array_add(wait->ids, g_strdup(*line));
	}
	if (frame->type == FRAME_FAILED) {
		g_free(wait->error);
		wait->error = g_strdup(frame->u.failed.text);
		wait->code = (int)frame->u.failed.code;
	}
	if (frame->type == FRAME_DONE || frame->type == FRAME_FAILED || frame->type == FRAME_CANCELLED)
		g_main_loop_quit(wait->loop);
}

static void
search_worker_ended(void *data, Worker *worker, int status, bool crashed, unsigned restart_in_s)
{
	SearchWait *wait = data;
	(void)worker;
	(void)status;
	(void)crashed;
	(void)restart_in_s;
	g_free(wait->error);
	wait->error = g_strdup("the search stopped unexpectedly");
	wait->code = ERROR_IO;
	g_main_loop_quit(wait->loop);
}

static gboolean
search_timeout(void *data)
{
	SearchWait *wait = data;
	wait->error = g_strdup("the search took too long");
	wait->code = ERROR_IO;
	g_main_loop_quit(wait->loop);
	return G_SOURCE_REMOVE;
}

/* The index is asked in a helper process: the library may abort its caller while another process commits. */
static void
ask_index(SearchWait *wait, const char *query, unsigned limit)
{
	static const WorkerCallbacks callbacks = { .frame = search_frame, .ended = search_worker_ended };
	wait->loop = g_main_loop_new(NULL, FALSE);
	Worker *worker = worker_start(SUREL_ROLE_SEARCH, NULL, &callbacks, wait);
	Frame frame = { .type = FRAME_SEARCH };
	frame.u.search.request = 1;
	frame.u.search.limit = limit;
	frame.u.search.query = (char *)query;
	guint timer = g_timeout_add_seconds(SEARCH_TIMEOUT_S, search_timeout, wait);
	if (worker_send(worker, &frame))
		g_main_loop_run(wait->loop);
	if (!wait->error || !g_str_equal(wait->error, "the search took too long"))
		g_source_remove(timer);
	worker_free(worker);
	g_main_loop_unref(wait->loop);
}

static void
print_hit(const Hit *hit, bool json, bool first)
{
	const Msg *msg = hit->msg;
	g_autoptr(Folder) folder = store_folder(hit->store, msg->folder, NULL);
	g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(msg->date);
	g_autofree char *utc = date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("");
	g_autofree char *path = store_path(hit->store, msg->id, NULL);
	if (!json) {
		g_autofree char *from = text_clean(*msg->from ? msg->from : msg->from_addr, -1, false);
		g_autofree char *subject = text_clean(msg->subject, -1, false);
		g_print("%.10s  %s/%s  %s  %s\n", utc, store_account(hit->store), folder ? folder->name : "", from, subject);
		return;
	}
	g_autoptr(GString) out = g_string_new(first ? "\n  {" : ",\n  {");
	g_string_append(out, "\"account\": ");
	json_text(out, store_account(hit->store));
	json_field(out, "folder", folder ? folder->name : "");
	json_field(out, "message_id", msg->message_id);
	json_field(out, "date_utc", utc);
	g_string_append(out, ", \"from\": {\"name\": ");
	json_text(out, g_str_equal(msg->from, msg->from_addr) ? "" : msg->from);
	json_field(out, "addr", msg->from_addr);
	g_string_append_c(out, '}');
	json_field(out, "subject", msg->subject);
	json_flags(out, msg->flags);
	if (path)
		json_field(out, "path", path);
	else
		g_string_append(out, ", \"path\": null");
	g_string_append_c(out, '}');
	fputs(out->str, stdout);
}

static int
search_print(const Config *config, const char *query, unsigned limit, bool json)
{
	g_autoptr(GPtrArray) open = g_ptr_array_new_with_free_func((GDestroyNotify)store_close);
	GError *error = NULL;
	for (guint i = 0; i < config->accounts->len; i++) {
		Store *store = store_open(app_data_dir(), ((Account *)g_ptr_array_index(config->accounts, i))->name, STORE_UI, &error);
		if (!store)
			return cli_fail(error);
		g_ptr_array_add(open, store);
	}
	SearchWait wait = { .ids = g_ptr_array_new_with_free_func(g_free) };
	g_autoptr(GPtrArray) ids = wait.ids;
	ask_index(&wait, query, limit);
	g_autofree char *problem = wait.error;
	if (problem && wait.code == ERROR_INPUT)
		return cli_fail(g_error_new(SUREL_ERROR, ERROR_INPUT, "%s", problem));
	if (problem)
		g_printerr("surel: %s; these are the hits in senders and subjects.\n", problem);
	g_autoptr(GPtrArray) hits = search_resolve((Store *const *)open->pdata, open->len, query, ids, limit, &error);
	if (!hits)
		return cli_fail(error);
	if (json)
		fputs("[", stdout);
	for (guint i = 0; i < hits->len; i++)
		print_hit(g_ptr_array_index(hits, i), json, i == 0);
	if (json)
		fputs(hits->len ? "\n]\n" : "]\n", stdout);
	return hits->len ? STATUS_OK : STATUS_PROBLEMS;
}

int
cli_search(const CliArgs *given)
{
	CliArgs args = *given;
	int status = STATUS_OK;
	bool json = cli_flag(&args, "--json");
	const char *limit_text = cli_value(&args, "--limit");
	guint64 limit = 100;
	if (limit_text && !g_ascii_string_to_unsigned(limit_text, 10, 1, 100000, &limit, NULL))
		return cli_usage("--limit needs a number from 1 to 100000");
	g_autofree char *query = g_strjoinv(" ", args.argv);
	if (!*g_strstrip(query))
		return cli_usage("search needs a QUERY, such as: surel search from:siti lampiran");
	g_autoptr(Config) config = cli_load_config(&status);
	return config ? search_print(config, query, (unsigned)limit, json) : status;
}

/* ---- show ---- */

/* After this nothing of the message can do harm: no network, no files but character tables, bounded memory. */
static void
confine(void)
{
	const char *const read_dirs[] = { "/usr", "/lib", "/etc", NULL }, *const write_dirs[] = { NULL };
	sandbox_enter(read_dirs, write_dirs, SHOW_MEMORY_MB);
}

static void
print_addresses(const char *name, const GPtrArray *list)
{
	g_autofree char *text = address_list_format(list), *clean = text_clean(text, -1, false);
	if (list->len)
		g_print("%s: %s\n", name, clean);
}

int
cli_show(const CliArgs *given)
{
	CliArgs args = *given;
	bool json = cli_flag(&args, "--json");
	size_t size = 0;
	GError *error = NULL;
	if (args.argc != 1)
		return cli_usage("show needs one FILE, or - for standard input");
	g_autofree char *bytes = message_read(args.argv[0], &size, &error);
	if (!bytes)
		return cli_fail(error);
	confine();
	if (json) {
		g_autofree char *text = mail_show_json(bytes, size);
		g_print("%s\n", text);
		return STATUS_OK;
	}
	g_autoptr(Document) document = document_render(bytes, size, NULL, RENDER_DEFAULT);
	g_autofree char *text = document_text(document), *subject = text_clean(document->envelope->subject, -1, false);
	print_addresses("From", document->envelope->from);
	print_addresses("To", document->envelope->to);
	print_addresses("Cc", document->envelope->cc);
	g_autofree char *date = document->envelope->date ? text_date_long(document->envelope->date) : NULL;
	if (date)
		g_print("Date: %s\n", date);
	g_print("Subject: %s\n\n%s", subject, text);
	for (guint i = 0; i < document->parts->len; i++) {
		const Part *part = g_ptr_array_index(document->parts, i);
		g_autofree char *part_size = text_size(part->size);
		if (part->attachment)
			g_print("[attachment: %s, %s, %s]\n", part->name, part->type, part_size);
	}
	return STATUS_OK;
}

/* ---- index ---- */

static GPtrArray *
open_stores(const Config *config, const char *only, GError **error)
{
	GPtrArray *stores = g_ptr_array_new_with_free_func((GDestroyNotify)store_close);
	for (guint i = 0; i < config->accounts->len; i++) {
		const Account *account = g_ptr_array_index(config->accounts, i);
		if (only && !g_str_equal(only, account->name))
			continue;
		Store *store = store_open(app_data_dir(), account->name, STORE_WORKER, error);
		if (!store) {
			g_ptr_array_unref(stores);
			return NULL;
		}
		g_ptr_array_add(stores, store);
	}
	if (stores->len)
		return stores;
	error_set(error, ERROR_NOT_FOUND, "there is no account %s in the configuration", only ? only : "");
	g_ptr_array_unref(stores);
	return NULL;
}

static int
index_all(GPtrArray *stores)
{
	GError *error = NULL;
	g_autoptr(Index) index = index_open(app_data_dir(), true, &error);
	if (!index)
		return cli_fail(error);
	int64_t sum = 0;
	for (guint i = 0; i < stores->len; i++) {
		int64_t done = 0, left = 1;
		while (left > 0) {
			if (!index_work(index, g_ptr_array_index(stores, i), INDEX_BATCH, INDEX_TURN_MS, &done, &left, &error))
				return cli_fail(error);
			sum += done;
			if (isatty(STDERR_FILENO))
				g_printerr("\r%s: %" G_GINT64_FORMAT " indexed, %" G_GINT64_FORMAT " left ", store_account(g_ptr_array_index(stores, i)), sum, left);
			if (!done)
				break;
		}
	}
	if (isatty(STDERR_FILENO))
		g_printerr("\n");
	g_print("%" G_GINT64_FORMAT " messages indexed\n", sum);
	return STATUS_OK;
}

int
cli_index(const CliArgs *given)
{
	CliArgs args = *given;
	int status = STATUS_OK;
	GError *error = NULL;
	bool rebuild = cli_flag(&args, "--rebuild");
	if (args.argc)
		return cli_usage("index takes only --rebuild");
	g_autoptr(Config) config = cli_load_config(&status);
	if (!config)
		return status;
	g_autoptr(GPtrArray) stores = open_stores(config, NULL, &error);
	if (!stores || (rebuild && !index_rebuild(app_data_dir(), (Store *const *)stores->pdata, stores->len, &error)))
		return cli_fail(error);
	return index_all(stores);
}

/* ---- store ---- */

static void
print_line(void *data, const char *line)
{
	g_print("%s: %s\n", (const char *)data, line);
}

static int
store_one(Store *store, bool rebuild, unsigned *ret_problems)
{
	GError *error = NULL;
	unsigned problems = 0;
	int lock = -1;
	g_autofree char *dir = g_path_get_dirname(store_drafts_dir(store)), *path = g_build_filename(dir, "lock", NULL);
	if (rebuild && !os_lock_file(path, &lock, &error)) {
		error_wrap(&error, "%s", store_account(store));
		return cli_fail(error);
	}
	bool done = rebuild ? store_rebuild(store, print_line, (void *)store_account(store), &error) :
			      store_check(store, print_line, (void *)store_account(store), &problems, &error);
	if (lock >= 0)
		close(lock);
	if (!done)
		return cli_fail(error);
	*ret_problems += problems;
	if (rebuild)
		g_print("%s: lists made anew\n", store_account(store));
	else
		g_print("%s: %u problem%s\n", store_account(store), problems, problems == 1 ? "" : "s");
	return STATUS_OK;
}

int
cli_store(const CliArgs *args)
{
	int status = STATUS_OK;
	unsigned problems = 0;
	GError *error = NULL;
	bool rebuild = args->argc && g_str_equal(args->argv[0], "rebuild");
	if (!args->argc || args->argc > 2 || !(rebuild || g_str_equal(args->argv[0], "check")))
		return cli_usage("store needs `check` or `rebuild`, and may name an account");
	g_autoptr(Config) config = cli_load_config(&status);
	if (!config)
		return status;
	g_autoptr(GPtrArray) stores = open_stores(config, args->argc == 2 ? args->argv[1] : NULL, &error);
	if (!stores)
		return cli_fail(error);
	for (guint i = 0; i < stores->len; i++) {
		int one = store_one(g_ptr_array_index(stores, i), rebuild, &problems);
		status = one ? one : status;
	}
	return status ? status : problems ? STATUS_PROBLEMS : STATUS_OK;
}

/* ---- config, account ---- */

int
cli_config(const CliArgs *args)
{
	GError *error = NULL;
	if (args->argc < 1 || args->argc > 2 || !g_str_equal(args->argv[0], "check"))
		return cli_usage("config needs `check`, and may name a FILE");
	g_autoptr(Config) config = config_load(args->argc == 2 ? args->argv[1] : NULL, &error);
	if (!config)
		return cli_fail(error);
	g_autofree char *report = config_report(config);
	fputs(report, stdout);
	return config->problems->len || !config->accounts->len ? STATUS_CONFIG : STATUS_OK;
}

static void
print_step(void *data, const char *step, Verdict verdict, const char *text)
{
	static const char *const words[] = { [VERDICT_OK] = "ok  ", [VERDICT_WARN] = "warn", [VERDICT_FAIL] = "FAIL" };
	int *status = data;
	g_autofree char *clean = text_clean(text, -1, false);
	enum { INDENT = 21, COLUMNS = 79 };
	/* One line per step for programs; for a person wrapped below itself. */
	int columns = isatty(STDOUT_FILENO) ? COLUMNS - INDENT : INT_MAX;
	size_t skip = 0, n = text_wrap(clean, columns, &skip);
	g_print("%s  %-14s %.*s\n", words[verdict], step, (int)n, clean);
	for (const char *rest = clean + n + skip; *rest; rest += n + skip) {
		n = text_wrap(rest, columns, &skip);
		g_print("%*s%.*s\n", INDENT, "", (int)n, rest);
	}
	fflush(stdout);
	if (verdict == VERDICT_FAIL)
		*status = strstr(step, "login") || strstr(step, "Login") ? STATUS_AUTH : STATUS_UNAVAILABLE;
}

int
cli_account(const CliArgs *args)
{
	int status = STATUS_OK;
	if (args->argc != 2 || !g_str_equal(args->argv[0], "test"))
		return cli_usage("account needs `test NAME`");
	g_autoptr(Config) config = cli_load_config(&status);
	if (!config)
		return status;
	const Account *account = config_account(config, args->argv[1]);
	if (!account) {
		g_printerr("surel: there is no account \"%s\" in %s.\n", args->argv[1], config->path);
		return STATUS_NO_INPUT;
	}
	bool good = account_test(account, print_step, &status);
	g_print(good ? "%s is ready.\n" : "%s: not everything works.\n", account->name);
	return good ? STATUS_OK : status ? status : STATUS_UNAVAILABLE;
}
