#include "cresp.h"

#include <sys/time.h>

#if __has_include(<hiredis/hiredis.h>)
#include <hiredis/hiredis.h>
#else
#include <hiredis.h>
#endif

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(cresp_node) == 24, "a node is three words");
_Static_assert(sizeof(long long) == sizeof(int64_t), "hiredis integers are 64 bits wide");
_Static_assert(REDIS_REPLY_STRING != REDIS_REPLY_ARRAY, "hiredis tells strings from arrays");

// A status, an error or a length is one line; the longest that Redis sends is the text of a script's error.
#define MAX_LINE ((size_t)1 << 20)
// "-9223372036854775808\r\n" is the longest number, with room to spare.
#define MAX_NUMBER 32
// hiredis frees its buffer when more than this is spare and nothing is unparsed; its default of 16 KiB is one read.
#define SPARE_BUFFER ((size_t)256 << 10)
// Above these the memory of a finished reply is given back before the next one.
#define KEPT_NODES ((size_t)1 << 15)
#define KEPT_ARENA ((size_t)1 << 20)

// hiredis only asks that an object is not NULL.
#define PARSED ((void *)1)

typedef struct {
    uint32_t index;
    uint32_t remaining;
} level;

struct cresp_reader {
    redisReader *hiredis;
    cresp_limits limits;

    cresp_node *nodes;
    size_t node_count, node_capacity;
    uint8_t *arena;
    size_t arena_length, arena_capacity;

    // Arrays that still miss children, outermost first.
    level open[CRESP_MAX_NESTING + 1];
    unsigned depth;
    size_t announced;  // children that open arrays still miss, all together

    bool complete;
    const char *failure;
};

static const cresp_node no_node = {0, 0, 1, CRESP_NULL};
static const uint8_t no_bytes[1] = {0};

static void *refuse(cresp_reader *reader, const char *why) {
    reader->failure = why;
    return NULL;
}

static bool reserve_node(cresp_reader *reader) {
    if (reader->node_count < reader->node_capacity) return true;
    size_t capacity = reader->node_capacity == 0 ? 64 : reader->node_capacity * 2;
    cresp_node *nodes = realloc(reader->nodes, capacity * sizeof(cresp_node));
    if (nodes == NULL) return false;
    reader->nodes = nodes;
    reader->node_capacity = capacity;
    return true;
}

static bool reserve_bytes(cresp_reader *reader, size_t length) {
    size_t needed = reader->arena_length + length;
    if (needed <= reader->arena_capacity) return true;
    size_t capacity = reader->arena_capacity < 512 ? 1024 : reader->arena_capacity * 2;
    if (capacity < needed) capacity = needed;
    uint8_t *arena = realloc(reader->arena, capacity);
    if (arena == NULL) return false;
    reader->arena = arena;
    reader->arena_capacity = capacity;
    return true;
}

// Appends a node, books it with the array it is a child of, and closes the arrays that it completes.
static void *add(cresp_reader *reader, uint8_t kind, int64_t value, uint32_t count) {
    if (reader->node_count >= reader->limits.max_elements) return refuse(reader, "the reply has too many elements");
    if (!reserve_node(reader)) return refuse(reader, "out of memory");
    uint32_t index = (uint32_t)reader->node_count++;
    reader->nodes[index] = (cresp_node){.value = value, .count = count, .next = index + 1, .kind = kind};
    if (reader->depth > 0) {
        reader->open[reader->depth - 1].remaining--;
        reader->announced--;
    }
    if (kind == CRESP_ARRAY && count > 0) {
        reader->open[reader->depth++] = (level){.index = index, .remaining = count};
        reader->announced += count;
        return PARSED;
    }
    while (reader->depth > 0 && reader->open[reader->depth - 1].remaining == 0) {
        reader->nodes[reader->open[--reader->depth].index].next = (uint32_t)reader->node_count;
    }
    return PARSED;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t length) {
    cresp_reader *reader = task->privdata;
    uint8_t kind;
    switch (task->type) {
    case REDIS_REPLY_STATUS: kind = CRESP_STATUS; break;
    case REDIS_REPLY_ERROR: kind = CRESP_ERROR; break;
    case REDIS_REPLY_STRING: kind = CRESP_BULK; break;
    default: return refuse(reader, "a RESP3 type arrived on a RESP2 connection");
    }
    // hiredis hands over a bulk string when its two last bytes are there, and does not look at them.
    if (kind == CRESP_BULK && (bytes[length] != '\r' || bytes[length + 1] != '\n')) {
        return refuse(reader, "a bulk string does not end where its length says");
    }
    if (length > reader->limits.max_bytes - reader->arena_length) return refuse(reader, "the reply has too many bytes");
    if (!reserve_bytes(reader, length)) return refuse(reader, "out of memory");
    size_t offset = reader->arena_length;
    if (length > 0) memcpy(reader->arena + offset, bytes, length);
    reader->arena_length += length;
    return add(reader, kind, (int64_t)offset, (uint32_t)length);
}

