/* app/extract.c: what the render worker takes out of messages: drafts of answers, attachments as files; nothing is parsed here */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/app/private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { JOB_BYTES_MAX = 512 << 20, TRIES_MAX = 3, SYNC_BYTES_MAX = 4 << 20 /* a larger file is not waited for: keys come first */ };

static const char crashed_text[] = "the program that reads messages stopped at this one. The message is kept as it came";

typedef struct Job {
	FrameType type;			/* FRAME_REPLY or FRAME_EXTRACT */
	uint32_t kind;
	unsigned tries;
	MsgRef ref;
	GBytes *bytes;			/* instead of ref; NULL */
	char *account, *intro, *part, *path;
	DraftReady draft_ready;
	PartsSaved parts_saved;
	void *data;
	GDestroyNotify free_data;
	Draft *draft;
	char *dir, *name;		/* name NULL: the part's own */
	GPtrArray *files;		/* of SavedPart * */
	int fd;				/* file being written; -1: none */
	char *temp;			/* its name until it is whole */
	int64_t size, total;
	GError *error;
} Job;

void
saved_part_free(SavedPart *part)
{
	g_free(part->path);
	g_free(part->name);
	g_free(part->type);
	g_free(part);
}

static void
give_up_file(Job *job)
{
	if (job->fd >= 0) {
		close(job->fd);
		g_unlink(job->temp);
	}
	job->fd = -1;
	g_clear_pointer(&job->temp, g_free);
}

void
job_free(void *data)
{
	Job *job = data;
	give_up_file(job);
	if (job->free_data)
		job->free_data(job->data);
	draft_free(job->draft);
	g_clear_error(&job->error);
	if (job->files)
		g_ptr_array_unref(job->files);
	g_clear_pointer(&job->bytes, g_bytes_unref);
	char *texts[] = { job->account, job->intro, job->part, job->path, job->dir, job->name };
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_free(job);
}

static Job *
job_of(App *app, uint32_t request)
{
	return g_hash_table_lookup(app->priv->jobs, GUINT_TO_POINTER(request));
}

/* Looked up anew each time: the file gets another name whenever a flag changes. */
static void
find_path(App *app, Job *job)
{
	g_free(job->path);
	job->path = job->bytes ? NULL : store_path(app_account(app, job->ref.account)->store, job->ref.id, NULL);
}

/* A worker that is about to end does not take it: it is sent again then (jobs_render_ended). */
static void
job_send(App *app, Job *job)
{
	uint32_t request = request_new(app, REQUEST_EXTRACT, NO_ACCOUNT, NULL);
	Frame frame = { .type = job->type };
	job->tries++;
	find_path(app, job);
	char *path = job->path ? job->path : (char *)"";
	if (job->type == FRAME_REPLY) {
		frame.u.reply.request = request;
		frame.u.reply.kind = job->kind;
		frame.u.reply.account = job->account;
		frame.u.reply.intro = job->intro;
		frame.u.reply.path = path;
		frame.u.reply.bytes = job->bytes;
	} else {
		frame.u.extract.request = request;
		frame.u.extract.part = job->part;
		frame.u.extract.path = path;
		frame.u.extract.bytes = job->bytes;
	}
	g_hash_table_insert(app->priv->jobs, GUINT_TO_POINTER(request), job);
	render_send(app, &frame);
}

static Job *
job_new(FrameType type, MsgRef ref, GBytes *bytes, void *data, GDestroyNotify free_data)
{
	Job *job = g_new0(Job, 1);
	job->type = type;
	job->fd = -1;
	job->ref = ref;
	job->bytes = bytes ? g_bytes_ref(bytes) : NULL;
	job->data = data;
	job->free_data = free_data;
	return job;
}

void
extract_draft(App *app, unsigned account, uint32_t kind, MsgRef ref, GBytes *bytes, DraftReady ready, void *data, GDestroyNotify free_data)
{
	Job *job = job_new(FRAME_REPLY, ref, bytes, data, free_data);
	job->kind = kind;
	job->account = g_strdup(app_account(app, account)->account->name);
	job->intro = g_strdup(config_text(app->config, OPTION_quote_intro));
	job->draft_ready = ready;
	job_send(app, job);
}

void
extract_parts(App *app, MsgRef ref, GBytes *bytes, const PartsWanted *wanted, PartsSaved saved, void *data, GDestroyNotify free_data)
{
	Job *job = job_new(FRAME_EXTRACT, ref, bytes, data, free_data);
	job->part = g_strdup(wanted->part);
	job->dir = g_strdup(wanted->dir);
	job->name = g_strdup(wanted->name);
	job->parts_saved = saved;
	job->files = g_ptr_array_new_with_free_func((GDestroyNotify)saved_part_free);
	job_send(app, job);
}

bool
app_extract(App *app, const Reader *reader, const PartsWanted *wanted, PartsSaved saved, void *data, GDestroyNotify free_data)
{
	GError *error = NULL;
	g_autofree char *path = reader->bytes ? NULL : store_path(app_account(app, reader->ref.account)->store, reader->ref.id, &error);
	g_autoptr(GBytes) bytes = reader->bytes ? g_bytes_new(reader->bytes, reader->size) : NULL;
	if (path || bytes) {
		extract_parts(app, reader->ref, bytes, wanted, saved, data, free_data);
		return true;
	}
	app_notice_error(app, error ? error : g_error_new(SUREL_ERROR, ERROR_NOT_FOUND, "The message is not here yet"));
	if (free_data)
		free_data(data);
	return false;
}

/* ---- answers of the worker ---- */

