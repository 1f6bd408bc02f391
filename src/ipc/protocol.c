/* src/ipc/protocol.c: protocol.def -> encode, decode, clear and names of frames */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/ipc.h"

#include <stddef.h>
#include <string.h>

/* One row per field: where it lives in the frame and how it travels. Derived from protocol.def by reading the same
 * field list twice: as struct members (in ipc.h) and as kinds (here). */
typedef enum FieldKind { FIELD_END, FIELD_U32, FIELD_I64, FIELD_STR, FIELD_BYTES } FieldKind;
typedef struct Field {
	FieldKind kind;
	size_t offset;
} Field;

enum { FIELDS_MAX = 8 };

#define U32(field) FIELD_U32,
#define I64(field) FIELD_I64,
#define STR(field) FIELD_STR,
#define BYTES(field) FIELD_BYTES,
static const FieldKind field_kinds[FRAME_COUNT][FIELDS_MAX] = {
#define MSG_ROW(id, name, direction, fields) [FRAME_##id] = { fields },
#include "surel/protocol.def"
#undef MSG_ROW
};
#undef U32
#undef I64
#undef STR
#undef BYTES

static const char *const frame_names[FRAME_COUNT] = {
#define MSG_ROW(id, name, direction, fields) [FRAME_##id] = #name,
#include "surel/protocol.def"
#undef MSG_ROW
};

typedef struct Layout {
	size_t size, alignment;
} Layout;

/* Alignment of a struct member; on some machines that is less than the alignment of the bare type. */
#define LAYOUT(type) { sizeof(type), offsetof(struct { char before; type member; }, member) }
static const Layout layouts[] = {
	[FIELD_U32] = LAYOUT(uint32_t),
	[FIELD_I64] = LAYOUT(int64_t),
	[FIELD_STR] = LAYOUT(char *),
	[FIELD_BYTES] = LAYOUT(GBytes *),
};
#undef LAYOUT

/* The next field of a frame type, placed as the compiler places the members of a struct. */
static bool
next_field(FrameType type, size_t *index, size_t *offset, Field *ret_field)
{
	FieldKind kind = *index < FIELDS_MAX ? field_kinds[type][*index] : FIELD_END;
	if (kind == FIELD_END)
		return false;
	const Layout *layout = &layouts[kind];
	*offset = (*offset + layout->alignment - 1) / layout->alignment * layout->alignment;
	*ret_field = (Field){ kind, *offset };
	*offset += layout->size;
	(*index)++;
	return true;
}

static void *
field_at(Frame *frame, const Field *field)
{
	return (char *)&frame->u + field->offset;
}

const char *
frame_name(FrameType type)
{
	return (unsigned)type < FRAME_COUNT ? frame_names[type] : "unknown";
}

static void
put_u32(GByteArray *out, uint32_t value)
{
	uint32_t wire = GUINT32_TO_LE(value);
	g_byte_array_append(out, (const uint8_t *)&wire, sizeof(wire));
}

static void
put_field(GByteArray *out, const Field *field, const void *at)
{
	switch (field->kind) {
	case FIELD_END:
		return;
	case FIELD_U32:
		put_u32(out, *(const uint32_t *)at);
		return;
	case FIELD_I64: {
		int64_t wire = GINT64_TO_LE(*(const int64_t *)at);
		g_byte_array_append(out, (const uint8_t *)&wire, sizeof(wire));
		return;
	}
	case FIELD_STR: {
		const char *text = *(char *const *)at;
		size_t size = text ? strlen(text) : 0;
		put_u32(out, (uint32_t)size);
		g_byte_array_append(out, (const uint8_t *)(text ? text : ""), (guint)size);
		return;
	}
	case FIELD_BYTES: {
		GBytes *bytes = *(GBytes *const *)at;
		size_t size = 0;
		const uint8_t *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;
		put_u32(out, (uint32_t)size);
		if (size)
			g_byte_array_append(out, data, (guint)size);
		return;
	}
	}
}