static void *add_array(const redisReadTask *task, size_t count) {
    cresp_reader *reader = task->privdata;
    if (task->type != REDIS_REPLY_ARRAY) return refuse(reader, "a RESP3 type arrived on a RESP2 connection");
    if (reader->depth > CRESP_MAX_NESTING) return refuse(reader, "the reply is nested too deeply");
    // announced still counts this array itself, which takes the node after the last one.
    size_t taken = reader->node_count + (reader->depth > 0 ? reader->announced : 1);
    if (taken > reader->limits.max_elements || count > reader->limits.max_elements - taken) {
        return refuse(reader, "the reply has too many elements");
    }
    return add(reader, CRESP_ARRAY, 0, (uint32_t)count);
}

static void *create_integer(const redisReadTask *task, long long value) {
    return add(task->privdata, CRESP_INTEGER, value, 0);
}

static void *create_nil(const redisReadTask *task) { return add(task->privdata, CRESP_NULL, 0, 0); }

static void free_object(void *object) { (void)object; }

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t count) { return add_array(task, count); }

static void *create_double(const redisReadTask *task, double value, char *text, size_t length) {
    (void)value, (void)text, (void)length;
    return refuse(task->privdata, "a RESP3 type arrived on a RESP2 connection");
}

static void *create_bool(const redisReadTask *task, int value) {
    (void)value;
    return refuse(task->privdata, "a RESP3 type arrived on a RESP2 connection");
}

static const redisReadTask *current_task(const redisReader *hiredis) { return hiredis->task[hiredis->ridx]; }
#else
static void *create_array(const redisReadTask *task, int count) { return add_array(task, (size_t)count); }

static const redisReadTask *current_task(const redisReader *hiredis) { return &hiredis->rstack[hiredis->ridx]; }
#endif

// Not const because hiredis does not take it so; nothing writes to it.
static redisReplyObjectFunctions functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
    .createDouble = create_double,
    .createBool = create_bool,
#endif
    .createNil = create_nil,
    .freeObject = free_object,
};

cresp_limits cresp_default_limits(void) {
    return (cresp_limits){.max_elements = (size_t)1 << 22, .max_bytes = ((size_t)512 << 20) + ((size_t)1 << 20)};
}

cresp_reader *cresp_create(cresp_limits limits) {
    cresp_reader *reader = calloc(1, sizeof(cresp_reader));
    if (reader == NULL) return NULL;
    reader->hiredis = redisReaderCreateWithFunctions(&functions);
    if (reader->hiredis == NULL) {
        free(reader);
        return NULL;
    }
    reader->hiredis->privdata = reader;
    reader->hiredis->maxbuf = SPARE_BUFFER;
#if HIREDIS_MAJOR >= 1
    reader->hiredis->maxelements = 0;  // counted here, over the whole reply
#endif
    reader->limits = limits;
    if (reader->limits.max_elements > UINT32_MAX - 1) reader->limits.max_elements = UINT32_MAX - 1;
    if (reader->limits.max_bytes > UINT32_MAX) reader->limits.max_bytes = UINT32_MAX;
    return reader;
}

