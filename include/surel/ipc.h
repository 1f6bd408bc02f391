/* surel/ipc.h: frames over a socketpair, and the life of worker processes */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surel/base.h"

enum { IPC_VERSION = 2, IPC_MAX_FRAME_BYTES = 32 << 20, IPC_WORKER_FD = 3 };

typedef enum MsgType {
#define MSG_ROW(id, name, direction, fields) FRAME_##id,
#include "surel/protocol.def"
#undef MSG_ROW
	FRAME_COUNT
} FrameType;

/* One struct per row: frame.u.fetch_body.msg and so on. Strings and bytes are owned by the frame. */
#define U32(field) uint32_t field;
#define I64(field) int64_t field;
#define STR(field) char *field;
#define BYTES(field) GBytes *field;
typedef struct Frame {
	FrameType type;
	union {
#define MSG_ROW(id, name, direction, fields) struct { fields } name;
#include "surel/protocol.def"
#undef MSG_ROW
	} u;
} Frame;
#undef U32
#undef I64
#undef STR
#undef BYTES

const char *frame_name(FrameType type);
/* Wire form: u32 length, u16 type, fields little-endian. NULL strings travel as "". */
GByteArray *frame_encode(const Frame *frame);
/* Decodes one payload (without the length). A short, long or odd payload is ERROR_PROTOCOL, never more. */
bool frame_decode(const uint8_t *payload, size_t size, Frame *ret_frame, GError **error);
void frame_clear(Frame *frame);

typedef struct Channel Channel;		/* one end; owns fd; non-blocking; bounded queue */
Channel *channel_new(int fd);
void channel_free(Channel *channel);
int channel_fd(const Channel *channel);
/* Queues and writes what goes; false once the peer is gone. On IPC_WORKER_FD it returns when all is written; 10 s without that: gone. */
bool channel_send(Channel *channel, const Frame *frame);
bool channel_flush(Channel *channel);		/* writes what goes; true when nothing is left */
bool channel_wants_write(const Channel *channel);
typedef enum ChannelRead { CHANNEL_FRAME, CHANNEL_EMPTY, CHANNEL_CLOSED } ChannelRead;
/* Next frame; a bad frame closes that peer (CHANNEL_CLOSED). */
ChannelRead channel_read(Channel *channel, Frame *ret_frame);

/* ---- workers, supervisor side; on the default GMainContext ---- */
typedef enum Role { SUREL_ROLE_SYNC, SUREL_ROLE_SUBMIT, SUREL_ROLE_KEEP, SUREL_ROLE_INDEX, SUREL_ROLE_SEARCH, SUREL_ROLE_RENDER, SUREL_ROLE_COUNT } WorkerRole;
const char *role_name(WorkerRole role);		/* "sync" ... as in --role= */
bool role_from_name(const char *name, WorkerRole *ret_role);

typedef struct Worker Worker;
typedef struct WorkerCallbacks {
	void (*frame)(void *data, Worker *worker, const Frame *frame);	/* every event */
	void (*ended)(void *data, Worker *worker, int status, bool crashed, unsigned restart_in_s);	/* UINT_MAX: not restarted */
} WorkerCallbacks;
/* Spawns `surel --role=ROLE --account=NAME` (account NULL: none) with the socketpair on fd 3, O_CLOEXEC elsewhere, stdin and stdout
 * /dev/null, stderr the role's log. Restarted after an end with back-off 1, 2, 5, 15, 60, 300 s (jitter; reset after 60 s of health)
 * unless it ended with WORKER_EXIT_DONE or WORKER_EXIT_STOP. */
Worker *worker_start(WorkerRole role, const char *account, const WorkerCallbacks *callbacks, void *data);
WorkerRole worker_role(const Worker *worker);
const char *worker_account(const Worker *worker);
bool worker_running(const Worker *worker);
bool worker_send(Worker *worker, const Frame *frame);	/* false: not running; the store has the truth, nothing is lost */
void worker_restart_now(Worker *worker);		/* skips the back-off */
void worker_quit(Worker *worker);			/* sends QUIT and returns: ask all, then free all, and they end side by side */
void worker_free(Worker *worker);			/* QUIT, then SIGKILL after 2 s; reaps */
enum { WORKER_EXIT_DONE = 0 /* work finished, start me when there is more */, WORKER_EXIT_RETRY = 75, WORKER_EXIT_STOP = 77 /* auth or configuration: ask the person */ };