GByteArray *
frame_encode(const Frame *frame)
{
	GByteArray *out = g_byte_array_new();
	uint16_t type = GUINT16_TO_LE((uint16_t)frame->type);
	size_t index = 0, offset = 0;
	Field field;
	put_u32(out, 0);
	g_byte_array_append(out, (const uint8_t *)&type, sizeof(type));
	while (next_field(frame->type, &index, &offset, &field))
		put_field(out, &field, (const char *)&frame->u + field.offset);
	uint32_t length = GUINT32_TO_LE(out->len - (uint32_t)sizeof(uint32_t));
	memcpy(out->data, &length, sizeof(length));
	return out;
}

/* A reader that turned bad stays bad, so fields need no check one by one. */
typedef struct Reader {
	const uint8_t *at;
	size_t left;
	bool bad;
} Reader;

static const uint8_t *
take(Reader *reader, size_t size)
{
	if (reader->bad || size > reader->left) {
		reader->bad = true;
		return NULL;
	}
	const uint8_t *at = reader->at;
	reader->at += size;
	reader->left -= size;
	return at;
}

static uint32_t
take_u32(Reader *reader)
{
	uint32_t wire = 0;
	const uint8_t *at = take(reader, sizeof(wire));
	if (at)
		memcpy(&wire, at, sizeof(wire));
	return GUINT32_FROM_LE(wire);
}

/* Strings hold no NUL inside and are UTF-8 where they come from us; only the first would mislead a reader. */
static void
take_str(Reader *reader, char **ret_text)
{
	uint32_t size = take_u32(reader);
	const uint8_t *at = take(reader, size);
	if (!at)
		return;
	reader->bad = size && memchr(at, '\0', size);
	if (!reader->bad)
		*ret_text = g_strndup((const char *)at, size);
}

static void
take_field(Reader *reader, const Field *field, void *to)
{
	switch (field->kind) {
	case FIELD_END:
		return;
	case FIELD_U32:
		*(uint32_t *)to = take_u32(reader);
		return;
	case FIELD_I64: {
		int64_t wire = 0;
		const uint8_t *at = take(reader, sizeof(wire));
		if (at)
			memcpy(&wire, at, sizeof(wire));
		*(int64_t *)to = GINT64_FROM_LE(wire);
		return;
	}
	case FIELD_STR:
		take_str(reader, to);
		return;
	case FIELD_BYTES: {
		uint32_t size = take_u32(reader);
		const uint8_t *at = take(reader, size);
		if (at)
			*(GBytes **)to = g_bytes_new(at, size);
		return;
	}
	}
}

bool
frame_decode(const uint8_t *payload, size_t size, Frame *ret_frame, GError **error)
{
	Reader reader = { payload, size, size > IPC_MAX_FRAME_BYTES };
	uint16_t wire = 0;
	const uint8_t *at = take(&reader, sizeof(wire));
	if (at)
		memcpy(&wire, at, sizeof(wire));
	unsigned type = GUINT16_FROM_LE(wire);
	if (reader.bad || type >= FRAME_COUNT)
		return error_set(error, ERROR_PROTOCOL, "bad frame: type %u, %zu bytes", type, size);
	Frame frame = { .type = (FrameType)type };
	size_t index = 0, offset = 0;
	Field field;
	while (next_field(frame.type, &index, &offset, &field))
		take_field(&reader, &field, field_at(&frame, &field));
	if (reader.bad || reader.left) {
		frame_clear(&frame);
		return error_set(error, ERROR_PROTOCOL, "bad %s frame: %zu bytes", frame_name((FrameType)type), size);
	}
	*ret_frame = frame;
	return true;
}

/* Passwords travel in one kind of frame; wiping every string costs nothing and forgets none. */
void
frame_clear(Frame *frame)
{
	size_t index = 0, offset = 0;
	Field field;
	if ((unsigned)frame->type >= FRAME_COUNT)
		return;
	while (next_field(frame->type, &index, &offset, &field)) {
		void *at = field_at(frame, &field);
		if (field.kind == FIELD_STR)
			os_free_secret(*(char **)at);
		else if (field.kind == FIELD_BYTES && *(GBytes **)at)
			g_bytes_unref(*(GBytes **)at);
	}
	memset(&frame->u, 0, sizeof(frame->u));
}