void cresp_free(cresp_reader *reader) {
    if (reader == NULL) return;
    redisReaderFree(reader->hiredis);
    free(reader->nodes);
    free(reader->arena);
    free(reader);
}

int cresp_feed(cresp_reader *reader, const void *bytes, size_t length) {
    if (reader->failure != NULL) return CRESP_FAILED;
    size_t unparsed = reader->hiredis->len - reader->hiredis->pos;
    if (length > reader->limits.max_bytes || unparsed > reader->limits.max_bytes - length) {
        reader->failure = "too many bytes wait for the end of a reply";
        return CRESP_FAILED;
    }
    if (length > 0 && redisReaderFeed(reader->hiredis, bytes, length) != REDIS_OK) {
        reader->failure = reader->hiredis->errstr;
        return CRESP_FAILED;
    }
    return 0;
}

// What hiredis waits for, checked before it waits: a string longer than the limit, or a line that does not end.
static const char *check_unfinished(const cresp_reader *reader) {
    const redisReader *hiredis = reader->hiredis;
    if (hiredis->ridx < 0 || hiredis->buf == NULL) return NULL;
    int type = current_task(hiredis)->type;
    if (type <= 0) return NULL;
    const char *line = hiredis->buf + hiredis->pos;
    size_t length = hiredis->len - hiredis->pos;
    if (type != REDIS_REPLY_STRING && type != REDIS_REPLY_ARRAY) {
        return length > MAX_LINE ? "a line does not end" : NULL;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < length && line[i] != '\r'; i++) {
        if (i == MAX_NUMBER) return "a length does not end";
        if (line[i] < '0' || line[i] > '9') continue;
        if (number > (uint64_t)INT64_MAX / 100) return "a length is out of range";
        number = number * 10 + (uint64_t)(line[i] - '0');
    }
    if (type == REDIS_REPLY_STRING && number > reader->limits.max_bytes) return "the reply has too many bytes";
    return NULL;
}

static void start_reply(cresp_reader *reader) {
    reader->complete = false;
    reader->node_count = 0;
    reader->arena_length = 0;
    reader->depth = 0;
    reader->announced = 0;
    if (reader->node_capacity > KEPT_NODES) {
        free(reader->nodes);
        reader->nodes = NULL;
        reader->node_capacity = 0;
    }
    if (reader->arena_capacity > KEPT_ARENA) {
        free(reader->arena);
        reader->arena = NULL;
        reader->arena_capacity = 0;
    }
}

int cresp_next(cresp_reader *reader) {
    if (reader->failure != NULL) return CRESP_FAILED;
    if (reader->complete) start_reply(reader);
    void *reply = NULL;
    if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK) {
        if (reader->failure == NULL) reader->failure = reader->hiredis->errstr;
        return CRESP_FAILED;
    }
    if (reply == NULL) {
        reader->failure = check_unfinished(reader);
        return reader->failure != NULL ? CRESP_FAILED : CRESP_NEED_MORE;
    }
    reader->complete = true;
    return CRESP_REPLY;
}

const cresp_node *cresp_nodes(const cresp_reader *reader) { return reader->nodes != NULL ? reader->nodes : &no_node; }

size_t cresp_node_count(const cresp_reader *reader) { return reader->node_count; }

const uint8_t *cresp_arena(const cresp_reader *reader) { return reader->arena != NULL ? reader->arena : no_bytes; }

size_t cresp_arena_length(const cresp_reader *reader) { return reader->arena_length; }

size_t cresp_memory(const cresp_reader *reader) {
    return reader->node_capacity * sizeof(cresp_node) + reader->arena_capacity;
}

const char *cresp_error(const cresp_reader *reader) { return reader->failure != NULL ? reader->failure : ""; }