/* What it says is not trusted: a draft names no files of ours. */
void
extract_on_draft(App *app, uint32_t request, GBytes *bytes)
{
	Job *job = job_of(app, request);
	size_t size = 0;
	const char *data = g_bytes_get_data(bytes, &size);
	if (!job || job->type != FRAME_REPLY)
		return;
	g_autofree char *text = g_utf8_make_valid(data ? data : "", (gssize)size);
	draft_free(job->draft);
	job->draft = draft_from_text(text);
	g_ptr_array_set_size(job->draft->attachments, 0);
}

/* A file whose bytes are all here gets its name; never over one that is there. */
static void
finish_file(Job *job)
{
	SavedPart *part = job->files->len ? g_ptr_array_index(job->files, job->files->len - 1) : NULL;
	if (job->fd < 0 || !part)
		return;
	if (job->size <= SYNC_BYTES_MAX && fsync(job->fd) != 0)
		error_set_errno(&job->error, errno, "cannot write %s", job->temp);
	for (unsigned tries = 0; tries < 100 && !job->error; tries++) {
		g_free(part->path);
		part->path = path_unused(job->dir, job->name ? job->name : part->name);
		if (renameat2(AT_FDCWD, job->temp, AT_FDCWD, part->path, RENAME_NOREPLACE) == 0 || (errno == EINVAL && rename(job->temp, part->path) == 0)) {
			close(job->fd);
			job->fd = -1;
			break;
		}
		if (errno != EEXIST)
			error_set_errno(&job->error, errno, "cannot write %s", part->path);
	}
	give_up_file(job);
}

void
extract_on_part(App *app, uint32_t request, const char *name, const char *type)
{
	Job *job = job_of(app, request);
	if (!job || job->type != FRAME_EXTRACT || job->error)
		return;
	finish_file(job);
	if (job->error || !os_make_dir(job->dir, &job->error))
		return;
	if (job->files->len >= RENDER_MAX_PARTS) {
		error_set(&job->error, ERROR_MESSAGE, "it has more than %d attachments", RENDER_MAX_PARTS);
		return;
	}
	SavedPart *part = g_new0(SavedPart, 1);
	part->name = os_safe_name(name);
	part->type = text_clean(type, -1, false);
	g_ptr_array_add(job->files, part);
	job->size = 0;
	job->temp = g_build_filename(job->dir, ".surel-XXXXXX", NULL);
	job->fd = g_mkstemp_full(job->temp, O_WRONLY | O_CLOEXEC, 0600);
	if (job->fd < 0)
		error_set_errno(&job->error, errno, "cannot write in %s", job->dir);
}

void
extract_on_piece(App *app, uint32_t request, GBytes *bytes)
{
	Job *job = job_of(app, request);
	Request *waiting = g_hash_table_lookup(app->priv->requests, GUINT_TO_POINTER(request));
	size_t size = 0;
	const char *data = g_bytes_get_data(bytes, &size);
	if (waiting)
		waiting->started = g_get_monotonic_time();	/* it is no stuck one */
	if (!job || job->fd < 0 || job->error)
		return;
	job->size += (int64_t)size;
	job->total += (int64_t)size;
	if (job->total > JOB_BYTES_MAX)
		error_set(&job->error, ERROR_MESSAGE, "its attachments have more than %d MB", JOB_BYTES_MAX >> 20);
	for (ssize_t n; size && !job->error; data += n, size -= (size_t)n)
		if ((n = write(job->fd, data, size)) < 0) {
			n = 0;
			if (errno != EINTR)
				error_set_errno(&job->error, errno, "cannot write in %s", job->dir);
		}
}

static void
job_again(App *app, Job *job)
{
	if (job->files)
		g_ptr_array_set_size(job->files, 0);
	give_up_file(job);
	job_send(app, job);
}

/* text NULL: done. */
void
extract_ended(App *app, uint32_t request, int code, const char *text)
{
	Job *job = job_of(app, request);
	if (!job)
		return;
	g_hash_table_steal(app->priv->jobs, GUINT_TO_POINTER(request));
	if (text && code == ERROR_NOT_FOUND && !job->bytes && job->tries < TRIES_MAX) {
		job_again(app, job);
		return;
	}
	if (!text && job->files)
		finish_file(job);
	if (text && !job->error)
		job->error = g_error_new(SUREL_ERROR, code, "%s", text);
	if (!job->error && job->draft_ready && !job->draft)
		error_set(&job->error, ERROR_MESSAGE, "nothing came of it");
	give_up_file(job);
	if (job->draft_ready)
		job->draft_ready(app, job->error ? NULL : g_steal_pointer(&job->draft), job->error, job->data);
	else
		job->parts_saved(app, job->error ? NULL : job->files, job->error, job->data);
	job_free(job);
	app_mark_dirty(app, DIRTY_ALL);
}

/* Only after a crash the job is to blame; else a new worker gets it. */
void
jobs_render_ended(App *app, bool crashed)
{
	g_autoptr(GList) ids = g_hash_table_get_keys(app->priv->jobs);
	for (GList *each = ids; each; each = each->next) {
		uint32_t id = GPOINTER_TO_UINT(each->data);
		Job *job = job_of(app, id);
		g_hash_table_remove(app->priv->requests, each->data);
		if (crashed || !app->priv->started || job->tries >= TRIES_MAX) {
			extract_ended(app, id, ERROR_MESSAGE, crashed_text);
			continue;
		}
		g_hash_table_steal(app->priv->jobs, each->data);
		job_again(app, job);
	}
}
