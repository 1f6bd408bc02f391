/* tests/unit/test-render.c: the render worker: every request gets one answer, from inside the sandbox */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "surel/engine.h"
#include "surel/mail.h"

typedef struct Worker_ { pid_t pid; Channel *channel; } RenderWorker;

static RenderWorker
start(void)
{
	int fds[2];
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	pid_t pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		close(fds[0]);
		_exit(render_main(NULL, NULL, channel_new(fds[1])));
	}
	close(fds[1]);
	return (RenderWorker){ pid, channel_new(fds[0]) };
}

/* Next frame; false when the worker is gone. */
static bool
next(RenderWorker *worker, Frame *frame)
{
	while (true) {
		switch (channel_read(worker->channel, frame)) {
		case CHANNEL_FRAME: return true;
		case CHANNEL_CLOSED: return false;
		case CHANNEL_EMPTY: break;
		}
		struct pollfd fd = { .fd = channel_fd(worker->channel), .events = POLLIN };
		g_assert_cmpint(poll(&fd, 1, 30000), ==, 1);
	}
}

static int
stop(RenderWorker *worker)
{
	Frame quit = { .type = FRAME_QUIT };
	channel_send(worker->channel, &quit);
	int status;
	g_assert_cmpint(waitpid(worker->pid, &status, 0), ==, worker->pid);
	channel_free(worker->channel);
	return status;
}

static void
send_file(RenderWorker *worker, uint32_t request, const char *path, const char *part)
{
	Frame frame = { .type = FRAME_RENDER };
	frame.u.render.request = request;
	frame.u.render.path = (char *)path;
	frame.u.render.part = (char *)part;
	g_assert_true(channel_send(worker->channel, &frame));
}

static Document *
expect_document(RenderWorker *worker, uint32_t request)
{
	Frame frame = { 0 };
	g_assert_true(next(worker, &frame));
	g_assert_cmpint(frame.type, ==, FRAME_DOCUMENT);
	g_assert_cmpuint(frame.u.document.request, ==, request);
	gsize size;
	const uint8_t *bytes = g_bytes_get_data(frame.u.document.bytes, &size);
	g_autoptr(GError) error = NULL;
	Document *document = document_decode(bytes, size, &error);
	g_assert_no_error(error);
	frame_clear(&frame);
	g_assert_true(next(worker, &frame));
	g_assert_cmpint(frame.type, ==, FRAME_DONE);
	g_assert_cmpuint(frame.u.done.request, ==, request);
	frame_clear(&frame);
	return document;
}

static void
test_files_bytes_and_failures_are_answered(void)
{
	g_autofree char *dir = g_dir_make_tmp("surel-render-XXXXXX", NULL);
	g_setenv("SUREL_DATA", dir, TRUE);
	g_autofree char *path = g_build_filename(dir, "m.eml", NULL);
	g_assert_true(g_file_set_contents(path, "Subject: =?iso-2022-jp?B?GyRCJCIbKEI=?=\nContent-Type: text/plain; charset=koi8-r\n\n\xD0\xD2\n", -1, NULL));
	RenderWorker worker = start();
	send_file(&worker, 7, path, "");
	g_autoptr(Document) document = expect_document(&worker, 7);
	g_assert_cmpstr(document->envelope->subject, ==, "\xE3\x81\x82");
	g_assert_cmpstr(((Line *)document->lines->pdata[0])->text, ==, "\xD0\xBF\xD1\x80");	/* converters work inside the sandbox */
	g_autofree char *gone = g_build_filename(dir, "gone.eml", NULL);
	send_file(&worker, 8, gone, "");
	Frame frame = { 0 };
	g_assert_true(next(&worker, &frame));
	g_assert_cmpint(frame.type, ==, FRAME_FAILED);
	g_assert_cmpuint(frame.u.failed.request, ==, 8);
	g_assert_cmpstr(frame.u.failed.text, !=, "");
	frame_clear(&frame);
	static const char mail[] = "Subject: x\n\nhalo\n";
	Frame bytes = { .type = FRAME_RENDER_BYTES };
	bytes.u.render_bytes.request = 9;
	bytes.u.render_bytes.part = (char *)"1";
	bytes.u.render_bytes.bytes = g_bytes_new_static(mail, sizeof mail - 1);
	g_assert_true(channel_send(worker.channel, &bytes));
	g_bytes_unref(bytes.u.render_bytes.bytes);
	g_autoptr(Document) second = expect_document(&worker, 9);
	g_assert_cmpstr(((Line *)second->lines->pdata[0])->text, ==, "halo");
	int status = stop(&worker);
	g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == WORKER_EXIT_DONE);
	g_remove(path);
	g_rmdir(dir);
}

/* A worker whose supervisor is gone must not stay. */
static void
test_worker_ends_with_its_supervisor(void)
{
	RenderWorker worker = start();
	channel_free(worker.channel);
	int status;
	g_assert_cmpint(waitpid(worker.pid, &status, 0), ==, worker.pid);
	g_assert_true(WIFEXITED(status));
}

int
main(int argc, char **argv)
{
	setlocale(LC_ALL, "C.UTF-8");
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/render/files-bytes-and-failures-are-answered", test_files_bytes_and_failures_are_answered);
	g_test_add_func("/render/worker-ends-with-its-supervisor", test_worker_ends_with_its_supervisor);
	return g_test_run();
}
